import { addDecimal } from '@farebox/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { amountOf, greater, plus } from './amount.ts';

const decimal = fc
  .tuple(fc.integer({ min: -(10 ** 15) + 1, max: 10 ** 15 - 1 }), fc.option(fc.integer({ min: 1, max: 999 })))
  .map(([whole, places]) => (places === null ? String(whole) : `${whole}.${String(places).padStart(3, '0')}1`));

test('whole numbers stay numbers as long as they are exact', () => {
  expect(amountOf('12')).toBe(12);
  expect(amountOf('0.5')).toBe('0.5');
  expect(amountOf('9007199254740993')).toBe('9007199254740993');
  expect(amountOf('99999999999999.9999')).toBe('99999999999999.9999');
  expect(plus(1, '99999999999999.9999')).toBe('100000000000000.9999');
  expect(plus(Number.MAX_SAFE_INTEGER, '1')).toBe('9007199254740992');
  expect(plus(1, '0.5')).toBe('1.5');
  expect(plus('1.5', '2')).toBe('3.5');
  expect(greater(3, '3.5')).toBe('3.5');
  expect(greater('3.5', '3')).toBe('3.5');
  expect(greater(-2, '-1')).toBe(-1);
});

test('a sum is that of the decimals, however it is held', () => {
  fc.assert(
    fc.property(fc.array(decimal, { maxLength: 20 }), (amounts) => {
      const exact = amounts.reduce((sum, each) => addDecimal(sum, each), '0');
      const held = amounts.reduce<number | string>((sum, each) => plus(sum, each), 0);
      expect(addDecimal(String(held), '0')).toBe(addDecimal(exact, '0'));
    }),
  );
});
