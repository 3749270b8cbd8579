import { type Entry, createBounded } from '@farebox/core';
import type { Log } from '../lib/log.ts';
import { type Pepper, digestsOf, foreignDigestsOf } from '../lib/pepper.ts';
import type { Clock } from '../ports.ts';
import type { Entries } from './gate.ts';
import { createMisses } from './misses.ts';
import { type OnCurrent, type OnRead, createRefresh } from './refresh.ts';
import { type Warm, createShelf } from './shelf.ts';
import { type Source, type World, idOf, unavailable } from './world.ts';

/** A quarter of a second to notice and the rest of one to read, on a busy machine too: a change made elsewhere counts here within one. */
const defaultPollMs = 250;
/** How long the last snapshot decides while the database does not answer. After that nothing passes. */
const defaultStaleMs = 5 * 60_000;
const defaultMaxEntries = 1_000_000;
const maxUnknown = 50_000;
/** Secrets that are remembered with their entry. Only those of keys that exist, so that invented ones push nothing out. */
const maxInUse = 16_384;

/**
 * Entries by digest. A miss is read once and keys that do not exist are remembered. All is renewed when the database's version
 * moved (polled) or `changed` says so (at once). What is held is bounded; what was pushed out is read again when it is asked for.
 */
export function createEntries(deps: {
  source: Source;
  clock: Clock;
  peppers: readonly Pepper[];
  /** Hears of a secret that is found by an older digest than new ones get. Must not throw. */
  onOld?: (from: Buffer, digest: Buffer) => void;
  settle?: () => Promise<void>;
  onRead?: OnRead;
  onCurrent?: OnCurrent;
  log: Pick<Log, 'warn' | 'info'>;
  poll_ms?: number;
  stale_ms?: number;
  max_entries?: number;
}) {
  const { clock, log } = deps;
  const poll_ms = deps.poll_ms ?? defaultPollMs;
  const staleTicks = Math.ceil((deps.stale_ms ?? defaultStaleMs) / poll_ms);
  const { peppers } = deps;
  const held = createShelf(deps.max_entries ?? defaultMaxEntries);
  const unknown = createBounded<true>(maxUnknown);
  const world: World = { source: deps.source, held, unknown, foreign: false, epoch: 0, mark: 0 };
  const misses = createMisses({ world, clock, settle: deps.settle, onOld: deps.onOld });
  const refresh = createRefresh({ world, clock, log, onRead: deps.onRead, onCurrent: deps.onCurrent });
  /** Entries in use, by the text of the secret: digests of it cost as much as the rest of a decision. */
  const in_use = createBounded<Warm>(Math.min(maxInUse, held.max), held.close);
  /** By customer, the mark of its counter that was forgotten last. */
  const forgotten = new Map<string, number>();
  let timer: NodeJS.Timeout | null = null;

  /**
   * The entry of a secret that was asked for lately, whosever key it is; null where it has to be looked up. No digest is made and
   * nothing is parsed: this is what most requests come to.
   */
  function remembered(token: string): Entry | null {
    const found = in_use.get(token);
    if (found === undefined || found.is_gone || isForgotten(found.entry.customer_id, found.mark)) return null;
    return refresh.unanswered() > staleTicks ? null : found.entry;
  }

  /** Throws or rejects with `gate_unavailable` when it cannot be known. */
  function get(token: string): Entry | null | Promise<Entry | null> {
    return remembered(token) ?? find(token, digestsOf(token, peppers));
  }

  function getForeign(token: string): Entry | null | Promise<Entry | null> {
    return remembered(token) ?? find(token, foreignDigestsOf(token, peppers));
  }

  function isForgotten(customer_id: string, mark: number): boolean {
    return forgotten.size > 0 && (forgotten.get(customer_id) ?? 0) > mark;
  }

  function find(token: string, digests: Buffer[]): Entry | null | Promise<Entry | null> {
    if (refresh.unanswered() > staleTicks) throw unavailable(null);
    const [newest] = digests;
    if (newest === undefined) return null;
    for (const digest of digests) {
      // Whole digests are compared, which say nothing about the secret to who measures how long it takes.
      const row = held.find(digest);
      if (row === 0) continue;
      if (isForgotten(held.customerOf(row), held.markOf(row))) break;
      if (digest !== newest && held.rehash(row)) deps.onOld?.(digest, newest);
      const found = held.open(row);
      in_use.set(token, found);
      return found.entry;
    }
    const id = idOf(newest);
    return unknown.has(id) ? null : misses.read(id, digests);
  }

  return {
    remembered,
    get,
    /** For a text that is no key of ours: whether it can be one of another system, and which. */
    isForeign: () => world.foreign,
    getForeign,
    changed: refresh.changed,
    tick: refresh.tick,
    /** Another process said that something changed. */
    noticed: refresh.noticed,
    /** Null while what is held may decide; otherwise why not. */
    unready: () => (refresh.unanswered() > staleTicks ? 'the gate cannot read its database' : null),

    /** The customer's counter was forgotten: the next request of each of its keys waits for its usage to be read. */
    reseed(customerId: string): void {
      world.mark += 1;
      forgotten.set(customerId, world.mark);
      if (forgotten.size <= held.max) return;
      held.clear();
      forgotten.clear();
    },

    /** Every counter may know less than the database: the next request of each key reads its usage. */
    reseedAll(): void {
      world.mark += 1;
      held.clear();
      forgotten.clear();
    },

    /** Which of the database's changes what is held has; null: nothing was read yet. */
    version: refresh.version,
    stats: () => ({ entries: held.size(), unknown: unknown.size(), unanswered_polls: refresh.unanswered() }),

    /** Resolves when the database was asked for the first time. */
    async start(): Promise<void> {
      if (timer !== null) return;
      timer = setInterval(() => void refresh.tick(), poll_ms);
      timer.unref();
      await refresh.tick();
    },

    /** Resolves when no read is under way any more. */
    async stop(): Promise<void> {
      if (timer !== null) clearInterval(timer);
      timer = null;
      await refresh.idle();
    },
  } satisfies Entries & Record<string, unknown>;
}
