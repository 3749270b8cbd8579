import { expect, test } from 'vitest';
import { fakeClock, systemClock } from './clock.ts';

test('a fake clock stands still until it is moved', () => {
  const clock = fakeClock(1_000);
  expect([clock.now(), clock.now()]).toEqual([1_000, 1_000]);
  clock.advance(250);
  expect(clock.now()).toBe(1_250);
  clock.set(5);
  expect(clock.now()).toBe(5);
});

test("the system clock is the machine's, in milliseconds", () => {
  const before = performance.timeOrigin + performance.now();
  expect(Math.abs(systemClock.now() - before)).toBeLessThan(5_000);
});
