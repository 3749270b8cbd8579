import { type Instant, type Take, type TakeResult, costOf, resultOf } from '@farebox/core';
import type { Counter } from '../ports.ts';
import type { RedisLink } from './link.ts';

export interface RedisCounter extends Counter {
  take(takes: readonly Take[], cost: number, now: Instant): Promise<TakeResult>;
  release(id: string, lease: string): Promise<void>;
}

/** Counts in Redis, one call per decision: exact over any number of processes. */
export function createRedisCounter(link: RedisLink): RedisCounter {
  return {
    async take(takes, cost, now) {
      if (takes.length === 0) return { allowed: true, denied: -1, used: [], reset_at: [] };
      const answer = await link.run(
        takes.map((take) => {
          const need = costOf(take, cost);
          return { take, need, want: need, back: null, is_fresh: false };
        }),
        now,
      );
      return resultOf(takes, cost, answer);
    },
    release: (id, lease) => link.release(id, lease),
    carve: (asks, now) => link.run(asks, now),
  };
}
