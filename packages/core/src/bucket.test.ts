import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BucketRule, bucketFits, bucketFreeAt, bucketTake, bucketUsed, createBucket } from './bucket.ts';

const start = Date.UTC(2026, 0, 31, 23, 59, 59, 500);

const rules = fc.record({
  limit: fc.integer({ min: 1, max: 50 }),
  window_ms: fc.constantFrom(1000, 60_000, 86_400_000),
  burst: fc.integer({ min: 1, max: 30 }),
});

/** Waits as long as a unit, a burst or a window takes, and odd ones between. */
const steps = fc.array(
  fc.record({ wait: fc.double({ min: 0, max: 1.5, noNaN: true }), cost: fc.integer({ min: 1, max: 6 }) }),
  { minLength: 1, maxLength: 60 },
);

describe('a limit with a burst', () => {
  test('the burst passes at once, then one unit each limit-th of a window', () => {
    const rule: BucketRule = { limit: 10, window_ms: 1000, burst: 3 };
    const state = createBucket();
    const passes = (at: number) => {
      if (!bucketFits(state, rule, 1, at)) return false;
      bucketTake(state, rule, 1, at);
      return true;
    };
    expect([0, 0, 0, 0].map((wait) => passes(start + wait))).toEqual([true, true, true, false]);
    expect(bucketUsed(state, rule, start)).toBe(3);
    expect(bucketFreeAt(state, rule, 1, start)).toBe(start + 100);
    expect([99, 100, 100, 199, 200].map((wait) => passes(start + wait))).toEqual([false, true, false, false, true]);
    expect(bucketUsed(state, rule, start + 10_000)).toBe(0);
  });

  test('no time of any length admits more than the burst and what flowed out in it', () => {
    fc.assert(
      fc.property(rules, steps, (rule, asked) => {
        const state = createBucket();
        const log: { at: number; cost: number }[] = [];
        let now = start;
        for (const { wait, cost } of asked) {
          now += Math.round((wait * rule.window_ms) / rule.limit);
          if (!bucketFits(state, rule, cost, now)) continue;
          bucketTake(state, rule, cost, now);
          log.push({ at: now, cost });
        }
        for (const [from, first] of log.entries()) {
          let sum = 0;
          for (const { at, cost } of log.slice(from)) {
            sum += cost;
            // In units × window_ms both sides are whole.
            expect(sum * rule.window_ms).toBeLessThanOrEqual(
              rule.burst * rule.window_ms + (at - first.at) * rule.limit,
            );
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('the earliest instant is one: a millisecond before it the units do not fit, at it they do', () => {
    fc.assert(
      fc.property(rules, steps, fc.integer({ min: 1, max: 40 }), (rule, asked, need) => {
        const state = createBucket();
        let now = start;
        for (const { wait, cost } of asked) {
          now += Math.round((wait * rule.window_ms) / rule.limit);
          if (bucketFits(state, rule, cost, now)) bucketTake(state, rule, cost, now);
        }
        const free_at = bucketFreeAt(state, rule, need, now);
        if (need > rule.burst) {
          expect(bucketUsed(state, rule, free_at)).toBe(0);
          return;
        }
        expect(bucketFits(state, rule, need, free_at)).toBe(true);
        if (free_at > now) expect(bucketFits(state, rule, need, free_at - 1)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('another limit goes on from the units that were used; a clock that steps back grants nothing', () => {
    const small: BucketRule = { limit: 10, window_ms: 1000, burst: 5 };
    const large: BucketRule = { limit: 100, window_ms: 1000, burst: 50 };
    const state = createBucket();
    bucketTake(state, small, 5, start);
    expect(bucketUsed(state, large, start)).toBe(5);
    expect(bucketFits(state, large, 45, start)).toBe(true);
    bucketTake(state, large, 45, start);
    expect(bucketUsed(state, small, start)).toBe(50);
    for (const back of [1, 5000, 300_000]) expect(bucketFits(state, large, 1, start - back)).toBe(false);
    expect(bucketFreeAt(state, large, 1, start - 5000)).toBe(start + 10);
  });
});
