import type { Instant, Interval } from './plan.ts';

/** One billing period, half-open: it holds `start_at` and does not hold `end_at`. Index 0 starts at the anchor. */
export interface Period {
  index: number;
  start_at: Instant;
  end_at: Instant;
}

const dayMs = 86_400_000;

/**
 * The n-th billing period of an anchor, in UTC. Always a function of the anchor and n, never of the period before, so that
 * an anchor on the 31st comes back to the 31st (31 Jan, 28 Feb, 31 Mar; https://docs.stripe.com/billing/subscriptions/billing-cycle).
 * A day the month does not have becomes its last day; the time of day stays. Negative n lies before the anchor.
 * Throws `RangeError` when n or the anchor is not a safe integer.
 */
export function nthPeriod(anchor: Instant, interval: Interval, n: number): Period {
  if (!Number.isSafeInteger(n) || !Number.isSafeInteger(anchor))
    throw new RangeError('A period needs a whole n and a whole anchor.');
  const first = dateOf(Math.floor(anchor / dayMs));
  return { index: n, start_at: boundary(anchor, first, interval, n), end_at: boundary(anchor, first, interval, n + 1) };
}

/** The billing period that holds `now`. Throws `RangeError` when the anchor or `now` is not a safe integer. */
export function periodAt(anchor: Instant, interval: Interval, now: Instant): Period {
  if (!Number.isSafeInteger(now) || !Number.isSafeInteger(anchor))
    throw new RangeError('A period needs whole instants.');
  const first = dateOf(Math.floor(anchor / dayMs));
  const n = candidate(anchor, first, interval, now);
  const start_at = boundary(anchor, first, interval, n);
  if (now < start_at) return { index: n - 1, start_at: boundary(anchor, first, interval, n - 1), end_at: start_at };
  return { index: n, start_at, end_at: boundary(anchor, first, interval, n + 1) };
}

/** A day of the Gregorian calendar; the month counts from 0. */
interface CalendarDay {
  year: number;
  month: number;
  day: number;
}

const daysIn: Partial<Record<Interval, number>> = { day: 1, week: 7 };
const monthsIn: Partial<Record<Interval, number>> = { month: 1, quarter: 3, year: 12 };

/** The period that holds `now`, or the one after it: of months, the one whose start lies in the last month it can. */
function candidate(anchor: Instant, first: CalendarDay, interval: Interval, now: Instant): number {
  const days = daysIn[interval];
  if (days !== undefined) return Math.floor((now - anchor) / (days * dayMs));
  const at = dateOf(Math.floor(now / dayMs));
  return Math.floor(((at.year - first.year) * 12 + at.month - first.month) / (monthsIn[interval] ?? 1));
}

function boundary(anchor: Instant, first: CalendarDay, interval: Interval, n: number): Instant {
  const days = daysIn[interval];
  if (days !== undefined) return anchor + n * days * dayMs;
  const months = first.month + n * (monthsIn[interval] ?? 1);
  const carry = Math.floor(months / 12);
  const year = first.year + carry;
  const month = months - carry * 12;
  const day = dayNumber(year, month, Math.min(first.day, daysInMonth(year, month)));
  return day * dayMs + (anchor - Math.floor(anchor / dayMs) * dayMs);
}

function daysInMonth(year: number, month: number): number {
  if (month === 1) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
}

// The calendar by whole numbers alone: the gate asks for a period on every request, and a `Date` costs more than the rest.
// Years are counted from March, so that the leap day is a year's last; 400 of them are always 146,097 days.

const daysIn400Years = 146_097;
/** Days from 1 March of year 0 to 1 January 1970. */
const marchZero = 719_468;

/** Days from 1 January 1970. */
function dayNumber(year: number, month: number, day: number): number {
  const marchYear = month < 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const inEra = marchYear - era * 400;
  const marchMonth = (month + 10) % 12;
  // Months from March are 31, 30, 31, 30, 31 days and again: 153 days in five of them.
  const inYear = Math.floor((153 * marchMonth + 2) / 5) + day - 1;
  return era * daysIn400Years + inEra * 365 + Math.floor(inEra / 4) - Math.floor(inEra / 100) + inYear - marchZero;
}

/** The inverse of `dayNumber`. */
function dateOf(dayFrom1970: number): CalendarDay {
  const days = dayFrom1970 + marchZero;
  const era = Math.floor(days / daysIn400Years);
  const inEra = days - era * daysIn400Years;
  // With its leap days taken out, one every four years but for three centuries of the four, a year is 365 days.
  const leaps = Math.floor(inEra / 1460) - Math.floor(inEra / 36_524) + Math.floor(inEra / 146_096);
  const yearInEra = Math.floor((inEra - leaps) / 365);
  const inYear = inEra - (yearInEra * 365 + Math.floor(yearInEra / 4) - Math.floor(yearInEra / 100));
  const marchMonth = Math.floor((5 * inYear + 2) / 153);
  const month = (marchMonth + 2) % 12;
  const day = inYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  return { year: era * 400 + yearInEra + (month < 2 ? 1 : 0), month, day };
}
