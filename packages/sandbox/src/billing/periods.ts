import { boundary, type Interval } from '../time/calendar.ts';
import type { Span } from './proration.ts';

/** What periods are counted from. */
export interface Cycle {
  anchor: number;
  /** The day of the month that was asked for, where the anchor's own month is too short for it. */
  day: number | null;
}

/** The period of an interval in which a time lies. */
export function periodAt({ anchor, day }: Cycle, interval: Interval, at: number): Span {
  const bound = (n: number): number => boundary(anchor, interval, n, day);
  const length = bound(1) - bound(0);
  let index = Math.floor((at - anchor) / length);
  while (bound(index) > at) index -= 1;
  while (bound(index + 1) <= at) index += 1;
  return { start: bound(index), end: bound(index + 1) };
}

/** A period that is billed, and the whole one whose share it is. */
export interface Stretch {
  span: Span;
  whole: Span;
}

/** The period that begins at a time: it ends with the one it lies in, or earlier where everything ends. */
export function periodFrom(cycle: Cycle, interval: Interval, at: number, ends_at: number | null = null): Stretch {
  const whole = periodAt(cycle, interval, at);
  const end = ends_at !== null && ends_at > at ? Math.min(whole.end, ends_at) : whole.end;
  return { span: { start: at, end }, whole };
}

/**
 * The intervals counted from a start until a time, the last one cut off there: what has gone by since a subscription's
 * backdated start. Each is a share of an interval that begins on the backdated day.
 * https://docs.stripe.com/billing/subscriptions/backdating
 */
export function elapsed(start: number, interval: Interval, until: number): Stretch[] {
  const stretches: Stretch[] = [];
  for (let n = 0; boundary(start, interval, n) < until; n += 1) {
    const whole = { start: boundary(start, interval, n), end: boundary(start, interval, n + 1) };
    stretches.push({ span: { start: whole.start, end: Math.min(whole.end, until) }, whole });
  }
  return stretches;
}

/** What fixes an anchor: a day of the month, a time of day, a month of the year. */
export interface AnchorRule {
  day_of_month: number;
  hour: number | null;
  minute: number | null;
  month: number | null;
  second: number | null;
}

/** The next time a rule names, in UTC. What it leaves open is taken from now; a day its month has not is the last. */
export function anchorOf(rule: AnchorRule, now: number): number {
  const today = new Date(now * 1000);
  const at = (month: number): number => {
    const last = new Date(Date.UTC(today.getUTCFullYear(), month + 1, 0)).getUTCDate();
    const { hour, minute, second } = rule;
    const time = [hour ?? today.getUTCHours(), minute ?? today.getUTCMinutes(), second ?? today.getUTCSeconds()];
    const [h, m, s] = time;
    return Date.UTC(today.getUTCFullYear(), month, Math.min(rule.day_of_month, last), h, m, s) / 1000;
  };
  const first = rule.month === null ? today.getUTCMonth() : rule.month - 1;
  const step = rule.month === null ? 1 : 12;
  return at(first) > now ? at(first) : at(first + step);
}
