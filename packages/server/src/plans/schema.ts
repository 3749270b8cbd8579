import { type Feature, type PlanAction, aggregations, intervals, planActions } from '@farebox/core';
import { z } from '../http/router.ts';
import type { Plans } from './service.ts';
import type { PlanVersion } from './store.ts';

const intervalSchema = z.enum(intervals);

const priceSchema = z.object({
  amount_minor: z.int(),
  currency: z.string(),
  interval: intervalSchema,
  setup_fee_minor: z.int(),
});

const tiersSchema = z.array(z.object({ up_to: z.int().nullable(), unit_price_decimal: z.string() }));

const usagePriceSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('per_unit'), unit_price_decimal: z.string() }),
  z.object({ type: z.literal('package'), package_price_decimal: z.string(), package_size: z.int() }),
  z.object({ type: z.literal('graduated'), tiers: tiersSchema }),
  z.object({ type: z.literal('volume'), tiers: tiersSchema }),
]);

export const planSchema = z
  .object({
    object: z.literal('plan'),
    id: z.string(),
    version: z.int(),
    name: z.string(),
    description: z.string(),
    highlighted: z.boolean(),
    group: z.string().nullable().openapi({ description: 'A customer has one plan of a group; null for an add-on.' }),
    adds_to: z.array(z.string()).openapi({ description: 'For an add-on: the plans it goes with; empty means all.' }),
    prices: z.array(priceSchema).openapi({ description: "The list's currency first, then the shorter interval." }),
    seats: z
      .object({ minimum: z.int(), maximum: z.int().nullable() })
      .nullable()
      .openapi({ description: 'When set, the price is per seat.' }),
    trial: z.object({ days: z.int(), card: z.boolean() }).nullable(),
    usage: z.array(
      z.object({
        meter_id: z.string(),
        included: z.int(),
        quota: z.enum(['soft', 'hard']),
        interval: intervalSchema.openapi({ description: 'How long the included amount lasts.' }),
        overage: z.record(z.string(), usagePriceSchema).nullable().openapi({ description: 'By currency.' }),
        minimum: z
          .record(z.string(), z.int())
          .optional()
          .openapi({ description: 'By currency what overage comes to at least, minor units; absent: nothing.' }),
        reporter: z
          .literal('meters')
          .optional()
          .openapi({ description: 'Usage is rated by Stripe, through its Billing Meters; absent: by Farebox.' }),
      }),
    ),
    minimum: z
      .object({ interval: intervalSchema, amounts_minor: z.record(z.string(), z.int()) })
      .optional()
      .openapi({ description: 'What overage of all meters together comes to at least, by currency; absent: nothing.' }),
    limits: z.array(z.object({ name: z.string(), limit: z.int(), window_ms: z.int() })),
    features: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        description: z.string(),
        type: z.enum(['boolean', 'config', 'metered']),
        enabled: z.boolean(),
        value: z.union([z.number(), z.string()]).nullable(),
      }),
    ),
    action: z.enum(planActions).nullable().openapi({
      description:
        'What the customer can do with it: the one who is signed in, or the one the seller names. `switch` costs the same. Null for everybody else, and for an add-on.',
    }),
  })
  .openapi('Plan');

export const versionSchema = planSchema
  .omit({ action: true })
  .extend({ on_sale: z.boolean(), published_at: z.iso.datetime() })
  .openapi('PlanVersion');

export const listedVersionSchema = versionSchema
  .extend({ customers: z.int().openapi({ description: 'Who is on it: active, on trial or past due.' }) })
  .openapi('ListedPlanVersion');

export type PublicPlan = z.infer<typeof planSchema>;

const meterFields = {
  id: z.string(),
  name: z.string(),
  unit: z.string().openapi({ description: 'One of what is counted: `request`.' }),
  aggregation: z.enum(aggregations),
  events: z.array(z.string()).optional().openapi({ description: 'Types of events it counts; its own id if absent.' }),
  value: z.string().optional().openapi({ description: "The property it takes; the event's quantity if absent." }),
  filters: z.record(z.string(), z.array(z.string())).optional(),
  group_by: z
    .array(z.string())
    .optional()
    .openapi({ description: 'Dimensions it is kept by, beside key and endpoint.' }),
};

export const sellerSchema = z
  .object({
    name: z.string(),
    tagline: z.string(),
    description: z.string(),
    support_email: z.string(),
    key_prefix: z.string(),
    api_url: z.string(),
    example_path: z.string(),
    currency: z.string(),
    top_ups: z
      .object({
        packs_minor: z.array(z.int()),
        minimum_minor: z.int(),
        maximum_minor: z.int(),
        expires_after_days: z.int().nullable(),
      })
      .nullable()
      .openapi({ description: 'Credit that customers may buy at once; null: none.' }),
    meters: z.array(z.object(meterFields)),
    groups: z
      .array(z.object({ id: z.string(), name: z.string() }))
      .openapi({ description: 'The groups of plans with their names: a customer has one plan of each.' }),
    livemode: z.boolean(),
    inbox_url: z.string().nullable(),
    clock_movable: z.boolean(),
    now: z.iso.datetime().openapi({ description: "This program's time; a local Stripe's clock can be moved." }),
  })
  .openapi('Seller');

export type Seller = z.infer<typeof sellerSchema>;

export const featureSchema = z
  .object({
    object: z.literal('feature'),
    id: z.string(),
    name: z.string(),
    description: z.string(),
    type: z.enum(['boolean', 'config', 'metered']),
    meter_id: z.string().nullable().openapi({ description: 'Of a metered feature: what is counted.' }),
    default: z.union([z.number(), z.string()]).nullable().openapi({ description: 'Of a config feature.' }),
  })
  .openapi('Feature');

export const meterSchema = z
  .object({
    object: z.literal('meter'),
    ...meterFields,
  })
  .openapi('Meter');

export function featureView(feature: Feature): z.infer<typeof featureSchema> {
  const { id, name, description, type } = feature;
  return {
    object: 'feature',
    id,
    name,
    description,
    type,
    meter_id: feature.type === 'metered' ? feature.meter_id : null,
    default: feature.type === 'config' ? feature.default : null,
  };
}

/** A plan version as everybody may see it. */
export function publicPlan(
  version: PlanVersion,
  plans: Pick<Plans, 'featuresOf'>,
  action: PlanAction | null,
): PublicPlan {
  const { content } = version;
  const { id, name, description, highlighted, group, adds_to, prices, seats, trial, usage, minimum, limits } = content;
  return {
    object: 'plan',
    id,
    version: version.version,
    name,
    description,
    highlighted,
    group,
    adds_to,
    prices,
    seats,
    trial,
    usage,
    ...(minimum === undefined ? {} : { minimum }),
    limits,
    features: plans.featuresOf(content),
    action,
  };
}

/** One version, also one that is not on sale any more: what somebody is subscribed to. */
export function versionView(version: PlanVersion, plans: Pick<Plans, 'featuresOf'>): z.infer<typeof versionSchema> {
  const { action: _, ...plan } = publicPlan(version, plans, null);
  return { ...plan, on_sale: version.archived_at === null, published_at: version.published_at.toISOString() };
}
