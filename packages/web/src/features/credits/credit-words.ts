import { formatMoney } from '@farebox/core';
import { formatDay } from '../../lib/format.ts';
import type { CreditBalance, CreditEntry, CreditGrant } from '../../lib/wire-credits.ts';
import type { Tone } from '../../ui/Status.tsx';

/** `$12.40 of it pays for usage so far. $2.00 more is held for work that goes on. $5.00 expires on 1 Mar 2026.` */
export function balanceWords({ running_minor, held_minor, currency, expires_next }: CreditBalance): string {
  const used = running_minor > 0 ? [`${formatMoney(running_minor, currency)} of it pays for usage so far.`] : [];
  const ends =
    expires_next === null
      ? []
      : [`${formatMoney(expires_next.amount_minor, currency)} expires on ${formatDay(expires_next.at)}.`];
  const held = held_minor > 0 ? [`${formatMoney(held_minor, currency)} more is held for work that goes on.`] : [];
  return [...used, ...held, ...ends].join(' ');
}

const states: Record<CreditGrant['state'], { label: string; tone: Tone }> = {
  scheduled: { label: 'Scheduled', tone: 'brand' },
  active: { label: 'Active', tone: 'good' },
  used_up: { label: 'Used up', tone: 'neutral' },
  expired: { label: 'Expired', tone: 'neutral' },
  voided: { label: 'Taken back', tone: 'neutral' },
};

export function grantState({ state }: CreditGrant): { label: string; tone: Tone } {
  return states[state];
}

/** When a grant counts: `from 1 Mar 2026 until 1 Apr 2026`; what is usual is not said. */
export function spanWords({ state, effective_at, expires_at }: CreditGrant): string {
  const from = state === 'scheduled' ? [`from ${formatDay(effective_at)}`] : [];
  const until = expires_at === null ? [] : [`until ${formatDay(expires_at)}`];
  return [...from, ...until].join(' ');
}

const kinds: Record<CreditEntry['kind'], string> = {
  granted: 'Granted',
  drawn: 'Paid for usage',
  returned: 'Given back, usage was corrected',
  voided: 'Taken back',
  refunded: 'Taken back, its payment was given back',
  reinstated: 'Given again, its payment came back',
  held: 'Held for work',
  released: 'Given back, work used less',
  expired: 'Expired',
};

export function entryWords({ kind }: CreditEntry): string {
  return kinds[kind];
}
