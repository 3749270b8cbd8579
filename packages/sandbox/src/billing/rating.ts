import type { PriceRecord, Tier } from '../store/records.ts';
import { decimalOf, type Fraction, fractionOf, round } from './exact.ts';

/** One line of rated usage. */
export interface RatedLine {
  /** Units, or the flat amount of a tier. */
  kind: 'flat' | 'units';
  /** Which tier, counted from 1; `null` without tiers. */
  tier: number | null;
  /** Exact. Packages where the price divides its quantity. */
  quantity: string;
  unit_amount_decimal: string;
  /** Minor units, rounded once. */
  amount: number;
}

/** What decides a rating. */
export type Rated = Pick<PriceRecord, 'tiers' | 'tiers_mode' | 'unit_amount_decimal'> & {
  transform_quantity?: PriceRecord['transform_quantity'];
};

function less(a: Fraction, b: Fraction): boolean {
  return a.n * b.d < b.n * a.d;
}

function minus(a: Fraction, b: Fraction): Fraction {
  return { n: a.n * b.d - b.n * a.d, d: a.d * b.d };
}

function lineOf(kind: RatedLine['kind'], tier: number | null, units: Fraction, unit: string): RatedLine {
  const price = fractionOf(unit);
  const amount = round({ n: units.n * price.n, d: units.d * price.d });
  return { kind, tier, quantity: decimalOf(units), unit_amount_decimal: unit, amount };
}

/** The lines of one tier: its units, then its flat amount when it has one. */
function tierLines(tier: Tier, number: number, units: Fraction): RatedLine[] {
  const lines = [lineOf('units', number, units, tier.unit_amount_decimal ?? '0')];
  const flat = tier.flat_amount_decimal;
  return flat === null ? lines : [...lines, lineOf('flat', number, { n: 1n, d: 1n }, flat)];
}

function graduated(tiers: readonly Tier[], quantity: Fraction): RatedLine[] {
  const lines: RatedLine[] = [];
  let below: Fraction = { n: 0n, d: 1n };
  for (const [index, tier] of tiers.entries()) {
    const bound = tier.up_to === null ? null : { n: BigInt(tier.up_to), d: 1n };
    const reaches = bound === null || !less(bound, quantity);
    lines.push(...tierLines(tier, index + 1, minus(reaches ? quantity : bound, below)));
    if (reaches) break;
    below = bound;
  }
  return lines;
}

function volume(tiers: readonly Tier[], quantity: Fraction): RatedLine[] {
  const index = tiers.findIndex((each) => each.up_to === null || !less({ n: BigInt(each.up_to), d: 1n }, quantity));
  const tier = tiers[index];
  return tier === undefined ? [] : tierLines(tier, index + 1, quantity);
}

/** Whole packages of a quantity. */
function packages(quantity: Fraction, rule: { divide_by: number; round: 'down' | 'up' }): Fraction {
  const divisor = quantity.d * BigInt(rule.divide_by);
  const whole = quantity.n / divisor;
  const rest = quantity.n % divisor;
  const up = rule.round === 'up' && rest > 0n ? 1n : 0n;
  const down = rule.round === 'down' && rest < 0n ? -1n : 0n;
  return { n: whole + up + down, d: 1n };
}

/**
 * What usage costs. Graduated prices give a line per tier that is reached, volume prices the one tier that holds the
 * whole quantity; a tier's flat amount is a line of its own. `up_to` is inclusive. Every line is exact and rounded once.
 * Nothing was used, or less than nothing: one line of no amount.
 * https://docs.stripe.com/products-prices/pricing-models
 */
export function rateUsage(price: Rated, used: string): RatedLine[] {
  const quantity = fractionOf(used);
  if (quantity.n <= 0n) {
    const unit = price.tiers?.[0]?.unit_amount_decimal ?? price.unit_amount_decimal ?? '0';
    return [{ kind: 'units', tier: null, quantity: '0', unit_amount_decimal: unit, amount: 0 }];
  }
  if (price.tiers !== null) return (price.tiers_mode === 'volume' ? volume : graduated)(price.tiers, quantity);
  const rule = price.transform_quantity ?? null;
  const units = rule === null ? quantity : packages(quantity, rule);
  return [lineOf('units', null, units, price.unit_amount_decimal ?? '0')];
}
