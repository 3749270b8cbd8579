import type { Instant, Interval, PricedMinimum, PricedUsage } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';

/** The minimum of a plan's whole usage, as it was when a period was billed. */
export interface BilledPlanMinimum extends PricedMinimum {
  plan_name: string;
}

/** Which reports a plan's minimum counts together. */
export interface PeriodOfPlan {
  subscription_id: string;
  period_start_at: Date;
  period_end_at: Date;
  interval: Interval;
}

/** A report that counts towards a plan's minimum, with what corrections changed of it. */
export interface CountedReport {
  id: string;
  meter_id: string;
  quantity: number;
  /** By what it was rated. */
  priced: PricedUsage;
  /** What usage cost when it was billed, under the cap. */
  amount_minor: number;
  /** What of it and its shortfall was billed by now. */
  billed_minor: number;
  credited_minor: number;
  minimum_minor: number;
  /** On one of them: the minimum of all. */
  plan_minimum: BilledPlanMinimum | null;
}

/** In the order of their ids, which is that of the plan's meters. */
export async function countedReports(db: Reader, of: PeriodOfPlan): Promise<CountedReport[]> {
  const { rows } = await sql<CountedReport>`
    select r.id, r.meter_id, r.quantity, r.priced, r.amount_minor, r.minimum_minor, r.plan_minimum,
      (r.amount_minor + r.shortfall_minor + coalesce(a.amount_minor, 0))::bigint as billed_minor,
      (r.credited_minor + coalesce(a.credited_minor, 0))::bigint as credited_minor
    from usage_report r
    left join lateral (
      select sum(amount_minor) as amount_minor, sum(credited_minor) as credited_minor
      from usage_adjustment where usage_report_id = r.id
    ) as a on true
    where r.subscription_id = ${of.subscription_id}
      and r.period_start_at = ${of.period_start_at} and r.period_end_at = ${of.period_end_at}
      and r.priced ->> 'interval' = ${of.interval} and jsonb_typeof(r.priced -> 'overage') = 'object'
    order by r.id
  `.execute(db);
  return rows;
}

/** Says on one report what all that count lack together; what is lacking is billed with it. */
export async function commitMinimum(
  tx: Tx,
  reportId: string,
  of: { plan_minimum: BilledPlanMinimum; minimum_minor: number; shortfall_minor: number },
): Promise<void> {
  const { plan_minimum, minimum_minor, shortfall_minor } = of;
  await tx
    .updateTable('usage_report')
    .set({
      plan_minimum: JSON.stringify(plan_minimum),
      minimum_minor,
      shortfall_minor,
      ...(shortfall_minor > 0 ? { state: 'pending', sent_at: null } : {}),
    })
    .where('id', '=', reportId)
    .execute();
}

/** A span of time as it is measured. */
export function spanOf({ period_start_at, period_end_at }: { period_start_at: Date; period_end_at: Date }): {
  start_at: Instant;
  end_at: Instant;
} {
  return { start_at: period_start_at.getTime(), end_at: period_end_at.getTime() };
}
