import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UsagePrice } from './plan.ts';
import { rateUsage } from './price.ts';
import type { PricedUsage } from './priced-plan.ts';
import { type SpendCapFrom, capMonthOf, cappedParts, roomUnder, spendCapAt, unitsWithin } from './spend-cap.ts';

const from = (owner: SpendCapFrom['owner'], from_at: number, amount_minor: number | null): SpendCapFrom => ({
  owner,
  from_at,
  amount_minor,
  currency: 'usd',
});

test.each<[string, SpendCapFrom[], number, [string, number] | null]>([
  ['none was set', [], 10, null],
  ['not yet', [from('customer', 20, 500)], 10, null],
  ['from its instant on', [from('customer', 10, 500)], 10, ['customer', 500]],
  ['the newest of an owner', [from('customer', 1, 500), from('customer', 5, 900)], 10, ['customer', 900]],
  ['the lower of both', [from('customer', 1, 500), from('seller', 5, 400)], 10, ['seller', 400]],
  ['of equals the customer’s own', [from('seller', 1, 500), from('customer', 5, 500)], 10, ['customer', 500]],
  [
    'one taken away leaves the other',
    [from('customer', 1, 300), from('customer', 4, null), from('seller', 2, 900)],
    10,
    ['seller', 900],
  ],
  ['nothing at all may be spent', [from('customer', 1, 0)], 10, ['customer', 0]],
])('the cap that counts: %s', (_name, history, at, expected) => {
  const cap = spendCapAt(history, at);
  expect(cap === null ? null : [cap.owner, cap.amount_minor]).toEqual(expected);
});

test.each([
  ['2026-11-15T10:00:00Z', '2026-11'],
  ['2026-12-01T00:00:00Z', '2026-11'],
  ['2026-12-01T00:00:00.001Z', '2026-12'],
  ['2027-01-31T23:59:59Z', '2027-01'],
])('a period that ends at %s counts in %s', (end, month) => {
  expect(capMonthOf(Date.parse(end))).toBe(month);
});

test('a cap in another currency bounds nothing; one that was passed before leaves nothing', () => {
  const cap = { owner: 'customer', amount_minor: 100, currency: 'usd' } as const;
  expect(roomUnder(cap, 30, 'usd')).toBe(70);
  expect(roomUnder(cap, 130, 'usd')).toBe(0);
  expect(roomUnder(cap, 30, 'eur')).toBeNull();
  expect(roomUnder(null, 30, 'usd')).toBeNull();
});

test('whatever is charged in whatever order, what is billed in a month is never above its cap, and as much as fits', () => {
  const charge = fc.record({
    month: fc.constantFrom('2026-11', '2026-12'),
    amount_minor: fc.nat({ max: 500 }),
    currency: fc.constant('usd'),
  });
  fc.assert(
    fc.property(
      fc.array(charge, { maxLength: 20 }),
      fc.nat({ max: 1500 }),
      fc.nat({ max: 400 }),
      (charges, amount_minor, before) => {
        const capped = cappedParts(charges, { owner: 'seller', amount_minor, currency: 'usd' }, { '2026-11': before });
        for (const month of ['2026-11', '2026-12']) {
          const spent = month === '2026-11' ? before : 0;
          const own = charges
            .map((each, index) => ({ ...each, capped: capped[index] ?? 0 }))
            .filter((each) => each.month === month);
          const rated = own.reduce((sum, each) => sum + each.amount_minor, 0);
          const billed = own.reduce((sum, each) => sum + each.amount_minor - each.capped, 0);
          expect(own.every((each) => each.capped >= 0 && each.capped <= each.amount_minor)).toBe(true);
          expect(billed).toBe(Math.min(rated, Math.max(0, amount_minor - spent)));
        }
      },
    ),
  );
});

describe('how many units fit under an amount', () => {
  const decimal = fc
    .tuple(fc.nat({ max: 40 }), fc.nat({ max: 99 }))
    .map(([whole, part]) => `${whole}.${String(part).padStart(2, '0')}`);
  const tiers = fc
    .tuple(
      fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 3 }),
      fc.array(decimal, { minLength: 4, maxLength: 4 }),
    )
    .map(([steps, prices]) => {
      let end = 0;
      const ends = steps.map((step) => (end += step));
      return [...ends, null].map((up_to, index) => ({ up_to, unit_price_decimal: prices[index] ?? '1' }));
    });
  const price: fc.Arbitrary<UsagePrice> = fc.oneof(
    decimal.map((unit_price_decimal) => ({ type: 'per_unit' as const, unit_price_decimal })),
    fc.tuple(decimal, fc.integer({ min: 1, max: 9 })).map(([package_price_decimal, package_size]) => ({
      type: 'package' as const,
      package_price_decimal,
      package_size,
    })),
    tiers.map((all) => ({ type: 'graduated' as const, tiers: all })),
    tiers.map((all) => ({ type: 'volume' as const, tiers: all })),
  );

  test('it is the same as counting up unit by unit', () => {
    fc.assert(
      fc.property(price, fc.nat({ max: 20 }), fc.nat({ max: 400 }), (overage, included, room) => {
        const usage: PricedUsage = { meter_id: 'requests', included, quota: 'soft', interval: 'month', overage };
        const most = 500;
        let counted = 0;
        while (counted < most && rateUsage(usage, counted + 1).amount_minor <= room) counted += 1;
        const found = unitsWithin(usage, room);
        if (counted < most) expect(found).toBe(counted);
        else expect(found ?? most).toBeGreaterThanOrEqual(most);
      }),
      { numRuns: 2000 },
    );
  });

  test('what is free has no end, and what is included fits under nothing', () => {
    const usage: PricedUsage = {
      meter_id: 'requests',
      included: 7,
      quota: 'soft',
      interval: 'month',
      overage: { type: 'per_unit', unit_price_decimal: '0' },
    };
    expect(unitsWithin(usage, 0)).toBeNull();
    expect(unitsWithin({ ...usage, overage: { type: 'per_unit', unit_price_decimal: '5' } }, 0)).toBe(7);
    expect(unitsWithin({ ...usage, overage: null }, 0)).toBeNull();
  });
});
