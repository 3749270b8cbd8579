import type { Instant } from '@farebox/core';

/**
 * A circuit in front of somebody else's service, and the budget of retries to it. Both are plain state and pure steps: an
 * outage must neither pile up callers who wait for it nor be met with more calls than before it.
 */
export interface CircuitState {
  /** Failures since the last success. */
  failures: number;
  /** Calls are refused before this instant; null while calls pass. */
  closed_until: Instant | null;
  /** One call is under way to find out whether the service is back. */
  probing: boolean;
  /** Retries that may still be made; a tenth is earned by each call. */
  retries_left: number;
}

/** This many failures in a row are no accident of one call. */
const failuresToOpen = 5;
const shortestPause_ms = 2_000;
const longestPause_ms = 30_000;
const mostRetries = 10;
const earnedPerCall = 0.1;

export const freshCircuit: CircuitState = {
  failures: 0,
  closed_until: null,
  probing: false,
  retries_left: mostRetries,
};

/** Whether a call may go out now. After the pause one goes first, and the others wait for what becomes of it. */
export function admit(state: CircuitState, now: Instant): { allowed: boolean; state: CircuitState } {
  const earned = { ...state, retries_left: Math.min(mostRetries, state.retries_left + earnedPerCall) };
  if (state.closed_until === null) return { allowed: true, state: earned };
  if (now < state.closed_until || state.probing) return { allowed: false, state };
  return { allowed: true, state: { ...earned, probing: true } };
}

/** After a call: the service answered, whatever it said, or it did not. */
export function settle(state: CircuitState, answered: boolean, now: Instant): CircuitState {
  if (answered) return { ...state, failures: 0, closed_until: null, probing: false };
  const failures = state.failures + 1;
  if (failures < failuresToOpen) return { ...state, failures };
  const pause = Math.min(longestPause_ms, shortestPause_ms * 2 ** Math.min(10, failures - failuresToOpen));
  return { ...state, failures, closed_until: now + pause, probing: false };
}

/** Takes one retry from the budget; null when it is spent. */
export function takeRetry(state: CircuitState): CircuitState | null {
  return state.closed_until === null && state.retries_left >= 1
    ? { ...state, retries_left: state.retries_left - 1 }
    : null;
}

/** How long to wait before a retry: doubling, with a jitter that only adds, so that no two callers keep in step. */
export function retryWaitMs(retry: number, jitter: number, asked_ms: number | null): number {
  const base = 250 * 2 ** retry;
  return Math.max(asked_ms ?? 0, base) + Math.floor(base * jitter);
}
