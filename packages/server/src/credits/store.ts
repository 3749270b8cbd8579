import type { Currency, GrantCategory } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../db/database.ts';

export interface GrantRow {
  id: string;
  customer_id: string;
  name: string;
  amount_minor: number;
  drawn_minor: number;
  currency: Currency;
  category: GrantCategory;
  priority: number;
  meter_ids: string[] | null;
  effective_at: Date;
  expires_at: Date | null;
  voided_at: Date | null;
  created_at: Date;
}

/** Where a page goes on: behind this one, the newest first. */
export interface Place {
  created_at: Date;
  id: string;
}

/** One change of a balance. `expired` is no row: it follows from its grant. */
export interface EntryRow {
  id: string;
  /** Orders what happened in the same millisecond. */
  place: string;
  grant_id: string;
  grant_name: string;
  currency: string;
  kind: 'granted' | 'drawn' | 'returned' | 'voided' | 'refunded' | 'reinstated' | 'held' | 'released' | 'expired';
  amount_minor: number;
  usage_report_id: string | null;
  top_up_id: string | null;
  reservation_id: string | null;
  created_at: Date;
}

function grants(db: Reader) {
  return db
    .selectFrom('credit_grant')
    .select([
      'id',
      'customer_id',
      'name',
      'amount_minor',
      'drawn_minor',
      'priority',
      'meter_ids',
      'effective_at',
      'expires_at',
      'voided_at',
      'created_at',
    ])
    .select([sql<Currency>`currency`.as('currency'), sql<GrantCategory>`category`.as('category')]);
}

export async function insertGrant(tx: Tx, row: Omit<GrantRow, 'drawn_minor' | 'voided_at'>): Promise<GrantRow> {
  await tx.insertInto('credit_grant').values(row).execute();
  return { ...row, drawn_minor: 0, voided_at: null };
}

/** A page, the newest first. */
export async function listGrants(
  db: Reader,
  query: { customer_id: string; limit: number; after: Place | null },
): Promise<GrantRow[]> {
  let read = grants(db).where('customer_id', '=', query.customer_id);
  if (query.after !== null) {
    const { created_at, id } = query.after;
    read = read.where(sql<boolean>`(created_at, id) < (${created_at}, ${id})`);
  }
  return await read.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(query.limit).execute();
}

/** Those from which something can be drawn at some time, locked until the transaction ends, in one order for everybody. */
export async function lockOpenGrants(tx: Tx, customerId: string): Promise<GrantRow[]> {
  return await grants(tx)
    .where('customer_id', '=', customerId)
    .where('voided_at', 'is', null)
    .whereRef('drawn_minor', '<', 'amount_minor')
    .orderBy('id')
    .forUpdate()
    .execute();
}

export async function openGrants(db: Reader, customerId: string): Promise<GrantRow[]> {
  return await grants(db)
    .where('customer_id', '=', customerId)
    .where('voided_at', 'is', null)
    .whereRef('drawn_minor', '<', 'amount_minor')
    .execute();
}

/** Of this customer; null: whose it is, is known. */
export async function lockGrant(tx: Tx, customerId: string | null, id: string): Promise<GrantRow | null> {
  let read = grants(tx).where('id', '=', id);
  if (customerId !== null) read = read.where('customer_id', '=', customerId);
  return (await read.forUpdate().executeTakeFirst()) ?? null;
}

export async function voidGrant(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.updateTable('credit_grant').set({ voided_at: at }).where('id', '=', id).execute();
}

/**
 * Those that ended with something left, of which nothing more can be drawn and nobody was told, the longest over first. One whose
 * customer has a period that was over by then and is not closed waits, and one that holds something for work, at most until
 * `given_up_before`.
 */
export async function expiredGrants(
  db: Reader,
  query: { now: Date; given_up_before: Date; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select g.id from credit_grant g
    where g.expiry_told_at is null and g.voided_at is null and g.drawn_minor < g.amount_minor and g.expires_at <= ${query.now}
      and (g.expires_at < ${query.given_up_before} or not exists (
        select from subscription s
        where s.customer_id = g.customer_id and s.ended_at is null and s.status in ('active', 'trialing', 'past_due')
          and least(s.usage_due_at, s.current_period_end_at) <= g.expires_at
      ))
      and not exists (
        select from reservation r join credit_entry e on e.reservation_id = r.id
        where r.customer_id = g.customer_id and r.state = 'held' and e.grant_id = g.id
      )
    order by g.expires_at limit ${query.limit}`.execute(db);
  return rows.map(({ id }) => id);
}

/** Notes that it is told; false when somebody did before, or when nothing is left of it any more. */
export async function markExpiryTold(tx: Tx, id: string, at: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('credit_grant')
    .set({ expiry_told_at: at })
    .where('id', '=', id)
    .where('expiry_told_at', 'is', null)
    .where('voided_at', 'is', null)
    .whereRef('drawn_minor', '<', 'amount_minor')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** What grants paid of a report, as they did last on top, without what went back; locked until the transaction ends. */
export async function lockDraws(tx: Tx, reportId: string): Promise<{ grant: GrantRow; amount_minor: number }[]> {
  const { rows } = await sql<{ grant_id: string; amount_minor: number }>`
    select grant_id, (-sum(amount_minor))::bigint as amount_minor from credit_entry
    where usage_report_id = ${reportId} and kind in ('drawn', 'returned')
    group by grant_id order by min(seq) desc
  `.execute(tx);
  return await withGrants(tx, rows);
}

/** What grants hold for a reservation, as they were taken; locked until the transaction ends. */
export async function lockHolds(tx: Tx, reservationId: string): Promise<{ grant: GrantRow; amount_minor: number }[]> {
  const { rows } = await sql<{ grant_id: string; amount_minor: number }>`
    select grant_id, (-sum(amount_minor))::bigint as amount_minor from credit_entry
    where reservation_id = ${reservationId}
    group by grant_id order by min(seq)
  `.execute(tx);
  return await withGrants(tx, rows);
}

async function withGrants(
  tx: Tx,
  rows: readonly { grant_id: string; amount_minor: number }[],
): Promise<{ grant: GrantRow; amount_minor: number }[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ grant_id }) => grant_id);
  const locked = await grants(tx).where('id', 'in', ids).orderBy('id').forUpdate().execute();
  return rows.flatMap(({ grant_id, amount_minor }) => {
    const grant = locked.find(({ id }) => id === grant_id);
    return grant === undefined ? [] : [{ grant, amount_minor }];
  });
}

/** A negative amount is given back. */
export async function takeFromGrant(tx: Tx, id: string, amount_minor: number): Promise<void> {
  await tx
    .updateTable('credit_grant')
    .set((eb) => ({ drawn_minor: eb('drawn_minor', '+', amount_minor) }))
    .where('id', '=', id)
    .execute();
}

export async function insertEntry(
  tx: Tx,
  entry: Omit<EntryRow, 'place' | 'grant_name' | 'currency' | 'kind'> & {
    customer_id: string;
    kind: Exclude<EntryRow['kind'], 'expired'>;
  },
): Promise<void> {
  await tx.insertInto('credit_entry').values(entry).execute();
}

/**
 * A page of what happened to a customer's credit up to `now`, the newest first, with what ran out: of no use from that instant
 * on, so before all else that happened in it. Entries are in the order in which they were written.
 */
export async function ledgerOf(
  db: Reader,
  query: { customer_id: string; now: Date; limit: number; after: Place | null },
): Promise<EntryRow[]> {
  const { customer_id, now, limit } = query;
  const after =
    query.after === null
      ? sql`true`
      : sql`(created_at, place collate "C") < (${query.after.created_at}, ${query.after.id})`;
  const { rows } = await sql<EntryRow>`
    select * from (
      select e.id, lpad(e.seq::text, 19, '0') as place, e.grant_id, g.name as grant_name, g.currency, e.kind, e.amount_minor,
        e.usage_report_id, e.top_up_id, e.reservation_id, e.created_at
      from credit_entry e join credit_grant g on g.id = e.grant_id
      where e.customer_id = ${customer_id}
      union all
      select g.id, '-' || g.id, g.id, g.name, g.currency, 'expired', g.drawn_minor - g.amount_minor, null, null, null, g.expires_at
      from credit_grant g
      where g.customer_id = ${customer_id} and g.expires_at <= ${now} and g.voided_at is null and g.drawn_minor < g.amount_minor
    ) as ledger
    where ${after}
    order by created_at desc, place collate "C" desc
    limit ${limit}`.execute(db);
  return rows;
}
