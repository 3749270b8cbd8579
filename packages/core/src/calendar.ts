import type { Instant } from './plan.ts';

/** Stretches of a calendar in which usage is shown. */
export const calendarWindows = ['hour', 'day', 'week', 'month'] as const;
export type CalendarWindow = (typeof calendarWindows)[number];

const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** Whether it names a time zone of the IANA database: `Europe/Berlin`, `UTC`. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][\w+/-]{1,63}$/.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/**
 * The instants at which the windows of a zone's calendar begin, from the one that holds `from` to the one that holds the last
 * millisecond before `to`, and last the instant at which that one ends. They tile time: each instant lies in exactly one window,
 * also where clocks are set: that day has 23, 25 or, on Lord Howe Island, 24½ hours. A day whose midnight is left out begins
 * with the first instant that there is. At most `most` windows; null when there would be more. Weeks begin on Monday.
 */
export function windowsBetween(
  range: { from: Instant; to: Instant },
  window: CalendarWindow,
  time_zone: string,
  most: number,
): Instant[] | null {
  const starts: Instant[] = [];
  let at = windowStart(range.from, window, time_zone);
  while (at < range.to) {
    if (starts.length === most) return null;
    starts.push(at);
    at = windowAfter(at, window, time_zone);
  }
  return [...starts, at];
}

/** When the window that holds an instant begins. */
export function windowStart(at: Instant, window: CalendarWindow, time_zone: string): Instant {
  if (window === 'hour') return startOfHour(at, time_zone);
  const day = Math.floor((at + offsetAt(at, time_zone)) / dayMs);
  return startOfDay(firstDay(day, window), time_zone);
}

/** When the window that begins at an instant ends. */
export function windowAfter(start_at: Instant, window: CalendarWindow, time_zone: string): Instant {
  if (window === 'hour') return endOfHour(start_at, time_zone);
  const day = Math.floor((start_at + offsetAt(start_at, time_zone)) / dayMs);
  return startOfDay(nextFirstDay(firstDay(day, window), window), time_zone);
}

/** Clocks that are set by less than an hour begin another one at that instant. */
function startOfHour(at: Instant, time_zone: string): Instant {
  const offset = offsetAt(at, time_zone);
  const start = at - modulo(at + offset, hourMs);
  const isWhole = modulo(offset - offsetAt(start, time_zone), hourMs) === 0;
  return isWhole ? start : whenSet(start, at, time_zone);
}

function endOfHour(start_at: Instant, time_zone: string): Instant {
  const offset = offsetAt(start_at, time_zone);
  const end = start_at + hourMs - modulo(start_at + offset, hourMs);
  const isWhole = modulo(offset - offsetAt(end - 1, time_zone), hourMs) === 0;
  return isWhole ? end : whenSet(start_at, end - 1, time_zone);
}

/** Days are counted from 1 January 1970, which was a Thursday. */
function firstDay(day: number, window: Exclude<CalendarWindow, 'hour'>): number {
  if (window === 'day') return day;
  if (window === 'week') return day - modulo(day + 3, 7);
  return day - new Date(day * dayMs).getUTCDate() + 1;
}

function nextFirstDay(day: number, window: Exclude<CalendarWindow, 'hour'>): number {
  if (window === 'day') return day + 1;
  if (window === 'week') return day + 7;
  const date = new Date(day * dayMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / dayMs;
}

/**
 * The first instant of a day of the zone's calendar. Midnight by the clocks of before or after, whichever there is; where the
 * clocks leave midnight out, the instant at which they are set.
 */
function startOfDay(day: number, time_zone: string): Instant {
  const midnight = day * dayMs;
  const before = offsetAt(midnight - dayMs, time_zone);
  const after = offsetAt(midnight + dayMs, time_zone);
  const candidates = [midnight - Math.max(before, after), midnight - Math.min(before, after)];
  for (const at of candidates) if (at + offsetAt(at, time_zone) === midnight) return at;
  return whenSet(midnight - dayMs, midnight + dayMs, time_zone);
}

/** When the offset of `from` ends; it is another one at `to`. */
function whenSet(from: Instant, to: Instant, time_zone: string): Instant {
  const offset = offsetAt(from, time_zone);
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle, time_zone) === offset) low = middle;
    else high = middle;
  }
  return high;
}

/** What the clocks of a zone are ahead of UTC, in milliseconds. */
export function offsetAt(at: Instant, time_zone: string): number {
  if (time_zone === 'UTC') return 0;
  const second = Math.floor(at / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatterOf(time_zone).formatToParts(second)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

/** Making one takes longer than a thousand uses of it. Bounded: callers name zones. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const mostFormatters = 100;

function formatterOf(time_zone: string): Intl.DateTimeFormat {
  const known = formatters.get(time_zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: time_zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (formatters.size >= mostFormatters) formatters.clear();
  formatters.set(time_zone, made);
  return made;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
