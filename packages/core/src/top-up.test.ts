import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TopUpTerms, creditToTakeBack, isMoneyDisputed, topUpFault } from './top-up.ts';

const terms: TopUpTerms = { packs_minor: [1000], minimum_minor: 500, maximum_minor: 100_000, expires_after_days: null };

test.each<[number, string, string | null]>([
  [500, 'usd', null],
  [100_000, 'usd', null],
  [499, 'usd', 'Buy from $5.00 to $1,000.00 at once.'],
  [100_001, 'usd', 'Buy from $5.00 to $1,000.00 at once.'],
  [550, 'isk', 'Must be a multiple of'],
])('%i %s', (amount, currency, fault) => {
  const found = topUpFault(terms, amount, currency);
  if (fault === null) expect(found).toBeNull();
  else expect(found).toContain(fault);
});

const bought = { amount_minor: 10_000, paid_minor: 11_900, lost_minor: 0, taken_minor: 0, remaining_minor: 10_000 };

test.each<[string, Partial<typeof bought>, number]>([
  ['nothing given back', {}, 0],
  ['all given back, nothing used', { lost_minor: 11_900 }, 10_000],
  ['all given back, some used', { lost_minor: 11_900, remaining_minor: 4_000 }, 4_000],
  ['half given back', { lost_minor: 5_950 }, 5_000],
  ['half given back, seen again', { lost_minor: 5_950, taken_minor: 5_000, remaining_minor: 5_000 }, 0],
  ['used up', { lost_minor: 11_900, remaining_minor: 0 }, 0],
  ['a dispute that was won', { taken_minor: 4_000, remaining_minor: 0 }, -4_000],
])('%s', (_, change, expected) => {
  expect(creditToTakeBack({ ...bought, ...change })).toBe(expected);
});

test('whatever is used and given back in whichever order, the balance is never below zero, and settles by the last state', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('use' as const), amount: fc.nat({ max: 6_000 }) }),
    fc.record({ kind: fc.constant('lose' as const), amount: fc.nat({ max: 12_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      let money = bought;
      let used = 0;
      for (const { kind, amount } of [...steps, { kind: 'lose' as const, amount: 0 }]) {
        if (kind === 'use') {
          const drawn = Math.min(amount, money.remaining_minor);
          used += drawn;
          money = { ...money, remaining_minor: money.remaining_minor - drawn };
        } else money = { ...money, lost_minor: amount };
        for (let look = 0; look < 2; look += 1) {
          const taken = creditToTakeBack(money);
          if (look === 1) expect(taken).toBe(0);
          const { taken_minor, remaining_minor } = money;
          money = { ...money, taken_minor: taken_minor + taken, remaining_minor: remaining_minor - taken };
        }
        expect(money.remaining_minor).toBeGreaterThanOrEqual(0);
        expect(money.taken_minor + money.remaining_minor + used).toBe(bought.amount_minor);
      }
      // In the end nothing is given back: all that was not used is there again.
      expect(money.remaining_minor).toBe(bought.amount_minor - used);
    }),
  );
});

test.each([
  [null, false],
  ['warning_needs_response', false],
  ['warning_closed', false],
  ['needs_response', true],
  ['under_review', true],
  ['lost', true],
  ['won', false],
])('a dispute that is %s: the money is gone: %s', (status, isGone) => {
  expect(isMoneyDisputed(status)).toBe(isGone);
});
