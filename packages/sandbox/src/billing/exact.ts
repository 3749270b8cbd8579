import { HALVES } from './open-points.ts';

/** An exact number: `n / d`, `d > 0`. */
export interface Fraction {
  n: bigint;
  d: bigint;
}

/** Stripe's decimals have at most so many places. */
const PLACES = 12;

const SCALE = 10n ** BigInt(PLACES);

/** A decimal as an exact number. */
export function fractionOf(decimal: string): Fraction {
  const [whole = '0', places = ''] = decimal.split('.');
  return { n: BigInt(whole + places), d: 10n ** BigInt(places.length) };
}

/** The shortest decimal of at most twelve places; what is beyond them is cut off. */
export function decimalOf({ n, d }: Fraction): string {
  const scaled = (n * SCALE) / d;
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(PLACES + 1, '0');
  const places = digits.slice(-PLACES).replace(/0+$/, '');
  return `${scaled < 0n ? '-' : ''}${digits.slice(0, -PLACES)}${places === '' ? '' : `.${places}`}`;
}

/** The sum of decimals, exact. */
export function sumOf(decimals: readonly string[]): string {
  let n = 0n;
  for (const each of decimals) {
    const one = fractionOf(each);
    n += (one.n * SCALE) / one.d;
  }
  return decimalOf({ n, d: SCALE });
}

/** `n / d` to the nearest whole number, `d > 0`. */
export function nearest(n: bigint, d: bigint, halves: typeof HALVES = HALVES): bigint {
  const magnitude = n < 0n ? -n : n;
  const whole = magnitude / d;
  const rest = (magnitude % d) * 2n;
  const is_half = rest === d;
  const goes_up = is_half ? halves === 'away' || (halves === 'even' && whole % 2n === 1n) : rest > d;
  const rounded = goes_up ? whole + 1n : whole;
  return n < 0n ? -rounded : rounded;
}

/** The nearest number of minor units. Nothing is nothing, not minus nothing. */
export function round({ n, d }: Fraction): number {
  return Number(nearest(n, d)) || 0;
}
