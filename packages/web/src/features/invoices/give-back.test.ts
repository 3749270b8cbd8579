import { expect, test } from 'vitest';
import type { Invoice } from '../../lib/wire-invoices.ts';
import { giveBackWish, leftOf } from './give-back.ts';

const paid = {
  status: 'paid',
  currency: 'usd',
  amount_paid_minor: 9900,
  amount_due_minor: 9900,
  credited_minor: 900,
} as Invoice;
const said = { amount_minor: 500, to: 'card', reason: '', memo: ' ' };

test('of a paid invoice what was paid and not given back is left; of an open one what is owed', () => {
  expect(leftOf(paid)).toBe(9000);
  expect(leftOf({ ...paid, status: 'open', amount_paid_minor: 0 })).toBe(9900);
});

test('the confirmation says how much goes where', () => {
  expect(giveBackWish(paid, said)).toEqual({
    path: 'refund',
    body: { amount_minor: 500, to: 'card' },
    words: '$5.00 goes back to the card it was paid with. This cannot be taken back.',
  });
  expect(
    giveBackWish({ ...paid, status: 'open', amount_paid_minor: 0 }, { ...said, reason: 'duplicate' }),
  ).toMatchObject({
    path: 'credit_notes',
    body: { amount_minor: 500, reason: 'duplicate' },
  });
});

test.each([0, -1, 9001])('%s is not given back', (amount_minor) => {
  expect(() => giveBackWish(paid, { ...said, amount_minor })).toThrow('up to $90.00');
});
