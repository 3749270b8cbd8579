import { expect, test } from 'vitest';
import { monthBefore, monthRange } from './months.ts';

test('a month is from behind its first instant to that of the next one', () => {
  expect(monthRange('2026-12')).toEqual({ from: '2026-12-01T00:00:00.001Z', to: '2027-01-01T00:00:00.001Z' });
  expect(monthRange('2026-13')).toBeNull();
  expect(monthRange('')).toBeNull();
});

test.each([
  ['2026-11-29T12:00:00Z', '2026-10'],
  ['2026-01-01T00:00:00Z', '2025-12'],
])('at %s the last month is %s', (now, month) => {
  expect(monthBefore(Date.parse(now))).toBe(month);
});
