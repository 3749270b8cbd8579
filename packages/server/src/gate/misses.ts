import type { Entry } from '@farebox/core';
import type { Clock } from '../ports.ts';
import { type World, idOf, unavailable } from './world.ts';

interface Miss {
  id: string;
  digests: Buffer[];
  /** When its read began, in changes and in forgotten counters: who asks after a later one is not answered from it. */
  epoch: number;
  mark: number;
  promise: Promise<Entry | null>;
  resolve: (entry: Entry | null) => void;
  reject: (error: unknown) => void;
}

const maxWaiting = 10_000;
const batchSize = 1000;

/**
 * Reads entries that are not held. However many ask for a key, it is read once; however many keys are asked for, one read is
 * under way, of a batch. So a flood of keys that do not exist costs the database one small query at a time.
 */
export function createMisses(deps: {
  world: World;
  clock: Clock;
  settle?: (() => Promise<void>) | undefined;
  onOld?: ((from: Buffer, digest: Buffer) => void) | undefined;
}) {
  const { world, clock } = deps;
  const { held, unknown, source } = world;
  const waiting = new Map<string, Miss>();
  const underway = new Map<string, Miss>();
  let loading = false;
  let settledMark = 0;

  /** `id` names the key: the first of its digests. Throws `gate_unavailable` when too many wait. */
  function read(id: string, digests: Buffer[]): Promise<Entry | null> {
    const next = waiting.get(id);
    if (next !== undefined) return next.promise;
    const begun = underway.get(id);
    if (begun?.epoch === world.epoch && begun.mark === world.mark) return begun.promise;
    if (waiting.size >= maxWaiting) throw unavailable(null);
    const { promise, resolve, reject } = Promise.withResolvers<Entry | null>();
    waiting.set(id, { id, digests, epoch: world.epoch, mark: world.mark, promise, resolve, reject });
    if (!loading) void load();
    return promise;
  }

  /** Reads what is waiting until nothing is. Never rejects: each failure goes to those who wait for that read. */
  async function load(): Promise<void> {
    loading = true;
    while (waiting.size > 0) {
      const batch = [...waiting.values()].slice(0, batchSize);
      for (const miss of batch) {
        waiting.delete(miss.id);
        miss.epoch = world.epoch;
        miss.mark = world.mark;
        underway.set(miss.id, miss);
      }
      try {
        await loadBatch(batch);
      } catch (error) {
        for (const miss of batch) miss.reject(unavailable(error));
      }
      underway.clear();
    }
    loading = false;
  }

  async function loadBatch(batch: readonly Miss[]): Promise<void> {
    const { epoch, mark } = world;
    if (mark !== settledMark) {
      await deps.settle?.();
      settledMark = mark;
    }
    const digests = batch.flatMap((miss) => miss.digests);
    const found = await source.read(digests, clock.now(), () => undefined);
    const byId = new Map(found.map((one) => [idOf(one.digest), one]));
    for (const miss of batch) {
      const hit = miss.digests.map((digest) => byId.get(idOf(digest))).find((candidate) => candidate !== undefined);
      // What was read before a change is an answer for those who asked before it, and not kept.
      if (epoch === world.epoch) {
        if (hit === undefined) unknown.set(miss.id, true);
        else held.put(hit.digest, hit.entry, mark, { is_rehashed: true });
      }
      const [newest] = miss.digests;
      if (hit !== undefined && newest !== undefined && !hit.digest.equals(newest)) deps.onOld?.(hit.digest, newest);
      miss.resolve(hit?.entry ?? null);
    }
  }

  return { read };
}
