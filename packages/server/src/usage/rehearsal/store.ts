import { type BilledPeriod, type Instant, capMonthOf } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';
import { spentIn } from '../caps/store.ts';
import type { PhaseRow } from '../../subscriptions/phases.ts';
import type { StoredAddOn } from '../../subscriptions/store.ts';

/** Of a subscription that pays: whose it is, and whether something of the customer's own is over its plan. */
export interface Payer {
  customer_id: string;
  name: string;
  subscription_ids: string[];
  has_overrides: boolean;
  has_caps: boolean;
}

/** Customers with a subscription that pays, as in recurring revenue, in the order of their ids, after one. */
export async function payersAfter(db: Reader, after: string, limit: number): Promise<Payer[]> {
  const { rows } = await sql<Payer>`
    select s.customer_id, c.name, array_agg(s.id order by s.id) as subscription_ids,
      exists (select from customer_override o where o.customer_id = s.customer_id) as has_overrides,
      exists (select from spend_cap p where p.customer_id = s.customer_id) as has_caps
    from subscription s
    join customer c on c.id = s.customer_id
    where s.customer_id > ${after} and not s.superseded and s.status in ('active', 'past_due')
    group by s.customer_id, c.name
    order by s.customer_id limit ${limit}
  `.execute(db);
  return rows;
}

/** How many customers that are. */
export async function countPayers(db: Reader): Promise<number> {
  const { rows } = await sql<{ payers: number }>`
    select count(distinct customer_id)::bigint as payers from subscription
    where not superseded and status in ('active', 'past_due')
  `.execute(db);
  return rows[0]?.payers ?? 0;
}

/** A period that was billed, as what corrections made of it. */
export interface BilledReport extends BilledPeriod {
  subscription_id: string;
  meter_id: string;
}

/** Each meter's billed periods of the year before its last one ended, oldest first. */
export async function billedReports(db: Reader, subscriptionIds: readonly string[]): Promise<BilledReport[]> {
  const { rows } = await sql<{
    subscription_id: string;
    meter_id: string;
    period_start_at: Date;
    period_end_at: Date;
    quantity: number;
    billed_minor: number;
    shortfall_minor: number;
  }>`
    select r.subscription_id, r.meter_id, r.period_start_at, r.period_end_at,
      coalesce(a.quantity, r.quantity)::bigint as quantity, r.shortfall_minor,
      (r.amount_minor + r.shortfall_minor + coalesce(a.amount_minor, 0))::bigint as billed_minor
    from (
      select *, max(period_end_at) over (partition by subscription_id, meter_id) as last_at
      from usage_report where subscription_id = any(${[...subscriptionIds]}::text[])
    ) as r
    left join lateral (
      select sum(amount_minor) as amount_minor, (array_agg(quantity order by created_at desc, id desc))[1] as quantity
      from usage_adjustment where usage_report_id = r.id
    ) as a on true
    where r.period_end_at > r.last_at - interval '366 days'
    order by r.period_end_at, r.id
  `.execute(db);
  return rows.map(({ period_start_at, period_end_at, ...row }) => ({
    ...row,
    start_at: period_start_at.getTime(),
    end_at: period_end_at.getTime(),
  }));
}

/** The terms of subscriptions from their first on, by subscription. */
export async function phasesOfAll(db: Reader, subscriptionIds: readonly string[]): Promise<Map<string, PhaseRow[]>> {
  if (subscriptionIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('subscription_phase')
    .select(['subscription_id', 'from_at', 'plan_price_id', 'billing_anchor_at'])
    .select(sql<StoredAddOn[]>`add_ons`.as('add_ons'))
    .where('subscription_id', 'in', subscriptionIds)
    .orderBy('from_at')
    .execute();
  return Map.groupBy(rows, (row) => row.subscription_id);
}

/** What usage of a customer was billed at in the months that `ends` lie in, without these periods. */
export async function spentInMonthsOf(
  db: Reader,
  of: { customer_id: string; currency: string; ends: readonly Instant[]; but: readonly BilledPeriod[] },
): Promise<Record<string, number>> {
  const months = [...new Set(of.ends.map(capMonthOf))];
  const spent = await spentIn(db, { customer_id: of.customer_id, currency: of.currency, months });
  for (const { end_at, billed_minor, shortfall_minor } of of.but) {
    const month = capMonthOf(end_at);
    if (spent[month] !== undefined) spent[month] -= billed_minor - shortfall_minor;
  }
  return spent;
}
