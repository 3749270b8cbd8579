import type { Instant } from './plan.ts';

/** The stored facts of a subscription that decide access. `status` is Stripe's; a status this code does not know is no access. */
export interface SubscriptionState {
  status: string;
  current_period_end_at: Instant;
  cancel_at: Instant | null;
  ended_at: Instant | null;
  past_due_since_at: Instant | null;
}

export type Access = 'granted' | 'past_due' | 'inactive';

/**
 * Whether a subscription gives access at `now`: a pure function of stored state and time, so that a lost event cannot keep
 * access open. `grace_ms` is how long access outlives a failed payment, and how long a paid period may go unrenewed before
 * it counts as over. Every bound is half-open: at the instant itself access has ended.
 *
 * - ended, or past `cancel_at`: inactive, at once.
 * - `active`, `trialing`: granted until the period's end + grace.
 * - `past_due`: granted until the failure + grace (the period's end + grace when the failure's instant is unknown).
 * - `unpaid`: past due; paying the invoice brings access back.
 * - `paused`, `incomplete`, `incomplete_expired`, `canceled`, anything else: inactive.
 */
export function accessOf(state: SubscriptionState, now: Instant, grace_ms: number): Access {
  if (state.ended_at !== null && now >= state.ended_at) return 'inactive';
  if (state.cancel_at !== null && now >= state.cancel_at) return 'inactive';
  switch (state.status) {
    case 'active':
    case 'trialing':
      return now < state.current_period_end_at + grace_ms ? 'granted' : 'inactive';
    case 'past_due':
      return now < (state.past_due_since_at ?? state.current_period_end_at) + grace_ms ? 'granted' : 'past_due';
    case 'unpaid':
      return 'past_due';
    default:
      return 'inactive';
  }
}
