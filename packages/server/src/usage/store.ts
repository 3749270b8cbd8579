import type { Instant } from '@farebox/core';
import { sql } from 'kysely';
import { type Reader, type Tx, lockKey } from '../db/database.ts';
import type { Rows, Statement, Step } from '../db/rounds.ts';
import type { StoredEvent } from './events/event.ts';
import type { HourRow, Rollup, ValueRow } from './rollup.ts';
import { statements } from './statements.ts';

/** A week that holds an instant, from Monday in UTC: events that came in it lie in one partition. */
export function weekOf(at: Instant): { start_at: Instant; end_at: Instant } {
  const start_at = Math.floor((at - mondayMs) / weekMs) * weekMs + mondayMs;
  return { start_at, end_at: start_at + weekMs };
}

const weekMs = 7 * 86_400_000;
/** 5 January 1970 was a Monday. */
const mondayMs = 4 * 86_400_000;

/** Answers a row unless a batch of this id was written before. */
export function beginBatch(id: string, now: Instant): Step {
  return { statement: statements.beginBatch, values: [id, isoTime(now)] };
}

/**
 * Holds the bounds of billed periods while events are written: who writes shares, who bills a period is alone. So an event is
 * either seen by the bill of its period, or finds that the period is billed.
 */
const billedPeriods = lockKey('usage.periods');
export const shareBilledPeriods: Step = {
  statement: { name: 'usage_share_periods', text: `select pg_advisory_xact_lock_shared(${billedPeriods})` },
  values: [],
};

export async function holdBilledPeriods(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${billedPeriods}::bigint)`.execute(tx);
}

/** While a week ends, its last writers and the first ones of the next pass one by one: neither misses what the other has. */
export const lockWeekChange: Step = {
  statement: { name: 'usage_lock_week', text: `select pg_advisory_xact_lock(${lockKey('usage.week')})` },
  values: [],
};

/** Until when these customers' usage is billed, where that is after `since`. */
export function billedUntil(customerIds: readonly string[], since: Instant): Step {
  return { statement: statements.billedUntil, values: [isoTime(since), textArray(customerIds)] };
}

export function readBilled(rows: Rows): Map<string, Instant> {
  return new Map(rows.map(([customer_id, until]) => [customer_id ?? '', Number(until)]));
}

/** Of these events the places of those that came in a week before, from `since` on. */
export function knownEarlier(events: readonly StoredEvent[], since: Instant, week_start_at: Instant): Step {
  const identity = (['customer_id', 'id', 'type', 'source'] as const).map((name) => column(events, name));
  return { statement: statements.knownEarlier, values: [...identity, isoTime(since), isoTime(week_start_at)] };
}

export function readPlaces(rows: Rows): number[] {
  return rows.map(([place]) => Number(place) - 1);
}

/**
 * Writes events that nobody had, in the order given, as one row: see `readInserted`. Nothing is written where a period that ended
 * after `unbilled_since` is billed: then it is to be looked whose it is. Null: that was looked at.
 */
export function insertEvents(events: readonly StoredEvent[], now: Instant, unbilled_since: Instant | null): Step {
  const iso = isoOf();
  const isMoved = events.some(({ occurred_at, counted_at }) => occurred_at !== counted_at);
  return {
    statement: statements.insertEvents,
    values: [
      column(events, 'customer_id'),
      column(events, 'id'),
      mostlySame(events.map(({ type }) => type)),
      mostlySame(events.map(({ source }) => source)),
      mostlySame(events.map(({ quantity }) => String(quantity))),
      mostlySame(events.map(({ occurred_at }) => iso(occurred_at))),
      isMoved ? textArray(events.map(({ counted_at }) => iso(counted_at))) : none,
      events.every(({ key_id }) => key_id === null) ? none : textArray(events.map(({ key_id }) => key_id)),
      mostlySame(events.map(({ endpoint }) => endpoint)),
      mostlySame(events.map(({ properties }) => JSON.stringify(properties))),
      mostlySame(events.map(({ counted }) => JSON.stringify(counted))),
      isoTime(now),
      unbilled_since === null ? 'infinity' : isoTime(unbilled_since),
      String(events.length),
    ],
  };
}

/** What became of `count` events: the number of the transaction and the places of those that were written; or that one is late. */
export function readInserted(rows: Rows, count: number): 'late' | { xid: bigint; places: number[] } {
  const [is_late, xid, places] = rows[0] ?? [];
  if (is_late === 't') return 'late';
  const all = places === null || places === undefined;
  return {
    xid: BigInt(xid ?? 0),
    places: all
      ? Array.from({ length: count }, (_, place) => place)
      : places.split(',').flatMap((place) => (place === '' ? [] : [Number(place) - 1])),
  };
}

/** Merges what events add into the hours they lie in. */
export function mergeRollup({ add, max, last, unique }: Rollup): Step[] {
  return [
    ...(add.length > 0 ? [mergeHours(statements.add, add)] : []),
    ...(max.length > 0 ? [mergeHours(statements.max, max)] : []),
    ...(last.length > 0 ? [mergeHours(statements.last, last)] : []),
    ...(unique.length > 0
      ? [{ statement: statements.unique, values: [...placeColumns(unique), column(unique, 'value')] }]
      : []),
  ];
}

function mergeHours(statement: Statement, rows: readonly HourRow[]): Step {
  const iso = isoOf();
  return {
    statement,
    values: [
      ...placeColumns(rows),
      textArray(rows.map(({ quantity }) => String(quantity))),
      numberArray(rows.map(({ events }) => events)),
      statement === statements.last
        ? textArray(rows.map(({ last_at }) => (last_at === null ? null : iso(last_at))))
        : none,
      statement === statements.last ? textArray(rows.map(({ last_id }) => last_id)) : none,
    ],
  };
}

function placeColumns(rows: readonly Omit<ValueRow, 'value'>[]): string[] {
  const iso = isoOf();
  return [
    column(rows, 'customer_id'),
    mostlySame(rows.map(({ meter_id }) => meter_id)),
    mostlySame(rows.map(({ hour_at }) => iso(hour_at))),
    mostlySame(rows.map(({ key_id }) => key_id)),
    mostlySame(rows.map(({ endpoint }) => endpoint)),
    mostlySame(rows.map(({ dimensions }) => dimensions)),
  ];
}

export async function customerExists(db: Reader, customerId: string): Promise<boolean> {
  const row = await db.selectFrom('customer').select('id').where('id', '=', customerId).executeTakeFirst();
  return row !== undefined;
}

/** What was not taken, with the event as it came as JSON. */
export interface RejectedRow {
  id: string;
  customer_id: string | null;
  named: string | null;
  event_id: string | null;
  code: string;
  reason: string;
  event: string | null;
  received_at: Date;
}

export async function insertRejections(db: Reader, rows: readonly RejectedRow[]): Promise<void> {
  await db
    .insertInto('usage_rejection')
    .values([...rows])
    .execute();
}

export async function deleteRejectionsBefore(db: Reader, before: Date): Promise<void> {
  await db.deleteFrom('usage_rejection').where('received_at', '<', before).execute();
}

/** Customers that have one of these names as their id or as the seller's. */
export async function customersNamed(
  db: Reader,
  names: readonly string[],
): Promise<{ id: string; external_id: string | null }[]> {
  return await db
    .selectFrom('customer')
    .select(['id', 'external_id'])
    .where('deleted_at', 'is', null)
    .where((eb) => eb.or([eb('id', 'in', names), eb('external_id', 'in', names)]))
    .execute();
}

/** Batches older than any retry: their ids need not be known any more. */
export async function deleteBatchesBefore(db: Reader, before: Date): Promise<void> {
  await db.deleteFrom('usage_batch').where('received_at', '<', before).execute();
}

// Arrays as PostgreSQL writes them. The driver quotes value by value, which at thousands of rows costs more than the rest of a write.

const special = /["\\]/;

/** A column that says nothing of any row. */
const none = '{}';

/** A text array, with null where there is none. */
function textArray(values: readonly (string | null)[]): string {
  if (values.length === 0) return '{}';
  if (!values.includes(null) && !special.test(values.join())) return `{"${values.join('","')}"}`;
  return `{${values.map((value) => (value === null ? 'NULL' : `"${value.replaceAll(/["\\]/g, '\\$&')}"`)).join()}}`;
}

/** A text array; of one value where all are that one (see `all` in `statements.ts`). */
function mostlySame(values: readonly string[]): string {
  const [first] = values;
  return textArray(first !== undefined && values.every((value) => value === first) ? [first] : values);
}

function numberArray(values: readonly number[]): string {
  return `{${values.join(',')}}`;
}

function column<K extends string>(rows: readonly Record<K, string>[], name: K): string {
  return textArray(rows.map((row) => row[name]));
}

function isoTime(at: Instant): string {
  return new Date(at).toISOString();
}

/** Instants of one write are mostly few: each is written out once in a row. */
function isoOf(): (at: Instant) => string {
  let known: Instant | null = null;
  let text = '';
  return (at) => {
    if (at !== known) {
      text = isoTime(at);
      known = at;
    }
    return text;
  };
}
