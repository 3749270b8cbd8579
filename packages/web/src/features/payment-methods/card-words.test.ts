import { expect, test } from 'vitest';
import type { PaymentMethod } from '../../lib/wire.ts';
import { cardName, expiryWords } from './card-words.ts';

const visa: PaymentMethod = {
  object: 'payment_method',
  id: 'pm_1',
  type: 'card',
  brand: 'visa',
  last4: '4242',
  exp_month: 3,
  exp_year: 2034,
  state: 'valid',
  is_default: true,
};

test('a way to pay is called what it says on it', () => {
  expect(cardName(visa)).toBe('Visa •••• 4242');
  expect(cardName({ ...visa, brand: null, last4: null, type: 'us_bank_account' })).toBe('Us bank account');
  expect(expiryWords(visa)).toBe('Expires 03/2034');
  expect(expiryWords({ ...visa, state: 'expired' })).toBe('Expired 03/2034');
  expect(expiryWords({ ...visa, exp_month: null })).toBe('');
});
