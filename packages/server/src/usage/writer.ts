import type { Instant, Meter } from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Rounds, Step } from '../db/rounds.ts';
import { invariant } from '../lib/invariant.ts';
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
  readBilled,
  readInserted,
  readPlaces,
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
export function createUsageWriter(deps: { db: Pick<Database, 'transaction' | 'inRounds'>; meters: readonly Meter[] }) {
  const { db } = deps;
  const meters = new Map(deps.meters.map((meter) => [meter.id, meter]));
  const partitions = createPartitions(db);

  /** Answers which events were written, in the order given; those that were not had been written before. */
  async function write(batch: UsageBatch, now: Instant): Promise<Written> {
    const { events } = batch;
    const sorted = events.toSorted(byIdentity);
    const ordered = sorted.filter((event, index) => {
      const before = sorted[index - 1];
      return before === undefined || byIdentity(before, event) !== 0;
    });
    if (ordered.length === 0) return { fresh: [], xid: 0n };
    await partitions.ensure(now);
    const { fresh, xid } = await db.inRounds(async (rounds) => await writeOrdered(rounds, batch, ordered, now));
    return { fresh: events.map((event) => fresh.has(event)), xid };
  }

  async function writeOrdered(
    rounds: Rounds,
    { id, is_history = false }: UsageBatch,
    ordered: readonly StoredEvent[],
    now: Instant,
  ): Promise<{ fresh: ReadonlySet<StoredEvent>; xid: bigint }> {
    const nothing = async () => {
      await rounds.end();
      return { fresh: new Set<StoredEvent>(), xid: 0n };
    };
    const locks = [shareBilledPeriods, ...(isWeekChanging(now) ? [lockWeekChange] : [])];
    if (id !== null) {
      const [begun = []] = (await rounds.say(...locks.splice(0), beginBatch(id, now))).slice(-1);
      if (begun.length === 0) return await nothing();
    }
    const possible = mayHaveComeBefore(ordered, now);
    let unknown = ordered;
    if (possible.length > 0) {
      const { start_at } = weekOf(now);
      const [known = []] = (
        await rounds.say(...locks.splice(0), knownEarlier(possible, start_at - dedupeMs, start_at))
      ).slice(-1);
      unknown = without(ordered, new Set(readPlaces(known).map((place) => possible[place])));
    }
    if (unknown.length === 0) return await nothing();
    const { places, xid } = await insertCounted(rounds, locks, unknown, is_history, now);
    const fresh = places.length === unknown.length ? unknown : places.flatMap((place) => unknown[place] ?? []);
    await rounds.end(...mergeRollup(rollUp(meters, fresh)));
    return { fresh: new Set(fresh), xid };
  }

  return {
    write,
    /** Names as the meters are: what an event is measured by. */
    meters: deps.meters,
  };
}

/** What is billed is not changed any more: its late events count when they come. */
async function insertCounted(
  rounds: Rounds,
  locks: readonly Step[],
  events: readonly StoredEvent[],
  is_history: boolean,
  now: Instant,
): Promise<{ places: number[]; xid: bigint }> {
  for (const event of events) event.counted_at = event.occurred_at;
  const oldest = events.reduce((least, { occurred_at }) => Math.min(least, occurred_at), now);
  const [written = []] = (await rounds.say(...locks, insertEvents(events, now, is_history ? null : oldest))).slice(-1);
  const inserted = readInserted(written, events.length);
  if (inserted !== 'late') return inserted;
  const customers = [...new Set(events.map(({ customer_id }) => customer_id))];
  const [rows = []] = await rounds.say(billedUntil(customers, oldest));
  const billed = readBilled(rows);
  for (const event of events) {
    const until = billed.get(event.customer_id);
    if (until !== undefined && event.occurred_at < until) event.counted_at = Math.max(now, until);
  }
  const [moved = []] = await rounds.say(insertEvents(events, now, null));
  const after = readInserted(moved, events.length);
  invariant(after !== 'late', 'late events were moved');
  return after;
}

function isWeekChanging(now: Instant): boolean {
  const { start_at, end_at } = weekOf(now);
  return now - start_at < 2 * clockSkewMs || end_at - now < 2 * clockSkewMs;
}

/**
 * Those that may have come in a week before. The partition of this week knows its own; an event that says it occurred in it
 * cannot have come before it began.
 */
function mayHaveComeBefore(events: readonly StoredEvent[], now: Instant): readonly StoredEvent[] {
  const { start_at } = weekOf(now);
  return events.filter(({ is_dated, occurred_at }) => !is_dated || occurred_at < start_at + clockSkewMs);
}

function without(events: readonly StoredEvent[], known: ReadonlySet<StoredEvent | undefined>): readonly StoredEvent[] {
  return known.size === 0 ? events : events.filter((event) => !known.has(event));
}

/** The order of all writers: none waits for another in a circle. Equal is what is one event. */
function byIdentity(a: StoredEvent, b: StoredEvent): number {
  if (a.customer_id !== b.customer_id) return a.customer_id < b.customer_id ? -1 : 1;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return 0;
}
