import type { Aggregation, Instant, Meter } from '@farebox/core';
import { billedUnits } from '@farebox/core';
import type { Database, Reader } from '../db/database.ts';
import { createBatch } from '../lib/batch.ts';
import { createRequestId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { createBalances } from './balances.ts';
import { createUsageCommit } from './commit.ts';
import { type StoredEvent, type UsageRecord, mostQuantity } from './events/event.ts';
import { createEventReader } from './events/reader.ts';
import { createCounting } from './events/counting.ts';
import { createIngest } from './events/ingest.ts';
import { type UsageScope, measureScopes } from './queries.ts';
import { createUsageReader } from './read.ts';
import { createTally } from './tally.ts';
import { createUsageWriter } from './writer.ts';

export type Usage = ReturnType<typeof createUsage>;

/** `units`: at most so many more of any meter; Infinity where it is not known how many. */
export type RecordedListener = (customerId: string, units: number) => void;

/** Of one meter of one customer in one period; of one key only when that is named. */
export type AskedScope = Omit<UsageScope, 'aggregation'>;

/** How long the gate's usage lies in memory before a write of it begins. */
export const usageFlushMs = 200;
/** The same while more than a write's worth comes in that time: what waits for longer is summed with more of its kind. */
const usageBusyMs = 800;
const defaultBackdateMs = 35 * 86_400_000;
export const defaultKeptMs = 400 * 86_400_000;

/**
 * Usage, once. What the gate lets through is kept by `record` in a bounded buffer that is written every `flush_ms` or
 * `batch_size` events: a kill loses at most that much. What is sent from outside is answered when it is committed. Both are
 * written by the same writer, nothing is ever counted twice, and what is written is what is billed.
 */
export function createUsage(deps: {
  db: Pick<Database, 'kysely' | 'transaction' | 'inRounds'>;
  clock: Clock;
  log: Pick<Log, 'warn' | 'error'>;
  meters: readonly Meter[];
  flush_ms?: number;
  batch_size?: number;
  capacity?: number;
  /** How old an event may be, and how long events are kept. */
  backdate_ms?: number;
  kept_ms?: number;
}) {
  const { db, clock, log, meters, capacity = 100_000 } = deps;
  const kept_ms = deps.kept_ms ?? defaultKeptMs;
  const listeners = new Set<RecordedListener>();
  const writer = createUsageWriter({ db, meters });
  const balances = createBalances({ db, clock, aggregationOf });
  const ingest = createIngest({
    db,
    clock,
    meters,
    writer,
    limits: { backdate_ms: deps.backdate_ms ?? defaultBackdateMs },
    written,
  });
  const batch = createBatch<UsageRecord>({
    size: deps.batch_size ?? 1000,
    full: deps.batch_size ?? capacity / 4,
    age_ms: deps.flush_ms ?? usageFlushMs,
    busy_ms: Math.max(deps.flush_ms ?? 0, usageBusyMs),
    capacity,
    flush: async (records, id) => await writeRecords(id, records),
    onTake: (count) => tally.taken(count),
    onError: (error) => log.warn({ err: error, pending: batch.pending() }, 'usage not written; tried again'),
    onDrop: (record) =>
      log.error({ event_id: record.id, customer_id: record.customer_id }, 'usage lost: the buffer is full'),
  });

  const tally = createTally({
    meters,
    push: (record) => batch.push(record),
    createId: ({ occurred_at }) => createRequestId(occurred_at),
  });

  const count = createCounting(meters);
  const listed = new Set(meters.map(({ id }) => id));

  /** A request as an event: of the type that the plan's meter is called, which counts it also when the price list has it no more. */
  function eventOf({
    id,
    customer_id,
    meter_id: type,
    quantity,
    occurred_at,
    key_id,
    endpoint,
  }: UsageRecord): StoredEvent {
    const event = { id, customer_id, type, quantity, occurred_at, key_id, endpoint, properties: {} };
    const counted = count(event);
    if (!listed.has(type)) counted[type] = String(quantity);
    return { ...event, source: '', is_dated: true, counted_at: occurred_at, counted };
  }

  function aggregationOf(meterId: string): Aggregation {
    return meters.find(({ id }) => id === meterId)?.aggregation ?? 'count';
  }

  function written(events: readonly StoredEvent[], xid: bigint): void {
    balances.written(events, xid);
    const units = new Map<string, number>();
    for (const { customer_id, counted } of events)
      units.set(customer_id, (units.get(customer_id) ?? 0) + unitsOf(counted));
    for (const [customerId, more] of units) tell(customerId, more);
  }

  function tell(customerId: string, units: number): void {
    for (const listener of listeners) listener(customerId, units);
  }

  /** Writes what the gate let through, under the id of its batch where it may come again. */
  async function writeRecords(id: string | null, records: readonly UsageRecord[]): Promise<void> {
    const events = records.map(eventOf);
    const { fresh, xid } = await writer.write({ id, events }, clock.now());
    written(
      events.filter((_, index) => fresh[index] === true),
      xid,
    );
  }

  const committing = createUsageCommit(async (records) => await writeRecords(null, records));

  /**
   * Synchronous, and copies what it keeps. False when the buffer is full or closed: the event is lost, logged, and counted in
   * `state().dropped`. One without an id gets one.
   */
  function record(event: Readonly<UsageRecord>): boolean {
    requireWhole(event);
    return tally.each(event);
  }

  /** The same for one of very many: those that belong together are one event (see `createTally`). */
  function add(event: Readonly<UsageRecord>): boolean {
    requireWhole(event);
    return tally.add(event);
  }

  /** Units to be billed in each scope, in order, per what is written; inside a transaction when one is given. */
  async function usedInPeriods(scopes: readonly AskedScope[], reader: Reader = db.kysely): Promise<number[]> {
    const { measured } = await measureScopes(
      reader,
      scopes.map((scope) => ({ ...scope, aggregation: aggregationOf(scope.meter_id) })),
    );
    return measured.map(billedUnits);
  }

  return {
    ...createUsageReader({ ...deps, kept_ms, usedInPeriods }),
    ...createEventReader(deps),
    ingest: ingest.ingest,
    balancesOf: balances.of,
    record,
    /** As `record`, and resolves once it is stored; rejects when it cannot be. */
    async commit(event: Readonly<UsageRecord>): Promise<void> {
      requireWhole(event);
      await committing.commit({ ...event });
    },
    add,
    writeRecords,
    usedInPeriods,
    kept_ms,

    /** Units of one meter in one period, per what is written: what the invoice is made from. Exact at the period's bounds. */
    async usageOfPeriod(
      reader: Reader,
      customer_id: string,
      meter_id: string,
      { start_at, end_at }: { start_at: Instant; end_at: Instant },
    ): Promise<number> {
      const [quantity = 0] = await usedInPeriods([{ customer_id, meter_id, start_at, end_at }], reader);
      return quantity;
    },

    /** What was written of a customer was put right: what is kept of it is old. */
    corrected(customerId: string): void {
      balances.forget(customerId);
      tell(customerId, Number.POSITIVE_INFINITY);
    },

    /** Resolves when everything recorded before the call is written. */
    flush: () => batch.flush(),
    /** Takes nothing more and writes what is left. */
    async close(): Promise<void> {
      await balances.stop();
      await ingest.idle();
      await committing.idle();
      await batch.close();
    },
    /** `failing` is the last write's error while writing does not work: not ready. */
    state: () => ({ pending: batch.pending(), dropped: batch.dropped(), failing: batch.failing() }),

    /** Called after usage of a customer was written by this process. Must not throw. Answers how to stop. */
    onRecorded(listener: RecordedListener): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Of all meters together, none of which grows by more. What is no number is a value that a meter of different ones has once. */
function unitsOf(counted: Readonly<Record<string, string>>): number {
  let units = 0;
  for (const meter in counted) units += Math.max(0, Number(counted[meter])) || 1;
  return units;
}

function requireWhole({ customer_id, meter_id, quantity }: Readonly<UsageRecord>): void {
  invariant(customer_id !== '' && meter_id !== '', 'usage names its customer and meter');
  invariant(
    Number.isSafeInteger(quantity) && quantity >= 0 && quantity <= mostQuantity,
    'a quantity is a whole number of units',
  );
}
