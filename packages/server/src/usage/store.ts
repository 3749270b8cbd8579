import type { Instant } from '@farebox/core';
import { sql } from 'kysely';
import { type Reader, type Tx, lockKey } from '../db/database.ts';
import type { StoredEvent } from './events/event.ts';
import type { HourRow, Rollup, ValueRow } from './rollup.ts';

/** A week that holds an instant, from Monday in UTC: events that came in it lie in one partition. */
export function weekOf(at: Instant): { start_at: Instant; end_at: Instant } {
  const start_at = Math.floor((at - mondayMs) / weekMs) * weekMs + mondayMs;
  return { start_at, end_at: start_at + weekMs };
}

const weekMs = 7 * 86_400_000;
/** 5 January 1970 was a Monday. */
const mondayMs = 4 * 86_400_000;

/** False when a batch of this id was written before. */
export async function beginBatch(tx: Reader, id: string, now: Instant): Promise<boolean> {
  const { rows } = await sql`
    insert into usage_batch (id, received_at) values (${id}, ${new Date(now)}) on conflict do nothing returning id
  `.execute(tx);
  return rows.length > 0;
}

/**
 * Holds the bounds of billed periods while events are written: who writes shares, who bills a period is alone. So an event is
 * either seen by the bill of its period, or finds that the period is billed.
 */
const billedPeriods = lockKey('usage.periods');
export const shareBilledPeriods = `select pg_advisory_xact_lock_shared(${billedPeriods})`;

export async function holdBilledPeriods(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${billedPeriods}::bigint)`.execute(tx);
}

/** Until when these customers' usage is billed, where that is after `since`; and the transaction's number. */
export async function billedUntil(
  tx: Reader,
  customerIds: readonly string[],
  since: Instant,
): Promise<{ billed: Map<string, Instant>; xid: bigint }> {
  const { rows } = await sql<{ xid: string; customer_id: string | null; until_at: Date | null }>`
    select current.xid, billed.customer_id, billed.until_at
    from (select pg_current_xact_id()::text as xid) as current
    left join (
      select customer_id, max(period_end_at) as until_at from usage_report
      where period_end_at > ${new Date(since)} and customer_id = any(${textArray(customerIds)}::text[])
      group by customer_id
    ) as billed on true
  `.execute(tx);
  const billed = new Map<string, Instant>();
  for (const { customer_id, until_at } of rows)
    if (customer_id !== null && until_at !== null) billed.set(customer_id, until_at.getTime());
  return { billed, xid: BigInt(rows[0]?.xid ?? 0) };
}

/** While a week ends, its last writers and the first ones of the next pass one by one: neither misses what the other has. */
export async function lockWeekChange(tx: Reader): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockKey('usage.week')}::bigint)`.execute(tx);
}

/** Of these events the places of those that came in a week before, from `since` on. */
export async function knownEarlier(
  tx: Reader,
  events: readonly StoredEvent[],
  since: Instant,
  week_start_at: Instant,
): Promise<number[]> {
  const { rows } = await sql<{ position: number }>`
    select given.position::int as position
    from unnest(${column(events, 'customer_id')}::text[], ${column(events, 'id')}::text[], ${column(events, 'type')}::text[],
      ${column(events, 'source')}::text[]) with ordinality as given (customer_id, id, type, source, position)
    where exists (
      select from usage_event as e
      where e.customer_id = given.customer_id and e.id = given.id and e.type = given.type and e.source = given.source
        and e.received_at >= ${new Date(since)} and e.received_at < ${new Date(week_start_at)}
    )
  `.execute(tx);
  return rows.map(({ position }) => position - 1);
}

/** Writes events that nobody had, in the order given, and answers the places of those it wrote. */
export async function insertEvents(tx: Reader, events: readonly StoredEvent[], now: Instant): Promise<number[]> {
  const iso = isoOf();
  const { rows } = await sql<{ position: number }>`
    insert into usage_event (customer_id, id, type, source, quantity, occurred_at, counted_at, key_id, endpoint, properties,
      counted, received_at, position)
    select customer_id, id, type, source, quantity, occurred_at, counted_at, nullif(key_id, ''), endpoint, properties, counted,
      ${new Date(now)}, position
    from unnest(
      ${column(events, 'customer_id')}::text[],
      ${column(events, 'id')}::text[],
      ${column(events, 'type')}::text[],
      ${column(events, 'source')}::text[],
      ${numberArray(events.map(({ quantity }) => quantity))}::bigint[],
      ${textArray(events.map(({ occurred_at }) => iso(occurred_at)))}::timestamptz[],
      ${textArray(events.map(({ counted_at }) => iso(counted_at)))}::timestamptz[],
      ${textArray(events.map(({ key_id }) => key_id ?? ''))}::text[],
      ${column(events, 'endpoint')}::text[],
      ${textArray(events.map(({ properties }) => JSON.stringify(properties)))}::jsonb[],
      ${textArray(events.map(({ counted }) => JSON.stringify(counted)))}::jsonb[]
    ) with ordinality as given (customer_id, id, type, source, quantity, occurred_at, counted_at, key_id, endpoint, properties,
      counted, position)
    on conflict do nothing
    returning position
  `.execute(tx);
  return rows.map(({ position }) => position - 1);
}

/** Merges what events add into the hours they lie in. */
export async function mergeRollup(tx: Reader, rollup: Rollup): Promise<void> {
  const { add, max, last, unique } = rollup;
  if (add.length > 0)
    await mergeHours(
      tx,
      add,
      sql`quantity = usage_hour.quantity + excluded.quantity, events = usage_hour.events + excluded.events`,
    );
  if (max.length > 0)
    await mergeHours(
      tx,
      max,
      sql`quantity = greatest(usage_hour.quantity, excluded.quantity), events = usage_hour.events + excluded.events`,
    );
  if (last.length > 0) {
    const isLater = sql`(usage_hour.last_at, usage_hour.last_id collate "C") < (excluded.last_at, excluded.last_id)`;
    await mergeHours(
      tx,
      last,
      sql`events = usage_hour.events + excluded.events,
        quantity = case when ${isLater} then excluded.quantity else usage_hour.quantity end,
        last_id = case when ${isLater} then excluded.last_id else usage_hour.last_id end,
        last_at = case when ${isLater} then excluded.last_at else usage_hour.last_at end`,
    );
  }
  if (unique.length > 0) await addValues(tx, unique);
}

async function mergeHours(tx: Reader, rows: readonly HourRow[], merged: ReturnType<typeof sql>): Promise<void> {
  const iso = isoOf();
  await sql`
    insert into usage_hour (customer_id, meter_id, hour_at, key_id, endpoint, dimensions, quantity, events, last_at, last_id)
    select customer_id, meter_id, hour_at, key_id, endpoint, dimensions, quantity, events, last_at, last_id
    from unnest(${placeColumns(rows)},
      ${textArray(rows.map(({ quantity }) => String(quantity)))}::numeric[],
      ${numberArray(rows.map(({ events }) => events))}::bigint[],
      ${textArray(rows.map(({ last_at }) => (last_at === null ? null : iso(last_at))))}::timestamptz[],
      ${textArray(rows.map(({ last_id }) => last_id))}::text[]
    ) as given (customer_id, meter_id, hour_at, key_id, endpoint, dimensions, quantity, events, last_at, last_id)
    on conflict (customer_id, meter_id, hour_at, key_id, endpoint, dimensions) do update set ${merged}
  `.execute(tx);
}

async function addValues(tx: Reader, rows: readonly ValueRow[]): Promise<void> {
  await sql`
    insert into usage_unique (customer_id, meter_id, hour_at, key_id, endpoint, dimensions, value)
    select * from unnest(${placeColumns(rows)}, ${column(rows, 'value')}::text[])
    on conflict do nothing
  `.execute(tx);
}

function placeColumns(rows: readonly Omit<ValueRow, 'value'>[]) {
  const iso = isoOf();
  return sql`
    ${column(rows, 'customer_id')}::text[],
    ${column(rows, 'meter_id')}::text[],
    ${textArray(rows.map(({ hour_at }) => iso(hour_at)))}::timestamptz[],
    ${column(rows, 'key_id')}::text[],
    ${column(rows, 'endpoint')}::text[],
    ${column(rows, 'dimensions')}::jsonb[]
  `;
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

/** A text array, with null where there is none. */
function textArray(values: readonly (string | null)[]): string {
  if (values.length === 0) return '{}';
  let text = '{';
  let separator = '';
  for (const value of values) {
    if (value === null) text += `${separator}NULL`;
    else text += `${separator}"${special.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`;
    separator = ',';
  }
  return `${text}}`;
}

function numberArray(values: readonly number[]): string {
  return `{${values.join(',')}}`;
}

function column<K extends string>(rows: readonly Record<K, string>[], name: K): string {
  return textArray(rows.map((row) => row[name]));
}

/** Instants of one write are mostly few: each is written out once in a row. */
function isoOf(): (at: Instant) => string {
  let known: Instant | null = null;
  let text = '';
  return (at) => {
    if (at !== known) {
      text = new Date(at).toISOString();
      known = at;
    }
    return text;
  };
}
