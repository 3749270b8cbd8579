import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CircuitState, admit, freshCircuit, retryWaitMs, settle, takeRetry } from './circuit.ts';

describe('an outage', () => {
  /** Calls at a steady pace against a service that is away from `from` to `to`; answers what went out. */
  function callThrough(options: { calls: number; every_ms: number; from: number; to: number }) {
    let state: CircuitState = freshCircuit;
    let sent = 0;
    let sentAway = 0;
    let backAt: number | null = null;
    for (let call = 0; call < options.calls; call += 1) {
      const now = call * options.every_ms;
      const isAway = now >= options.from && now < options.to;
      const admitted = admit(state, now);
      state = admitted.state;
      if (!admitted.allowed) continue;
      for (let tries = 0; tries < 3; tries += 1) {
        sent += 1;
        if (isAway) sentAway += 1;
        state = settle(state, !isAway, now);
        if (!isAway) break;
        const spent = takeRetry(state);
        if (spent === null) break;
        state = spent;
      }
      if (!isAway && now >= options.to) backAt ??= now;
    }
    return { sent, sentAway, recovery_ms: backAt === null ? null : backAt - options.to };
  }

  test('of five minutes at 200 calls a second is met with fewer calls than before it, and noticed to be over within 30 s', () => {
    const away = 300_000;
    const seen = callThrough({ calls: 80_000, every_ms: 5, from: 10_000, to: 10_000 + away });
    expect(seen.sentAway).toBeLessThan(60);
    expect(seen.recovery_ms).not.toBeNull();
    expect(seen.recovery_ms).toBeLessThanOrEqual(30_000);
  });

  test('that comes and goes is never met with more than a tenth of retries', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 50, maxLength: 400 }), (outcomes) => {
        let state: CircuitState = freshCircuit;
        let retries = 0;
        let now = 0;
        for (const ok of outcomes) {
          now += 60_000;
          const admitted = admit(state, now);
          if (!admitted.allowed) continue;
          state = settle(admitted.state, ok, now);
          const spent = ok ? null : takeRetry(state);
          if (spent === null) continue;
          retries += 1;
          state = spent;
        }
        expect(retries).toBeLessThanOrEqual(10 + Math.ceil(outcomes.length / 10));
      }),
    );
  });
});

test('after the pause one call finds out, the others are refused until it has', () => {
  let state = freshCircuit;
  for (let failure = 0; failure < 5; failure += 1) state = settle(state, false, 0);
  expect(admit(state, 1_999).allowed).toBe(false);
  const probe = admit(state, 2_000);
  expect(probe.allowed).toBe(true);
  expect(admit(probe.state, 2_000).allowed).toBe(false);
  expect(admit(settle(probe.state, true, 2_100), 2_100).allowed).toBe(true);
  expect(admit(settle(probe.state, false, 2_100), 4_100).allowed).toBe(false);
});

test('the wait doubles, honours what was asked for, and jitter only adds', () => {
  expect([0, 1, 2].map((retry) => retryWaitMs(retry, 0, null))).toEqual([250, 500, 1000]);
  expect(retryWaitMs(0, 0.999, null)).toBe(499);
  expect(retryWaitMs(0, 0, 3_000)).toBe(3_000);
});
