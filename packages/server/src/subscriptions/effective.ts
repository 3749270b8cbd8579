import { type Instant, type PricedPlan, overridesAt, withAddOns, withOverrides } from '@farebox/core';
import { overridesOf } from '../customers/overrides/store.ts';
import type { Reader } from '../db/database.ts';
import type { SubscriptionWithPlan } from './store.ts';

/** What a subscriber may use at `now`: the plan with its add-ons, and over both what is this customer's own. */
export async function effectivePlan(db: Reader, row: SubscriptionWithPlan, now: Instant): Promise<PricedPlan> {
  const overrides = overridesAt(await overridesOf(db, row.customer_id), now);
  return withOverrides(withAddOns(row.plan, row.held_add_ons), overrides);
}
