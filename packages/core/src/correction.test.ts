import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adjustBill } from './correction.ts';

test.each([
  ['nothing changes', { amount_minor: 100, credited_minor: 0 }, 100, [0, 0, 0]],
  ['more is owed', { amount_minor: 100, credited_minor: 0 }, 140, [40, 40, 0]],
  ['less is owed, and money paid', { amount_minor: 100, credited_minor: 0 }, 30, [-70, -70, 0]],
  ['credit paid all: it goes back to credit', { amount_minor: 100, credited_minor: 100 }, 30, [-70, 0, -70]],
  ['both paid: money first', { amount_minor: 100, credited_minor: 60 }, 30, [-70, -40, -30]],
  ['all of it was wrong', { amount_minor: 100, credited_minor: 60 }, 0, [-100, -40, -60]],
  ['more is owed where credit paid', { amount_minor: 100, credited_minor: 100 }, 140, [40, 40, 0]],
])('%s', (_name, billed, due, [amount_minor, line_minor, credited_minor]) => {
  expect(adjustBill(billed, due)).toEqual({ amount_minor, line_minor, credited_minor });
});

test('of several periods billed together no more goes back to credit than the one that is put right took', () => {
  const together = { amount_minor: 100, credited_minor: 100 };
  expect(adjustBill(together, 30, 20)).toEqual({ amount_minor: -70, line_minor: -50, credited_minor: -20 });
  expect(adjustBill(together, 30, 90)).toEqual({ amount_minor: -70, line_minor: 0, credited_minor: -70 });
});

test('after any corrections what was billed is what is due, and nobody got back more than they paid, in money or in credit', () => {
  const amount = fc.nat({ max: 10_000 });
  fc.assert(
    fc.property(amount, amount, fc.array(amount, { maxLength: 12 }), (first, credit, dues) => {
      let billed = { amount_minor: first, credited_minor: Math.min(first, credit) };
      for (const due of dues) {
        const change = adjustBill(billed, due);
        expect(change.line_minor + change.credited_minor).toBe(change.amount_minor);
        billed = {
          amount_minor: billed.amount_minor + change.amount_minor,
          credited_minor: billed.credited_minor + change.credited_minor,
        };
        expect(billed.amount_minor).toBe(due);
        expect(billed.credited_minor).toBeGreaterThanOrEqual(0);
        expect(billed.amount_minor - billed.credited_minor).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
