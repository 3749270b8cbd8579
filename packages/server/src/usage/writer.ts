import type { Instant, Meter } from '@farebox/core';
import type { Database, Reader } from '../db/database.ts';
import type { StoredEvent } from './events/event.ts';
import { createPartitions } from './partitions.ts';
import { rollUp } from './rollup.ts';
import {
  beginBatch,
  billedUntil,
  insertEvents,
  knownEarlier,
  lockWeekChange,
  mergeRollup,
  shareBilledPeriods,
  weekOf,
} from './store.ts';

export type UsageWriter = ReturnType<typeof createUsageWriter>;

/** What is written together. */
export interface UsageBatch {
  /** Of a batch that may come again: seen a second time it changes nothing. */
  id: string | null;
  events: readonly StoredEvent[];
  /** Usage of long ago that is taken over to be looked at: it stays in its time also where that is billed already. */
  is_history?: boolean;
}

export interface Written {
  fresh: boolean[];
  /** The number of the transaction: who read before it does not know of these. */
  xid: bigint;
}

/** How long an event sent again is known as the same one, counted from its receipt. */
const dedupeMs = 35 * 86_400_000;
/** Clocks of the processes that write here differ by less. */
const clockSkewMs = 5 * 60_000;

/**
 * The one way by which usage is stored, wherever it comes from: the events nobody had, and what they add to the hours, in one
 * transaction. An event is the same as another one of its customer with its id, type and source, whatever time the two name.
 * One of a period that is billed already counts when it came, and is billed with the period that runs then.
 */
export function createUsageWriter(deps: {
  db: Pick<Database, 'transaction' | 'transactionFrom'>;
  meters: readonly Meter[];
}) {
  const { db } = deps;
  const meters = new Map(deps.meters.map((meter) => [meter.id, meter]));
  const partitions = createPartitions(db);

  /** Answers which events were written, in the order given; those that were not had been written before. */
  async function write(batch: UsageBatch, now: Instant): Promise<Written> {
    const { events } = batch;
    const first = new Map<string, StoredEvent>();
    for (const event of events) {
      const name = identityOf(event);
      if (!first.has(name)) first.set(name, event);
    }
    const ordered = [...first].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => event);
    if (ordered.length === 0) return { fresh: [], xid: 0n };
    await partitions.ensure(now);
    const { fresh, xid } = await db.transactionFrom(
      shareBilledPeriods,
      async (tx) => await writeOrdered(tx, batch, ordered, now),
    );
    return { fresh: events.map((event) => fresh.has(event)), xid };
  }

  async function writeOrdered(
    tx: Reader,
    { id, is_history = false }: UsageBatch,
    ordered: readonly StoredEvent[],
    now: Instant,
  ): Promise<{ fresh: ReadonlySet<StoredEvent>; xid: bigint }> {
    const none = { fresh: new Set<StoredEvent>(), xid: 0n };
    if (id !== null && !(await beginBatch(tx, id, now))) return none;
    const xid = await moveLate(tx, ordered, is_history, now);
    const unknown = await withoutEarlier(tx, ordered, now);
    if (unknown.length === 0) return none;
    const places = await insertEvents(tx, unknown, now);
    const fresh = places.flatMap((place) => unknown[place] ?? []);
    await mergeRollup(tx, rollUp(meters, fresh));
    return { fresh: new Set(fresh), xid };
  }

  return {
    write,
    /** Names as the meters are: what an event is measured by. */
    meters: deps.meters,
  };
}

/**
 * What is billed is not changed any more: its late events count when they come. Answers the number of the transaction.
 */
async function moveLate(
  tx: Reader,
  events: readonly StoredEvent[],
  is_history: boolean,
  now: Instant,
): Promise<bigint> {
  const oldest = events.reduce((least, { occurred_at }) => Math.min(least, occurred_at), now);
  const customers = is_history ? [] : [...new Set(events.map(({ customer_id }) => customer_id))];
  const { billed, xid } = await billedUntil(tx, customers, oldest);
  for (const event of events) {
    const until = billed.get(event.customer_id);
    event.counted_at = until !== undefined && event.occurred_at < until ? Math.max(now, until) : event.occurred_at;
  }
  return xid;
}

/**
 * Without those that came in a week before. The partition of this week knows its own; an event that says it occurred in it
 * cannot have come before it began.
 */
async function withoutEarlier(
  tx: Reader,
  events: readonly StoredEvent[],
  now: Instant,
): Promise<readonly StoredEvent[]> {
  const { start_at, end_at } = weekOf(now);
  if (now - start_at < 2 * clockSkewMs || end_at - now < 2 * clockSkewMs) await lockWeekChange(tx);
  const possible = events.filter(({ is_dated, occurred_at }) => !is_dated || occurred_at < start_at + clockSkewMs);
  if (possible.length === 0) return events;
  const places = await knownEarlier(tx, possible, start_at - dedupeMs, start_at);
  if (places.length === 0) return events;
  const known = new Set(places.map((place) => possible[place]));
  return events.filter((event) => !known.has(event));
}

function identityOf({ customer_id, id, type, source }: StoredEvent): string {
  return `${customer_id}\u0000${id}\u0000${type}\u0000${source}`;
}
