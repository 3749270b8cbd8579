import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';

export interface StripeEventRow {
  id: string;
  type: string;
  object_id: string | null;
  stripe_customer_id: string | null;
  state: string;
  reason: string | null;
  attempts: number;
  /** Order of arrival. */
  seq: number;
  api_version: string | null;
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
  'seq',
  'api_version',
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
    signed_at: Date | null;
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

export async function bodyOf(db: Reader, id: string): Promise<unknown> {
  const row = await db.selectFrom('stripe_event').select('body').where('id', '=', id).executeTakeFirst();
  return row?.body ?? null;
}

/** A failure that may pass: the event stays received, and says what was wrong last. */
export async function noteFailure(db: Reader, id: string, reason: string): Promise<void> {
  await db
    .updateTable('stripe_event')
    .set((eb) => ({ reason, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', id)
    .where('state', '=', 'received')
    .execute();
}

/** How many events have been stored so far: what one of them tells, a read of Stripe that begins now will hold. */
export async function eventsSoFar(db: Reader): Promise<number> {
  const row = await sql<{ seq: number }>`
    select case when is_called then last_value else 0 end as seq from stripe_event_seq_seq`.execute(db);
  return row.rows[0]?.seq ?? 0;
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
    .set({
      state: 'received',
      reason: null,
      handled_at: null,
      attempts: 0,
      // A replay is to look again, whatever was read since the event came.
      seq: sql<number>`nextval('stripe_event_seq_seq')`,
    })
    .where('id', '=', id)
    .where('state', 'in', ['parked', 'ignored', 'done', 'received'])
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Of these ids, those that are in the inbox. */
export async function knownEvents(db: Reader, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db.selectFrom('stripe_event').select('id').where('id', 'in', ids).execute();
  return new Set(rows.map((row) => row.id));
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
  page: { state: string | null; type: string | null; limit: number; after: { created_at: Date; id: string } | null },
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
  if (page.type !== null) query = query.where('e.type', '=', page.type);
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

/** Up to where Stripe's list of events was read; null before the first time. */
export async function readCursor(db: Reader): Promise<Date | null> {
  return (await db.selectFrom('stripe_cursor').select('events_at').executeTakeFirst())?.events_at ?? null;
}

/** Forward only. */
export async function moveCursor(db: Reader, events_at: Date, read_at: Date): Promise<void> {
  await db
    .insertInto('stripe_cursor')
    .values({ events_at, read_at })
    .onConflict((conflict) =>
      conflict.column('only_row').doUpdateSet({
        events_at: sql<Date>`greatest(stripe_cursor.events_at, excluded.events_at)`,
        read_at,
      }),
    )
    .execute();
}

/** Parked events, oldest first, for a replay of them all. */
export async function parkedEvents(db: Reader, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('stripe_event')
    .select('id')
    .where('state', '=', 'parked')
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map((row) => row.id);
}

/** Notes that a customer was deleted at Stripe. */
export async function markGone(
  db: Reader,
  row: { stripe_customer_id: string; customer_id: string; gone_at: Date },
): Promise<void> {
  await db
    .insertInto('stripe_gone')
    .values(row)
    .onConflict((conflict) => conflict.column('stripe_customer_id').doNothing())
    .execute();
}

export async function customerOfGone(db: Reader, stripeCustomerId: string): Promise<string | null> {
  const row = await db
    .selectFrom('stripe_gone')
    .select('customer_id')
    .where('stripe_customer_id', '=', stripeCustomerId)
    .executeTakeFirst();
  return row?.customer_id ?? null;
}

/** The customers at Stripe that this one had and lost. */
export async function goneOf(db: Reader, customerId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('stripe_gone')
    .select('stripe_customer_id')
    .where('customer_id', '=', customerId)
    .execute();
  return rows.map(({ stripe_customer_id }) => stripe_customer_id);
}

/** How many customers at Stripe this one had and lost. */
export async function countGone(db: Reader, customerId: string): Promise<number> {
  const row = await db
    .selectFrom('stripe_gone')
    .select((eb) => eb.fn.countAll<number>().as('gone'))
    .where('customer_id', '=', customerId)
    .executeTakeFirstOrThrow();
  return row.gone;
}

/** What Stripe says of one charge, in our words. */
export interface MirrorCharge {
  id: string;
  stripe_payment_intent_id: string | null;
  status: string;
  currency: string;
  amount_minor: number;
  amount_refunded_minor: number;
  dispute_status: string | null;
  stripe_created_at: Date;
}

export type ChargeRow = MirrorCharge & { customer_id: string };

/** Writes over an older read; what was given back only grows. */
export async function upsertCharges(
  db: Reader,
  customerId: string,
  charges: readonly MirrorCharge[],
  fetchedAt: Date,
): Promise<void> {
  if (charges.length === 0) return;
  await db
    .insertInto('stripe_charge')
    .values(charges.map((charge) => ({ ...charge, customer_id: customerId, fetched_at: fetchedAt })))
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet((eb) => ({
          status: eb.ref('excluded.status'),
          amount_refunded_minor: eb.ref('excluded.amount_refunded_minor'),
          dispute_status: eb.ref('excluded.dispute_status'),
          fetched_at: eb.ref('excluded.fetched_at'),
        }))
        .whereRef('stripe_charge.fetched_at', '<=', 'excluded.fetched_at'),
    )
    .execute();
}

/** Those of these ids that there are, by their ids. */
export async function chargesByIds(db: Reader, ids: readonly string[]): Promise<Map<string, ChargeRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('stripe_charge').select(chargeColumns).where('id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, row]));
}

const chargeColumns = [
  'id',
  'customer_id',
  'stripe_payment_intent_id',
  'status',
  'currency',
  'amount_minor',
  'amount_refunded_minor',
  'dispute_status',
  'stripe_created_at',
] as const;

/** A page of charges, newest first; all, one customer's, or those in dispute. */
export async function listCharges(
  db: Reader,
  page: {
    customer_id: string | null;
    disputed: boolean;
    limit: number;
    after: { created_at: Date; id: string } | null;
  },
): Promise<ChargeRow[]> {
  let query = db
    .selectFrom('stripe_charge')
    .select(chargeColumns)
    .orderBy('stripe_created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit);
  if (page.customer_id !== null) query = query.where('customer_id', '=', page.customer_id);
  if (page.disputed) query = query.where('dispute_status', 'is not', null);
  const after = page.after;
  if (after !== null) query = query.where(sql<boolean>`(stripe_created_at, id) < (${after.created_at}, ${after.id})`);
  return await query.execute();
}

/** Every charge, as it is compared with Stripe. */
export async function chargesOfAll(db: Reader) {
  return await db
    .selectFrom('stripe_charge')
    .select(['id', 'status', 'amount_refunded_minor', 'dispute_status'])
    .execute();
}

/** How what Stripe tells us arrives. */
export interface InboxHealth {
  states: Record<string, number>;
  /** Types that Farebox does not know, with how many came. */
  unknown_types: { type: string; count: number; last_at: Date }[];
  /** Versions that events of the last day came in. */
  api_versions: string[];
  last_received_at: Date | null;
  /** The oldest event that was received and is not handled yet. */
  waiting_since_at: Date | null;
  /** Of the last delivery within a day: how far this machine's clock is behind Stripe's, in seconds. */
  clock_skew_s: number | null;
  backfilled_at: Date | null;
}

export async function inboxHealth(db: Reader, known: (type: string) => boolean, now: Date): Promise<InboxHealth> {
  const day = new Date(now.getTime() - 86_400_000);
  const states = await db
    .selectFrom('stripe_event')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute();
  const ignored = await db
    .selectFrom('stripe_event')
    .select((eb) => ['type', eb.fn.countAll<number>().as('count'), eb.fn.max('received_at').as('last_at')])
    .where('state', '=', 'ignored')
    .groupBy('type')
    .orderBy('type')
    .limit(1000)
    .execute();
  const versions = await db
    .selectFrom('stripe_event')
    .select('api_version')
    .distinct()
    .where('received_at', '>', day)
    .execute();
  const times = await db
    .selectFrom('stripe_event')
    .select((eb) => [
      eb.fn.max('received_at').as('last'),
      eb.fn.min('received_at').filterWhere('state', '=', 'received').as('waiting'),
    ])
    .executeTakeFirst();
  const signed = await db
    .selectFrom('stripe_event')
    .select(['signed_at', 'received_at'])
    .where('signed_at', 'is not', null)
    .where('received_at', '>', day)
    .orderBy('received_at', 'desc')
    .executeTakeFirst();
  const cursor = await db.selectFrom('stripe_cursor').select('read_at').executeTakeFirst();
  return {
    states: Object.fromEntries(states.map(({ state, count }) => [state, count])),
    unknown_types: ignored.filter(({ type }) => !known(type)),
    api_versions: versions.flatMap(({ api_version }) => api_version ?? []).toSorted(),
    last_received_at: times?.last ?? null,
    waiting_since_at: times?.waiting ?? null,
    clock_skew_s:
      signed?.signed_at == null ? null : Math.round((signed.signed_at.getTime() - signed.received_at.getTime()) / 1000),
    backfilled_at: cursor?.read_at ?? null,
  };
}
