import type { CountedHour, Instant } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';
import { measureScopes } from '../queries.ts';
import { hourMs } from '../rollup.ts';

/** A period of one meter whose usage is sent to Stripe. */
export interface MeteredPeriod {
  subscription_id: string;
  customer_id: string;
  meter_id: string;
  period_start_at: Date;
  period_end_at: Date;
  /** Under which it is sent; null: it is not sent any more. */
  plan_price_id: string | null;
  /** What Stripe's own lines came to, each time it was settled. */
  settled: number[];
}

export type PeriodName = Pick<MeteredPeriod, 'subscription_id' | 'meter_id' | 'period_start_at'>;

/** One event for a meter. */
export interface UsagePush extends PeriodName {
  /** At Stripe too. */
  identifier: string;
  customer_id: string;
  hour_at: Date;
  revision: number;
  units: number;
  plan_price_id: string;
  occurred_at: Date;
  state: 'pending' | 'sent' | 'rejected';
  created_at: Date;
}

export interface WantedPeriod {
  meter_id: string;
  start_at: Instant;
  end_at: Instant;
  plan_price_id: string;
}

/**
 * Notes which periods of a subscription run and are sent to a meter. One that is sent otherwise from now on stays, for what was sent
 * of it. Answers whether anything is new.
 */
export async function noteMeteredPeriods(
  tx: Tx,
  subscription: { id: string; customer_id: string },
  wanted: readonly WantedPeriod[],
  now: Instant,
): Promise<boolean> {
  let isNews = false;
  for (const { meter_id, start_at, end_at, plan_price_id } of wanted) {
    const { rows } = await sql`
      insert into metered_period (subscription_id, customer_id, meter_id, period_start_at, period_end_at, plan_price_id)
      values (${subscription.id}, ${subscription.customer_id}, ${meter_id}, ${new Date(start_at)}, ${new Date(end_at)}, ${plan_price_id})
      on conflict (subscription_id, meter_id, period_start_at) do update
        set period_end_at = excluded.period_end_at, plan_price_id = excluded.plan_price_id
        where (metered_period.period_end_at, metered_period.plan_price_id)
          is distinct from (excluded.period_end_at, excluded.plan_price_id)
      returning meter_id`.execute(tx);
    isNews ||= rows.length > 0;
  }
  const { rows } = await sql`
    update metered_period set plan_price_id = null
    where subscription_id = ${subscription.id} and period_end_at > ${new Date(now)} and plan_price_id is not null
      and not (meter_id = any(${wanted.map(({ meter_id }) => meter_id)}::text[]))
    returning meter_id`.execute(tx);
  return isNews || rows.length > 0;
}

function periods(db: Reader) {
  return db
    .selectFrom('metered_period')
    .select(['subscription_id', 'customer_id', 'meter_id', 'period_start_at', 'period_end_at', 'plan_price_id'])
    .select(sql<number[]>`settled`.as('settled'));
}

export async function meteredPeriodOf(db: Reader, name: PeriodName): Promise<MeteredPeriod | null> {
  const found = await periods(db)
    .where('subscription_id', '=', name.subscription_id)
    .where('meter_id', '=', name.meter_id)
    .where('period_start_at', '=', name.period_start_at)
    .executeTakeFirst();
  return found ?? null;
}

/** Of a customer, those that are not settled. */
export async function openPeriods(db: Reader, customerId: string): Promise<MeteredPeriod[]> {
  return await periods(db)
    .where('customer_id', '=', customerId)
    .where(sql<boolean>`settled = '[]'`)
    .orderBy('period_start_at')
    .execute();
}

/** When the periods of a subscription began that are sent to a meter, or were. */
export async function meteredStarts(
  db: Reader,
  subscriptionId: string,
): Promise<Pick<MeteredPeriod, 'meter_id' | 'period_start_at'>[]> {
  return await db
    .selectFrom('metered_period')
    .select(['meter_id', 'period_start_at'])
    .where('subscription_id', '=', subscriptionId)
    .execute();
}

/** Customers with a period that runs and was last looked at before then. */
export async function customersToFlush(db: Reader, before: Date, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('metered_period')
    .select('customer_id')
    .distinct()
    .where(sql<boolean>`settled = '[]'`)
    .where('plan_price_id', 'is not', null)
    .where('period_end_at', '>', before)
    .where((eb) => eb.or([eb('flushed_at', 'is', null), eb('flushed_at', '<', before)]))
    .limit(limit)
    .execute();
  return rows.map(({ customer_id }) => customer_id);
}

export async function markFlushed(db: Reader, customerId: string, at: Date): Promise<void> {
  await db
    .updateTable('metered_period')
    .set({ flushed_at: at })
    .where('customer_id', '=', customerId)
    .where(sql<boolean>`settled = '[]'`)
    .execute();
}

/** What Stripe's lines come to now; the same again adds nothing. */
export async function settlePeriod(db: Reader, name: PeriodName, amount_minor: number): Promise<void> {
  await sql`
    update metered_period set settled = settled || to_jsonb(${amount_minor}::bigint)
    where subscription_id = ${name.subscription_id} and meter_id = ${name.meter_id}
      and period_start_at = ${name.period_start_at} and (settled ->> -1)::bigint is distinct from ${amount_minor}`.execute(
    db,
  );
}

export async function pushesOf(db: Reader, name: PeriodName): Promise<UsagePush[]> {
  const rows = await db
    .selectFrom('usage_push')
    .select([
      'identifier',
      'subscription_id',
      'customer_id',
      'meter_id',
      'period_start_at',
      'hour_at',
      'revision',
      'units',
      'plan_price_id',
      'occurred_at',
      'created_at',
    ])
    .select(sql<UsagePush['state']>`state`.as('state'))
    .where('subscription_id', '=', name.subscription_id)
    .where('meter_id', '=', name.meter_id)
    .where('period_start_at', '=', name.period_start_at)
    .orderBy('hour_at')
    .orderBy('revision')
    .execute();
  return rows;
}

export async function insertPush(db: Reader, push: UsagePush): Promise<void> {
  await db.insertInto('usage_push').values(push).execute();
}

export async function markPush(
  db: Reader,
  identifier: string,
  to: { state: 'sent' | 'rejected'; reason: string | null; at: Date },
): Promise<void> {
  const { state, reason, at } = to;
  await db.updateTable('usage_push').set({ state, reason, sent_at: at }).where('identifier', '=', identifier).execute();
}

/** Marks what Stripe took and then would not count. Answers the periods that it was of. */
export async function rejectPushes(
  db: Reader,
  rejected: readonly { identifier: string; reason: string }[],
): Promise<PeriodName[]> {
  const { rows } = await sql<PeriodName>`
    update usage_push p set state = 'rejected', reason = given.reason
    from unnest(${rejected.map(({ identifier }) => identifier)}::text[], ${rejected.map(({ reason }) => reason)}::text[])
      as given (identifier, reason)
    where p.identifier = given.identifier and p.state <> 'rejected'
    returning p.subscription_id, p.meter_id, p.period_start_at`.execute(db);
  return rows;
}

/** Whether any usage of a customer, or of anybody, is sent to a meter or was. */
export async function isMetered(db: Reader, customerId: string | null): Promise<boolean> {
  const { rows } = await sql`
    select from metered_period where ${customerId}::text is null or customer_id = ${customerId} limit 1`.execute(db);
  return rows.length > 0;
}

/** The report of the period that a line of Stripe's own rating bills; its time ends in the period, in whole seconds. */
export async function reportOfMetered(
  db: Reader,
  line: { stripe_subscription_id: string; meter_id: string; end_at: Date },
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select r.id from usage_report r join subscription s on s.id = r.subscription_id
    where s.stripe_subscription_id = ${line.stripe_subscription_id} and r.meter_id = ${line.meter_id}
      and r.period_start_at < ${line.end_at} and r.period_end_at > ${line.end_at}::timestamptz - interval '1 second'
    order by r.period_start_at limit 1`.execute(db);
  return rows[0]?.id ?? null;
}

/** Units that Stripe has taken, by the hour in which it was told that they happened. */
export async function sentByHour(
  db: Reader,
  of: { customer_id: string; meter_id: string; start_at: Instant; end_at: Instant },
): Promise<Map<Instant, number>> {
  const { rows } = await sql<{ hour_at: Date; units: number }>`
    select date_bin('1 hour', occurred_at, timestamptz '1970-01-01Z') as hour_at, sum(units)::bigint as units from usage_push
    where customer_id = ${of.customer_id} and meter_id = ${of.meter_id} and state = 'sent'
      and occurred_at >= ${new Date(of.start_at)} and occurred_at < ${new Date(of.end_at)}
    group by 1`.execute(db);
  return new Map(rows.map(({ hour_at, units }) => [hour_at.getTime(), units]));
}

/** What a meter that adds up came to in each hour of [start_at, end_at) that had usage, as far as it lies in it. */
export async function countedHours(
  db: Reader,
  of: { customer_id: string; meter_id: string; start_at: Instant; end_at: Instant },
): Promise<CountedHour[]> {
  const { customer_id, meter_id, start_at, end_at } = of;
  const { rows } = await sql<{ hour_at: Date }>`
    select distinct hour_at from usage_hour
    where customer_id = ${customer_id} and meter_id = ${meter_id}
      and hour_at > ${new Date(start_at - hourMs)} and hour_at < ${new Date(end_at)}
    order by hour_at`.execute(db);
  const hours = rows.map(({ hour_at }) => hour_at.getTime());
  const scopes = hours.map((hour) => ({
    customer_id,
    meter_id,
    aggregation: 'sum' as const,
    start_at: Math.max(hour, start_at),
    end_at: Math.min(hour + hourMs, end_at),
  }));
  const { measured } = await measureScopes(db, scopes);
  return hours.map((hour_at, index) => ({ hour_at, quantity: measured[index] ?? '0' }));
}
