import { type Terms, directionOf } from './change.ts';
import type { Plan } from './plan.ts';
import { findPrice, isAddOn } from './priced-plan.ts';

export const planActions = ['subscribe', 'current', 'upgrade', 'downgrade', 'switch'] as const;
export type PlanAction = (typeof planActions)[number];

/**
 * What a customer can do with a plan: begin it, or go up, down or across to it from what it has. Null for an add-on, which
 * replaces nothing, and for a plan without a price in the customer's currency. Of a plan with the same interval that price
 * counts; of another its first, as `directionOf` weighs them.
 */
export function planAction(live: Terms | null, plan: Plan): PlanAction | null {
  if (isAddOn(plan)) return null;
  if (live === null) return 'subscribe';
  if (live.plan_id === plan.id) return 'current';
  const { currency, interval } = live;
  const price = findPrice(plan, { currency, interval }) ?? findPrice(plan, { currency });
  if (price === null) return null;
  const quantity = plan.seats === null ? 1 : Math.max(live.quantity, plan.seats.minimum);
  const direction = directionOf(live, {
    plan_id: plan.id,
    interval: price.interval,
    currency,
    amount_minor: price.amount_minor,
    quantity,
  });
  return direction === 'same' ? 'switch' : direction;
}
