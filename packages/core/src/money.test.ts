import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currencies, currencyExponent, currencyStep } from './currency.ts';
import {
  addDecimal,
  allocate,
  formatDecimal,
  formatMoney,
  fractionToDecimal,
  multiplyDecimal,
  parseMajor,
  parseMajorDecimal,
  roundMinor,
  toMajorDecimal,
} from './money.ts';

const currency = fc.constantFrom(...currencies);
const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), fc.integer({ min: 0, max: 12 }))
  .map(([digits, scale]) => writeDecimal(digits, scale));

/** Written apart from the code under test. */
function writeDecimal(digits: bigint, scale: number): string {
  const sign = digits < 0n ? '-' : '';
  const text = `${digits < 0n ? -digits : digits}`.padStart(scale + 1, '0');
  return scale === 0 ? sign + text : `${sign}${text.slice(0, text.length - scale)}.${text.slice(text.length - scale)}`;
}

describe('currencies', () => {
  // Facts of https://docs.stripe.com/currencies: zero-decimal, three-decimal and the special cases.
  test.each([
    ['usd', 2, 1],
    ['eur', 2, 1],
    ['jpy', 0, 1],
    ['krw', 0, 1],
    ['rwf', 0, 1],
    ['mga', 0, 1],
    ['kwd', 3, 10],
    ['tnd', 3, 10],
    ['isk', 2, 100],
    ['ugx', 2, 100],
    ['huf', 2, 1],
    ['twd', 2, 1],
  ])('%s has %i digits and charges in steps of %i', (code, exponent, step) => {
    expect(currencyExponent(code)).toBe(exponent);
    expect(currencyStep(code)).toBe(step);
  });

  test.each(['USD', 'xyz', '', 'constructor', '__proto__'])('%j is refused', (code) => {
    expect(() => currencyExponent(code)).toThrow(RangeError);
    expect(() => currencyStep(code)).toThrow(RangeError);
  });

  test('the table names every currency once', () => {
    expect(new Set(currencies).size).toBe(currencies.length);
    expect(currencies.every((code) => /^[a-z]{3}$/.test(code))).toBe(true);
    expect(currencies.length).toBeGreaterThan(130);
  });
});

describe('parseMajor', () => {
  test.each([
    ['499.00', 'usd', 49_900],
    ['499', 'usd', 49_900],
    ['499.0000', 'usd', 49_900],
    ['19.99', 'usd', 1999],
    ['0.07', 'usd', 7],
    ['-1.5', 'usd', -150],
    ['78.40', 'usd', 7840],
    ['500', 'jpy', 500],
    ['5', 'isk', 500],
    ['5.12', 'kwd', 5120],
  ])('%s %s is %i', (text, code, amount) => {
    expect(parseMajor(text, code)).toBe(amount);
  });

  test.each([
    ['99.999', 'usd'],
    ['1.5', 'jpy'],
    ['5.50', 'isk'],
    ['5.124', 'kwd'],
    ['', 'usd'],
    ['1e3', 'usd'],
    ['1,000', 'usd'],
    [' 1', 'usd'],
    ['.5', 'usd'],
    ['5.', 'usd'],
    ['+5', 'usd'],
    ['NaN', 'usd'],
    ['٣', 'usd'],
    ['90071992547409.92', 'usd'],
  ])('%j %s is refused', (text, code) => {
    expect(() => parseMajor(text, code)).toThrow(RangeError);
  });

  test('every price from 0.00 to 99.99 is exact, in every exponent', () => {
    for (const [code, digits] of [
      ['usd', 2],
      ['jpy', 0],
    ] as const) {
      for (let amount = 0; amount < 10_000; amount++) {
        expect(parseMajor(writeDecimal(BigInt(amount), digits), code)).toBe(amount);
      }
    }
    for (let amount = 0; amount < 10_000; amount += 10)
      expect(parseMajor(writeDecimal(BigInt(amount), 3), 'kwd')).toBe(amount);
  });

  test('an amount written and read again is the same, in every currency', () => {
    fc.assert(
      fc.property(currency, fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (code, steps) => {
        const amount = steps * currencyStep(code);
        expect(parseMajor(writeDecimal(BigInt(amount), currencyExponent(code)), code)).toBe(amount === 0 ? 0 : amount);
      }),
    );
  });
});

describe('unit prices', () => {
  test.each([
    ['0.0008', 'usd', '0.08'],
    ['0.0012', 'usd', '0.12'],
    ['1', 'usd', '100'],
    ['0.10', 'usd', '10'],
    ['0', 'usd', '0'],
    ['0.000', 'usd', '0'],
    ['0.5', 'jpy', '0.5'],
    ['0.0005', 'kwd', '0.5'],
    ['0.00000000000001', 'usd', '0.000000000001'],
  ])('%s %s is %s minor units', (text, code, minor) => {
    expect(parseMajorDecimal(text, code)).toBe(minor);
  });

  test('more than twelve places of the minor unit are refused', () => {
    expect(() => parseMajorDecimal('0.000000000000001', 'usd')).toThrow(/12 places/);
    expect(() => parseMajorDecimal('0.0000000000001', 'jpy')).toThrow(RangeError);
    expect(parseMajorDecimal('0.000000000000000000', 'usd')).toBe('0');
  });

  test('to minor units and back is the same price, in every currency', () => {
    fc.assert(
      fc.property(currency, decimal, (code, text) => {
        expect(toMajorDecimal(parseMajorDecimal(text, code), code)).toBe(addDecimal(text, '0'));
      }),
    );
  });
});

describe('formatting', () => {
  test.each([
    [49_900, 'usd', undefined, '$499.00'],
    [49_900, 'usd', { trim: true }, '$499'],
    [49_950, 'usd', { trim: true }, '$499.50'],
    [500_000, 'usd', {}, '$5,000.00'],
    [-1050, 'usd', {}, '-$10.50'],
    [0, 'usd', {}, '$0.00'],
    [500, 'jpy', {}, '¥500'],
    [500, 'isk', { trim: true }, 'ISK\u00a05'],
    [5120, 'kwd', {}, 'KWD\u00a05.120'],
    [123_456, 'eur', 'de-DE', '1.234,56\u00a0€'],
    [123_400, 'eur', { locale: 'de-DE', trim: true }, '1.234\u00a0€'],
    [Number.MAX_SAFE_INTEGER, 'usd', {}, '$90,071,992,547,409.91'],
  ])('%i %s %j is %s', (amount, code, format, text) => {
    expect(formatMoney(amount, code, format)).toBe(text);
  });

  test('an amount that is not whole minor units is refused', () => {
    expect(() => formatMoney(0.5, 'usd')).toThrow(RangeError);
    expect(() => formatMoney(Number.NaN, 'usd')).toThrow(RangeError);
    expect(() => formatMoney(1, 'xyz')).toThrow(RangeError);
  });

  test.each([
    ['0.08', 'usd', '$0.0008'],
    ['10', 'usd', '$0.10'],
    ['0.000000000001', 'usd', '$0.00000000000001'],
    ['123456.5', 'usd', '$1,234.565'],
    ['0.5', 'jpy', '¥0.5'],
  ])('a unit price keeps every digit: %s %s is %s', (price, code, text) => {
    expect(formatDecimal(price, code)).toBe(text);
  });

  test('an amount for people reads back as the amount', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (amount) => {
        expect(parseMajor(formatMoney(amount, 'usd').replace(/[$,]/g, ''), 'usd')).toBe(amount === 0 ? 0 : amount);
      }),
    );
  });
});

describe('exact arithmetic', () => {
  // "per-unit decimal 0.05c x 12345" and the odd halves: exact products, rounded once, half away from zero.
  test.each([
    ['0.05', 12_345, 617],
    ['0.5', 1, 1],
    ['0.5', 3, 2],
    ['-0.5', 1, -1],
    ['0.4999', 1, 0],
    ['0.07', 100, 7],
    ['0', 5, 0],
  ])('%s × %i rounds to %i', (price, quantity, amount) => {
    expect(roundMinor(multiplyDecimal(price, quantity))).toBe(amount);
  });

  test('a product divided by its quantity is the price again', () => {
    fc.assert(
      fc.property(decimal, fc.integer({ min: 1, max: 1_000_000_000 }), (price, quantity) => {
        const { numerator, denominator } = multiplyDecimal(price, quantity);
        expect(fractionToDecimal({ numerator: numerator / BigInt(quantity), denominator })).toBe(
          addDecimal(price, '0'),
        );
      }),
    );
  });

  test('rounding is off by at most half and keeps the order', () => {
    const fraction = fc.record({
      numerator: fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
      denominator: fc.bigInt({ min: 1n, max: 10n ** 6n }),
    });
    fc.assert(
      fc.property(fraction, fc.bigInt({ min: 0n, max: 1000n }), (exact, more) => {
        const rounded = BigInt(roundMinor(exact));
        const off = rounded * exact.denominator - exact.numerator;
        expect((off < 0n ? -off : off) * 2n <= exact.denominator).toBe(true);
        expect(roundMinor({ ...exact, numerator: exact.numerator + more })).toBeGreaterThanOrEqual(Number(rounded));
        expect(roundMinor({ ...exact, numerator: -exact.numerator }) + Number(rounded)).toBe(0);
      }),
    );
  });

  test('adding is exact, in any order', () => {
    fc.assert(
      fc.property(decimal, decimal, decimal, (a, b, c) => {
        expect(addDecimal(a, b)).toBe(addDecimal(b, a));
        expect(addDecimal(addDecimal(a, b), c)).toBe(addDecimal(a, addDecimal(b, c)));
      }),
    );
    expect(addDecimal('0.1', '0.2')).toBe('0.3');
    expect(addDecimal('0.5', '-0.5')).toBe('0');
  });

  test('what is no number, or no whole quantity, is refused', () => {
    expect(() => multiplyDecimal('1', 0.5)).toThrow(RangeError);
    expect(() => multiplyDecimal('x', 1)).toThrow(RangeError);
    expect(() => addDecimal('1', '')).toThrow(RangeError);
    expect(() => fractionToDecimal({ numerator: 1n, denominator: 3n })).toThrow(RangeError);
    expect(() => roundMinor({ numerator: 10n ** 20n, denominator: 1n })).toThrow(RangeError);
  });
});

describe('allocate', () => {
  test.each([
    [500, [1000, 2000], [167, 333]],
    [100, [1, 1, 1], [34, 33, 33]],
    [-100, [1, 1, 1], [-34, -33, -33]],
    [1, [0, 0, 5], [0, 0, 1]],
    [0, [3, 4], [0, 0]],
    [5, [1], [5]],
  ])('%i by %j is %j', (amount, weights, parts) => {
    expect(allocate(amount, weights)).toEqual(parts);
  });

  test('parts sum to the whole, and each is its exact share rounded down or up', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        weights.filter((list) => list.some((weight) => weight > 0)),
        (amount, list) => {
          const parts = allocate(amount, list);
          const total = list.reduce((sum, weight) => sum + BigInt(weight), 0n);
          expect(parts.reduce((sum, part) => sum + BigInt(part), 0n)).toBe(BigInt(amount));
          for (const [index, part] of parts.entries()) {
            const off = BigInt(part) * total - BigInt(amount) * BigInt(list[index] ?? 0);
            expect((off < 0n ? -off : off) < total).toBe(true);
          }
        },
      ),
    );
  });

  test('weights that cannot share are refused', () => {
    for (const weights of [[], [0, 0], [-1, 2], [0.5], [Number.NaN]])
      expect(() => allocate(100, weights)).toThrow(RangeError);
    expect(() => allocate(0.5, [1])).toThrow(RangeError);
  });
});
