import type { ProrationExplanation } from '../store/change-records.ts';

/** A span of time in whole seconds: from `start` up to, not including, `end`. */
export interface Span {
  start: number;
  end: number;
}

/**
 * Where an exact half of a minor unit goes. Stripe documents rounding to the nearest unit and says nothing of halves;
 * `away` rounds a credit and the charge of the same share by the same magnitude.
 * https://docs.stripe.com/billing/subscriptions/prorations
 */
export const HALVES: 'away' | 'even' | 'zero' = 'away';

/** `n / d` to the nearest whole number, `d > 0`. */
export function nearest(n: bigint, d: bigint, halves: typeof HALVES = HALVES): bigint {
  const magnitude = n < 0n ? -n : n;
  const whole = magnitude / d;
  const rest = (magnitude % d) * 2n;
  const is_half = rest === d;
  const goes_up = is_half ? halves === 'away' || (halves === 'even' && whole % 2n === 1n) : rest > d;
  const rounded = goes_up ? whole + 1n : whole;
  return n < 0n ? -rounded : rounded;
}

/** What prorating comes to, and why. */
export interface Prorated {
  /** In minor units; a credit is negative. */
  amount: number;
  explanation: ProrationExplanation;
}

/**
 * The share of a period's amount that falls on a part of it: to the second, exact, rounded once. Knows nothing of
 * subscriptions; `amount` is what the whole `period` costs.
 */
export function prorate(kind: 'charge' | 'credit', amount: number, part: Span, period: Span): Prorated {
  const seconds = Math.max(0, part.end - part.start);
  const of_seconds = period.end - period.start;
  if (of_seconds <= 0) throw new Error('A period has no length.');
  const sign = kind === 'credit' ? -1n : 1n;
  const rounded = Number(nearest(sign * BigInt(amount) * BigInt(seconds), BigInt(of_seconds)));
  // A credit of nothing is nothing, not minus nothing.
  const result = rounded === 0 ? 0 : rounded;
  const share = `${amount} × ${seconds} ÷ ${of_seconds}`;
  const formula = `${kind === 'credit' ? `-(${share})` : share} = ${result}`;
  return { amount: result, explanation: { amount, seconds, of_seconds, formula } };
}
