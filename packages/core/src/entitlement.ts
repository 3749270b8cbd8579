import { type DunningStage, stageAt } from './dunning.ts';
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

/** What the seller decided about late payments. */
export interface AccessPolicy {
  /** How long a paid period may go unrenewed before it counts as over. */
  grace_ms: number;
  /** In order of time. */
  dunning: readonly DunningStage[];
}

/**
 * Whether a subscription gives access at `now`: a pure function of stored state and time, so that a lost event cannot keep
 * access open. Every bound is half-open: at the instant itself access has ended.
 *
 * - ended, or past `cancel_at`: inactive, at once.
 * - `active`, `trialing`: granted until the period's end + grace.
 * - `past_due`: granted until the policy's `block`, counted from the failure (from the period's end when that is unknown);
 *   what it grants meanwhile `stageOf` says.
 * - `unpaid`: past due; paying the invoice brings access back.
 * - `paused`, `incomplete`, `incomplete_expired`, `canceled`, anything else: inactive.
 */
export function accessOf(state: SubscriptionState, now: Instant, policy: AccessPolicy): Access {
  if (state.ended_at !== null && now >= state.ended_at) return 'inactive';
  if (state.cancel_at !== null && now >= state.cancel_at) return 'inactive';
  switch (state.status) {
    case 'active':
    case 'trialing':
      return now < state.current_period_end_at + policy.grace_ms ? 'granted' : 'inactive';
    case 'past_due':
      return stageOf(state, now, policy)?.step === 'block' ? 'past_due' : 'granted';
    case 'unpaid':
      return 'past_due';
    default:
      return 'inactive';
  }
}

/** The stage of dunning a subscription is in; null when nothing is owed, or no stage has begun. */
export function stageOf(state: SubscriptionState, now: Instant, policy: AccessPolicy): DunningStage | null {
  if (state.status !== 'past_due') return null;
  return stageAt(policy.dunning, state.past_due_since_at ?? state.current_period_end_at, now);
}
