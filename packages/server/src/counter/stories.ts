import type { Instant, Take } from '@farebox/core';
import type { Counter } from '../ports.ts';

/** A counter in a state nobody else shares. */
export type MakeCounter = () => Counter | Promise<Counter>;

export const start: Instant = Date.UTC(2026, 0, 31, 23, 59, 59, 500);
export const farEnd: Instant = start + 30 * 86_400_000;

export function window(limit: number, window_ms: number, id = `cust_a:${window_ms}`): Take {
  return { kind: 'window', id, limit, window_ms };
}

export function quota(limit: number, options: { hard?: boolean; seed?: number; id?: string } = {}): Take {
  const { hard = true, seed = 0, id = 'cust_a:requests:1' } = options;
  return {
    kind: 'quota',
    id,
    limit,
    hard,
    seed,
    period_end_at: farEnd,
    of: { meter_id: 'requests', key_id: null, start_at: start },
  };
}

export interface Admitted {
  at: Instant;
  cost: number;
}

/** The most that any window of this length holds: a window that holds the most can be moved to end at an admission. */
export function mostInAnyWindow(log: readonly Admitted[], window_ms: number): number {
  let most = 0;
  for (const { at: end } of log) {
    let sum = 0;
    for (const { at, cost } of log) if (at > end - window_ms && at <= end) sum += cost;
    most = Math.max(most, sum);
  }
  return most;
}
