import type { Instant } from './plan.ts';

/**
 * A limit with a burst: `limit` units per window flow out of a bucket that holds `burst`, and a request passes when what it
 * costs fits. Any time of length t admits at most `burst + limit × t / window_ms` (the generic cell rate algorithm in its
 * other form, ITU-T I.371). The level is kept in units × window_ms, so that every number is whole: `limit` of these flow out
 * in a millisecond. Another limit under the same name goes on from the same units.
 */
export interface BucketState {
  /** Units × window_ms. */
  level: number;
  at: Instant;
}

export interface BucketRule {
  limit: number;
  window_ms: number;
  burst: number;
}

/** A bucket nothing was taken from. */
export function createBucket(): BucketState {
  return { level: 0, at: 0 };
}

/** What the bucket holds at `now`. A clock that stepped back reads as standing still. */
function levelAt(state: BucketState, rule: BucketRule, now: Instant): number {
  return now <= state.at ? state.level : Math.max(0, state.level - (now - state.at) * rule.limit);
}

/** Units that count against a request at `now`: begun ones count whole. */
export function bucketUsed(state: BucketState, rule: BucketRule, now: Instant): number {
  return Math.ceil(levelAt(state, rule, now) / rule.window_ms);
}

/** Whether `units` more fit at `now`. */
export function bucketFits(state: BucketState, rule: BucketRule, units: number, now: Instant): boolean {
  return levelAt(state, rule, now) + units * rule.window_ms <= rule.burst * rule.window_ms;
}

/** Takes units, without asking whether they fit. */
export function bucketTake(state: BucketState, rule: BucketRule, units: number, now: Instant): void {
  state.level = levelAt(state, rule, now) + units * rule.window_ms;
  state.at = Math.max(state.at, now);
}

/**
 * In how many milliseconds `units` fit, if nothing else is taken until then. More units than the burst never fit; the answer is when
 * the bucket is empty, the most it can offer.
 */
export function bucketWaitMs(state: BucketState, rule: BucketRule, units: number, now: Instant): number {
  const room = Math.max(0, (rule.burst - units) * rule.window_ms);
  const excess = levelAt(state, rule, now) - room;
  // A clock that stepped back stands still until it is where the bucket was.
  return excess <= 0 ? 0 : Math.max(0, state.at - now) + Math.ceil(excess / rule.limit);
}

/** The same as an instant. */
export function bucketFreeAt(state: BucketState, rule: BucketRule, units: number, now: Instant): Instant {
  return now + bucketWaitMs(state, rule, units, now);
}
