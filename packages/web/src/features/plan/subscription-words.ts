import { formatDay } from '../../lib/format.ts';
import type { Subscription } from '../../lib/wire.ts';
import type { Tone } from '../../ui/Status.tsx';

export interface StatusWords {
  tone: Tone;
  label: string;
  sentence: string;
}

const ended = new Set(['canceled', 'incomplete_expired']);

/** Whether this subscription stands in the way of another one; the same states as the server's unique index. */
export function isLive(subscription: Pick<Subscription, 'status'>): boolean {
  return !ended.has(subscription.status);
}

type Told = Pick<Subscription, 'status' | 'current_period_end_at' | 'cancel_at' | 'ended_at'>;

/** A subscription's state in the customer's words: what it is, and what happens next. */
export function statusWords(subscription: Told): StatusWords {
  const { status, current_period_end_at, cancel_at, ended_at } = subscription;
  if (ended.has(status)) {
    const when = ended_at === null ? '' : ` on ${formatDay(ended_at)}`;
    return { tone: 'neutral', label: 'Ended', sentence: `This subscription ended${when}. Keys do not work any more.` };
  }
  if (cancel_at !== null && (status === 'active' || status === 'trialing')) {
    const day = formatDay(cancel_at);
    return {
      tone: 'warn',
      label: `Ends ${day}`,
      sentence: `Cancelled. Keys work until ${day}; nothing renews after it.`,
    };
  }
  switch (status) {
    case 'active':
      return { tone: 'good', label: 'Active', sentence: `Renews on ${formatDay(current_period_end_at)}` };
    case 'trialing':
      return { tone: 'good', label: 'Trial', sentence: `The trial ends on ${formatDay(current_period_end_at)}` };
    case 'past_due':
      return {
        tone: 'bad',
        label: 'Past due',
        sentence: 'The last payment failed. Keys keep working for a few days: pay the open invoice to stay connected.',
      };
    case 'unpaid':
      return { tone: 'bad', label: 'Unpaid', sentence: 'Keys are stopped until the open invoice is paid.' };
    case 'paused':
      return { tone: 'warn', label: 'Paused', sentence: 'Nothing is billed, and keys do not work while it is paused.' };
    default:
      return { tone: 'warn', label: 'Waiting for payment', sentence: 'The first payment has not come through yet.' };
  }
}
