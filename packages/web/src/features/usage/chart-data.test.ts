import { describe, expect, test } from 'vitest';
import type { UsageSeries } from '../../lib/wire.ts';
import { chartPoints, chartSummary, defaultView, presentIn, rangeOf } from './chart-data.ts';

const period = { start_at: '2026-11-01T00:00:00.000Z', end_at: '2026-12-01T00:00:00.000Z' };
const now = Date.parse('2026-11-03T10:20:00Z');

function days(...quantities: number[]): UsageSeries {
  const data = quantities.map((quantity, index) => ({
    start_at: new Date(Date.parse(period.start_at) + index * 86_400_000).toISOString(),
    quantity,
  }));
  return { object: 'usage_series', meter_id: 'requests', window: 'day', data };
}

describe('the usage chart', () => {
  test('the line ends today, the axis at the end of the period', () => {
    expect(chartPoints(days(5, 0, 7, 0, 0), now).map((point) => point.value)).toEqual([5, 0, 7, null, null]);
  });

  test('usage after the browser’s time is drawn: the server’s clock was moved', () => {
    expect(chartPoints(days(5, 0, 7, 9, 0), now).map((point) => point.value)).toEqual([5, 0, 7, 9, null]);
  });

  test('a period of two days is shown by the hour, an older one by the day', () => {
    expect(defaultView(period, Date.parse('2026-11-02T23:00:00Z'))).toBe('day');
    expect(defaultView(period, now)).toBe('period');
  });

  test('the last 24 hours end with the running one', () => {
    expect(rangeOf('day', period, now)).toEqual({
      window: 'hour',
      from: '2026-11-02T11:00:00.000Z',
      to: '2026-11-03T11:00:00.000Z',
    });
  });

  test('the present lies inside the period, whatever the browser thinks', () => {
    const ahead = { start_at: '2027-01-01T00:00:00Z', end_at: '2027-02-01T00:00:00Z' };
    expect(presentIn(period, now)).toBe(now);
    expect(presentIn(ahead, now)).toBe(Date.parse('2027-01-02T00:00:00Z'));
    expect(presentIn({ ...period, end_at: '2026-11-02T00:00:00Z' }, now)).toBeLessThan(
      Date.parse('2026-11-02T00:00:00Z'),
    );
  });

  test('the summary names the total and the top', () => {
    expect(chartSummary(chartPoints(days(5, 0, 7), now), String)).toBe('12 in total, most at 3 Nov: 7.');
    expect(chartSummary([], String)).toBe('No requests yet.');
  });
});
