import { type Price, intervals } from '@farebox/core';
import { z } from '../http/router.ts';
import { type PlanVersion, pricedPlan } from '../plans/store.ts';
import type { CheckoutRow, SubscriptionRow, SubscriptionWithPlan } from './store.ts';

const priceSchema = z.object({
  amount_minor: z.int().openapi({ description: 'Of one; times `quantity` is charged.' }),
  currency: z.string(),
  interval: z.enum(intervals),
});

/** A customer's subscription, as everybody who may see it gets it. */
export const subscriptionSchema = z
  .object({
    object: z.literal('subscription'),
    id: z.string(),
    customer_id: z.string(),
    plan_id: z.string(),
    plan_name: z.string(),
    plan_version: z.int(),
    status: z.string().openapi({
      description:
        "Stripe's status: active, trialing, past_due, unpaid, paused, incomplete, incomplete_expired or canceled.",
    }),
    price: priceSchema,
    quantity: z.int().openapi({ description: 'Seats, where the plan is priced by the seat; else 1.' }),
    current_period_start_at: z.iso.datetime(),
    current_period_end_at: z.iso.datetime(),
    cancel_at: z.iso.datetime().nullable(),
    canceled_at: z.iso.datetime().nullable(),
    ended_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .openapi('Subscription');

export const checkoutSchema = z
  .object({
    object: z.literal('checkout_session'),
    id: z.string(),
    state: z.enum(['open', 'complete', 'expired']),
    url: z.string().nullable().openapi({ description: 'Where the customer pays; null once it is over.' }),
    plan_id: z.string(),
    expires_at: z.iso.datetime(),
    subscription: subscriptionSchema.nullable(),
  })
  .openapi('CheckoutSession');

export const openCheckoutBody = z.object({
  plan_id: z.string().min(1).max(64),
  interval: z.enum(intervals).optional().openapi({ description: 'How it is billed; the shortest unless said.' }),
  currency: z.string().max(3).optional().openapi({ description: "The price list's own unless said." }),
  seats: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .openapi({ description: 'Where the plan is priced by the seat; its minimum unless said.' }),
  customer_id: z.string().max(64).optional().openapi({ description: 'With a secret key: whom the checkout is for.' }),
});

export function subscriptionView(row: SubscriptionWithPlan): z.infer<typeof subscriptionSchema> {
  return {
    object: 'subscription',
    id: row.id,
    customer_id: row.customer_id,
    plan_id: row.plan.id,
    plan_name: row.plan.name,
    plan_version: row.plan_version,
    status: row.status,
    price: priceView(row.plan.price),
    quantity: row.quantity,
    current_period_start_at: row.current_period_start_at.toISOString(),
    current_period_end_at: row.current_period_end_at.toISOString(),
    cancel_at: row.cancel_at?.toISOString() ?? null,
    canceled_at: row.canceled_at?.toISOString() ?? null,
    ended_at: row.ended_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}

export function withPlan(row: SubscriptionRow, version: PlanVersion): SubscriptionWithPlan {
  return { ...row, plan: pricedPlan(version, row.plan_price_id), plan_version: version.version };
}

function priceView({ amount_minor, currency, interval }: Price): z.infer<typeof priceSchema> {
  return { amount_minor, currency, interval };
}

export function checkoutView(
  row: CheckoutRow,
  planId: string,
  subscription: SubscriptionWithPlan | null,
): z.infer<typeof checkoutSchema> {
  const state = row.state === 'open' || row.state === 'complete' ? row.state : 'expired';
  return {
    object: 'checkout_session',
    id: row.id,
    state,
    url: state === 'open' ? row.url : null,
    plan_id: planId,
    expires_at: row.expires_at.toISOString(),
    subscription: subscription === null ? null : subscriptionView(subscription),
  };
}
