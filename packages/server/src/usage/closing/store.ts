import type { Aggregation, Instant } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';
import { type UsageScope, amountOf, plainDecimal } from '../queries.ts';
import type { UsageReport } from '../report.ts';

/** A billed period, with what corrections changed of it. */
export interface ClosedReport extends UsageReport {
  created_at: Date;
  /** What was kept of the gate's counter. */
  counter: number | null;
  adjusted_minor: number;
  adjusted_line_minor: number;
  /** Since when something of it has waited for Stripe; null: nothing does. */
  waiting_since: Date | null;
  is_corrected: boolean;
  /** What Stripe's own lines of it come to by what it was sent; null: none of it was. */
  metered_minor: number | null;
}

/** Periods that ended in [from, to), in the order of their ids, after one. */
export async function closedReports(
  db: Reader,
  of: { customer_id: string | null; from: Instant; to: Instant; after: string; limit: number },
): Promise<ClosedReport[]> {
  const { rows } = await sql<ClosedReport>`
    select r.id, r.customer_id, r.subscription_id, r.meter_id, r.period_start_at, r.period_end_at, r.quantity, r.amount_minor,
      r.capped_minor, r.credited_minor, r.minimum_minor, r.shortfall_minor, r.plan_minimum, r.currency, r.lines, r.priced, r.counter, r.created_at, r.state,
      coalesce(a.amount_minor, 0)::bigint as adjusted_minor, coalesce(a.line_minor, 0)::bigint as adjusted_line_minor,
      least(a.waiting_since, case when r.state = 'pending' then r.created_at end) as waiting_since,
      exists (
        select from usage_correction c where c.customer_id = r.customer_id and c.created_at >= r.created_at
          and (c.before -> 'counted' ? r.meter_id or c.after -> 'counted' ? r.meter_id)
      ) as is_corrected,
      (select coalesce((m.settled ->> -1)::bigint, 0) from metered_period m
        where m.subscription_id = r.subscription_id and m.meter_id = r.meter_id and m.period_start_at = r.period_start_at
      ) as metered_minor
    from usage_report r
    left join lateral (
      select sum(amount_minor) as amount_minor, sum(line_minor) as line_minor,
        min(created_at) filter (where state = 'pending') as waiting_since
      from usage_adjustment where usage_report_id = r.id
    ) as a on true
    where r.period_end_at >= ${new Date(of.from)} and r.period_end_at < ${new Date(of.to)} and r.id > ${of.after}
      and (${of.customer_id}::text is null or r.customer_id = ${of.customer_id})
    order by r.id limit ${of.limit}
  `.execute(db);
  return rows;
}

/** Periods that ended since, in the order of their ids, of which the gate's counter is not known. */
export async function uncountedReports(
  db: Reader,
  of: { since: Instant; after: string; limit: number },
): Promise<{ id: string; customer_id: string; meter_id: string; period_start_at: Date; period_end_at: Date }[]> {
  return await db
    .selectFrom('usage_report')
    .select(['id', 'customer_id', 'meter_id', 'period_start_at', 'period_end_at'])
    .where('counter', 'is', null)
    .where('period_end_at', '>=', new Date(of.since))
    .where('id', '>', of.after)
    .orderBy('id')
    .limit(of.limit)
    .execute();
}

export async function keepCounter(db: Reader, id: string, counter: number): Promise<void> {
  await db.updateTable('usage_report').set({ counter }).where('id', '=', id).where('counter', 'is', null).execute();
}

/** What is asked of the events of one period. */
export type EventScope = Omit<UsageScope, 'key_id'> & { aggregation: Aggregation; received_by: Instant };

/** What the events of each scope come to, without the hours: all of them, and those that had come by `received_by`. */
export async function measureEvents(
  db: Reader,
  scopes: readonly EventScope[],
): Promise<{ all: string; at_close: string }[]> {
  if (scopes.length === 0) return [];
  const column = (at: (scope: EventScope) => Instant) => scopes.map((scope) => new Date(at(scope)));
  const part = (where: ReturnType<typeof sql>) => sql`
    select case scope.aggregation when 'unique' then count(distinct p.value) else ${amountOf(sql`scope.aggregation`)} end as amount
    from (
      select e.counted ->> scope.meter_id as value, 1 as events, e.occurred_at as last_at, e.id as last_id,
        case when scope.aggregation <> 'unique' then (e.counted ->> scope.meter_id)::numeric end as quantity
      from usage_event e
      where e.customer_id = scope.customer_id and e.counted ? scope.meter_id
        and e.counted_at >= scope.start_at and e.counted_at < scope.end_at and ${where}
    ) as p
  `;
  const { rows } = await sql<{ all: string; at_close: string }>`
    select coalesce(a.amount, 0)::text as "all", coalesce(b.amount, 0)::text as at_close
    from unnest(
      ${scopes.map((scope) => scope.customer_id)}::text[],
      ${scopes.map((scope) => scope.meter_id)}::text[],
      ${scopes.map((scope) => scope.aggregation)}::text[],
      ${column((scope) => scope.start_at)}::timestamptz[],
      ${column((scope) => scope.end_at)}::timestamptz[],
      ${column((scope) => scope.received_by)}::timestamptz[]
    ) with ordinality as scope (customer_id, meter_id, aggregation, start_at, end_at, received_by, position)
    cross join lateral (${part(sql`true`)}) as a
    cross join lateral (${part(sql`e.received_at <= scope.received_by`)}) as b
    order by scope.position
  `.execute(db);
  return rows.map((row) => ({ all: plainDecimal(row.all), at_close: plainDecimal(row.at_close) }));
}
