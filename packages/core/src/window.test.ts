import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createWindow,
  slotEnd,
  slotOf,
  windowFreeAt,
  windowAheadRoom,
  windowGiveBack,
  windowNumbers,
  windowOf,
  windowOverAt,
  windowSlots,
  windowTake,
  windowTakeAhead,
  windowUsed,
} from './window.ts';

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

/** What somebody does with a window who holds units that were taken ahead. */
const story = fc.array(
  fc.record({
    pause: fc.oneof(fc.constant(0), fc.constantFrom(99, 100, 101, 1000, 1100, 9000), fc.integer({ min: 0, max: 700 })),
    units: fc.integer({ min: 1, max: 4 }),
    does: fc.constantFrom('takes', 'takes ahead', 'spends', 'spends', 'gives back'),
  }),
  { maxLength: 150 },
);

describe('units taken ahead', () => {
  const window_ms = 1000;
  const id = 'cust_a:1s';

  test('whenever they are spent, no window of its length admits more than the limit', () => {
    fc.assert(
      fc.property(story, fc.integer({ min: 1, max: 120 }), (steps, limit) => {
        let state = createWindow();
        const admitted: Admitted[] = [];
        let held: { units: number; slot: number; spent: Admitted[] }[] = [];
        const lately = ({ spent }: { spent: Admitted[] }) => spent.filter(({ at }) => at > now - window_ms).length;
        let now = start;
        for (const { pause, units, does } of steps) {
          now += pause;
          held = held.filter(({ slot }) => now < slotEnd(slot, window_ms));
          const room = Math.min(
            windowAheadRoom(state, limit, now, window_ms),
            limit - windowUsed(state, now, window_ms),
          );
          if (does === 'takes' && tryTake(state, limit, units, now, window_ms)) admitted.push({ at: now, units });
          else if (does === 'takes ahead' && units <= room) {
            held.push({ units, slot: windowTakeAhead(state, units, now, { id, window_ms }), spent: [] });
          } else if (does === 'spends') {
            const block = held[units % held.length];
            if (block === undefined || lately(block) >= block.units) continue;
            for (const log of [block.spent, admitted]) log.push({ at: now, units: 1 });
          } else if (does === 'gives back') {
            for (const block of held) {
              windowGiveBack(state, block.units, block.slot);
              windowTake(state, lately(block), now, window_ms);
            }
            held = [];
          }
          // As it is stored and read again.
          state = windowOf(state.slice(0, windowNumbers));
        }
        for (const { at } of admitted) {
          const inside = admitted.filter((other) => other.at >= at && other.at <= at + window_ms);
          expect(inside.reduce((sum, other) => sum + other.units, 0)).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('they count until their slot has left the window, and the instants named are exact', () => {
    fc.assert(
      fc.property(story, fc.integer({ min: 4, max: 20 }), (steps, limit) => {
        const state = createWindow();
        let last = 0;
        let now = start;
        for (const { pause, units, does } of steps) {
          now += pause;
          const free = windowFreeAt(state, limit, units, now, window_ms);
          if (windowUsed(state, now, window_ms) + units <= limit) expect(free).toBe(now);
          else expect(windowUsed(state, free - 1, window_ms) + units).toBeGreaterThan(limit);
          expect(windowUsed(state, free, window_ms) + units).toBeLessThanOrEqual(limit);
          if (does === 'takes ahead') last = Math.max(last, windowTakeAhead(state, units, now, { id, window_ms }));
          else if (tryTake(state, limit, units, now, window_ms)) last = Math.max(last, slotOf(now, window_ms));
          else continue;
          expect(windowOverAt(state, window_ms)).toBe(slotEnd(last + windowSlots, window_ms));
          expect(windowUsed(state, windowOverAt(state, window_ms) - 1, window_ms)).toBeGreaterThan(0);
          expect(windowUsed(state, windowOverAt(state, window_ms), window_ms)).toBe(0);
        }
      }),
    );
  });

  test('what is given back is there again, before its slot has come and after', () => {
    for (const later of [0, 500, 999]) {
      const state = createWindow();
      const first = windowTakeAhead(state, 3, start, { id, window_ms });
      const second = windowTakeAhead(state, 4, start + 10_000, { id, window_ms });
      expect(slotEnd(second, window_ms)).toBe(slotEnd(first, window_ms) + 10_000);
      windowTake(state, 1, start + 10_000 + later, window_ms);
      const before = windowUsed(state, start + 10_000 + later, window_ms);
      expect(windowGiveBack(state, 3, first)).toBe(true);
      expect(windowGiveBack(state, 1, second)).toBe(true);
      expect(windowGiveBack(state, 1, second + 1)).toBe(false);
      expect(windowUsed(state, start + 10_000 + later, window_ms)).toBe(before - 4);
    }
  });

  test('they reach ten seconds at least, or a slot of a minute, and at most twice as far; a longer slot is not left', () => {
    for (const [length, far] of [
      [100, 10_000],
      [1000, 10_000],
      [10_000, 10_000],
      [60_000, 6000],
    ] as const)
      for (let at = start; at < start + 25_000; at += 370) {
        const slot = windowTakeAhead(createWindow(), 1, at, { id: `cust_a:${length}`, window_ms: length });
        expect(slotEnd(slot, length) - at).toBeGreaterThan(far);
        expect(slotEnd(slot, length) - at).toBeLessThanOrEqual(2 * far);
      }
    const slot = windowTakeAhead(createWindow(), 1, start, { id: 'cust_a:1h', window_ms: 3_600_000 });
    expect(slot).toBe(slotOf(start, 3_600_000));
  });

  test('all of them together are a quarter of the limit, and nothing of a limit under 20', () => {
    const state = createWindow();
    expect(windowAheadRoom(state, 19, start, window_ms)).toBe(0);
    expect(windowAheadRoom(state, 99, start, window_ms)).toBe(24);
    windowTakeAhead(state, 10, start, { id, window_ms });
    windowTakeAhead(state, 5, start + 10_000, { id, window_ms });
    // What is used otherwise is gone before long.
    windowTake(state, 50, start + 10_000, window_ms);
    expect(windowAheadRoom(state, 99, start + 10_000, window_ms)).toBe(9);
    // The first of them are not ahead any more.
    expect(windowAheadRoom(state, 99, start + 20_000, window_ms)).toBe(19);
    expect(windowAheadRoom(state, 40, start + 10_000, window_ms)).toBe(0);
  });

  test('a clock that steps back takes them no earlier', () => {
    const state = createWindow();
    windowTake(state, 1, start, window_ms);
    const slot = windowTakeAhead(state, 2, start - 30_000, { id, window_ms });
    expect(slot).toBe(slotOf(start, window_ms));
    expect(windowUsed(state, start + 1099, window_ms)).toBe(3);
    expect(windowUsed(state, start + 1100, window_ms)).toBe(0);
  });
});
