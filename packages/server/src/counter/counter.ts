import type { QuotaTake } from '@farebox/core';
import type { Log } from '../lib/log.ts';
import { monotonic } from '../lib/clock.ts';
import type { Counter } from '../ports.ts';
import { createInsuredCounter } from './insured.ts';
import { createLeasedCounter } from './leased.ts';
import { createRedisLink } from './link.ts';
import { createMemoryCounter } from './memory.ts';
import { createRedisCounter } from './redis.ts';

/** Longer than this no decision waits for Redis, so that none takes 50 ms. */
const timeoutMs = 40;
/** So long a start waits for Redis. */
const readyMs = 2000;
/** How often units that are held and not used go back. */
const giveBackMs = 500;

export type CounterChoice =
  | { kind: 'memory' }
  /** `exact` asks Redis for every decision; `leased` spends blocks of units that Redis gave it. */
  | { kind: 'redis'; urls: readonly string[]; mode: 'exact' | 'leased'; nodes: number };

/**
 * The counter the program runs with: in this process, or in Redis with this process as its insurance. With a movable clock
 * the counter must follow it, so Redis is told the time instead of asked (`caller`).
 */
export function createCounter(options: {
  choice: CounterChoice;
  time: 'caller' | 'redis';
  log: Log;
  onQuotaEvicted: (id: string) => void;
  /** Redis answers again: what these customers used meanwhile is known to the database alone; null: perhaps everybody's. */
  onBack: (customers: ReadonlySet<string> | null) => void;
  readUsage: (take: QuotaTake) => Promise<number>;
}): Counter & { ready(): Promise<void>; close(): Promise<void> } {
  const { choice, time, log } = options;
  const local = createMemoryCounter({ onQuotaEvicted: options.onQuotaEvicted });
  if (choice.kind === 'memory') return { ...local, ready: () => Promise.resolve(), close: () => Promise.resolve() };
  const link = createRedisLink({
    urls: choice.urls,
    time,
    timeout_ms: timeoutMs,
    readUsage: options.readUsage,
    onError: (error) => log.debug({ err: error }, 'Redis'),
    onPolicy: (fault) => log.error({}, fault),
  });
  const leased =
    choice.mode === 'leased'
      ? createLeasedCounter({ link, time: (now) => (time === 'caller' ? now : monotonic()) })
      : null;
  const insured = createInsuredCounter({
    shared: leased ?? createRedisCounter(link),
    local,
    nodes: choice.nodes,
    monotonic,
    onLost: (error) =>
      log.warn({ err: error }, 'Redis does not answer: every limit does what it declares until it does'),
    onBack: (customers) => {
      log.info({ customers: customers?.size ?? 'all' }, 'Redis answers again');
      options.onBack(customers);
    },
  });
  /** What goes back now; the next time waits for its turn. */
  let giving: Promise<void> | null = null;
  const giveBack = async (all: boolean) => {
    try {
      await leased?.giveBack(all);
    } catch (error) {
      log.debug({ err: error }, 'units were not given back; they come back with their window or period');
    }
  };
  const timer =
    leased === null
      ? null
      : setInterval(() => {
          giving ??= giveBack(false).finally(() => (giving = null));
        }, giveBackMs);
  timer?.unref();
  return {
    ...insured,
    /** A process that begins before it reached Redis would begin with its own share. Without Redis it begins all the same. */
    ready: () => link.ready(readyMs),
    async close() {
      if (timer !== null) clearInterval(timer);
      await giving;
      await giveBack(true);
      await link.close();
    },
  };
}
