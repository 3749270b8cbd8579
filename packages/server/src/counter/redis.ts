import { type Instant, bucketFreeAt, bucketUsed, windowFreeAt, windowUsed } from '@farebox/core';
import type { Counter, Take, TakeResult } from '../ports.ts';
import type { RedisLink } from './link.ts';
import { capacityOf, costOf } from './memory.ts';
import type { Answered } from './script.ts';

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
  };
}

/** The decision as a counter answers it, from the states after it. `own` is what of each was taken for later and counts as unused. */
export function resultOf(
  takes: readonly Take[],
  cost: number,
  answer: { allowed: boolean; now: Instant; parts: readonly Answered[] },
  own: (index: number) => number = () => 0,
): TakeResult {
  const { allowed, now } = answer;
  const used: number[] = [];
  const reset_at: Instant[] = [];
  let denied = -1;
  let last = -1;
  for (const [index, take] of takes.entries()) {
    const part = answer.parts[index];
    if (part === undefined) continue;
    const count = usedOf(take, part, now) - own(index);
    const need = costOf(take, cost);
    const most = capacityOf(take);
    const refuses = !allowed && need > 0 && count + need > most && (take.kind !== 'quota' || take.hard);
    const free = freeAt(take, part, refuses ? need : Math.max(1, most - count + 1), now);
    used.push(count);
    reset_at.push(count === 0 && take.kind !== 'quota' ? now : free);
    if (!refuses) continue;
    const frees = need > most ? Number.POSITIVE_INFINITY : free;
    if (frees > last) {
      denied = index;
      last = frees;
    }
  }
  return { allowed, denied, used, reset_at };
}

function usedOf(take: Take, part: Answered, now: Instant): number {
  if (take.kind === 'window' && part.kind === 'window') return windowUsed(part.state, now, take.window_ms);
  if (take.kind === 'bucket' && part.kind === 'bucket') return bucketUsed(part.state, take, now);
  return part.kind === 'quota' || part.kind === 'places' ? part.used : 0;
}

function freeAt(take: Take, part: Answered, need: number, now: Instant): Instant {
  if (take.kind === 'window' && part.kind === 'window')
    return windowFreeAt(part.state, take.limit, need, now, take.window_ms);
  if (take.kind === 'bucket' && part.kind === 'bucket')
    return bucketFreeAt(part.state, take, Math.min(need, take.burst), now);
  return take.kind === 'quota' ? take.period_end_at : part.kind === 'places' ? part.earliest_at : now;
}
