import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantityFault, type Rate, waits } from '../src/billing/plan-change.ts';

const every = (interval: Rate['interval']['interval'], amount: number, interval_count = 1): Rate => ({
  amount,
  interval: { interval, interval_count },
});

test.each([
  ['less for the same month', every('month', 20), every('month', 10), true, false],
  ['more for the same month', every('month', 10), every('month', 20), false, false],
  ['a year that is cheaper than twelve months', every('month', 10), every('year', 100), true, false],
  ['twelve months as a year at the same price', every('month', 10), every('year', 120), false, false],
  ['from a year to months that cost more in all', every('year', 100), every('month', 10), false, true],
  ['a quarter as three months', every('month', 30, 3), every('month', 10), false, true],
] as const)('%s', (_name, from, to, decreases, shortens) => {
  expect(waits(from, to, ['decreasing_item_amount'])).toBe(decreases);
  expect(waits(from, to, ['shortening_interval'])).toBe(shortens);
  expect(waits(from, to, ['decreasing_item_amount', 'shortening_interval'])).toBe(decreases || shortens);
  expect(waits(from, to, [])).toBe(false);
});

test('nothing both decreases one way and the other way round', () => {
  const rate = fc.record({
    amount: fc.nat(1_000_000),
    interval: fc.record({
      interval: fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'year' as const),
      interval_count: fc.integer({ min: 1, max: 12 }),
    }),
  });
  fc.assert(
    fc.property(
      rate,
      rate,
      fc.constantFrom('decreasing_item_amount' as const, 'shortening_interval' as const),
      (a, b, c) => {
        expect(waits(a, a, [c])).toBe(false);
        expect(waits(a, b, [c]) && waits(b, a, [c])).toBe(false);
      },
    ),
  );
});

test('a quantity keeps within its limits, but what it is may stay', () => {
  const limits = { enabled: true, minimum: 2, maximum: 10 };
  expect([1, 2, 10, 11, 2.5].map((quantity) => quantityFault(limits, quantity, 5))).toEqual([
    'The quantity must be at least 2.',
    null,
    null,
    'The quantity must be at most 10.',
    'The quantity must be at least 2.',
  ]);
  expect(quantityFault(limits, 1, 1)).toBeNull();
  expect(quantityFault({ ...limits, enabled: false }, 3, 4)).toBe(
    'The quantity of this plan cannot be changed: it stays 4.',
  );
  expect(quantityFault({ ...limits, maximum: null }, 99_999, 1)).toBeNull();
});
