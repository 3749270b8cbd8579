import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDecimal } from './money.ts';
import type { Tier, UsagePrice } from './plan.ts';
import { marginalPrice, rateUsage } from './price.ts';
import type { PricedUsage } from './priced-plan.ts';

function usageOf(included: number, overage: UsagePrice | null): PricedUsage {
  return { meter_id: 'requests', included, quota: overage === null ? 'hard' : 'soft', interval: 'month', overage };
}

const graduated: UsagePrice = {
  type: 'graduated',
  tiers: [
    { up_to: 1000, unit_price_decimal: '0' },
    { up_to: 10_000, unit_price_decimal: '0.5' },
    { up_to: null, unit_price_decimal: '0.3' },
  ],
};

/** Prices are a whole number of thousandths of a minor unit, so that the oracle can count in integers. */
const thousandths = fc.integer({ min: 0, max: 3000 });
const perUnit = thousandths.map((price): UsagePrice => ({
  type: 'per_unit',
  unit_price_decimal: String(price / 1000),
}));
const tiers = fc
  .tuple(fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), thousandths), { maxLength: 4 }), thousandths)
  .map(([closed, open]): UsagePrice => {
    let up_to = 0;
    const list = closed.map(([size, price]): Tier => ({
      up_to: (up_to += size),
      unit_price_decimal: String(price / 1000),
    }));
    return { type: 'graduated', tiers: [...list, { up_to: null, unit_price_decimal: String(open / 1000) }] };
  });
const anyUsage = fc
  .tuple(fc.integer({ min: 0, max: 50 }), fc.oneof(perUnit, tiers))
  .map(([included, price]) => usageOf(included, price));
const quantity = fc.integer({ min: 0, max: 250 });

/** Walks unit by unit: thousandths per tier, each tier's sum rounded once. */
function oracle(usage: PricedUsage, units: number): number {
  const price = usage.overage;
  const flat = price?.type === 'per_unit' ? price.unit_price_decimal : '0';
  const list = price?.type === 'graduated' ? price.tiers : [{ up_to: null, unit_price_decimal: flat }];
  const sums = list.map(() => 0);
  for (let unit = 1; unit <= units - usage.included; unit++) {
    const tier = list.findIndex((candidate) => candidate.up_to === null || unit <= candidate.up_to);
    sums[tier] = (sums[tier] ?? 0) + Math.round(Number(list[tier]?.unit_price_decimal) * 1000);
  }
  return sums.reduce((total, sum) => total + Math.floor((sum + 500) / 1000), 0);
}

describe('rateUsage', () => {
  // Graduated tiers with an inclusive `up_to`: 12,345 units are 1,000 free, 9,000 at 0.5 and 2,345 at 0.3 of a cent.
  test.each([
    [0, 0, []],
    [1, 0, [1]],
    [1000, 0, [1000]],
    [1001, 1, [1000, 1]],
    [10_000, 4500, [1000, 9000]],
    [10_001, 4500, [1000, 9000, 1]],
    [12_345, 5204, [1000, 9000, 2345]],
    [1_000_000_000, 300_001_500, [1000, 9000, 999_990_000]],
  ])('%i units past nothing included cost %i', (units, amount_minor, quantities) => {
    const rated = rateUsage(usageOf(0, graduated), units);
    expect(rated.amount_minor).toBe(amount_minor);
    expect(rated.lines.map((line) => line.quantity)).toEqual(quantities);
  });

  test('the plan of the example: half a million past the included million', () => {
    const usage = usageOf(1_000_000, {
      type: 'graduated',
      tiers: [
        { up_to: 400_000, unit_price_decimal: '0.08' },
        { up_to: null, unit_price_decimal: '0.05' },
      ],
    });
    expect(rateUsage(usage, 1_500_000)).toEqual({
      meter_id: 'requests',
      quantity: 1_500_000,
      included: 1_000_000,
      included_used: 1_000_000,
      overage: 500_000,
      amount_minor: 37_000,
      lines: [
        { quantity: 400_000, unit_price_decimal: '0.08', amount_minor: 32_000, from: 1, to: 400_000 },
        { quantity: 100_000, unit_price_decimal: '0.05', amount_minor: 5000, from: 400_001, to: 500_000 },
      ],
    });
  });

  test('inside the included amount nothing is priced, and a plan without overage prices nothing at all', () => {
    expect(rateUsage(usageOf(100, graduated), 100)).toMatchObject({
      included_used: 100,
      overage: 0,
      amount_minor: 0,
      lines: [],
    });
    expect(rateUsage(usageOf(100, null), 105)).toMatchObject({ overage: 5, amount_minor: 0, lines: [] });
  });

  test('equals a unit-by-unit count', () => {
    fc.assert(
      fc.property(anyUsage, quantity, (usage, units) => {
        expect(rateUsage(usage, units).amount_minor).toBe(oracle(usage, units));
      }),
      { numRuns: 5000 },
    );
  });

  test('one more unit never costs less', () => {
    fc.assert(
      fc.property(anyUsage, quantity, (usage, units) => {
        expect(rateUsage(usage, units + 1).amount_minor).toBeGreaterThanOrEqual(rateUsage(usage, units).amount_minor);
      }),
    );
  });

  test('lines hold every unit of overage once, in order, and sum to the amount', () => {
    fc.assert(
      fc.property(anyUsage, quantity, (usage, units) => {
        const rated = rateUsage(usage, units);
        let next = 1;
        for (const line of rated.lines) {
          expect(line.from).toBe(next);
          expect(line.to - line.from + 1).toBe(line.quantity);
          next = line.to + 1;
        }
        expect(next - 1).toBe(rated.overage);
        expect(rated.included_used + rated.overage).toBe(units);
        expect(rated.lines.reduce((sum, line) => sum + line.amount_minor, 0)).toBe(rated.amount_minor);
      }),
    );
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('%d units are refused', (units) => {
    expect(() => rateUsage(usageOf(0, graduated), units)).toThrow(RangeError);
    expect(() => marginalPrice(usageOf(0, graduated), units, 1)).toThrow(RangeError);
    expect(() => marginalPrice(usageOf(0, graduated), 0, units)).toThrow(RangeError);
  });
});

describe('marginalPrice', () => {
  const usage = usageOf(100, { type: 'per_unit', unit_price_decimal: '0.08' });

  test.each([
    [0, 1, '0'],
    [99, 1, '0'],
    [100, 1, '0.08'],
    [99, 2, '0.08'],
    [100, 10, '0.8'],
    [500, 0, '0'],
  ])('after %i units, %i more add %s', (before, cost, price) => {
    expect(marginalPrice(usage, before, cost)).toBe(price);
  });

  test('a request across two tiers pays each its part', () => {
    expect(marginalPrice(usageOf(0, graduated), 9999, 3)).toBe('1.1');
  });

  test('a plan without overage adds nothing', () => {
    expect(marginalPrice(usageOf(100, null), 500, 3)).toBe('0');
  });

  test('calls add up: the sum over single units is the price of all at once', () => {
    fc.assert(
      fc.property(anyUsage, quantity, fc.integer({ min: 0, max: 60 }), (any, before, cost) => {
        let sum = '0';
        for (let unit = 0; unit < cost; unit++) sum = addDecimal(sum, marginalPrice(any, before + unit, 1));
        expect(marginalPrice(any, before, cost)).toBe(sum);
      }),
    );
  });
});
