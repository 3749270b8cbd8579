import { describe, expect, test } from 'vitest';
import { formatAgo, formatPeriod } from './format.ts';

const now = Date.parse('2026-11-23T12:00:00Z');

describe('time for people', () => {
  test('a half-open period is told by its last day', () => {
    expect(formatPeriod('2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z')).toBe('1 Nov – 30 Nov 2026');
    expect(formatPeriod('2026-11-05T14:20:00Z', '2026-12-05T14:20:00Z')).toBe('5 Nov – 5 Dec 2026');
  });

  test.each([
    ['2026-11-23T11:59:40Z', 'just now'],
    ['2026-11-23T11:58:00Z', '2 minutes ago'],
    ['2026-11-23T09:00:00Z', '3 hours ago'],
    ['2026-11-22T09:00:00Z', 'yesterday'],
    ['2026-08-01T09:00:00Z', '1 Aug 2026'],
  ])('%s is %s', (instant, words) => {
    expect(formatAgo(instant, now)).toBe(words);
  });

  test('an instant ahead of the browser is not told as the future', () => {
    expect(formatAgo('2026-12-23T12:00:00Z', now)).toBe('just now');
  });
});
