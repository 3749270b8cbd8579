import type { Instant } from './plan.ts';

/** When a customer wants credit bought by itself. Amounts in minor units. */
export interface AutoTopUpTerms {
  /** Bought when less than this is left. */
  threshold_minor: number;
  /** How much is bought; at least the threshold, so that one is enough. */
  amount_minor: number;
  /** The most that is bought so in a calendar month (UTC). */
  monthly_limit_minor: number;
}

/** Why an attempt brought nothing. `authentication_required`: the bank wants to ask its customer, and nobody is there. */
export const topUpFailures = ['declined', 'authentication_required', 'no_card', 'refused'] as const;
export type TopUpFailure = (typeof topUpFailures)[number];

/** Why nothing is bought any more until the customer turns it on again. */
export const autoTopUpPauses = [...topUpFailures, 'payment_returned'] as const;
export type AutoTopUpPause = (typeof autoTopUpPauses)[number];

export interface AutoTopUpState extends AutoTopUpTerms {
  /** Attempts in a row that brought nothing. */
  failures: number;
  /** Not tried again before. */
  retry_at: Instant | null;
  pause_reason: AutoTopUpPause | null;
}

/** What is known when it is decided, read under one lock. */
export interface AutoTopUpFacts {
  /** Credit that is left, without what usage so far will take. */
  available_minor: number;
  /** An automatic top-up of which it is not known yet what became of it. */
  is_open: boolean;
  /** Bought by itself this month. */
  month_minor: number;
}

export type AutoTopUpDecision = 'buy' | 'enough' | 'open' | 'paused' | 'waiting' | 'limit_reached';

/** Whether credit is bought now. One at a time: what is open is waited for, so that one shortfall is paid once. */
export function decideAutoTopUp(state: AutoTopUpState, facts: AutoTopUpFacts, now: Instant): AutoTopUpDecision {
  if (state.pause_reason !== null) return 'paused';
  if (facts.is_open) return 'open';
  if (facts.available_minor >= state.threshold_minor) return 'enough';
  if (state.retry_at !== null && now < state.retry_at) return 'waiting';
  return facts.month_minor + state.amount_minor > state.monthly_limit_minor ? 'limit_reached' : 'buy';
}

const hourMs = 3_600_000;
/** After each failed attempt but the last. */
const waits = [hourMs, 24 * hourMs] as const;

/** Attempts for one shortfall, the first included. */
export const mostTopUpAttempts = waits.length + 1;

/** What follows from an attempt that brought nothing. Only a card that was declined is tried again. */
export function afterFailedTopUp(
  failures: number,
  failure: TopUpFailure,
  now: Instant,
): Pick<AutoTopUpState, 'failures' | 'retry_at' | 'pause_reason'> {
  const wait = failure === 'declined' ? waits[failures] : undefined;
  return wait === undefined
    ? { failures: failures + 1, retry_at: null, pause_reason: failure }
    : { failures: failures + 1, retry_at: now + wait, pause_reason: null };
}
