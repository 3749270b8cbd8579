import { expect, test } from 'vitest';
import type { ChangePreview } from '../../lib/wire.ts';
import { addOnSentence, changeSentence, discountSentence, scheduledSentence } from './words.ts';

const at = '2027-01-03T00:00:00.000Z';
const price = { amount_minor: 49_900, currency: 'usd', interval: 'month' as const };
const invoice = {
  object: 'invoice_preview' as const,
  currency: 'usd',
  discount_minor: 0,
  tax_minor: 0,
  total_minor: 20_000,
  balance_used_minor: 0,
  amount_due_minor: 20_000,
  lines: [],
};
const preview: ChangePreview = {
  object: 'change_preview',
  effect: 'now',
  direction: 'upgrade',
  effective_at: at,
  proration_at: at,
  plan_id: 'pro',
  plan_name: 'Pro',
  price,
  quantity: 1,
  setup_fee_minor: 0,
  recurring_minor: 49_900,
  invoice,
};

test.each([
  [preview, 'Pro counts at once. $200.00 is charged now, then $499 a month.'],
  [{ ...preview, invoice: null }, 'Pro counts at once. Nothing is charged now, then $499 a month.'],
  [
    { ...preview, effect: 'period_end' as const },
    'You keep what you have until 3 Jan 2027. From then on it is Pro for $499 a month.',
  ],
])('a change says when it counts and what is paid', (change, sentence) => {
  expect(changeSentence(change)).toBe(sentence);
});

test('what is arranged and what is taken off is said with its day', () => {
  expect(scheduledSentence({ plan_id: 'pro', plan_name: 'Pro', price, quantity: 2, add_ons: [], at })).toBe(
    'Changes to Pro, $998 a month, on 3 Jan 2027.',
  );
  const discount = { name: 'Launch offer', percent_off_decimal: '20', amount_off_minor: null, ends_at: at };
  expect(discountSentence(discount, 'usd')).toBe('20% off until 3 Jan 2027 (Launch offer)');
  expect(
    discountSentence({ ...discount, percent_off_decimal: null, amount_off_minor: 500, ends_at: null }, 'usd'),
  ).toBe('$5 off (Launch offer)');
});

test('an add-on says what it and everything else costs together', () => {
  const block = { ...preview, plan_id: 'block', plan_name: 'Request block', recurring_minor: 11_900 };
  expect(addOnSentence({ ...block, quantity: 2, effect: 'now', invoice: null })).toBe(
    '2 × Request block counts at once. Nothing is charged now, then $119 a month in all.',
  );
  const later = { ...block, effect: 'period_end' as const, effective_at: '2027-01-03T00:00:00.000Z', invoice: null };
  expect(addOnSentence({ ...later, quantity: 0, recurring_minor: 9900 })).toBe(
    'Nothing changes until 3 Jan 2027. Then Request block ends, and you pay $99 a month in all.',
  );
  expect(addOnSentence({ ...later, quantity: 1 })).toBe(
    'Nothing changes until 3 Jan 2027. Then it is Request block, and you pay $119 a month in all.',
  );
  expect(addOnSentence({ ...later, quantity: 1, setup_fee_minor: 2500 })).toBe(
    'Nothing changes until 3 Jan 2027. Then it is Request block, and you pay $25 once and $119 a month in all.',
  );
});
