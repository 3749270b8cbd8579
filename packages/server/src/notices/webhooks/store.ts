import { everyEventType } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';

export interface EndpointRow {
  id: string;
  /** Whose it is; null: the seller's own. */
  customer_id: string | null;
  url: string;
  description: string;
  event_types: string[];
  sealed_secret: Buffer;
  /** Signs as well, until `former_until_at`. */
  sealed_former: Buffer | null;
  former_until_at: Date | null;
  /** The first failure since something was taken. */
  failing_since_at: Date | null;
  disabled_at: Date | null;
  disabled_reason: string | null;
  created_at: Date;
}

export interface EventRow {
  id: string;
  type: string;
  customer_id: string | null;
  dedupe_key: string;
  livemode: boolean;
  api_version: string;
  /** `{ object, previous_attributes }` */
  data: EventData;
  created_at: Date;
}

export interface EventData {
  object: Record<string, unknown>;
  previous_attributes: Record<string, unknown> | null;
}

export interface DeliveryRow {
  id: string;
  endpoint_id: string;
  event_id: string;
  event_type: string;
  state: string;
  attempts: number;
  next_attempt_at: Date | null;
  last_attempt_at: Date | null;
  status: number | null;
  answer: string | null;
  failure: string | null;
  duration_ms: number | null;
  created_at: Date;
}

type After = { created_at: Date; id: string } | null;

/** Whose rows are meant; null: everybody's. */
type Scope = string | null;

export async function insertEndpoint(db: Reader, row: EndpointRow): Promise<void> {
  await db.insertInto('webhook_endpoint').values(row).execute();
}

export async function countEndpoints(db: Reader, owner: string | null): Promise<number> {
  const row = await db
    .selectFrom('webhook_endpoint')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('customer_id', owner === null ? 'is' : '=', owner)
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function endpointById(db: Reader, scope: Scope, id: string): Promise<EndpointRow | null> {
  const query = db.selectFrom('webhook_endpoint').selectAll().where('id', '=', id);
  return (await query.$if(scope !== null, (q) => q.where('customer_id', '=', scope)).executeTakeFirst()) ?? null;
}

/** Holds the row until the transaction ends. */
export async function lockEndpoint(tx: Tx, scope: Scope, id: string): Promise<EndpointRow | null> {
  const query = tx.selectFrom('webhook_endpoint').selectAll().where('id', '=', id).forNoKeyUpdate();
  return (await query.$if(scope !== null, (q) => q.where('customer_id', '=', scope)).executeTakeFirst()) ?? null;
}

export async function listEndpoints(
  db: Reader,
  page: { scope: Scope; owner: 'seller' | 'customer' | null; limit: number; after: After },
): Promise<EndpointRow[]> {
  const { scope, owner, after } = page;
  return await db
    .selectFrom('webhook_endpoint')
    .selectAll()
    .$if(scope !== null, (q) => q.where('customer_id', '=', scope))
    .$if(owner !== null, (q) => q.where('customer_id', owner === 'seller' ? 'is' : 'is not', null))
    .$if(after !== null, (q) => q.where(sql<boolean>`(created_at, id) < (${after?.created_at}, ${after?.id})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute();
}

export async function changeEndpoint(
  db: Reader,
  id: string,
  change: Partial<Omit<EndpointRow, 'id' | 'customer_id' | 'created_at'>>,
): Promise<void> {
  if (Object.keys(change).length === 0) return;
  await db.updateTable('webhook_endpoint').set(change).where('id', '=', id).execute();
}

export async function deleteEndpoint(db: Reader, id: string): Promise<void> {
  await db.deleteFrom('webhook_endpoint').where('id', '=', id).execute();
}

export async function deleteEndpointsOf(db: Reader, customer_id: string): Promise<void> {
  await db.deleteFrom('webhook_endpoint').where('customer_id', '=', customer_id).execute();
}

/**
 * Writes it, and answers the endpoints that hear of it: the seller's, and those of the customer it concerns. Null when an event
 * of that dedupe key was written before.
 */
export async function insertEvent(db: Reader, row: EventRow): Promise<string[] | null> {
  const told = await db
    .with('told', (qb) =>
      qb
        .insertInto('event')
        .values({ ...row, data: JSON.stringify(row.data) })
        .onConflict((conflict) => conflict.column('dedupe_key').doNothing())
        .returning('id'),
    )
    .selectFrom('told')
    .leftJoin('webhook_endpoint as w', (join) =>
      join
        .on('w.disabled_at', 'is', null)
        .on((eb) => eb.or([eb('w.customer_id', 'is', null), eb('w.customer_id', '=', row.customer_id)]))
        .on(sql<boolean>`w.event_types && array[${everyEventType}, ${row.type}]::text[]`),
    )
    .select('w.id as endpoint_id')
    .execute();
  return told.length === 0 ? null : told.flatMap(({ endpoint_id }) => endpoint_id ?? []);
}

export async function insertDelivery(
  db: Reader,
  row: { id: string; endpoint_id: string; event_id: string; created_at: Date; next_attempt_at: Date },
): Promise<void> {
  await db
    .insertInto('webhook_delivery')
    .values({ ...row, state: 'pending' })
    .execute();
}

/** What is sent may be read as it was written: only `insertEvent` writes it. */
function events(db: Reader) {
  return db
    .selectFrom('event')
    .select(['id', 'type', 'customer_id', 'dedupe_key', 'livemode', 'api_version', 'created_at'])
    .select(sql<EventData>`data`.as('data'));
}

export async function eventById(db: Reader, scope: Scope, id: string): Promise<EventRow | null> {
  const query = events(db).where('id', '=', id);
  return (await query.$if(scope !== null, (q) => q.where('customer_id', '=', scope)).executeTakeFirst()) ?? null;
}

export async function listEvents(
  db: Reader,
  page: { scope: Scope; type: string | null; limit: number; after: After },
): Promise<EventRow[]> {
  const { scope, type, after } = page;
  return await events(db)
    .$if(scope !== null, (q) => q.where('customer_id', '=', scope))
    .$if(type !== null, (q) => q.where('type', '=', type ?? ''))
    .$if(after !== null, (q) => q.where(sql<boolean>`(created_at, id) < (${after?.created_at}, ${after?.id})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute();
}

/** Events with their deliveries. Those whose delivery is still under way stay. */
export async function deleteEventsBefore(db: Reader, before: Date, limit: number): Promise<number> {
  const old = db
    .selectFrom('event')
    .select('id')
    .where('created_at', '<', before)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('webhook_delivery as d')
            .select('d.id')
            .whereRef('d.event_id', '=', 'event.id')
            .where('d.state', 'in', ['pending', 'sending']),
        ),
      ),
    )
    .limit(limit);
  const { numDeletedRows } = await db.deleteFrom('event').where('id', 'in', old).executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

function deliveries(db: Reader) {
  return db
    .selectFrom('webhook_delivery as d')
    .innerJoin('webhook_endpoint as w', 'w.id', 'd.endpoint_id')
    .innerJoin('event as e', 'e.id', 'd.event_id')
    .select(['d.id', 'd.endpoint_id', 'd.event_id', 'e.type as event_type', 'd.state', 'd.attempts'])
    .select(['d.next_attempt_at', 'd.last_attempt_at', 'd.status', 'd.answer', 'd.failure', 'd.duration_ms'])
    .select('d.created_at');
}

export async function deliveryById(db: Reader, scope: Scope, id: string): Promise<DeliveryRow | null> {
  const query = deliveries(db).where('d.id', '=', id);
  return (await query.$if(scope !== null, (q) => q.where('w.customer_id', '=', scope)).executeTakeFirst()) ?? null;
}

export async function listDeliveries(
  db: Reader,
  page: {
    scope: Scope;
    endpoint_id: string | null;
    event_id: string | null;
    state: string | null;
    limit: number;
    after: After;
  },
): Promise<DeliveryRow[]> {
  const { scope, endpoint_id, event_id, state, after } = page;
  return await deliveries(db)
    .$if(scope !== null, (q) => q.where('w.customer_id', '=', scope))
    .$if(endpoint_id !== null, (q) => q.where('d.endpoint_id', '=', endpoint_id ?? ''))
    .$if(event_id !== null, (q) => q.where('d.event_id', '=', event_id ?? ''))
    .$if(state !== null, (q) => q.where('d.state', '=', state ?? ''))
    .$if(after !== null, (q) => q.where(sql<boolean>`(d.created_at, d.id) < (${after?.created_at}, ${after?.id})`))
    .orderBy('d.created_at', 'desc')
    .orderBy('d.id', 'desc')
    .limit(page.limit)
    .execute();
}

/** Deliveries whose time has come, or whose sending was cut short; of one endpoint no more than may be under way. */
export async function dueDeliveries(
  db: Reader,
  now: Date,
  limits: { each: number; all: number; endpoint_id?: string },
): Promise<string[]> {
  const { each, all, endpoint_id = null } = limits;
  const { rows } = await sql<{ id: string }>`
    select id from (
      select d.id, row_number() over (partition by d.endpoint_id order by d.next_attempt_at, d.id) as place
      from webhook_delivery d join webhook_endpoint w on w.id = d.endpoint_id
      where w.disabled_at is null and (${endpoint_id}::text is null or d.endpoint_id = ${endpoint_id})
        and ((d.state = 'pending' and d.next_attempt_at <= ${now}) or (d.state = 'sending' and d.leased_until_at <= ${now}))
    ) due where place <= ${each} limit ${all}`.execute(db);
  return rows.map(({ id }) => id);
}

/**
 * Takes a delivery to send it, for as long as the lease lasts. Null when it is not due, its endpoint is off, or as many of
 * this endpoint are under way as may be. `even_if_off`: somebody asked for this one.
 */
export async function claimDelivery(
  tx: Tx,
  id: string,
  claim: { now: Date; leased_until_at: Date; most: number; even_if_off: boolean },
): Promise<{ endpoint: EndpointRow; event: EventRow; attempts: number } | null> {
  const { now } = claim;
  const found = await tx.selectFrom('webhook_delivery').select('endpoint_id').where('id', '=', id).executeTakeFirst();
  if (found === undefined) return null;
  const endpoint = await lockEndpoint(tx, null, found.endpoint_id);
  if (endpoint === null || (endpoint.disabled_at !== null && !claim.even_if_off)) return null;
  const { under_way } = await tx
    .selectFrom('webhook_delivery')
    .select((eb) => eb.fn.countAll<number>().as('under_way'))
    .where('endpoint_id', '=', endpoint.id)
    .where('state', '=', 'sending')
    .where('leased_until_at', '>', now)
    .executeTakeFirstOrThrow();
  if (under_way >= claim.most && !claim.even_if_off) return null;
  const taken = await tx
    .updateTable('webhook_delivery')
    .set((eb) => ({
      state: 'sending',
      attempts: eb('attempts', '+', 1),
      leased_until_at: claim.leased_until_at,
      last_attempt_at: now,
    }))
    .where('id', '=', id)
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'pending'), eb('next_attempt_at', '<=', now)]),
        eb.and([eb('state', '=', 'sending'), eb('leased_until_at', '<=', now)]),
      ]),
    )
    .returning(['attempts', 'event_id'])
    .executeTakeFirst();
  if (taken === undefined) return null;
  const event = await eventById(tx, null, taken.event_id);
  return event === null ? null : { endpoint, event, attempts: taken.attempts };
}

/** Writes what came of an attempt. False when a later attempt has begun: then its outcome counts. */
export async function closeAttempt(
  tx: Tx,
  id: string,
  attempts: number,
  outcome: Pick<DeliveryRow, 'state' | 'next_attempt_at' | 'status' | 'answer' | 'failure' | 'duration_ms'>,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('webhook_delivery')
    .set({ ...outcome, leased_until_at: null })
    .where('id', '=', id)
    .where('state', '=', 'sending')
    .where('attempts', '=', attempts)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Sends it again now, whatever became of it; not while it is being sent. */
export async function reopenDelivery(tx: Tx, id: string, now: Date): Promise<void> {
  await tx
    .updateTable('webhook_delivery')
    .set({ state: 'pending', next_attempt_at: now, leased_until_at: null })
    .where('id', '=', id)
    .where('state', '!=', 'sending')
    .execute();
}

/** What waits for an endpoint that is off is not sent any more. */
export async function dropWaiting(tx: Tx, endpoint_id: string, failure: string): Promise<void> {
  await tx
    .updateTable('webhook_delivery')
    .set({ state: 'failed', failure, next_attempt_at: null })
    .where('endpoint_id', '=', endpoint_id)
    .where('state', '=', 'pending')
    .execute();
}
