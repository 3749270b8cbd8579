import { type Price, intervals } from '@farebox/core';
import { customerSchema } from '../customers/schema.ts';
import { z } from '../http/router.ts';
import { versionSchema } from '../plans/schema.ts';
import type { CheckoutRow } from './checkouts/store.ts';
import type { PricedAddOn, SubscriptionWithPlan } from './store.ts';

export const priceSchema = z.object({
  amount_minor: z.int().openapi({ description: 'Of one; times `quantity` is charged.' }),
  currency: z.string(),
  interval: z.enum(intervals),
});

const addOnSchema = z.object({
  plan_id: z.string(),
  plan_name: z.string(),
  plan_version: z.int(),
  price: priceSchema,
  quantity: z.int(),
});

/** Of a question about a customer's one subscription. */
export const groupParam = z
  .string()
  .max(64)
  .optional()
  .openapi({ description: 'The group of which subscription; needed only where there are several.' });

/** A customer's subscription, as everybody who may see it gets it. */
export const subscriptionSchema = z
  .object({
    object: z.literal('subscription'),
    id: z.string(),
    customer_id: z.string(),
    group: z.string().openapi({ description: 'Of plans: a customer has one live subscription in each.' }),
    plan_id: z.string(),
    plan_name: z.string(),
    plan_version: z.int(),
    status: z.string().openapi({
      description:
        "Stripe's status: active, trialing, past_due, unpaid, paused, incomplete, incomplete_expired or canceled.",
    }),
    price: priceSchema,
    quantity: z.int().openapi({ description: 'Seats, where the plan is priced by the seat; else 1.' }),
    add_ons: z.array(addOnSchema).openapi({ description: 'What comes on top of the plan, by plan id.' }),
    current_period_start_at: z.iso.datetime(),
    current_period_end_at: z.iso.datetime(),
    cancel_at: z.iso.datetime().nullable(),
    canceled_at: z.iso.datetime().nullable(),
    ended_at: z.iso.datetime().nullable(),
    trial_end_at: z.iso.datetime().nullable(),
    paused_at: z.iso.datetime().nullable(),
    past_due_since_at: z.iso
      .datetime()
      .nullable()
      .openapi({ description: 'When the payment failed that is still owed.' }),
    cancel_reason: z.string().nullable(),
    pending_until_at: z.iso
      .datetime()
      .nullable()
      .openapi({ description: 'A change waits until then for its payment to be confirmed.' }),
    discounts: z.array(
      z.object({
        name: z.string(),
        percent_off_decimal: z.string().nullable(),
        amount_off_minor: z.int().nullable(),
        ends_at: z.string().nullable(),
      }),
    ),
    card: z
      .object({ brand: z.string(), last4: z.string(), exp_month: z.int(), exp_year: z.int() })
      .nullable()
      .openapi({ description: 'What it is paid with.' }),
    scheduled_change: z
      .object({
        plan_id: z.string(),
        plan_name: z.string(),
        price: priceSchema,
        quantity: z.int(),
        add_ons: z.array(addOnSchema),
        at: z.iso.datetime(),
      })
      .nullable()
      .openapi({ description: 'What it becomes at the end of the period.' }),
    created_at: z.iso.datetime(),
    customer: customerSchema.optional().openapi({ description: 'With `expand[]=customer`.' }),
    plan: versionSchema.optional().openapi({ description: 'The version it is on, with `expand[]=plan`.' }),
  })
  .openapi('Subscription');

export const checkoutSchema = z
  .object({
    object: z.literal('checkout_session'),
    id: z.string(),
    customer_id: z.string(),
    state: z.enum(['open', 'complete', 'expired']),
    url: z.string().nullable().openapi({ description: 'Where the customer pays; null once it is over.' }),
    plan_id: z.string(),
    group: z.string(),
    add_ons: z
      .array(z.object({ plan_id: z.string(), quantity: z.int() }))
      .openapi({ description: 'What is bought on top of the plan, by plan id.' }),
    expires_at: z.iso.datetime(),
    subscription: z.union([subscriptionSchema, z.null()]),
    customer: customerSchema.optional().openapi({ description: 'With `expand[]=customer`.' }),
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
  promotion_code: z
    .string()
    .min(1)
    .max(50)
    .optional()
    .openapi({ description: 'Counts from the first invoice. Unless said, the customer may type one at the checkout.' }),
  add_ons: z
    .array(z.strictObject({ plan_id: z.string().min(1).max(64), quantity: z.int().min(1).max(1_000_000).optional() }))
    .max(20)
    .optional()
    .openapi({ description: 'What comes on top from the start; of each as many as it is sold at least, unless said.' }),
  customer_id: z.string().max(64).optional().openapi({ description: 'With a secret key: whom the checkout is for.' }),
});

export const beginBody = z.object({
  ...openCheckoutBody.shape,
  collection: z
    .enum(['card', 'invoice'])
    .default('card')
    .openapi({ description: '`card`: with the one that is saved; a free plan needs none. `invoice`: seller only.' }),
  days_until_due: z.int().min(1).max(90).optional().openapi({ description: 'Of an invoice; 30 unless said.' }),
  payment_method_id: z.string().max(64).optional().openapi({ description: 'The default one unless said.' }),
});

/** A subscription that begins, and what is left to do about its first payment. */
export const begunSchema = z
  .object({
    object: z.literal('subscription_begun'),
    payment: z
      .object({
        state: z.literal('action_required'),
        url: z
          .string()
          .nullable()
          .openapi({ description: "Where the customer's bank asks; until then the subscription is incomplete." }),
      })
      .nullable(),
    subscription: subscriptionSchema,
  })
  .openapi('SubscriptionBegun');

export function subscriptionView(row: SubscriptionWithPlan): z.infer<typeof subscriptionSchema> {
  return {
    object: 'subscription',
    id: row.id,
    customer_id: row.customer_id,
    group: row.group,
    plan_id: row.plan.id,
    plan_name: row.plan.name,
    plan_version: row.plan_version,
    status: row.status,
    price: priceView(row.plan.price),
    quantity: row.quantity,
    add_ons: row.held_add_ons.map(addOnView),
    current_period_start_at: row.current_period_start_at.toISOString(),
    current_period_end_at: row.current_period_end_at.toISOString(),
    cancel_at: row.cancel_at?.toISOString() ?? null,
    canceled_at: row.canceled_at?.toISOString() ?? null,
    ended_at: row.ended_at?.toISOString() ?? null,
    trial_end_at: row.trial_end_at?.toISOString() ?? null,
    paused_at: row.paused_at?.toISOString() ?? null,
    past_due_since_at: row.past_due_since_at?.toISOString() ?? null,
    cancel_reason: row.cancel_reason,
    pending_until_at: row.pending_until_at?.toISOString() ?? null,
    discounts: row.discounts.map(({ name, percent_off_decimal, amount_off_minor, ends_at }) => ({
      name,
      percent_off_decimal,
      amount_off_minor,
      ends_at,
    })),
    card: cardView(row.card),
    scheduled_change: scheduledView(row),
    created_at: row.created_at.toISOString(),
  };
}

function cardView(card: SubscriptionWithPlan['card']): z.infer<typeof subscriptionSchema>['card'] {
  if (card === null) return null;
  const { brand, last4, exp_month, exp_year } = card;
  return { brand, last4, exp_month, exp_year };
}

function scheduledView(row: SubscriptionWithPlan): z.infer<typeof subscriptionSchema>['scheduled_change'] {
  const { scheduled_plan: plan, scheduled_at, scheduled_quantity } = row;
  if (plan === null || scheduled_at === null) return null;
  const quantity = scheduled_quantity ?? 1;
  return {
    plan_id: plan.id,
    plan_name: plan.name,
    price: priceView(plan.price),
    quantity,
    add_ons: row.scheduled_held_add_ons.map(addOnView),
    at: scheduled_at.toISOString(),
  };
}

function addOnView({ plan, plan_version, quantity }: PricedAddOn): z.infer<typeof addOnSchema> {
  return { plan_id: plan.id, plan_name: plan.name, plan_version, price: priceView(plan.price), quantity };
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
    customer_id: row.customer_id,
    state,
    url: state === 'open' ? row.url : null,
    plan_id: planId,
    group: row.group,
    add_ons: row.add_ons.map(({ plan_id, quantity }) => ({ plan_id, quantity })),
    expires_at: row.expires_at.toISOString(),
    subscription: subscription === null ? null : subscriptionView(subscription),
  };
}

/** The minimum of a plan's whole usage while its period runs. */
export const runningMinimumSchema = z
  .object({ interval: z.enum(intervals), amount_minor: z.int(), shortfall_minor: z.int() })
  .nullable()
  .openapi({
    description:
      'What all priced usage of the plan comes to at least, and what it lacks to that so far, charged besides; null: there is none.',
  });
