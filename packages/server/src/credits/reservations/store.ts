import type { Currency } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';
import type { Place } from '../store.ts';

export interface ReservationRow {
  id: string;
  customer_id: string;
  state: 'held' | 'settled' | 'expired';
  held_minor: number;
  currency: Currency;
  meter_id: string | null;
  description: string | null;
  /** What was really used. */
  settled_minor: number | null;
  /** Of that, what credit paid. */
  paid_minor: number | null;
  expires_at: Date;
  created_at: Date;
  ended_at: Date | null;
}

function reservations(db: Reader) {
  return db
    .selectFrom('reservation')
    .select([
      'id',
      'customer_id',
      'held_minor',
      'meter_id',
      'description',
      'settled_minor',
      'paid_minor',
      'expires_at',
      'created_at',
      'ended_at',
    ])
    .select([sql<ReservationRow['state']>`state`.as('state'), sql<Currency>`currency`.as('currency')]);
}

export async function insertReservation(tx: Tx, row: ReservationRow): Promise<void> {
  await tx.insertInto('reservation').values(row).execute();
}

export async function reservationById(db: Reader, id: string): Promise<ReservationRow | null> {
  return (await reservations(db).where('id', '=', id).executeTakeFirst()) ?? null;
}

export async function lockReservation(tx: Tx, id: string): Promise<ReservationRow | null> {
  return (await reservations(tx).where('id', '=', id).forUpdate().executeTakeFirst()) ?? null;
}

export async function endReservation(
  tx: Tx,
  id: string,
  change: Pick<ReservationRow, 'state' | 'settled_minor' | 'paid_minor' | 'ended_at'>,
): Promise<void> {
  await tx.updateTable('reservation').set(change).where('id', '=', id).execute();
}

/** A page, the newest first; `state` null: in any. */
export async function listReservations(
  db: Reader,
  query: { customer_id: string; state: ReservationRow['state'] | null; limit: number; after: Place | null },
): Promise<ReservationRow[]> {
  const { state, after } = query;
  return await reservations(db)
    .where('customer_id', '=', query.customer_id)
    .$if(state !== null, (read) => read.where('state', '=', state ?? 'held'))
    .$if(after !== null, (read) => read.where(sql<boolean>`(created_at, id) < (${after?.created_at}, ${after?.id})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit)
    .execute();
}

/** What of a customer's credit is held for work that goes on. */
export async function heldMinor(db: Reader, customerId: string): Promise<number> {
  const { rows } = await sql<{ held_minor: number }>`
    select coalesce(sum(held_minor), 0)::bigint as held_minor from reservation
    where customer_id = ${customerId} and state = 'held'
  `.execute(db);
  return rows[0]?.held_minor ?? 0;
}

/** Those whose time is over, of one customer or of all. */
export async function dueReservations(
  db: Reader,
  query: { now: Date; customer_id: string | null; limit: number },
): Promise<string[]> {
  let read = db.selectFrom('reservation').select('id').where('state', '=', 'held').where('expires_at', '<=', query.now);
  if (query.customer_id !== null) read = read.where('customer_id', '=', query.customer_id);
  return (await read.orderBy('expires_at').limit(query.limit).execute()).map(({ id }) => id);
}
