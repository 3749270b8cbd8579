import type { Instant, Meter } from '@farebox/core';
import type { Database, Reader } from '../db/database.ts';
import { createBatch } from '../lib/batch.ts';
import { invariant } from '../lib/invariant.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { createUsageReader } from './read.ts';
import { type UsageRecord, type UsageScope, insertBatch, usageOfScopes } from './store.ts';

export type Usage = ReturnType<typeof createUsage>;

const mostQuantity = 1_000_000_000;

/**
 * Usage, once. `record` keeps an event in a bounded buffer that is written every `flush_ms` or `batch_size` events: a kill
 * loses at most that much, and nothing is ever counted twice. What is written is what is billed.
 */
export function createUsage(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  log: Pick<Log, 'warn' | 'error'>;
  meters: readonly Meter[];
  flush_ms?: number;
  batch_size?: number;
  capacity?: number;
}) {
  const { db, clock, log } = deps;
  const listeners = new Set<(customerId: string) => void>();
  const batch = createBatch<UsageRecord>({
    size: deps.batch_size ?? 1000,
    age_ms: deps.flush_ms ?? 200,
    capacity: deps.capacity ?? 100_000,
    async flush(records, id) {
      const grown = await insertBatch(db.kysely, id, records, clock.now());
      for (const customerId of grown) for (const listener of listeners) listener(customerId);
    },
    onError: (error) => log.warn({ err: error, pending: batch.pending() }, 'usage not written; tried again'),
    onDrop: (record) =>
      log.error({ event_id: record.id, customer_id: record.customer_id }, 'usage lost: the buffer is full'),
  });

  /** Synchronous. False when the buffer is full or closed: the event is lost, logged, and counted in `state().dropped`. */
  function record(event: UsageRecord): boolean {
    invariant(
      event.customer_id !== '' && event.meter_id !== '' && event.id !== '',
      'usage names its customer, meter and event',
    );
    invariant(
      Number.isSafeInteger(event.quantity) && event.quantity >= 0 && event.quantity <= mostQuantity,
      'a quantity is a whole number of units',
    );
    return batch.push(event);
  }

  /** Units used in each scope, in order, per what is written; inside a transaction when one is given. */
  async function usedInPeriods(scopes: readonly UsageScope[], reader: Reader = db.kysely): Promise<number[]> {
    return await usageOfScopes(reader, scopes);
  }

  return {
    ...createUsageReader(deps),
    record,
    usedInPeriods,
    /** Resolves when everything recorded before the call is written. */
    flush: () => batch.flush(),
    /** Takes nothing more and writes what is left. */
    close: () => batch.close(),
    /** `failing` is the last write's error while writing does not work: not ready. */
    state: () => ({ pending: batch.pending(), dropped: batch.dropped(), failing: batch.failing() }),

    /** Called after usage of a customer was written by this process. Must not throw. Answers how to stop. */
    onRecorded(listener: (customerId: string) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Units of one meter in one period, per what is written: what the invoice is made from. Exact at the period's bounds. */
export async function usageOfPeriod(
  db: Reader,
  customerId: string,
  meterId: string,
  period: { start_at: Instant; end_at: Instant },
): Promise<number> {
  const { start_at, end_at } = period;
  const [quantity = 0] = await usageOfScopes(db, [{ customer_id: customerId, meter_id: meterId, start_at, end_at }]);
  return quantity;
}
