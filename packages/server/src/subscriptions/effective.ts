import { type Instant, type PricedPlan, overridesAt, withAddOns, withOverrides } from '@farebox/core';
import { type OverrideRow, overridesFrom, overridesOf } from '../customers/overrides/store.ts';
import type { Reader } from '../db/database.ts';
import type { SubscriptionWithPlan } from './store.ts';

/** What a subscriber may use at `now`: the plan with its add-ons, and over both what is this customer's own. */
export async function effectivePlan(db: Reader, row: SubscriptionWithPlan, now: Instant): Promise<PricedPlan> {
  return effective(row, await overridesOf(db, row.customer_id), now);
}

/** The same of several, in order. */
export async function effectivePlans(
  db: Reader,
  rows: readonly SubscriptionWithPlan[],
  now: Instant,
): Promise<PricedPlan[]> {
  const overrides = await overridesFrom(db, [...new Set(rows.map(({ customer_id }) => customer_id))], now);
  return rows.map((row) => effective(row, overrides.get(row.customer_id) ?? [], now));
}

function effective(row: SubscriptionWithPlan, history: readonly OverrideRow[], now: Instant): PricedPlan {
  return withOverrides(withAddOns(row.plan, row.held_add_ons), overridesAt(history, now));
}
