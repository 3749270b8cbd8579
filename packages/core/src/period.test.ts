import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nthPeriod, periodAt } from './period.ts';
import { type Interval, intervals } from './plan.ts';

const day = 86_400_000;
const instant = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2120, 0, 1) });
const interval = fc.constantFrom<Interval>(...intervals);

function onDay(text: string): number {
  return Date.parse(`${text}T00:00:00Z`);
}

function asDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Every day of a leap year and of the year after it, as an anchor. */
const anchors = Array.from({ length: 366 + 365 }, (_, index) => Date.UTC(2028, 0, 1, 13, 45, 59, 123) + index * day);

describe('nthPeriod', () => {
  // https://docs.stripe.com/billing/subscriptions/billing-cycle: an anchor on the 31st uses the last day of shorter months.
  test('an anchor on 31 January comes back to the 31st', () => {
    const starts = [0, 1, 2, 3, 4, 5, 6].map((n) => asDay(nthPeriod(onDay('2027-01-31'), 'month', n).start_at));
    expect(starts).toEqual([
      '2027-01-31',
      '2027-02-28',
      '2027-03-31',
      '2027-04-30',
      '2027-05-31',
      '2027-06-30',
      '2027-07-31',
    ]);
  });

  test('an anchor on 29 February comes back in the next leap year', () => {
    const starts = [0, 1, 2, 3, 4].map((n) => asDay(nthPeriod(onDay('2028-02-29'), 'year', n).start_at));
    expect(starts).toEqual(['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29']);
  });

  test('2100 is not a leap year; 2000 and 2400 are', () => {
    expect(asDay(nthPeriod(onDay('2096-02-29'), 'year', 4).start_at)).toBe('2100-02-28');
    expect(asDay(nthPeriod(onDay('1996-02-29'), 'year', 4).start_at)).toBe('2000-02-29');
    expect(asDay(nthPeriod(onDay('2396-02-29'), 'year', 4).start_at)).toBe('2400-02-29');
  });

  test('the time of day stays, to the millisecond', () => {
    const anchor = Date.UTC(2027, 0, 31, 23, 59, 59, 999);
    expect(nthPeriod(anchor, 'month', 1).start_at).toBe(Date.UTC(2027, 1, 28, 23, 59, 59, 999));
  });

  test.each(['month', 'year'] as const)('periods by %s tile time, for every anchor day across leap years', (unit) => {
    for (const anchor of anchors) {
      expect(nthPeriod(anchor, unit, 0).start_at).toBe(anchor);
      let end = nthPeriod(anchor, unit, -13).end_at;
      for (let n = -12; n <= 144; n++) {
        const period = nthPeriod(anchor, unit, n);
        if (period.start_at !== end || period.end_at <= period.start_at)
          throw new Error(`gap at ${asDay(anchor)}, ${n}`);
        end = period.end_at;
      }
    }
  });

  test.each(['month', 'year'] as const)('the n-th period by %s never drifts from the anchor day', (unit) => {
    for (const anchor of anchors) {
      const first = new Date(anchor);
      for (let n = 0; n <= 144; n++) {
        const start = new Date(nthPeriod(anchor, unit, n).start_at);
        const months = first.getUTCMonth() + n * (unit === 'year' ? 12 : 1);
        // Day 0 of the next month is the last of this one.
        const last = new Date(Date.UTC(first.getUTCFullYear(), months + 1, 0)).getUTCDate();
        const expected = Date.UTC(first.getUTCFullYear(), months, Math.min(first.getUTCDate(), last), 13, 45, 59, 123);
        if (start.getTime() !== expected) throw new Error(`drift at ${asDay(anchor)}, ${n}: ${start.toISOString()}`);
      }
    }
  });

  test('agrees with the machine’s calendar on every day of three centuries', () => {
    for (let at = Date.UTC(1900, 0, 1); at < Date.UTC(2201, 0, 1); at += day) {
      const date = new Date(at);
      const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 2, 0)).getUTCDate();
      const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, Math.min(date.getUTCDate(), last));
      const period = nthPeriod(at, 'month', 0);
      if (period.start_at !== at || period.end_at !== next) throw new Error(`wrong on ${asDay(at)}`);
    }
  });

  test('what is no whole number is refused', () => {
    expect(() => nthPeriod(0, 'month', 0.5)).toThrow(RangeError);
    expect(() => nthPeriod(Number.NaN, 'month', 0)).toThrow(RangeError);
    expect(() => periodAt(0, 'month', Number.NaN)).toThrow(RangeError);
    expect(() => periodAt(Number.POSITIVE_INFINITY, 'month', 0)).toThrow(RangeError);
  });
});

describe('periodAt', () => {
  test('finds the period that holds the instant, before the anchor too', () => {
    fc.assert(
      fc.property(instant, interval, instant, (anchor, unit, now) => {
        const period = periodAt(anchor, unit, now);
        expect(period.start_at).toBeLessThanOrEqual(now);
        expect(period.end_at).toBeGreaterThan(now);
        expect(period).toEqual(nthPeriod(anchor, unit, period.index));
      }),
      { numRuns: 2000 },
    );
  });

  test('a period holds its start and not its end', () => {
    fc.assert(
      fc.property(instant, interval, fc.integer({ min: -200, max: 200 }), (anchor, unit, n) => {
        const period = nthPeriod(anchor, unit, n);
        expect(periodAt(anchor, unit, period.start_at).index).toBe(n);
        expect(periodAt(anchor, unit, period.end_at - 1).index).toBe(n);
        expect(periodAt(anchor, unit, period.end_at).index).toBe(n + 1);
      }),
    );
  });
});
