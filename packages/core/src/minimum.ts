import { roundMinor } from './money.ts';
import type { Period } from './period.ts';
import type { Instant } from './plan.ts';
import type { PricedPlan, PricedUsage } from './priced-plan.ts';
import { remainingPart } from './proration.ts';

type Span = { start_at: Instant; end_at: Instant };

/**
 * What usage in [start_at, end_at) comes to at least, minor units: the minimum of its whole period, of a part of one its part by whole
 * seconds. Each bound is rounded alone, so that the parts of a period sum to its minimum. Nothing where usage has no price.
 */
export function minimumFor(
  usage: Pick<PricedUsage, 'minimum_minor' | 'overage'>,
  part: Span,
  whole: Omit<Period, 'index'>,
): number {
  const { minimum_minor, overage } = usage;
  return minimum_minor === undefined || overage === null ? 0 : partOfMinimum(minimum_minor, part, whole);
}

/** Whether usage counts towards the minimum of the whole plan: what has a price, by the minimum's own interval. */
export function countsToMinimum(
  plan: Pick<PricedPlan, 'minimum'>,
  usage: Pick<PricedUsage, 'overage' | 'interval'>,
): boolean {
  return usage.overage !== null && usage.interval === plan.minimum?.interval;
}

/** What all usage of a plan comes to at least in [start_at, end_at), as `minimumFor` counts. Nothing where none of it has a price. */
export function planMinimumFor(
  plan: Pick<PricedPlan, 'minimum' | 'usage'>,
  part: Span,
  whole: Omit<Period, 'index'>,
): number {
  const isPriced = plan.usage.some((usage) => countsToMinimum(plan, usage));
  return plan.minimum === undefined || !isPriced ? 0 : partOfMinimum(plan.minimum.amount_minor, part, whole);
}

/** Of the minimum of a whole period the part that is due for [start_at, end_at). */
export function partOfMinimum(minimum_minor: number, part: Span, whole: Omit<Period, 'index'>): number {
  const left = (at: Instant) => roundMinor(remainingPart(minimum_minor, whole, at));
  return left(part.start_at) - left(part.end_at);
}

/**
 * What usage lacks to its minimum. `amount_minor` is what it costs before credit pays of it and after a spend cap: a cap bounds what
 * usage costs, and not what was committed to.
 */
export function shortfallOf(minimum_minor: number, amount_minor: number): number {
  return Math.max(0, minimum_minor - amount_minor);
}
