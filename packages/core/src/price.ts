import { type Fraction, fractionToDecimal, multiplyDecimal, roundMinor } from './money.ts';
import type { Tier } from './plan.ts';
import type { PricedUsage } from './priced-plan.ts';

/**
 * One line of overage: `quantity` units at one unit price (decimal string, minor units), rounded once to `amount_minor`.
 * Of packages the price is that of `package_size` units, and the last one is paid whole.
 */
export interface RatedLine {
  quantity: number;
  unit_price_decimal: string;
  amount_minor: number;
  /** First and last unit of overage on this line, counted from 1, both inclusive. */
  from: number;
  to: number;
  package_size?: number;
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

/** Units (from, to] of overage at one price; of packages the price is per `package_size` units. */
interface Part {
  from: number;
  to: number;
  price_decimal: string;
  package_size?: number;
}

/**
 * Rates a period's usage: units past the included amount, one line per tier reached, each line exact and then rounded once.
 * A plan without overage prices nothing. Throws `RangeError` when the quantity is not a whole number ≥ 0.
 */
export function rateUsage(usage: PricedUsage, quantity: number): RatedUsage {
  requireUnits(quantity);
  const included_used = Math.min(quantity, usage.included);
  const overage = quantity - included_used;
  const lines = partsOf(usage, overage).map(({ from, to, price_decimal, ...rest }): RatedLine => ({
    quantity: to - from,
    unit_price_decimal: price_decimal,
    amount_minor: roundMinor(costOf({ from, to, price_decimal, ...rest })),
    from: from + 1,
    to,
    ...rest,
  }));
  const amount_minor = lines.reduce((sum, line) => sum + line.amount_minor, 0);
  return { meter_id: usage.meter_id, quantity, included: usage.included, included_used, overage, amount_minor, lines };
}

/**
 * What `cost` more units add when `used_before` are already used, exactly and unrounded: a decimal string in minor units,
 * `'0'` inside the included amount. Under volume tiers the unit that reaches a cheaper tier makes all before it cheaper, so
 * it can be negative. Throws `RangeError` when a quantity is not a whole number ≥ 0.
 */
export function marginalPrice(usage: PricedUsage, used_before: number, cost: number): string {
  requireUnits(used_before);
  requireUnits(cost);
  const after = used_before + cost;
  if (usage.overage === null || after <= usage.included) return '0';
  const from = Math.max(used_before - usage.included, 0);
  const to = after - usage.included;
  if (to === from) return '0';
  // The usual request: one unit at one price. No arithmetic is needed, and none is done.
  if (to - from === 1 && usage.overage.type === 'per_unit') return usage.overage.unit_price_decimal;
  if (to - from === 1 && usage.overage.type === 'graduated') return tierOf(usage.overage.tiers, to).unit_price_decimal;
  return fractionToDecimal(add(totalOf(usage, to), negate(totalOf(usage, from))));
}

/** Everything that so many units of overage cost, unrounded. */
function totalOf(usage: PricedUsage, overage: number): Fraction {
  return partsOf(usage, overage).map(costOf).reduce(add, { numerator: 0n, denominator: 1n });
}

/** The first `overage` units past the included amount, in parts of one price each, in order. */
function partsOf(usage: PricedUsage, overage: number): Part[] {
  const price = usage.overage;
  if (price === null || overage <= 0) return [];
  const whole = { from: 0, to: overage };
  switch (price.type) {
    case 'per_unit':
      return [{ ...whole, price_decimal: price.unit_price_decimal }];
    case 'package':
      return [{ ...whole, price_decimal: price.package_price_decimal, package_size: price.package_size }];
    case 'volume':
      return [{ ...whole, price_decimal: tierOf(price.tiers, overage).unit_price_decimal }];
    case 'graduated': {
      const parts: Part[] = [];
      let from = 0;
      for (const tier of price.tiers) {
        const to = Math.min(overage, tier.up_to ?? overage);
        if (to > from) parts.push({ from, to, price_decimal: tier.unit_price_decimal });
        from = to;
      }
      return parts;
    }
  }
}

function costOf({ from, to, price_decimal, package_size }: Part): Fraction {
  const quantity = package_size === undefined ? to - from : Math.ceil((to - from) / package_size);
  return multiplyDecimal(price_decimal, quantity);
}

/** The tier that the n-th unit of overage lies in. The last is open, so there is one. */
function tierOf(tiers: readonly Tier[], unit: number): Tier {
  const found = tiers.find((tier) => tier.up_to === null || unit <= tier.up_to) ?? tiers.at(-1);
  if (found === undefined) throw new RangeError('A price by tiers has a tier.');
  return found;
}

function negate({ numerator, denominator }: Fraction): Fraction {
  return { numerator: -numerator, denominator };
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
