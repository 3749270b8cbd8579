import { type Period, type PricedPlan, type UsagePeriod, planMinimumFor, shortfallOf } from '@farebox/core';
import type { Tx } from '../../db/database.ts';
import { commitMinimum, countedReports } from './store.ts';

/** A period whose reports have the minimum of their plan over them. */
export interface ClosedTogether {
  plan: PricedPlan;
  period: UsagePeriod;
  whole: Period;
}

/** Once all meters of a period are closed: what they lack together. Answers the report that bills it; null: they lack nothing. */
export async function commitTogether(
  tx: Tx,
  subscription_id: string,
  { plan, period, whole }: ClosedTogether,
): Promise<string | null> {
  const { minimum } = plan;
  if (minimum === undefined) return null;
  const [period_start_at, period_end_at] = [new Date(period.start_at), new Date(period.end_at)];
  const of = { subscription_id, period_start_at, period_end_at, interval: minimum.interval };
  const counted = await countedReports(tx, of);
  const [first] = counted;
  if (first === undefined || counted.some(({ plan_minimum }) => plan_minimum !== null)) return null;
  const minimum_minor = planMinimumFor(plan, period, whole);
  const used = counted.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
  const shortfall_minor = shortfallOf(minimum_minor, used);
  const plan_minimum = { ...minimum, plan_name: plan.name };
  await commitMinimum(tx, first.id, { plan_minimum, minimum_minor, shortfall_minor });
  return shortfall_minor === 0 ? null : first.id;
}
