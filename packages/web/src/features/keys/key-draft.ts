import type { ApiKey } from '../../lib/wire.ts';
import type { KeyWish } from './api.ts';

const dayMs = 86_400_000;

/** A key as a form has it: every field a text. */
export interface KeyDraft {
  name: string;
  /** Separated by spaces or commas. */
  scopes: string;
  /** One a line, or separated by commas. */
  addresses: string;
  /** `never`, a number of days from now, or `on` a day. */
  expires: string;
  /** The last day it can be used, `YYYY-MM-DD`, UTC. */
  last_on: string;
  /** Empty: no budget. */
  budget_limit: string;
  budget_window: string;
}

export const emptyDraft: KeyDraft = {
  name: '',
  scopes: '',
  addresses: '',
  expires: 'never',
  last_on: '',
  budget_limit: '',
  budget_window: '1d',
};

export function draftOf(key: ApiKey): KeyDraft {
  return {
    name: key.name,
    scopes: key.scopes.join(' '),
    addresses: key.allowed_cidrs.join('\n'),
    expires: key.expires_at === null ? 'never' : 'on',
    // It ends with its last day: an expiry at midnight is the end of the day before.
    last_on: key.expires_at === null ? '' : new Date(Date.parse(key.expires_at) - 1).toISOString().slice(0, 10),
    budget_limit: key.budget === null ? '' : String(key.budget.limit),
    budget_window: key.budget?.window ?? '1d',
  };
}

/** What a form asks for. Of a key that is there, only what was changed, so that an expiry within a day is not moved. */
export function wishOf(draft: KeyDraft, now: number, before: KeyDraft = emptyDraft): KeyWish {
  const wish: KeyWish = {};
  if (draft.name.trim() !== before.name) wish.name = draft.name.trim();
  if (draft.scopes !== before.scopes) wish.scopes = wordsOf(draft.scopes);
  if (draft.addresses !== before.addresses) wish.allowed_cidrs = wordsOf(draft.addresses);
  if (draft.budget_limit !== before.budget_limit || draft.budget_window !== before.budget_window)
    wish.budget = draft.budget_limit === '' ? null : { limit: Number(draft.budget_limit), window: draft.budget_window };
  if (draft.expires !== before.expires || draft.last_on !== before.last_on) wish.expires_at = expiryOf(draft, now);
  return wish;
}

function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

function expiryOf({ expires, last_on }: KeyDraft, now: number): string | null {
  if (expires === 'never') return null;
  if (expires === 'on') return last_on === '' ? null : new Date(Date.parse(last_on) + dayMs).toISOString();
  return new Date(now + Number(expires) * dayMs).toISOString();
}
