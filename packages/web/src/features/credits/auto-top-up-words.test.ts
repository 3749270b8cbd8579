import { expect, test } from 'vitest';
import type { AutoTopUp } from '../../lib/wire-credits.ts';
import { autoTopUpWish, autoTopUpWords } from './auto-top-up-words.ts';

const off: AutoTopUp = {
  currency: 'usd',
  state: 'off',
  threshold_minor: null,
  amount_minor: null,
  monthly_limit_minor: null,
  month_minor: 0,
  retry_at: null,
  pause_reason: null,
};
const on: AutoTopUp = { ...off, state: 'on', threshold_minor: 500, amount_minor: 2500, monthly_limit_minor: 10_000 };

test('what it does is said, and what stands in its way', () => {
  expect(autoTopUpWords(off)).toMatchObject({ label: 'Off', sentence: 'Credit is bought by hand only.' });
  expect(autoTopUpWords({ ...on, month_minor: 2500 }).sentence).toBe(
    'When less than $5.00 is left, $25.00 is bought with the default card: $25.00 of at most $100.00 this month.',
  );
  const waiting = autoTopUpWords({ ...on, state: 'waiting', retry_at: '2026-03-01T10:00:00Z' });
  expect(waiting).toMatchObject({ tone: 'warn', sentence: expect.stringContaining('It is tried again on') });
  const paused = autoTopUpWords({ ...on, state: 'paused', pause_reason: 'declined' });
  expect(paused.sentence).toMatch(/It is paused because the card was declined three times\.$/);
});

const terms = { packs_minor: [1000], minimum_minor: 500, maximum_minor: 100_000, expires_after_days: null };

test.each([
  ['amount', 'lots', 'is not a decimal number'],
  ['amount', '4', 'Buy from $5.00 to $1,000.00 at once.'],
  ['threshold', '0', 'Say below how much'],
  ['threshold', '30', 'so that one purchase is enough'],
  ['limit', '20', 'more than you allow in a month'],
])('a form whose %s is %s is told', (name, value, words) => {
  const form = new FormData();
  for (const [field, text] of Object.entries({ threshold: '5', amount: '25', limit: '100', [name]: value }))
    form.set(field, text);
  expect(() => autoTopUpWish(form, terms, 'usd')).toThrow(RangeError);
  expect(() => autoTopUpWish(form, terms, 'usd')).toThrow(words);
});

test('a form becomes a wish in minor units; what is no amount is none', () => {
  const form = new FormData();
  form.set('threshold', '5');
  form.set('amount', '25.50');
  form.set('limit', ' 100 ');
  expect(autoTopUpWish(form, terms, 'usd')).toEqual({
    threshold_minor: 500,
    amount_minor: 2550,
    monthly_limit_minor: 10_000,
  });
});
