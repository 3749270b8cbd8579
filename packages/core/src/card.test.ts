import { expect, test } from 'vitest';
import { cardState } from './card.ts';

const december = { exp_month: 12, exp_year: 2026 };
const end = Date.UTC(2027, 0, 1);

test('a card is good to the last moment of its month, also of December', () => {
  expect(cardState(december, end - 1)).toBe('expiring');
  expect(cardState(december, end)).toBe('expired');
});

test('a card expires in time for nobody to notice only if the next payment comes after', () => {
  const now = Date.UTC(2026, 9, 5);
  expect(cardState(december, now)).toBe('valid');
  expect(cardState(december, now, Date.UTC(2026, 10, 5))).toBe('valid');
  expect(cardState(december, now, Date.UTC(2027, 9, 5))).toBe('expiring');
  expect(cardState(december, now, end)).toBe('expiring');
});
