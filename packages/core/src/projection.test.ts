import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { paceSpan, projectedUnits } from './projection.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = Date.UTC(2026, 10, 16, 12, 20);

describe('the time whose pace is taken', () => {
  test.each([
    ['is the seven days before, from a full hour', now - 40 * day, Date.UTC(2026, 10, 9, 12), 7 * day + 20 * 60_000],
    ['is the time subscribed when that is less long', now - 2 * day - 1, now - 2 * day - 1, 2 * day + 1],
    ['is measured as a day when there is less of it', now - 60_000, now - 60_000, day],
  ])('%s', (_, began_at, start_at, elapsed_ms) => {
    expect(paceSpan(began_at, now)).toEqual({ start_at, end_at: Date.UTC(2026, 10, 16, 13), elapsed_ms });
  });
});

describe('units at the end of a period', () => {
  const span = { start_at: now - 7 * day, end_at: now, elapsed_ms: 7 * day };
  const of = {
    used: 300,
    recent: 70,
    span,
    aggregation: 'sum',
    included: 350,
    quota: 'soft',
    end_at: now + 14 * day,
    now,
  } as const;

  test.each([
    ['go on as they did', {}, 440],
    ['stop at a hard quota', { quota: 'hard' }, 350],
    ['that are past a hard quota already stay', { quota: 'hard', used: 400 }, 400],
    ['stay what they are where they are no sum', { aggregation: 'max' }, 300],
    ['are what was used when the period has ended', { end_at: now - 1 }, 300],
    ['do not become fewer when more was taken back than used', { recent: -50 }, 300],
  ] as const)('%s', (_, changed, expected) => {
    expect(projectedUnits({ ...of, ...changed })).toBe(expected);
  });

  test('of an even pace are the whole, whenever they are asked for', () => {
    const start = Date.UTC(2026, 10, 1);
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 30 * 24 }), fc.integer({ min: 1, max: 1_000_000 }), (hours, pace) => {
        const at = start + hours * hour;
        const taken = paceSpan(start, at);
        const recent = ((at - taken.start_at) / hour) * pace;
        const asked = { ...of, used: hours * pace, recent, span: taken, now: at, end_at: start + 30 * day };
        expect(projectedUnits(asked)).toBe(30 * 24 * pace);
      }),
    );
  });
});
