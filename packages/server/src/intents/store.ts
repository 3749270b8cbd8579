import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';
import type { StripeRefusal } from './kinds.ts';

export interface IntentRow {
  id: string;
  customer_id: string;
  kind: string;
  data: unknown;
  state: string;
  round: number;
  failure_answered: boolean;
  attempts: number;
  result: unknown;
  refusal: StripeRefusal | null;
  created_at: Date;
}

/** The row of this wish: a new one, or the one it already has. */
export async function insertIntent(
  db: Reader,
  row: { id: string; customer_id: string; kind: string; dedupe_key: string; data: string; created_at: Date },
): Promise<{ id: string; is_new: boolean }> {
  const inserted = await db
    .insertInto('stripe_intent')
    .values({ ...row, state: 'pending' })
    .onConflict((conflict) => conflict.column('dedupe_key').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted !== undefined) return { id: inserted.id, is_new: true };
  const existing = await db
    .selectFrom('stripe_intent')
    .select('id')
    .where('dedupe_key', '=', row.dedupe_key)
    .executeTakeFirstOrThrow();
  return { id: existing.id, is_new: false };
}

export async function intentById(db: Reader, id: string): Promise<IntentRow | null> {
  const row = await db
    .selectFrom('stripe_intent')
    .select([
      'id',
      'customer_id',
      'kind',
      'data',
      'state',
      'round',
      'failure_answered',
      'attempts',
      'result',
      'created_at',
    ])
    .select(sql<StripeRefusal | null>`refusal`.as('refusal'))
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** The intent of a wish, by what names it. */
export async function intentByKey(db: Reader, dedupeKey: string): Promise<IntentRow | null> {
  const row = await db.selectFrom('stripe_intent').select('id').where('dedupe_key', '=', dedupeKey).executeTakeFirst();
  return row === undefined ? null : await intentById(db, row.id);
}

/** Committed before the request leaves. */
export async function markSent(db: Reader, id: string, round: number, at: Date): Promise<void> {
  await db
    .updateTable('stripe_intent')
    .set((eb) => ({ state: 'sent', round, failure_answered: false, attempts: eb('attempts', '+', 1), sent_at: at }))
    .where('id', '=', id)
    .where('state', 'in', ['pending', 'sent'])
    .execute();
}

/** What became of it only a reading can tell. */
export async function markUnsettled(
  db: Reader,
  id: string,
  change: { failure_answered: boolean; last_error: string },
): Promise<void> {
  await db
    .updateTable('stripe_intent')
    .set(change)
    .where('id', '=', id)
    .where('state', 'in', ['pending', 'sent'])
    .execute();
}

export async function markDone(db: Reader, id: string, result: string, at: Date): Promise<void> {
  await db
    .updateTable('stripe_intent')
    .set({ state: 'done', result, last_error: null, settled_at: at })
    .where('id', '=', id)
    .where('state', 'in', ['pending', 'sent'])
    .execute();
}

export async function markRefused(db: Reader, id: string, refusal: string, at: Date): Promise<void> {
  await db
    .updateTable('stripe_intent')
    .set({ state: 'refused', refusal, settled_at: at })
    .where('id', '=', id)
    .where('state', 'in', ['pending', 'sent'])
    .execute();
}

/** Intents whose job was lost or failed for good. */
export async function openIntents(db: Reader, before: Date, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('stripe_intent')
    .select('id')
    .where('state', 'in', ['pending', 'sent'])
    .where('created_at', '<', before)
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.id);
}

/** A customer's that are not settled, of kinds that begin so, the oldest first. */
export async function openIntentsOf(
  db: Reader,
  customerId: string,
  kinds: string,
): Promise<{ id: string; kind: string }[]> {
  return await db
    .selectFrom('stripe_intent')
    .select(['id', 'kind'])
    .where('customer_id', '=', customerId)
    .where('state', 'in', ['pending', 'sent'])
    .where('kind', 'like', `${kinds}%`)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}
