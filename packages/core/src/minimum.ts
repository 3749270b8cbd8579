import { roundMinor } from './money.ts';
import type { Period } from './period.ts';
import type { Instant } from './plan.ts';
import type { PricedUsage } from './priced-plan.ts';
import { remainingPart } from './proration.ts';

/**
 * What usage in [start_at, end_at) comes to at least, minor units: the minimum of its whole period, of a part of one its part by whole
 * seconds. Each bound is rounded alone, so that the parts of a period sum to its minimum. Nothing where usage has no price.
 */
export function minimumFor(
  usage: Pick<PricedUsage, 'minimum_minor' | 'overage'>,
  part: { start_at: Instant; end_at: Instant },
  whole: Omit<Period, 'index'>,
): number {
  const { minimum_minor, overage } = usage;
  if (minimum_minor === undefined || overage === null) return 0;
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
