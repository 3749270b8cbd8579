import type { IntervalUnit, Seconds } from '../store/records.ts';

/** A billing interval: so many days, weeks, months or years. */
export interface Interval {
  interval: IntervalUnit;
  interval_count: number;
}

const DAY = 86_400;

function addMonths(anchor: Seconds, months: number, wanted_day: number | null): Seconds {
  const date = new Date(anchor * 1000);
  const month = date.getUTCMonth() + months;
  const last_day = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const day = Math.min(wanted_day ?? date.getUTCDate(), last_day);
  const midnight = Date.UTC(date.getUTCFullYear(), month, day) / 1000;
  return midnight + (anchor - Math.floor(anchor / DAY) * DAY);
}

/**
 * The n-th boundary after an anchor, always counted from the anchor: Jan 31, Feb 28, Mar 31, Apr 30. Counting from the
 * previous boundary would drift to the 28th. Time of day is kept, in UTC.
 * A day that was asked for and that the anchor's month has not comes in the months that have it.
 * https://docs.stripe.com/billing/subscriptions/billing-cycle
 */
export function boundary(anchor: Seconds, interval: Interval, n: number, day: number | null = null): Seconds {
  const count = interval.interval_count * n;
  switch (interval.interval) {
    case 'day':
      return anchor + count * DAY;
    case 'week':
      return anchor + count * 7 * DAY;
    case 'month':
      return addMonths(anchor, count, day);
    case 'year':
      return addMonths(anchor, count * 12, day);
  }
}
