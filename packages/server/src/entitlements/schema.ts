import { type Alert, type FeatureCode, type QuotaUse, alertCodes, dunningSteps, featureCodes } from '@farebox/core';
import { customerBody, customerSchema } from '../customers/schema.ts';
import { z } from '../http/router.ts';
import { subscriptionSchema, subscriptionView } from '../subscriptions/schema.ts';
import type { CustomerState, Entitlement } from './service.ts';

const quotaSchema = z.object({
  meter_id: z.string(),
  kind: z.enum(['soft', 'hard']),
  included: z.int(),
  used: z.int(),
  remaining: z.int(),
  reset_at: z.iso.datetime(),
});

export const entitlementSchema = z
  .object({
    object: z.literal('entitlement'),
    feature_id: z.string(),
    name: z.string(),
    description: z.string(),
    type: z.enum(['boolean', 'config', 'metered']),
    enabled: z.boolean().openapi({ description: 'Whether the customer may use it now.' }),
    value: z.union([z.number(), z.string()]).nullable().openapi({ description: 'What a config feature is set to.' }),
    quota: quotaSchema.nullable().openapi({ description: 'Of a metered feature.' }),
  })
  .openapi('Entitlement');

export const checkBody = z.object({
  customer_id: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: 'Whose, for the seller; a customer means its own.' }),
  feature_id: z.string().min(1).max(64).openapi({ description: 'A feature of the price list, or a meter.' }),
  quantity: z.int().min(0).max(1_000_000_000).default(1),
});

export const checkSchema = z
  .object({
    object: z.literal('entitlement_check'),
    customer_id: z.string(),
    feature_id: z.string(),
    quantity: z.int(),
    allowed: z.boolean(),
    code: z.enum(featureCodes),
    detail: z.string(),
    quota: quotaSchema.nullable(),
  })
  .openapi('EntitlementCheck');

const dunningSchema = z.object({
  group: z.string().openapi({ description: 'Whose subscription owes; of several, the one that is furthest along.' }),
  step: z.enum(dunningSteps),
  rate_percent: z.int().openapi({ description: 'How much of every rate limit is left.' }),
  since_at: z.iso.datetime(),
  steps: z
    .array(z.object({ step: z.enum(dunningSteps), rate_percent: z.int(), at: z.iso.datetime() }))
    .openapi({ description: 'Everything that happens while nothing is paid, and when.' }),
});

export const stateSchema = z
  .object({
    object: z.literal('customer_state'),
    customer: customerSchema,
    subscriptions: z
      .array(subscriptionSchema)
      .openapi({ description: 'What it has: one in each group of plans at most, the oldest first.' }),
    access: z
      .enum(['granted', 'past_due', 'inactive'])
      .openapi({ description: 'Of several subscriptions, the best that one of them grants.' }),
    dunning: dunningSchema.nullable().openapi({ description: 'Set while a payment is owed.' }),
    entitlements: z.array(entitlementSchema),
    owed: z
      .array(z.object({ currency: z.string(), amount_minor: z.int(), action_required: z.boolean() }))
      .openapi({ description: 'Of each open invoice.' }),
    alerts: z
      .array(
        z.object({
          code: z.enum(alertCodes),
          group: z.string().openapi({ description: 'Of the subscription it is about.' }),
          detail: z.string(),
          at: z.iso.datetime().nullable().openapi({ description: 'When it comes to pass, where that is known.' }),
          meter_id: z.string().nullable(),
        }),
      )
      .openapi({ description: 'What somebody should know today, the most urgent first.' }),
  })
  .openapi('CustomerState');

const codeWords: Record<FeatureCode, string> = {
  ALLOWED: 'The customer may.',
  SUBSCRIPTION_INACTIVE: 'There is no subscription that gives access.',
  PAYMENT_PAST_DUE: 'A payment is owed, and the grace period is over.',
  FEATURE_OFF: 'It is not in the plan.',
  QUOTA_EXCEEDED: 'More than is left of the included amount.',
};

const alertWords: Record<Alert['code'], string> = {
  payment_past_due: 'A payment failed and is owed.',
  payment_action_required: 'The bank asks for a confirmation of a payment.',
  cancellation_scheduled: 'The subscription is to end.',
  trial_ending: 'The trial ends in a few days.',
  card_expiring: 'The card is not good any more when the next payment is due.',
  quota_near: 'Most of the included amount is used.',
  quota_reached: 'The included amount is used up.',
};

export function checkView(
  asked: { customer_id: string; feature_id: string; quantity: number },
  { code, quota }: { code: FeatureCode; quota: QuotaUse | null },
): z.infer<typeof checkSchema> {
  const allowed = code === 'ALLOWED';
  return {
    object: 'entitlement_check',
    ...asked,
    allowed,
    code,
    detail: codeWords[code],
    quota: quotaView(quota),
  };
}

export function entitlementView({ feature, enabled, quota }: Entitlement): z.infer<typeof entitlementSchema> {
  const { id: feature_id, name, description, type, value } = feature;
  return { object: 'entitlement', feature_id, name, description, type, enabled, value, quota: quotaView(quota) };
}

export function stateView(state: CustomerState): z.infer<typeof stateSchema> {
  const { dunning } = state;
  return {
    object: 'customer_state',
    customer: customerBody(state.customer),
    subscriptions: state.subscriptions.map(subscriptionView),
    access: state.access,
    dunning:
      dunning === null
        ? null
        : {
            group: dunning.group,
            step: dunning.step,
            rate_percent: dunning.rate_percent,
            since_at: iso(dunning.since_at),
            steps: dunning.steps.map(({ at, ...step }) => ({ ...step, at: iso(at) })),
          },
    entitlements: state.entitlements.map(entitlementView),
    owed: state.owed.map(({ currency, amount_minor, action_required }) => ({
      currency,
      amount_minor,
      action_required,
    })),
    alerts: state.alerts.map(({ code, group, at, meter_id }) => ({
      code,
      group,
      detail: alertWords[code],
      at: at === null ? null : iso(at),
      meter_id,
    })),
  };
}

function quotaView(quota: QuotaUse | null): z.infer<typeof quotaSchema> | null {
  return quota === null ? null : { ...quota, reset_at: iso(quota.reset_at) };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
