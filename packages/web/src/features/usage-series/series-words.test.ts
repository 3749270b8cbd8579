import { expect, test } from 'vitest';
import type { MeterSeries } from '../../lib/wire-usage.ts';
import { dimensionChoices, exportHref, groupLabel, linesOf, shareOf, windowLabel } from './series-words.ts';

const series: MeterSeries = {
  meter_id: 'requests',
  name: 'Requests',
  unit: 'request',
  aggregation: 'count',
  window: 'day',
  time_zone: 'America/New_York',
  end_at: '2026-11-03T05:00:00.000Z',
  quantity: 30,
  data: [
    { start_at: '2026-11-01T04:00:00.000Z', quantity: 10 },
    { start_at: '2026-11-02T05:00:00.000Z', quantity: 20 },
  ],
  group_by: null,
  groups: [],
  more_groups: 0,
};
const group = (value: string, ...quantities: number[]) => ({
  value,
  quantity: quantities.reduce((sum, each) => sum + each, 0),
  data: series.data.map(({ start_at }, at) => ({ start_at, quantity: quantities[at] ?? 0 })),
});

test('a window is named by its beginning in the time zone of the customer', () => {
  const at = '2026-11-01T04:00:00.000Z';
  const label = (window: MeterSeries['window']) => windowLabel(at, { ...series, window });
  expect([label('day'), label('month'), label('hour')]).toEqual(['1 Nov', 'Nov 2026', '1 Nov, 00:00']);
});

test('without groups there is one line; of many groups the largest are lines, and the rest is one', () => {
  expect(linesOf(series, String)).toEqual({
    lines: [{ name: 'Requests', color: 'var(--fx-brand)' }],
    points: [
      { label: '1 Nov', Requests: 10 },
      { label: '2 Nov', Requests: 20 },
    ],
  });
  const groups = ['a', 'b', 'c', 'd', 'e', 'f'].map((value) => group(value, 1, 2));
  const { lines, points } = linesOf({ ...series, group_by: 'region', groups }, String);
  expect(lines.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e', 'All others']);
  expect(points[1]).toMatchObject({ a: 2, 'All others': 10 });
  const greatest = linesOf({ ...series, aggregation: 'max', group_by: 'region', groups }, String);
  expect(greatest.lines).toHaveLength(5);
  expect(new Set(lines.map(({ color }) => color)).size).toBe(6);
});

test('two groups of one name are two lines', () => {
  const groups = [group('key_1', 1, 0), group('key_2', 0, 1)];
  const names = new Map([
    ['key_1', 'Server'],
    ['key_2', 'Server'],
  ]);
  const { lines } = linesOf({ ...series, group_by: 'key_id', groups }, (value) => groupLabel(value, 'key_id', names));
  expect(lines.map(({ name }) => name)).toEqual(['Server', 'Server (2)']);
});

test('a group says what it is of, also when nothing was said', () => {
  expect(groupLabel('', 'region', new Map())).toBe('Not said');
  expect(groupLabel('', 'key_id', new Map())).toBe('Sent without a key');
  expect([
    shareOf(3, series),
    shareOf(3, { ...series, aggregation: 'max' }),
    shareOf(0, { ...series, quantity: 0 }),
  ]).toEqual(['10 %', '', '']);
  expect(dimensionChoices(undefined).map(({ value }) => value)).toEqual(['', 'key_id', 'endpoint']);
});

test('the file is of the time that is shown', () => {
  expect(exportHref('cust_1', series, { of: 'hours', format: 'csv' })).toBe(
    '/v1/usage/export?customer_id=cust_1&of=hours&format=csv&from=2026-11-01T04%3A00%3A00.000Z&to=2026-11-03T05%3A00%3A00.000Z',
  );
});
