import { type Fraction, fractionToDecimal, multiplyDecimal, roundMinor } from './money.ts';
import type { PlanUsage, Tier } from './plan.ts';

/** One line of overage: `quantity` units at one unit price (decimal string, minor units), rounded once to `amount_minor`. */
export interface RatedLine {
  quantity: number;
  unit_price_decimal: string;
  amount_minor: number;
  /** First and last unit of overage on this line, counted from 1, both inclusive. */
  from: number;
  to: number;
}

/** What a period's usage of one meter costs. `amount_minor` is the sum of the lines. */
export interface RatedUsage {
  meter_id: string;
  quantity: number;
  included: number;
  included_used: number;
  overage: number;
  amount_minor: number;
  lines: RatedLine[];
}

/**
 * Rates a period's usage: units past the included amount, one line per tier reached, each line exact and then rounded once.
 * A plan without overage prices nothing. Throws `RangeError` when the quantity is not a whole number ≥ 0.
 */
export function rateUsage(usage: PlanUsage, quantity: number): RatedUsage {
  requireUnits(quantity);
  const included_used = Math.min(quantity, usage.included);
  const overage = quantity - included_used;
  const lines: RatedLine[] = [];
  let amount_minor = 0;
  eachTier(usage, 0, overage, (from, to, unit_price_decimal) => {
    const line_minor = roundMinor(multiplyDecimal(unit_price_decimal, to - from));
    lines.push({ quantity: to - from, unit_price_decimal, amount_minor: line_minor, from: from + 1, to });
    amount_minor += line_minor;
  });
  return { meter_id: usage.meter_id, quantity, included: usage.included, included_used, overage, amount_minor, lines };
}

/**
 * What `cost` more units add when `used_before` are already used, exactly and unrounded: a decimal string in minor units,
 * `'0'` inside the included amount. Throws `RangeError` when a quantity is not a whole number ≥ 0.
 */
export function marginalPrice(usage: PlanUsage, used_before: number, cost: number): string {
  requireUnits(used_before);
  requireUnits(cost);
  const after = used_before + cost;
  if (usage.overage === null || after <= usage.included) return '0';
  const from = Math.max(used_before - usage.included, 0);
  const to = after - usage.included;
  // The usual request: one unit at one price. No arithmetic is needed, and none is done.
  if (to - from === 1) return unitPriceAt(usage, to);
  let sum: Fraction = { numerator: 0n, denominator: 1n };
  eachTier(usage, from, to, (start, end, price) => (sum = add(sum, multiplyDecimal(price, end - start))));
  return fractionToDecimal(sum);
}

/** Calls back for each tier with units in (from, to], in order, with that part's bounds and unit price. */
function eachTier(
  usage: PlanUsage,
  from: number,
  to: number,
  part: (from: number, to: number, unit_price_decimal: string) => void,
): void {
  if (usage.overage === null || to <= from) return;
  if (usage.overage.type === 'per_unit') return part(from, to, usage.overage.unit_price_decimal);
  let below = 0;
  for (const tier of usage.overage.tiers) {
    const start = Math.max(from, below);
    const end = Math.min(to, tier.up_to ?? to);
    if (end > start) part(start, end, tier.unit_price_decimal);
    if (tier.up_to === null || tier.up_to >= to) return;
    below = tier.up_to;
  }
}

function unitPriceAt(usage: PlanUsage, unit: number): string {
  if (usage.overage === null) return '0';
  if (usage.overage.type === 'per_unit') return usage.overage.unit_price_decimal;
  return usage.overage.tiers.find((tier: Tier) => tier.up_to === null || unit <= tier.up_to)?.unit_price_decimal ?? '0';
}

function add(a: Fraction, b: Fraction): Fraction {
  return a.denominator >= b.denominator
    ? { numerator: a.numerator + b.numerator * (a.denominator / b.denominator), denominator: a.denominator }
    : add(b, a);
}

function requireUnits(quantity: number): void {
  if (!Number.isSafeInteger(quantity) || quantity < 0)
    throw new RangeError(`${quantity} is not a whole number of units.`);
}
