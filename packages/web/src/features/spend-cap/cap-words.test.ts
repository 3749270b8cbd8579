import { expect, test } from 'vitest';
import type { SpendCap } from '../../lib/wire-usage.ts';
import { capWords, otherCapWords } from './cap-words.ts';

const none: SpendCap = {
  customer_id: 'cust_1',
  currency: 'usd',
  customer_minor: null,
  seller_minor: null,
  in_force: null,
  months: [],
};
const capped = (spent_minor: number): SpendCap => ({
  ...none,
  customer_minor: 5000,
  in_force: { owner: 'customer', amount_minor: 5000 },
  months: [{ month: '2026-11', spent_minor, remaining_minor: 5000 - spent_minor }],
});

test.each([
  [none, 'None', 'Usage beyond what the plan includes is billed without a limit.'],
  [capped(0), 'On', '$0.00 of $50.00 spent on usage, $50.00 left this month.'],
  [capped(4000), 'Nearly reached', '$40.00 of $50.00 spent on usage, $10.00 left this month.'],
  [capped(5000), 'Reached', '$50.00 of $50.00: what would cost more is refused.'],
])('what a cap does is said: %j', (cap, label, sentence) => {
  expect(capWords(cap)).toMatchObject({ label, sentence });
});

test('whose cap counts is said to the other one', () => {
  expect(otherCapWords(capped(0), 'customer')).toBeNull();
  expect(otherCapWords(capped(0), 'seller')).toBe('The customer’s own cap of $50.00 counts.');
  const other: SpendCap = { ...capped(0), in_force: { owner: 'seller', amount_minor: 1000 } };
  expect(otherCapWords(other, 'customer')).toBe('Your provider’s cap of $10.00 counts.');
});
