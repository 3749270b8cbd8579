import { formatCount, formatDay, formatMoment } from '../../lib/format.ts';
import type { ApiKey } from '../../lib/wire.ts';
import type { Tone } from '../../ui/Status.tsx';
import type { KeyDraft } from './key-draft.ts';

/** A first call with the key, ready to paste into a terminal. */
export function firstCall(url: string, secret: string): string {
  return `curl -i "${url}" -H "Authorization: Bearer ${secret}"`;
}

export const keyTones: Record<ApiKey['status'], Tone> = {
  active: 'good',
  disabled: 'warn',
  expired: 'neutral',
  revoked: 'neutral',
};

export const keyStatusWords: Record<ApiKey['status'], string> = {
  active: 'Active',
  disabled: 'Disabled',
  expired: 'Expired',
  revoked: 'Revoked',
};

/** The key whose secret still waits to be shown once. */
export function waitingFirstKey(keys: readonly ApiKey[]): ApiKey | null {
  return keys.find((key) => key.revealable && key.status === 'active') ?? null;
}

export type KeyAction = 'reveal' | 'edit' | 'rotate' | 'disable' | 'enable' | 'revoke';

/** What can be done with a key. An operator changes and stops a customer's key; its secret is its owner's. */
export function keyActions(key: ApiKey, isOwner: boolean): KeyAction[] {
  if (key.status === 'revoked') return [];
  const switched: KeyAction[] = key.status === 'disabled' ? ['enable'] : key.status === 'active' ? ['disable'] : [];
  const owners: KeyAction[] = isOwner ? [...(key.revealable ? (['reveal'] as const) : []), 'rotate'] : [];
  return [...owners, 'edit', ...switched, 'revoke'];
}

/** What is special about a key, in a line; empty when nothing is. */
export function keyFacts(key: ApiKey): string {
  const facts = [
    key.scopes.join(', '),
    key.budget === null ? '' : `${formatCount(key.budget.limit)} ${windowWords(key.budget.window)}`,
    key.allowed_cidrs.length === 0 ? '' : `from ${listed(key.allowed_cidrs)}`,
    key.expires_at === null || key.status === 'revoked' ? '' : `${expiryVerb(key)} ${formatDay(key.expires_at)}`,
    key.former_until_at === null ? '' : `old secret until ${formatMoment(key.former_until_at)}`,
  ];
  return facts.filter((fact) => fact !== '').join(' · ');
}

function expiryVerb(key: ApiKey): string {
  return key.status === 'expired' ? 'expired' : 'expires';
}

function listed(words: readonly string[]): string {
  const [first = '', ...rest] = words;
  return rest.length === 0 ? first : `${first} and ${rest.length} more`;
}

const windows: Record<string, string> = { '1h': 'an hour', '1d': 'a day', period: 'a billing period' };

function windowWords(window: string): string {
  return windows[window] ?? `per ${window}`;
}

/** Windows of a budget to choose from; one that was set over the API is among them. */
export function windowChoices(current: string): { value: string; label: string }[] {
  const known = Object.entries(windows).map(([value, label]) => ({ value, label }));
  return windows[current] === undefined ? [...known, { value: current, label: windowWords(current) }] : known;
}

/** When a key expires, to choose from. */
export function expiryChoices(initial: KeyDraft): { value: string; label: string }[] {
  return [
    { value: 'never', label: 'Never' },
    ...(initial.expires === 'on'
      ? []
      : ['30', '90', '365'].map((days) => ({
          value: days,
          label: `In ${days === '365' ? 'a year' : `${days} days`}`,
        }))),
    { value: 'on', label: 'On a day' },
  ];
}

/** How long the present secret passes after a rotation. */
export const graceChoices = [
  { value: '0', label: 'No longer: refuse it now' },
  { value: '3600', label: 'An hour' },
  { value: '86400', label: 'A day' },
  { value: '604800', label: 'A week' },
];
