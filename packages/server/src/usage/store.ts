import { type Instant, type Interval, type Plan, type PricedPlan, atPrice, withAddOns } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';

/** One thing that happened. `id` is the idempotency key: a second event of the same customer, id and instant is the same one. */
export interface UsageRecord {
  id: string;
  customer_id: string;
  meter_id: string;
  quantity: number;
  occurred_at: Instant;
  key_id: string | null;
  /** The route's pattern, empty when unknown. Not the path: every different value is a row an hour. */
  endpoint: string;
}

/** Half-open, as every period. */
export interface UsageScope {
  customer_id: string;
  meter_id: string;
  start_at: Instant;
  end_at: Instant;
  /** Of one key only; all of the customer's unless said. */
  key_id?: string;
}

const hourMs = 3_600_000;

/**
 * Writes a batch once, in one statement and therefore one transaction: the batch's id, the events nobody had, and what those
 * add to the hours. A batch seen before changes nothing; neither does an event seen before in another batch, while the fresh
 * ones beside it count. Rows go in sorted, so that two writers never wait for each other. Answers whose usage grew.
 */
export async function insertBatch(
  db: Reader,
  batchId: string,
  records: readonly UsageRecord[],
  now: Instant,
): Promise<string[]> {
  const received_at = new Date(now);
  const { rows } = await sql<{ customer_id: string }>`
    with batch as (
      insert into usage_batch (id, received_at) values (${batchId}, ${received_at}) on conflict do nothing returning id
    ),
    fresh as (
      insert into usage_event (customer_id, id, meter_id, quantity, occurred_at, key_id, endpoint, received_at)
      select given.*, ${received_at}::timestamptz
      from unnest(
        ${records.map((record) => record.customer_id)}::text[],
        ${records.map((record) => record.id)}::text[],
        ${records.map((record) => record.meter_id)}::text[],
        ${records.map((record) => record.quantity)}::bigint[],
        ${records.map((record) => new Date(record.occurred_at))}::timestamptz[],
        ${records.map((record) => record.key_id)}::text[],
        ${records.map((record) => record.endpoint)}::text[]
      ) as given (customer_id, id, meter_id, quantity, occurred_at, key_id, endpoint)
      where exists (select from batch)
      order by customer_id, id
      on conflict do nothing
      returning customer_id, meter_id, quantity, occurred_at, key_id, endpoint
    ),
    grown as (
      insert into usage_hour (customer_id, meter_id, hour_at, key_id, endpoint, quantity)
      select customer_id, meter_id, date_trunc('hour', occurred_at, 'UTC'), coalesce(key_id, ''), endpoint, sum(quantity)::bigint
      from fresh
      group by 1, 2, 3, 4, 5
      order by 1, 2, 3, 4, 5
      on conflict (customer_id, meter_id, hour_at, key_id, endpoint)
      do update set quantity = usage_hour.quantity + excluded.quantity
      returning customer_id
    )
    select distinct customer_id from grown
  `.execute(db);
  return rows.map((row) => row.customer_id);
}

/**
 * Units used in each scope, in order, exact to the millisecond: whole hours from the roll-up, the hours a scope begins and
 * ends in from the events. A scope names its customer and meter; an empty name is a fault of the program, not "everybody".
 */
export async function usageOfScopes(db: Reader, scopes: readonly UsageScope[]): Promise<number[]> {
  if (scopes.length === 0) return [];
  for (const scope of scopes) {
    invariant(scope.customer_id !== '' && scope.meter_id !== '', 'usage is counted for one customer and one meter');
  }
  const bounds = scopes.map(wholeHours);
  const { rows } = await sql<{ quantity: number }>`
    select (
      coalesce((
        select sum(quantity) from usage_hour as h
        where h.customer_id = scope.customer_id and h.meter_id = scope.meter_id
          and (scope.key_id is null or h.key_id = scope.key_id)
          and h.hour_at >= scope.whole_from and h.hour_at < scope.whole_to
      ), 0) + coalesce((
        select sum(quantity) from usage_event as e
        where e.customer_id = scope.customer_id and e.meter_id = scope.meter_id
          and (scope.key_id is null or e.key_id = scope.key_id)
          and e.occurred_at >= scope.start_at and e.occurred_at < scope.whole_from
      ), 0) + coalesce((
        select sum(quantity) from usage_event as e
        where e.customer_id = scope.customer_id and e.meter_id = scope.meter_id
          and (scope.key_id is null or e.key_id = scope.key_id)
          and e.occurred_at >= scope.whole_to and e.occurred_at < scope.end_at
      ), 0)
    )::bigint as quantity
    from unnest(
      ${scopes.map((scope) => scope.customer_id)}::text[],
      ${scopes.map((scope) => scope.meter_id)}::text[],
      ${scopes.map((scope) => scope.key_id ?? null)}::text[],
      ${scopes.map((scope) => new Date(scope.start_at))}::timestamptz[],
      ${bounds.map((bound) => new Date(bound.from))}::timestamptz[],
      ${bounds.map((bound) => new Date(bound.to))}::timestamptz[],
      ${scopes.map((scope) => new Date(scope.end_at))}::timestamptz[]
    ) with ordinality as scope (customer_id, meter_id, key_id, start_at, whole_from, whole_to, end_at, position)
    order by scope.position
  `.execute(db);
  return rows.map((row) => row.quantity);
}

/** The whole hours inside a scope; one that lies within an hour has none, and ends as one part. */
export function wholeHours({ start_at, end_at }: UsageScope): { from: Instant; to: Instant } {
  const from = Math.ceil(start_at / hourMs) * hourMs;
  const to = Math.floor(end_at / hourMs) * hourMs;
  return from <= to ? { from, to } : { from: end_at, to: end_at };
}

/** Quantities of the hours or days that have any, in UTC. */
export async function usageByWindow(
  db: Reader,
  scope: UsageScope,
  window: 'hour' | 'day',
): Promise<{ start_at: Instant; quantity: number }[]> {
  invariant(scope.customer_id !== '' && scope.meter_id !== '', 'usage is counted for one customer and one meter');
  const { rows } = await sql<{ start_at: Date; quantity: number }>`
    select date_trunc(${window}, hour_at, 'UTC') as start_at, sum(quantity)::bigint as quantity
    from usage_hour
    where customer_id = ${scope.customer_id} and meter_id = ${scope.meter_id}
      and hour_at >= ${new Date(scope.start_at)} and hour_at < ${new Date(scope.end_at)}
    group by 1
  `.execute(db);
  return rows.map((row) => ({ start_at: row.start_at.getTime(), quantity: row.quantity }));
}

export async function customerExists(db: Reader, customerId: string): Promise<boolean> {
  const row = await db.selectFrom('customer').select('id').where('id', '=', customerId).executeTakeFirst();
  return row !== undefined;
}

/** What the customer is subscribed to; null when nothing is live. */
export async function livePlan(
  db: Reader,
  customerId: string,
): Promise<{ plan: PricedPlan; base_minor: number; billing_anchor_at: Instant } | null> {
  const row = await db
    .selectFrom('subscription as s')
    .innerJoin('plan_version as p', 'p.id', 's.plan_version_id')
    .innerJoin('plan_price as r', 'r.id', 's.plan_price_id')
    .select(['s.billing_anchor_at', 's.quantity', 'r.currency', sql<Interval>`r.interval`.as('interval')])
    .select(sql<Plan>`p.content`.as('plan'))
    .select(
      sql<{ content: Plan; currency: string; interval: Interval; quantity: number }[]>`(
        select coalesce(json_agg(row_to_json(a) order by a.plan_id), '[]')
        from subscription_add_on a where a.subscription_id = s.id and not a.scheduled
      )`.as('add_ons'),
    )
    .where('s.customer_id', '=', customerId)
    .where('s.superseded', '=', false)
    .where('s.status', 'in', ['active', 'trialing', 'past_due', 'unpaid', 'paused'])
    .executeTakeFirst();
  if (row === undefined) return null;
  const addOns = row.add_ons.map(({ content, quantity, ...at }) => ({ plan: atPrice(content, at), quantity }));
  return {
    plan: withAddOns(atPrice(row.plan, row), addOns),
    base_minor: [{ plan: atPrice(row.plan, row), quantity: row.quantity }, ...addOns].reduce(
      (sum, { plan, quantity }) => sum + plan.price.amount_minor * quantity,
      0,
    ),
    billing_anchor_at: row.billing_anchor_at.getTime(),
  };
}

/** Batches older than any retry: their ids need not be known any more. */
export async function deleteBatchesBefore(db: Reader, before: Date): Promise<void> {
  await db.deleteFrom('usage_batch').where('received_at', '<', before).execute();
}
