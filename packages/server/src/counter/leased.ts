import { type Instant, type Take, type TakeResult, createBlocks, customerOf } from '@farebox/core';
import { abreast } from '../lib/abreast.ts';
import type { Counter } from '../ports.ts';
import type { RedisLink } from './link.ts';
import { createRedisCounter } from './redis.ts';

export interface LeasedCounter extends Counter {
  /** Decisions, those answered without waiting, and calls of Redis, since the start. */
  stats(): { decisions: number; local: number; calls: number };
  /** Gives back what is not used any more; every so often, and at the end. */
  giveBack(all?: boolean): Promise<void>;
}

type Filled = { type: 'filled' } | { type: 'failed'; error: unknown };

const mostIds = 200_000;
/** Calls that give back, under way at once: more would have decisions wait behind them. */
const mostGivingBack = 4;

/**
 * A node takes blocks of units with one call and spends them by itself (see `createBlocks`). Buckets and places are asked for one by one.
 *
 * `time` is a clock that nobody sets, in milliseconds. With a movable clock it is the caller's.
 */
export function createLeasedCounter(deps: { link: RedisLink; time: (now: Instant) => number }): LeasedCounter {
  const { link } = deps;
  const exact = createRedisCounter(link);
  const blocks = createBlocks();
  /** One fill at a time for a customer; who comes meanwhile waits, and is likely served by it. */
  const filling = new Map<string, { done: Promise<Filled>; waiting: number }>();
  const lastWaiting = new Map<string, number>();
  const counts = { decisions: 0, local: 0, calls: 0 };
  let lastNow: Instant = 0;

  /** Takes blocks for every limit that lacks units, or for none, and spends this decision from them. */
  async function fill(takes: readonly Take[], cost: number, now: Instant, waiting: number): Promise<TakeResult> {
    const call = blocks.ask(takes, cost, deps.time(now), waiting);
    // A share that was used up has units again after a while: then there is nothing to ask for.
    if (call.asks.length > 0) {
      counts.calls += 1;
      const refused = blocks.answered(call, await link.run(call.asks, now));
      if (refused !== null) return refused;
    }
    const result = blocks.spend(takes, cost, deps.time(now));
    // What was taken for long may be over when a slow answer comes: then it is asked once more.
    return result ?? (await exact.take(takes, cost, now));
  }

  async function wait(takes: readonly Take[], cost: number, now: Instant): Promise<TakeResult> {
    const customer = customerOf(takes);
    for (;;) {
      const result = blocks.spend(takes, cost, deps.time(now));
      if (result !== null) return result;
      const begun = filling.get(customer);
      if (begun === undefined) break;
      begun.waiting += 1;
      const filled = await begun.done;
      begun.waiting -= 1;
      // Each of them asking again, one after the other, would wait as many times as long as Redis may take.
      if (filled.type === 'failed') throw filled.error;
    }
    const { promise: done, resolve } = Promise.withResolvers<Filled>();
    let filled: Filled = { type: 'filled' };
    const mine = { done, waiting: 0 };
    filling.set(customer, mine);
    try {
      return await fill(takes, cost, now, lastWaiting.get(customer) ?? 0);
    } catch (error) {
      filled = { type: 'failed', error };
      throw error;
    } finally {
      if (lastWaiting.size >= mostIds) lastWaiting.clear();
      if (mine.waiting > 0) lastWaiting.set(customer, mine.waiting);
      else lastWaiting.delete(customer);
      filling.delete(customer);
      resolve(filled);
    }
  }

  return {
    take(takes, cost, now, room) {
      counts.decisions += 1;
      lastNow = now;
      // What asks without taking, and what cannot be taken for later, is asked there.
      const isExact = cost === 0 || takes.some(({ kind }) => kind === 'bucket' || kind === 'places');
      if (isExact) {
        counts.calls += 1;
        return takes.length === 0 ? exact.take(takes, cost, now) : exactly(takes, cost, now);
      }
      const result = blocks.spend(takes, cost, deps.time(now), room);
      if (result === null) return wait(takes, cost, now);
      counts.local += 1;
      return result;
    },

    release: (id, lease) => link.release(id, lease),
    // From the limit itself: what this node holds is its own.
    carve: (asks, now) => link.run(asks, now),

    async giveBack(all = false) {
      const groups = blocks.unspent(deps.time(lastNow), all);
      counts.calls += groups.length;
      await abreast(groups, mostGivingBack, async (asks) => void (await link.run(asks, lastNow)));
    },

    stats: () => ({ ...counts }),
  };

  /** What is held here counts as not used: it is spent first where a request asks exactly. */
  async function exactly(takes: readonly Take[], cost: number, now: Instant): Promise<TakeResult> {
    const result = await exact.take(takes, cost, now);
    for (const [index, { id }] of takes.entries())
      result.used[index] = Math.max(0, (result.used[index] ?? 0) - blocks.left(id, deps.time(now)));
    return result;
  }
}
