/** An exact decimal: `n / d`. */
function decimalOf(decimal: string): { n: bigint; d: bigint } {
  const [whole = '0', places = ''] = decimal.split('.');
  return { n: BigInt(whole + places), d: 10n ** BigInt(places.length) };
}

/** Half away from zero, as every amount of the sandbox. */
function rounded(n: bigint, d: bigint): number {
  const magnitude = n < 0n ? -n : n;
  const whole = (magnitude * 2n + d) / (d * 2n);
  return Number(n < 0n ? -whole : whole);
}

/** So many per cent of an amount, rounded once. */
export function percentOf(amount: number, percent: string): number {
  const { n, d } = decimalOf(percent);
  return rounded(BigInt(amount) * n, d * 100n);
}

/** `amount × part / whole`, rounded once. */
export function shareOf(amount: number, part: number, whole: number): number {
  return whole === 0 ? 0 : rounded(BigInt(amount) * BigInt(part), BigInt(whole));
}

/** Sum of decimals, as a decimal. */
export function sumOf(decimals: readonly string[]): string {
  const scale = 10n ** 12n;
  const total = decimals.reduce((sum, decimal) => {
    const { n, d } = decimalOf(decimal);
    return sum + (n * scale) / d;
  }, 0n);
  const digits = total.toString().padStart(13, '0');
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

/** The part of a price that `percent` is, when the price includes it: `amount × percent / (100 + all)`. */
export function includedIn(amount: number, percent: string, all: string): number {
  const { n, d } = decimalOf(percent);
  const total = decimalOf(all);
  // amount × (n/d) / (100 + N/D) = amount × n × D / (d × (100 × D + N))
  return rounded(BigInt(amount) * n * total.d, d * (100n * total.d + total.n));
}

/**
 * Splits an amount by weights: each part rounded down, what is left over goes to the last. So Stripe splits a coupon
 * of 5.00 over 10.00 and 20.00 into 1.66 and 3.34.
 */
export function splitDown(amount: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const last = weights.findLastIndex((weight) => weight > 0);
  let left = amount;
  const parts = weights.map((weight, index) => {
    if (weight <= 0 || index === last) return 0;
    const part = Number((BigInt(amount) * BigInt(weight)) / BigInt(total));
    left -= part;
    return part;
  });
  if (last !== -1) parts[last] = left;
  return parts;
}
