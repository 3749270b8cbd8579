import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prorate, remainingPart } from './proration.ts';
import { roundMinor } from './money.ts';

const dayMs = 86_400_000;
const june = { start_at: Date.UTC(2026, 5, 1), end_at: Date.UTC(2026, 6, 1) };

test.each([
  // https://docs.stripe.com/billing/subscriptions/prorations: the example of the preview.
  [1000, 3252, { start_at: 1_596_749_288_000, end_at: 1_599_427_688_000 }, 1_598_982_148_000, -166, 541],
  [1000, 2000, june, june.start_at + 15 * dayMs, -500, 1000],
  [5000, 10_000, { start_at: Date.UTC(2026, 0, 1), end_at: Date.UTC(2026, 1, 1) }, Date.UTC(2026, 0, 16), -2581, 5161],
  [9900, 49_900, june, june.end_at - 18 * dayMs, -5940, 29_940],
  [49_900, 500_000, june, june.end_at - 18 * dayMs, -29_940, 300_000],
  [49_900, 9900, june, june.end_at - 18 * dayMs, -29_940, 5940],
  [
    9900,
    49_900,
    { start_at: Date.UTC(2026, 11, 1), end_at: Date.UTC(2027, 0, 1) },
    Date.UTC(2026, 11, 12, 7, 31, 9),
    -6287,
    31_689,
  ],
])('%i to %i: what is given back and what is charged', (before, after, period, at, credit_minor, charge_minor) => {
  expect(prorate(before, after, period, at)).toEqual({
    credit_minor,
    charge_minor,
    net_minor: credit_minor + charge_minor,
  });
});

test('the parts of a period sum to its price, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000_000),
      fc.integer({ min: 1, max: 366 * 86_400 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
      (amount, length_s, cuts) => {
        const period = { start_at: june.start_at, end_at: june.start_at + length_s * 1000 };
        const instants = [0, ...cuts.toSorted((a, b) => a - b), 1].map(
          (cut) => period.start_at + Math.floor(cut * length_s) * 1000,
        );
        let sum = 0n;
        for (let index = 1; index < instants.length; index += 1) {
          const from = remainingPart(amount, period, instants[index - 1] ?? 0);
          const to = remainingPart(amount, period, instants[index] ?? 0);
          expect(from.denominator).toBe(to.denominator);
          sum += from.numerator - to.numerator;
        }
        expect(sum).toBe(BigInt(amount) * BigInt(length_s));
      },
    ),
  );
});

test('going there and back at one instant costs nothing', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(1_000_000), fc.nat(30 * 86_400), (a, b, second) => {
      const at = june.start_at + second * 1000;
      const there = prorate(a, b, june, at);
      const back = prorate(b, a, june, at);
      expect(there.net_minor + back.net_minor).toBe(0);
    }),
  );
});

test('outside the period all or nothing is left', () => {
  expect(roundMinor(remainingPart(900, june, june.start_at - 1))).toBe(900);
  expect(roundMinor(remainingPart(900, june, june.end_at + 1))).toBe(0);
  expect(() => remainingPart(900, { start_at: 5, end_at: 5 }, 5)).toThrow(RangeError);
});
