import type { Instant } from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Log } from '../lib/log.ts';
import { type Pepper, newestOf } from '../lib/pepper.ts';
import { type Rehash, moveSecrets, touchKeys } from './store.ts';

/** How late `last_used_at` may be. */
const defaultIntervalMs = 30_000;
/** Keys of one statement. */
const batchSize = 1000;

/** Secrets that wait to be moved; further ones are noticed again at their next use. */
const mostMoves = 50_000;

/**
 * What the use of a key leaves behind, without a write per request: the newest use of each key and the secrets that are kept
 * under an older pepper are held here and written now and then. A kill loses what was not written yet: a time is some
 * seconds older, a secret moves at its next use.
 */
export function createLastUsed(deps: {
  db: Pick<Database, 'kysely'>;
  log: Pick<Log, 'warn'>;
  peppers: readonly Pepper[];
  /** What else is written with it. */
  also?: () => Promise<void>;
  interval_ms?: number;
}) {
  let used = new Map<string, Instant>();
  let moves = new Map<string, Rehash>();
  const { id: pepper_id } = newestOf(deps.peppers);
  let timer: NodeJS.Timeout | null = null;
  let flushing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    await writeMoves();
    await writeUses();
    await deps.also?.();
  }

  async function writeMoves(): Promise<void> {
    const taken = [...moves.values()];
    moves = new Map();
    for (let from = 0; from < taken.length; from += batchSize) {
      try {
        await moveSecrets(deps.db.kysely, taken.slice(from, from + batchSize));
      } catch (error) {
        for (const move of taken.slice(from)) moves.set(move.from.toString('latin1'), move);
        throw error;
      }
    }
  }

  async function writeUses(): Promise<void> {
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
    flush().catch((error: unknown) => deps.log.warn({ err: error }, 'use of keys not written; tried again later'));
  }

  return {
    /** Called per request: keeps one number per key in use. */
    touch,
    /** A secret was found by an older digest: it is kept under the newest pepper from the next write on. */
    move(from: Buffer, digest: Buffer): void {
      if (moves.size < mostMoves) moves.set(from.toString('latin1'), { from, digest, pepper_id });
    },
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
