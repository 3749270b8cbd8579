import { expect, test } from 'vitest';
import { fakeClock } from '../lib/clock.ts';
import { addressGroup, createAttempts } from './attempts.ts';

const rule = { kind: 'try', limit: 3, window_ms: 60_000 };

test('the fourth attempt in a window is refused with the seconds left, the next window is open', () => {
  const clock = fakeClock(0);
  const attempts = createAttempts({ clock });
  for (let index = 0; index < 3; index += 1) attempts.take(rule, 'a');
  clock.advance(30_500);
  expect(() => attempts.take(rule, 'a')).toThrow('Try again in 30 seconds.');
  attempts.take(rule, 'b');
  clock.advance(29_500);
  attempts.take(rule, 'a');
});

test('success forgets, a call without an address is not counted', () => {
  const attempts = createAttempts({ clock: fakeClock(0) });
  for (let index = 0; index < 20; index += 1) {
    attempts.take(rule, 'a');
    attempts.forget(rule, 'a');
    attempts.take(rule, null);
  }
});

test('memory is bounded: past the bound the oldest window goes', () => {
  const attempts = createAttempts({ clock: fakeClock(0), max_ids: 2 });
  for (let index = 0; index < 3; index += 1) attempts.take(rule, 'a');
  attempts.take(rule, 'b');
  expect(() => attempts.take(rule, 'a')).toThrow();
  attempts.take(rule, 'c');
  attempts.take(rule, 'a');
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s counts as %s', (ip, group) => {
  expect(addressGroup(ip)).toBe(group);
});
