import type { Instant } from '@farebox/core';

/** The machine's clock. The only reader of `Date.now()` in the server. */
export const systemClock = { now: (): Instant => Date.now() };

/** A clock that nobody sets, in milliseconds from some instant: for how long something took. */
export function monotonic(): number {
  return performance.now();
}

/** A clock that moves when told to. It never goes backwards on its own; `set` may move it anywhere. */
export function fakeClock(start: Instant): { now(): Instant; set(at: Instant): void; advance(ms: number): void } {
  let at = start;
  return {
    now: () => at,
    set(next) {
      at = next;
    },
    advance(ms) {
      at += ms;
    },
  };
}
