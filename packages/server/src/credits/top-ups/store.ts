import type { Currency, TopUpFailure } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';
import type { Place } from '../store.ts';

export type TopUpKind = 'checkout' | 'automatic';
export type TopUpState = 'open' | 'paid' | 'failed' | 'expired';

export interface TopUpRow {
  id: string;
  customer_id: string;
  kind: TopUpKind;
  state: TopUpState;
  amount_minor: number;
  currency: Currency;
  stripe_session_id: string | null;
  url: string | null;
  /** Of a checkout: when it can be paid no more. */
  expires_at: Date | null;
  stripe_payment_intent_id: string | null;
  stripe_invoice_id: string | null;
  /** What was charged, with taxes. */
  paid_minor: number | null;
  /** What of that is the customer's again: refunded, credited or disputed. */
  lost_minor: number;
  /** What of the credit was taken back for it. */
  taken_back_minor: number;
  failure_code: TopUpFailure | null;
  failure_reason: string | null;
  grant_id: string | null;
  created_at: Date;
  settled_at: Date | null;
}

function topUps(db: Reader) {
  return db
    .selectFrom('credit_top_up')
    .select([
      'id',
      'customer_id',
      'amount_minor',
      'stripe_session_id',
      'url',
      'expires_at',
      'stripe_payment_intent_id',
      'stripe_invoice_id',
      'paid_minor',
      'lost_minor',
      'taken_back_minor',
      'failure_reason',
      'grant_id',
      'created_at',
      'settled_at',
    ])
    .select([
      sql<TopUpKind>`kind`.as('kind'),
      sql<TopUpState>`state`.as('state'),
      sql<TopUpFailure | null>`failure_code`.as('failure_code'),
      sql<Currency>`currency`.as('currency'),
    ]);
}

/** One that was not paid yet. */
export function newTopUp(
  of: Pick<TopUpRow, 'id' | 'customer_id' | 'kind' | 'amount_minor' | 'currency' | 'expires_at' | 'created_at'>,
): TopUpRow {
  return {
    ...of,
    state: 'open',
    stripe_session_id: null,
    url: null,
    stripe_payment_intent_id: null,
    stripe_invoice_id: null,
    paid_minor: null,
    lost_minor: 0,
    taken_back_minor: 0,
    failure_code: null,
    failure_reason: null,
    grant_id: null,
    settled_at: null,
  };
}

/** What was bought by itself since, or is about to be. */
export async function monthOfAutomatic(db: Reader, customerId: string, since: Date): Promise<number> {
  const row = await db
    .selectFrom('credit_top_up')
    .select(sql<number>`coalesce(sum(amount_minor), 0)::bigint`.as('amount_minor'))
    .where('customer_id', '=', customerId)
    .where('kind', '=', 'automatic')
    .where('state', 'in', ['open', 'paid'])
    .where('created_at', '>=', since)
    .executeTakeFirstOrThrow();
  return row.amount_minor;
}

/** Takes the customer's one open place of the kind. False when another top-up holds it. */
export async function insertTopUp(db: Reader, row: TopUpRow): Promise<boolean> {
  const result = await db
    .insertInto('credit_top_up')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['customer_id', 'kind']).where('state', '=', sql.lit('open')).doNothing(),
    )
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function openTopUps(db: Reader, customerId: string): Promise<TopUpRow[]> {
  return await topUps(db).where('customer_id', '=', customerId).where('state', '=', 'open').execute();
}

export async function topUpById(db: Reader, id: string): Promise<TopUpRow | null> {
  return (await topUps(db).where('id', '=', id).executeTakeFirst()) ?? null;
}

/** A page, the newest first. */
export async function listTopUps(
  db: Reader,
  query: { customer_id: string; limit: number; after: Place | null },
): Promise<TopUpRow[]> {
  let read = topUps(db).where('customer_id', '=', query.customer_id);
  if (query.after !== null) {
    const { created_at, id } = query.after;
    read = read.where(sql<boolean>`(created_at, id) < (${created_at}, ${id})`);
  }
  return await read.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(query.limit).execute();
}

/** Those of a customer that are open or paid, locked until the transaction ends, in one order for everybody. */
/** Those that Stripe may still say something of: open ones, and paid ones, which can be refunded. */
export async function unsettledTopUps(db: Reader, customerId: string): Promise<TopUpRow[]> {
  return await unsettled(db, customerId).execute();
}

export async function lockTopUps(tx: Tx, customerId: string): Promise<TopUpRow[]> {
  return await unsettled(tx, customerId).orderBy('id').forUpdate().execute();
}

function unsettled(db: Reader, customerId: string) {
  return topUps(db).where('customer_id', '=', customerId).where('state', 'in', ['open', 'paid']);
}

export async function recordSession(
  db: Reader,
  id: string,
  session: { stripe_session_id: string; url: string },
): Promise<void> {
  await db.updateTable('credit_top_up').set(session).where('id', '=', id).where('state', '=', 'open').execute();
}

export async function updateTopUp(tx: Tx, id: string, change: Partial<Omit<TopUpRow, 'id'>>): Promise<void> {
  await tx.updateTable('credit_top_up').set(change).where('id', '=', id).execute();
}

/** Customers with a top-up of which Stripe has still to say what became of it. */
export async function customersToppingUp(db: Reader, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('credit_top_up')
    .select('customer_id')
    .distinct()
    .where('state', '=', 'open')
    .limit(limit)
    .execute();
  return rows.map((row) => row.customer_id);
}
