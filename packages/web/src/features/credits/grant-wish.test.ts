import { expect, test } from 'vitest';
import { grantWish } from './grant-wish.ts';

function form(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}

test('a form becomes a wish in minor units, with its end at the beginning of the day', () => {
  expect(grantWish(form({ name: ' Launch ', amount: '12.50', until: '2026-03-01' }), 'paid', 'usd')).toEqual({
    name: 'Launch',
    amount_minor: 1250,
    category: 'paid',
    expires_at: '2026-03-01T00:00:00Z',
  });
  expect(grantWish(form({ name: 'x', amount: '5', until: '' }), 'promotional', 'jpy').amount_minor).toBe(5);
});

test.each(['', '0', '-1', '12,50', '1.234'])('%j is no amount', (amount) => {
  expect(() => grantWish(form({ name: 'x', amount, until: '' }), 'paid', 'usd')).toThrow(RangeError);
});
