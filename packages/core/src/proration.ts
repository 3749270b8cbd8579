import { type Fraction, roundMinor } from './money.ts';
import type { Instant } from './plan.ts';

/**
 * The part of an amount that belongs to the time from `at` to the period's end, by whole seconds as Stripe counts them
 * (https://docs.stripe.com/billing/subscriptions/prorations). The denominator is always the whole period, so that the parts
 * of a period sum to its price. Exact; round it once, per line. An instant outside the period counts as its nearer bound.
 */
export function remainingPart(
  amount_minor: number,
  period: { start_at: Instant; end_at: Instant },
  at: Instant,
): Fraction {
  const whole = secondsOf(period.end_at) - secondsOf(period.start_at);
  if (whole <= 0n) throw new RangeError('A period ends after it starts.');
  const left = secondsOf(period.end_at) - secondsOf(at);
  const part = left < 0n ? 0n : left > whole ? whole : left;
  return { numerator: BigInt(amount_minor) * part, denominator: whole };
}

/** What a price of `before` that becomes `after` at `at` gives back and charges within the period; each rounded once. */
export function prorate(
  before_minor: number,
  after_minor: number,
  period: { start_at: Instant; end_at: Instant },
  at: Instant,
): { credit_minor: number; charge_minor: number; net_minor: number } {
  const credit = roundMinor(remainingPart(before_minor, period, at));
  const charge_minor = roundMinor(remainingPart(after_minor, period, at));
  return { credit_minor: credit === 0 ? 0 : -credit, charge_minor, net_minor: charge_minor - credit };
}

function secondsOf(at: Instant): bigint {
  return BigInt(Math.floor(at / 1000));
}
