/**
 * Arithmetic and calendar of the second implementation: its own fractions, kept in lowest terms, and its own days,
 * counted one by one. Slow and plain on purpose; nothing here comes from the sandbox.
 */

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b);
}

/** An exact number. */
export class Exact {
  readonly over: bigint;
  readonly under: bigint;

  constructor(over: bigint, under: bigint) {
    const sign = under < 0n ? -1n : 1n;
    const shared = gcd(over, under) || 1n;
    this.over = (sign * over) / shared;
    this.under = (sign * under) / shared;
  }

  static of(value: number | string): Exact {
    const text = String(value);
    const dot = text.indexOf('.');
    if (dot === -1) return new Exact(BigInt(text), 1n);
    const places = text.length - dot - 1;
    return new Exact(BigInt(text.slice(0, dot) + text.slice(dot + 1)), 10n ** BigInt(places));
  }

  times(other: Exact): Exact {
    return new Exact(this.over * other.over, this.under * other.under);
  }

  /** To the nearest whole number, halves away from zero. */
  whole(): number {
    const size = this.over < 0n ? -this.over : this.over;
    let down = size / this.under;
    if (2n * (size - down * this.under) >= this.under) down += 1n;
    return Number(down) * (this.over < 0n ? -1 : 1) || 0;
  }

  down(): number {
    return Number(this.over / this.under);
  }
}

/** `amount × part ÷ whole`, to the nearest. */
export function share(amount: number, part: number, whole: number): number {
  return Exact.of(amount)
    .times(new Exact(BigInt(part), BigInt(whole)))
    .whole();
}

const DAY = 86_400;

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Year, month and day of a number of days since 1970, found by walking there. */
function dateOf(days: number): [number, number, number] {
  let year = 1970;
  let left = days;
  while (left >= (isLeap(year) ? 366 : 365)) left -= isLeap(year++) ? 366 : 365;
  let month = 1;
  while (left >= daysIn(year, month)) left -= daysIn(year, month++);
  return [year, month, left + 1];
}

function daysTo(year: number, month: number, day: number): number {
  let days = day - 1;
  for (let each = 1970; each < year; each += 1) days += isLeap(each) ? 366 : 365;
  for (let each = 1; each < month; each += 1) days += daysIn(year, each);
  return days;
}

/** The same day of the month so many months later, or the last one where there is none; the time of day stays. */
export function monthsAfter(anchor: number, months: number): number {
  const [year, month, day] = dateOf(Math.floor(anchor / DAY));
  const index = year * 12 + (month - 1) + months;
  const [y, m] = [Math.floor(index / 12), (index % 12) + 1];
  return daysTo(y, m, Math.min(day, daysIn(y, m))) * DAY + (anchor % DAY);
}
