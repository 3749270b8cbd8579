import type { Instant } from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Log } from '../lib/log.ts';
import { touchKeys } from './store.ts';

/** How late `last_used_at` may be. */
const defaultIntervalMs = 30_000;
/** Keys of one statement. */
const batchSize = 1000;

/**
 * When each key was last used, without a write per request: the newest use of each key is kept here and written now and
 * then, forward only. A kill loses what was not written yet; nothing but the display hangs on it.
 */
export function createLastUsed(deps: { db: Pick<Database, 'kysely'>; log: Pick<Log, 'warn'>; interval_ms?: number }) {
  let used = new Map<string, Instant>();
  let timer: NodeJS.Timeout | null = null;
  let flushing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const taken = [...used];
    used = new Map();
    for (let from = 0; from < taken.length; from += batchSize) {
      const rows = taken.slice(from, from + batchSize).map(([id, at]) => ({ id, at: new Date(at) }));
      try {
        await touchKeys(deps.db.kysely, rows);
      } catch (error) {
        // The next flush writes them, unless a later use has come by then.
        for (const [id, at] of taken.slice(from)) touch(id, at);
        throw error;
      }
    }
  }

  function touch(keyId: string, at: Instant): void {
    if ((used.get(keyId) ?? Number.NEGATIVE_INFINITY) < at) used.set(keyId, at);
  }

  /** One at a time, each after the one before, whatever became of that. */
  function flush(): Promise<void> {
    const mine = flushing.then(write, write);
    flushing = mine;
    return mine;
  }

  function flushInBackground(): void {
    flush().catch((error: unknown) => deps.log.warn({ err: error }, 'last use of keys not written; tried again later'));
  }

  return {
    /** Called per request: keeps one number per key in use. */
    touch,
    flush,
    start(): void {
      timer ??= setInterval(flushInBackground, deps.interval_ms ?? defaultIntervalMs);
      timer.unref();
    },
    /** Writes what is left. */
    async close(): Promise<void> {
      if (timer !== null) clearInterval(timer);
      timer = null;
      await flush();
    },
  };
}
