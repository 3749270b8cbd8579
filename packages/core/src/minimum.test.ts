import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explainMinimum } from './explain.ts';
import { countsToMinimum, minimumFor, planMinimumFor, shortfallOf } from './minimum.ts';
import { periodAt } from './period.ts';

const overage = { type: 'per_unit', unit_price_decimal: '1' } as const;
const november = periodAt(Date.UTC(2026, 0, 1), 'month', Date.UTC(2026, 10, 10));

describe('a minimum', () => {
  test('is whole in a whole period, and by whole seconds in a part of one', () => {
    const usage = { minimum_minor: 5000, overage };
    expect(minimumFor(usage, november, november)).toBe(5000);
    const half = { start_at: november.start_at, end_at: Date.UTC(2026, 10, 16) };
    expect(minimumFor(usage, half, november)).toBe(2500);
  });

  test('is nothing where nothing is committed, and where usage has no price', () => {
    expect(minimumFor({ overage }, november, november)).toBe(0);
    expect(minimumFor({ minimum_minor: 5000, overage: null }, november, november)).toBe(0);
  });

  test('of the parts of a period sums to that of the period, wherever it is cut', () => {
    const instant = fc.integer({ min: november.start_at, max: november.end_at });
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.array(instant, { maxLength: 5 }), (minimum_minor, cuts) => {
        const bounds = [november.start_at, ...cuts.toSorted((a, b) => a - b), november.end_at];
        const parts = bounds
          .slice(1)
          .map((end_at, index) =>
            minimumFor({ minimum_minor, overage }, { start_at: bounds[index] ?? 0, end_at }, november),
          );
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(minimum_minor);
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('asks for what usage lacks, and for nothing past it', () => {
    expect(shortfallOf(5000, 1200)).toBe(3800);
    expect(shortfallOf(5000, 5000)).toBe(0);
    expect(shortfallOf(5000, 9000)).toBe(0);
  });
});

describe('a minimum of a whole plan', () => {
  const minimum = { interval: 'month', amount_minor: 5000 } as const;
  const usageOf = (interval: 'month' | 'year', price: typeof overage | null) => ({
    meter_id: 'requests',
    included: 0,
    quota: 'soft' as const,
    interval,
    overage: price,
  });

  test('is over what has a price by its own interval, and nothing where nothing has', () => {
    const monthly = usageOf('month', overage);
    expect(countsToMinimum({ minimum }, monthly)).toBe(true);
    expect(countsToMinimum({ minimum }, usageOf('year', overage))).toBe(false);
    expect(countsToMinimum({ minimum }, usageOf('month', null))).toBe(false);
    expect(countsToMinimum({}, monthly)).toBe(false);
    const half = { start_at: november.start_at, end_at: Date.UTC(2026, 10, 16) };
    expect(planMinimumFor({ minimum, usage: [monthly] }, half, november)).toBe(2500);
    expect(planMinimumFor({ minimum, usage: [usageOf('year', overage)] }, november, november)).toBe(0);
    expect(planMinimumFor({ usage: [monthly] }, november, november)).toBe(0);
  });
});

describe('a line that makes up for what usage lacks', () => {
  const billed = { interval: 'month', whole_minor: 5000, minimum_minor: 5000, usage_minor: 1200 } as const;

  test('says the minimum, what usage cost, and the difference', () => {
    const explained = explainMinimum({ ...billed, part: november, period: november }, 3800, 'usd');
    expect(explained.words).toBe('At least $50.00 a month, less $12.00 of usage = $38.00');
    expect(explained.parts.map(({ amount_minor }) => amount_minor)).toEqual([5000, -1200]);
  });

  test('of a part of a period says its share', () => {
    const part = { start_at: november.start_at, end_at: Date.UTC(2026, 10, 16) };
    const explained = explainMinimum({ ...billed, minimum_minor: 2500, part, period: november }, 1300, 'usd');
    expect(explained.words).toBe(
      'At least $50.00 a month, for 15 days of 30 days $25.00, less $12.00 of usage = $13.00',
    );
  });
});
