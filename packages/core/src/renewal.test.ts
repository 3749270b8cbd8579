import { expect, test } from 'vitest';
import { nthPeriod } from './period.ts';
import type { Interval } from './plan.ts';
import { isLongPeriod, renewalNoticeAt } from './renewal.ts';

const dayMs = 86_400_000;
const anchor = Date.UTC(2026, 0, 1);

test.each<[Interval, number, boolean]>([
  ['day', 0.5, false],
  ['week', 3.5, false],
  ['month', 7, false],
  ['quarter', 30, true],
  ['year', 30, true],
])('the invoice after a %s is announced %d days ahead', (interval, days, isLong) => {
  for (const n of [0, 1, 7]) {
    const period = nthPeriod(anchor, interval, n);
    expect((period.end_at - renewalNoticeAt(period)) / dayMs).toBe(days);
    expect(isLongPeriod(period)).toBe(isLong);
  }
});
