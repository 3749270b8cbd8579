import { currencyExponent, currencyStep } from './currency.ts';
import type { Currency } from './plan.ts';

/** An exact amount in minor units. The denominator is positive; the two need not be in lowest terms. */
export interface Fraction {
  numerator: bigint;
  denominator: bigint;
}

/** How an amount is written for people. */
export interface MoneyFormat {
  /** BCP 47; `en-US` unless said. */
  locale?: string;
  /** Leaves out `.00` of a whole amount. */
  trim?: boolean;
}

/** A decimal number as integer ÷ 10^scale. */
interface Decimal {
  digits: bigint;
  scale: number;
}

/** Stripe keeps at most twelve places in a unit price (https://docs.stripe.com/api/prices/object). */
const maxPlaces = 12;
const decimalShape = /^(-?)(\d{1,30})(?:\.(\d{1,30}))?$/;

/**
 * Reads an amount of money in major units: `'499.00'` usd → 49900. Never through a float.
 * Throws `RangeError` when the text is not a plain decimal number, has more digits than the currency, is not a multiple of
 * the currency's smallest charge, or does not fit a safe integer.
 */
export function parseMajor(text: string, currency: Currency): number {
  const exponent = currencyExponent(currency);
  const { digits, scale } = strip(parseDecimal(text));
  if (scale > exponent) {
    const allowed = exponent === 0 ? 'no digits' : `at most ${exponent} digits`;
    throw new RangeError(`"${text}" has more digits than ${currency} has: ${allowed} after the point.`);
  }
  const amount = toSafeInteger(digits * 10n ** BigInt(exponent - scale), text);
  const step = currencyStep(currency);
  if (amount % step !== 0)
    throw new RangeError(`"${text}" cannot be charged: in ${currency} the last digits must be zero.`);
  return amount;
}

/**
 * Reads a unit price in major units into a decimal string of minor units: `'0.0008'` usd → `'0.08'`.
 * Throws `RangeError` when the text is not a plain decimal number or needs more than 12 places of the minor unit.
 */
export function parseMajorDecimal(text: string, currency: Currency): string {
  const { digits, scale } = parseDecimal(text);
  const minor = strip({ digits: digits * 10n ** BigInt(currencyExponent(currency)), scale });
  if (minor.scale > maxPlaces) {
    throw new RangeError(
      `"${text}" is finer than a unit price may be: ${maxPlaces} places of ${currency}'s minor unit.`,
    );
  }
  return formatPlain(minor);
}

/**
 * The inverse of `parseMajorDecimal`: minor units to major, both decimal strings. `'0.08'` usd → `'0.0008'`.
 * Throws `RangeError` when the text is not a plain decimal number.
 */
export function toMajorDecimal(price_decimal: string, currency: Currency): string {
  const { digits, scale } = parseDecimal(price_decimal);
  return formatPlain(strip({ digits, scale: scale + currencyExponent(currency) }));
}

/**
 * An amount of minor units for people: 49900 usd → `$499.00`; with `{ trim: true }` → `$499`.
 * The last argument is a locale or both choices. Throws `RangeError` for an amount that is not a safe integer.
 */
export function formatMoney(amount_minor: number, currency: Currency, format: string | MoneyFormat = {}): string {
  const { locale = 'en-US', trim = false } = typeof format === 'string' ? { locale: format } : format;
  const exponent = currencyExponent(currency);
  if (!Number.isSafeInteger(amount_minor))
    throw new RangeError(`${amount_minor} is not a whole number of minor units.`);
  const whole = amount_minor % 10 ** exponent === 0;
  return intl(
    formatPlain({ digits: BigInt(amount_minor), scale: exponent }),
    currency,
    locale,
    trim && whole ? 0 : exponent,
  );
}

/**
 * A unit price for people, with every digit it has: `'0.08'` usd → `$0.0008`, `'10'` → `$0.10`.
 * Throws `RangeError` when the text is not a plain decimal number.
 */
export function formatDecimal(price_decimal: string, currency: Currency, locale = 'en-US'): string {
  const major = toMajorDecimal(price_decimal, currency);
  const point = major.indexOf('.');
  const places = point === -1 ? 0 : major.length - point - 1;
  return intl(major, currency, locale, Math.max(places, currencyExponent(currency)));
}

/**
 * Unit price × quantity, exactly. The price is a decimal string in minor units, the quantity a whole number of units.
 * Throws `RangeError` for a malformed price or a quantity that is not a safe integer.
 */
export function multiplyDecimal(unit_price_decimal: string, quantity: number): Fraction {
  if (!Number.isSafeInteger(quantity)) throw new RangeError(`${quantity} is not a whole number of units.`);
  const { digits, scale } = parseDecimal(unit_price_decimal);
  return { numerator: digits * BigInt(quantity), denominator: 10n ** BigInt(scale) };
}

/**
 * To whole minor units, half away from zero (0.5 → 1, −0.5 → −1). An invoice line is rounded once, at its end.
 * Throws `RangeError` when the result does not fit a safe integer.
 */
export function roundMinor(fraction: Fraction): number {
  const { numerator, denominator } = fraction;
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (magnitude * 2n + denominator) / (denominator * 2n);
  return toSafeInteger(numerator < 0n ? -rounded : rounded, 'the amount');
}

/**
 * Splits an amount of minor units by weights so that the parts sum to it exactly: every part is its exact share rounded
 * down, and what is left goes, one unit each, to the largest remainders (the earliest of equals).
 * Throws `RangeError` unless weights are whole, not negative, and one of them is positive.
 */
export function allocate(amount_minor: number, weights: number[]): number[] {
  if (!Number.isSafeInteger(amount_minor))
    throw new RangeError(`${amount_minor} is not a whole number of minor units.`);
  if (!weights.every((weight) => Number.isSafeInteger(weight) && weight >= 0)) {
    throw new RangeError('A weight must be a whole number, not negative.');
  }
  const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  if (total === 0n) throw new RangeError('One weight must be positive.');
  const magnitude = BigInt(Math.abs(amount_minor));
  const shares = weights.map((weight, index) => {
    const product = magnitude * BigInt(weight);
    return { index, part: Number(product / total), remainder: product % total };
  });
  let left = Math.abs(amount_minor) - shares.reduce((sum, share) => sum + share.part, 0);
  for (const share of shares.toSorted((a, b) =>
    a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1,
  )) {
    if (left === 0) break;
    share.part += 1;
    left -= 1;
  }
  return shares.map((share) => (amount_minor < 0 && share.part !== 0 ? -share.part : share.part));
}

/** Adds two decimal strings of the same unit, exactly. Throws `RangeError` when one is malformed. */
export function addDecimal(a: string, b: string): string {
  const left = parseDecimal(a);
  const right = parseDecimal(b);
  const scale = Math.max(left.scale, right.scale);
  const digits = left.digits * 10n ** BigInt(scale - left.scale) + right.digits * 10n ** BigInt(scale - right.scale);
  return formatPlain(strip({ digits, scale }));
}

/**
 * A fraction whose denominator is a power of ten, as `multiplyDecimal` makes them, as a decimal string in lowest terms.
 * Throws `RangeError` for another denominator.
 */
export function fractionToDecimal(fraction: Fraction): string {
  const text = fraction.denominator.toString();
  if (!/^10*$/.test(text)) throw new RangeError('The denominator is not a power of ten.');
  return formatPlain(strip({ digits: fraction.numerator, scale: text.length - 1 }));
}

function parseDecimal(text: string): Decimal {
  const match = typeof text === 'string' ? decimalShape.exec(text) : null;
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is not a decimal number (like "0.0008").`);
  const [, sign = '', whole = '0', places = ''] = match;
  const digits = BigInt(whole + places);
  return { digits: sign === '-' ? -digits : digits, scale: places.length };
}

/** Without zeros at the end. */
function strip(value: Decimal): Decimal {
  let { digits, scale } = value;
  while (scale > 0 && digits % 10n === 0n) {
    digits /= 10n;
    scale -= 1;
  }
  return { digits, scale };
}

function formatPlain({ digits, scale }: Decimal): string {
  if (scale === 0) return digits.toString();
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  return `${digits < 0n ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}

/** `Intl` reads a decimal string exactly, without a float in between (ECMA-402, ToIntlMathematicalValue). */
function intl(decimal: string, currency: Currency, locale: string, places: number): string {
  const digits = { minimumFractionDigits: places, maximumFractionDigits: places };
  return new Intl.NumberFormat(locale, { style: 'currency', currency, ...digits }).format(
    decimal as Intl.StringNumericLiteral,
  );
}

function toSafeInteger(value: bigint, name: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${name} does not fit a whole number of minor units.`);
  return number;
}
