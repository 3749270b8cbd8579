import { fractionOf, round } from './exact.ts';
import { COUPON_REMAINDER } from './open-points.ts';

/** So many per cent of an amount, rounded once. */
export function percentOf(amount: number, percent: string): number {
  const { n, d } = fractionOf(percent);
  return round({ n: BigInt(amount) * n, d: d * 100n });
}

/** `amount × part / whole`, rounded once. */
export function shareOf(amount: number, part: number, whole: number): number {
  return whole === 0 ? 0 : round({ n: BigInt(amount) * BigInt(part), d: BigInt(whole) });
}

/**
 * What of a whole goes with the next part of something that is given back in parts: the share of all parts so far, less what
 * went with the ones before. So the last part takes the rest, and the parts never make more than the whole.
 */
export function nextShare(whole: number, next: { part: number; before: number; of: number; given: number }): number {
  return Math.max(0, shareOf(whole, next.before + next.part, next.of) - next.given);
}

/** The part of a price that `percent` is, when the price includes it: `amount × percent / (100 + all)`. */
export function includedIn(amount: number, percent: string, all: string): number {
  const { n, d } = fractionOf(percent);
  const total = fractionOf(all);
  // amount × (n/d) / (100 + N/D) = amount × n × D / (d × (100 × D + N))
  return round({ n: BigInt(amount) * n * total.d, d: d * (100n * total.d + total.n) });
}

/**
 * Splits an amount by weights: each part rounded down, what is left over goes to the last. So Stripe splits a coupon
 * of 5.00 over 10.00 and 20.00 into 1.66 and 3.34.
 */
export function splitDown(amount: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const has = (weight: number): boolean => weight > 0;
  const last = COUPON_REMAINDER === 'last' ? weights.findLastIndex(has) : weights.findIndex(has);
  let left = amount;
  const parts = weights.map((weight, index) => {
    if (weight <= 0 || index === last) return 0;
    const part = Number((BigInt(amount) * BigInt(weight)) / BigInt(total));
    left -= part;
    return part;
  });
  if (last !== -1) parts[last] = left;
  return parts;
}
