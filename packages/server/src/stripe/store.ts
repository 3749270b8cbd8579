import type { Reader } from '../db/database.ts';

export interface StripeEventRow {
  id: string;
  type: string;
  object_id: string | null;
  stripe_customer_id: string | null;
  state: string;
  reason: string | null;
  attempts: number;
  stripe_created_at: Date;
  received_at: Date;
  handled_at: Date | null;
}

const columns = [
  'id',
  'type',
  'object_id',
  'stripe_customer_id',
  'state',
  'reason',
  'attempts',
  'stripe_created_at',
  'received_at',
  'handled_at',
] as const;

/** True when the event is new. A second delivery of the same event changes nothing. */
export async function insertEvent(
  db: Reader,
  event: {
    id: string;
    type: string;
    object_id: string | null;
    stripe_customer_id: string | null;
    api_version: string | null;
    livemode: boolean;
    body: string;
    stripe_created_at: Date;
    received_at: Date;
  },
): Promise<boolean> {
  const result = await db
    .insertInto('stripe_event')
    .values({ ...event, state: 'received' })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function eventById(db: Reader, id: string): Promise<StripeEventRow | null> {
  return (await db.selectFrom('stripe_event').select(columns).where('id', '=', id).executeTakeFirst()) ?? null;
}

/** Only `done` and `ignored` are ends; a parked event can be received again by a replay. */
export async function closeEvent(
  db: Reader,
  id: string,
  state: 'done' | 'ignored' | 'parked',
  reason: string | null,
  at: Date,
): Promise<void> {
  await db
    .updateTable('stripe_event')
    .set((eb) => ({ state, reason, handled_at: at, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', id)
    .where('state', '!=', 'done')
    .execute();
}

export async function reopenEvent(db: Reader, id: string): Promise<boolean> {
  const result = await db
    .updateTable('stripe_event')
    .set({ state: 'received', reason: null, handled_at: null })
    .where('id', '=', id)
    .where('state', 'in', ['parked', 'ignored', 'done'])
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Events that were stored and whose job was lost or failed for good. */
export async function unhandledEvents(db: Reader, before: Date, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('stripe_event')
    .select('id')
    .where('state', '=', 'received')
    .where('received_at', '<', before)
    .orderBy('received_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.id);
}

export async function listEvents(
  db: Reader,
  page: { state: string | null; limit: number; after: { created_at: Date; id: string } | null },
): Promise<(StripeEventRow & { customer_id: string | null })[]> {
  let query = db
    .selectFrom('stripe_event as e')
    .leftJoin('customer as c', 'c.stripe_customer_id', 'e.stripe_customer_id')
    .select(columns.map((column) => `e.${column}` as const))
    .select('c.id as customer_id')
    .orderBy('e.received_at', 'desc')
    .orderBy('e.id', 'desc')
    .limit(page.limit);
  if (page.state !== null) query = query.where('e.state', '=', page.state);
  const after = page.after;
  if (after !== null) {
    query = query.where((eb) =>
      eb.or([
        eb('e.received_at', '<', after.created_at),
        eb.and([eb('e.received_at', '=', after.created_at), eb('e.id', '<', after.id)]),
      ]),
    );
  }
  return await query.execute();
}

/** This installation's name on every object at Stripe; made once, whoever asks first. */
export async function installationId(db: Reader, candidate: { id: string; created_at: Date }): Promise<string> {
  await db
    .insertInto('installation')
    .values(candidate)
    .onConflict((conflict) => conflict.column('only_row').doNothing())
    .execute();
  const row = await db.selectFrom('installation').select('id').executeTakeFirstOrThrow();
  return row.id;
}
