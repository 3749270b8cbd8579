import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWindow, slotOf, windowFreeAt, windowSlots, windowTake, windowUsed } from './window.ts';

const start = Date.UTC(2027, 0, 15, 12);

interface Admitted {
  at: number;
  units: number;
}

/** Takes when it fits, as a counter does. */
function tryTake(state: number[], limit: number, units: number, now: number, window_ms: number): boolean {
  if (windowUsed(state, now, window_ms) + units > limit) return false;
  windowTake(state, units, now, window_ms);
  return true;
}

const requests = fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 1, max: 4 })), {
  maxLength: 150,
});
const windows = fc.constantFrom(1000, 3000, 60_000, 7000);

describe('a sliding window', () => {
  test('admits the limit at once and no more', () => {
    const state = createWindow();
    for (let n = 0; n < 10; n++) expect(tryTake(state, 10, 1, start + n, 1000)).toBe(true);
    expect(tryTake(state, 10, 1, start + 10, 1000)).toBe(false);
    expect(windowUsed(state, start + 10, 1000)).toBe(10);
  });

  test('does not admit twice the limit across the edge of a fixed window', () => {
    const state = createWindow();
    for (let n = 0; n < 10; n++) tryTake(state, 10, 1, start + 990, 1000);
    expect(tryTake(state, 10, 1, start + 1010, 1000)).toBe(false);
  });

  test('no window of its length, wherever it starts, admits more than the limit', () => {
    fc.assert(
      fc.property(requests, windows, fc.integer({ min: 1, max: 12 }), (log, window_ms, limit) => {
        const state = createWindow();
        const admitted: Admitted[] = [];
        let now = start;
        for (const [pause, units] of log) {
          now += Math.round((pause * window_ms) / 2000);
          if (tryTake(state, limit, units, now, window_ms)) admitted.push({ at: now, units });
        }
        for (const { at } of admitted) {
          const inside = admitted.filter((other) => other.at >= at && other.at <= at + window_ms);
          expect(inside.reduce((sum, other) => sum + other.units, 0)).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('counts what a list of every take would: the slot of now and the ten before', () => {
    const takes = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 4 })), {
      maxLength: 150,
    });
    fc.assert(
      fc.property(takes, (log) => {
        const state = createWindow();
        const taken: Admitted[] = [];
        let now = start;
        for (const [pause, units] of log) {
          now += pause;
          windowTake(state, units, now, 1000);
          taken.push({ at: now, units });
          for (const later of [now, now + pause, now + 1050]) {
            const recent = taken.filter((take) => slotOf(take.at, 1000) >= slotOf(later, 1000) - windowSlots);
            expect(windowUsed(state, later, 1000)).toBe(recent.reduce((sum, take) => sum + take.units, 0));
          }
        }
      }),
    );
  });

  test('a denial consumes nothing: without its denied requests a log admits the same', () => {
    fc.assert(
      fc.property(requests, windows, fc.integer({ min: 1, max: 12 }), (log, window_ms, limit) => {
        const all = createWindow();
        const only = createWindow();
        let now = start;
        for (const [pause, units] of log) {
          now += pause;
          const before = [...all];
          if (tryTake(all, limit, units, now, window_ms))
            expect(tryTake(only, limit, units, now, window_ms)).toBe(true);
          else expect(all).toEqual(before);
        }
        expect(windowUsed(only, now, window_ms)).toBe(windowUsed(all, now, window_ms));
      }),
    );
  });

  test('a request too large for the limit is refused and blocks nobody', () => {
    const state = createWindow();
    expect(tryTake(state, 5, 6, start, 1000)).toBe(false);
    expect(tryTake(state, 5, 5, start, 1000)).toBe(true);
  });

  test('waits at most a tenth of the window longer than an exact log', () => {
    fc.assert(
      fc.property(requests, windows, fc.integer({ min: 1, max: 12 }), (log, window_ms, limit) => {
        const state = createWindow();
        const admitted: Admitted[] = [];
        let now = start;
        for (const [pause, units] of log) {
          now += pause;
          if (tryTake(state, limit, units, now, window_ms)) admitted.push({ at: now, units });
          else if (units <= limit) {
            // The exact log frees a request's units one window after it was admitted.
            const recent = admitted.filter((other) => other.at > now - window_ms * 2);
            const fits = (at: number) =>
              recent.reduce((sum, other) => sum + (other.at > at - window_ms ? other.units : 0), 0) + units <= limit;
            const exact = [now, ...recent.map((other) => other.at + window_ms)].filter((at) => at >= now && fits(at));
            expect(windowFreeAt(state, limit, units, now, window_ms)).toBeLessThanOrEqual(
              Math.min(...exact) + window_ms / windowSlots,
            );
          }
        }
      }),
    );
  });

  test('the instant it names is exact: the request passes then, and not a millisecond before', () => {
    fc.assert(
      fc.property(requests, windows, fc.integer({ min: 1, max: 12 }), (log, window_ms, limit) => {
        const state = createWindow();
        let now = start;
        for (const [pause, units] of log) {
          now += pause;
          const free = windowFreeAt(state, limit, units, now, window_ms);
          if (windowUsed(state, now, window_ms) + units <= limit) expect(free).toBe(now);
          if (units <= limit) {
            expect(windowUsed(state, free, window_ms) + units).toBeLessThanOrEqual(limit);
            if (free > now) expect(windowUsed(state, free - 1, window_ms) + units).toBeGreaterThan(limit);
          }
          tryTake(state, limit, units, now, window_ms);
        }
      }),
    );
  });

  test('more than the limit never fits; the instant named is when the window is empty', () => {
    const state = createWindow();
    windowTake(state, 3, start, 1000);
    const empty = windowFreeAt(state, 5, 6, start, 1000);
    expect(empty).toBe(start + 1100);
    expect(windowUsed(state, empty, 1000)).toBe(0);
  });

  test('a clock that steps back reads as standing still', () => {
    const state = createWindow();
    windowTake(state, 10, start, 1000);
    expect(windowUsed(state, start - 5000, 1000)).toBe(10);
    windowTake(state, 1, start - 5000, 1000);
    expect(windowUsed(state, start, 1000)).toBe(11);
    expect(windowUsed(state, start + 1100, 1000)).toBe(0);
  });

  test('after a long silence the window is empty', () => {
    const state = createWindow();
    windowTake(state, 10, start, 1000);
    windowTake(state, 2, start + 86_400_000, 1000);
    expect(windowUsed(state, start + 86_400_000, 1000)).toBe(2);
  });

  test('a slot is a tenth of the window', () => {
    expect(slotOf(start + 100, 1000) - slotOf(start, 1000)).toBe(1);
    expect(slotOf(start + 99, 1000)).toBe(slotOf(start, 1000));
    expect(slotOf(start + 60_000, 60_000) - slotOf(start, 60_000)).toBe(windowSlots);
  });
});
