import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from '../src/billing/exact.ts';
import { prorate } from '../src/billing/proration.ts';
import vectors from '../vectors/prorations.json' with { type: 'json' };

function spans(
  period: readonly number[],
  at: number,
): { part: { start: number; end: number }; period: { start: number; end: number } } {
  const [start = 0, end = 0] = period;
  return { part: { start: at, end }, period: { start, end } };
}

test.each(vectors.changes)('$name', ({ period, at, old, new: next, credit, charge }) => {
  const { part, period: whole } = spans(period, at);
  expect(prorate('credit', old, part, whole).amount).toBe(credit);
  expect(prorate('charge', next, part, whole).amount).toBe(charge);
});

test('the explanation gives the amount, by its own numbers', () => {
  const { part, period } = spans([1793491200, 1796083200], 1794528000);
  expect(prorate('credit', 9900, part, period)).toEqual({
    amount: -5940,
    explanation: {
      amount: 9900,
      seconds: 1555200,
      of_seconds: 2592000,
      formula: '-(9900 × 1555200 ÷ 2592000) = -5940',
      because: [
        { says: 'the whole period costs', amount: 9900, because: [] },
        { says: '1555200 seconds, from 2026-11-13 00:00:00 UTC to 2026-12-01 00:00:00 UTC', amount: null, because: [] },
        {
          says: 'of 2592000 seconds, from 2026-11-01 00:00:00 UTC to 2026-12-01 00:00:00 UTC',
          amount: null,
          because: [],
        },
      ],
    },
  });
});

test('exact halves go where one constant says', () => {
  expect([nearest(1n, 2n), nearest(-1n, 2n), nearest(3n, 2n)]).toEqual([1n, -1n, 2n]);
  expect([nearest(1n, 2n, 'even'), nearest(3n, 2n, 'even'), nearest(-3n, 2n, 'even')]).toEqual([0n, 2n, -2n]);
  expect([nearest(1n, 2n, 'zero'), nearest(-3n, 2n, 'zero'), nearest(5n, 3n, 'zero')]).toEqual([0n, -1n, 2n]);
});

const spanned = fc
  .tuple(fc.nat(2_000_000_000), fc.integer({ min: 1, max: 40_000_000 }), fc.nat(40_000_000))
  .map(([start, length, cut]) => ({ period: { start, end: start + length }, at: start + (cut % (length + 1)) }));

test('a charge and the credit of the same time cancel out', () => {
  fc.assert(
    fc.property(fc.nat(99_999_999_999), spanned, (amount, { period, at }) => {
      const part = { start: at, end: period.end };
      const sum = prorate('charge', amount, part, period).amount + prorate('credit', amount, part, period).amount;
      expect(sum).toBe(0);
    }),
  );
});

test('a line is off by at most half a minor unit, and never more than the whole', () => {
  fc.assert(
    fc.property(fc.nat(99_999_999_999), spanned, (amount, { period, at }) => {
      const part = { start: at, end: period.end };
      const charged = prorate('charge', amount, part, period).amount;
      const of = BigInt(period.end - period.start);
      const off = BigInt(charged) * of - BigInt(amount) * BigInt(part.end - part.start);
      expect(off * 2n <= of && off * 2n >= -of).toBe(true);
      expect(charged >= 0 && charged <= amount).toBe(true);
    }),
  );
});
