import { intervals, usualGroup } from '@farebox/core';
import { z } from '../../http/router.ts';
import type { CustomerOverrides, OverridesWish } from './service.ts';
import type { OverrideRow } from './store.ts';

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const name = z.string().min(1).max(64);
const decimal = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,12})?$/, 'A decimal in minor units, like 0.08.')
  .openapi({ description: 'Decimal, minor units.' });
const tiers = z
  .array(z.object({ up_to: z.int().min(1).nullable(), unit_price_decimal: decimal }))
  .min(1)
  .max(50);
const usagePrice = z.discriminatedUnion('type', [
  z.object({ type: z.literal('per_unit'), unit_price_decimal: decimal }),
  z.object({ type: z.literal('package'), package_price_decimal: decimal, package_size: z.int().min(1) }),
  z.object({ type: z.literal('graduated'), tiers }),
  z.object({ type: z.literal('volume'), tiers }),
]);
const quotas = z.enum(['soft', 'hard']);
const featureValue = z.union([z.boolean(), z.number(), z.string().max(200)]);

const parts = {
  included: z.record(name, count).default({}).openapi({ description: 'Units per billing period, by meter.' }),
  quota: z.record(name, quotas).default({}).openapi({
    description: 'By meter. `soft` bills what is past the included amount, where there is a price for it.',
  }),
  overage: z
    .record(name, z.record(z.string().length(3), usagePrice))
    .default({})
    .openapi({ description: 'What units past the included amount cost, by meter and currency.' }),
  limits: z.record(name, z.int().min(1).max(1_000_000_000)).default({}).openapi({
    description: 'Requests per window, by its name; `maps.1s` where the plan of one group alone is meant, of several.',
  }),
  features: z.record(name, featureValue).default({}).openapi({ description: 'By feature.' }),
};

export const overridesBody = z.object({
  ...parts,
  expires_at: z.iso.datetime().nullable().default(null).openapi({ description: 'From then on the plan counts again.' }),
  reason: z.string().trim().min(1).max(500).openapi({ description: 'For the audit log.' }),
});

const changeSchema = z.object({
  included: z.record(z.string(), z.int()),
  quota: z.record(z.string(), quotas),
  overage: z.record(z.string(), z.record(z.string(), usagePrice)),
  limits: z.record(z.string(), z.int()),
  features: z.record(z.string(), featureValue),
  expires_at: z.iso.datetime().nullable(),
  reason: z.string().nullable(),
  actor: z.string(),
  from_at: z.iso.datetime(),
});

const effectiveSchema = z.object({
  group: z.string(),
  plan_id: z.string(),
  usage: z.array(
    z.object({
      meter_id: z.string(),
      included: z.int(),
      quota: quotas,
      interval: z.enum(intervals),
      overage: usagePrice.nullable(),
      minimum_minor: z.int().optional().openapi({ description: 'What overage of a period comes to at least.' }),
      reporter: z.literal('meters').optional(),
    }),
  ),
  limits: z.array(
    z.object({
      name: z.string(),
      limit: z.int(),
      window_ms: z.int(),
      burst: z.int().optional(),
      offline: z.enum(['open_capped', 'closed']).optional(),
    }),
  ),
  features: z.record(z.string(), featureValue),
});

export const overridesSchema = z
  .object({
    object: z.literal('customer_overrides'),
    customer_id: z.string(),
    in_force: z.boolean(),
    overrides: changeSchema.nullable().openapi({ description: 'What was set last; null when it was removed.' }),
    effective: z.array(effectiveSchema).openapi({
      description: 'What counts for this customer now, one plan in each group; none without a subscription.',
    }),
    history: z.array(changeSchema).openapi({ description: 'Every change, the newest first.' }),
  })
  .openapi('CustomerOverrides');

export function wishOf(body: z.infer<typeof overridesBody>): OverridesWish {
  const { expires_at, reason, ...content } = body;
  return { content, expires_at: expires_at === null ? null : Date.parse(expires_at), reason };
}

export function overridesView(read: CustomerOverrides): z.infer<typeof overridesSchema> {
  const { customer_id, in_force, latest, effective, history } = read;
  return {
    object: 'customer_overrides',
    customer_id,
    in_force,
    overrides: latest === null || latest.content === null ? null : changeView(latest),
    effective: effective.map(({ group, id, usage, limits, features }) => ({
      group: group ?? usualGroup,
      plan_id: id,
      usage,
      limits,
      features,
    })),
    history: history.map(changeView),
  };
}

function changeView({ content, expires_at, reason, actor, from_at }: OverrideRow): z.infer<typeof changeSchema> {
  const { included = {}, quota = {}, overage = {}, limits = {}, features = {} } = content ?? {};
  const iso = (at: number) => new Date(at).toISOString();
  return {
    included,
    quota,
    overage,
    limits,
    features,
    expires_at: expires_at === null ? null : iso(expires_at),
    reason,
    actor,
    from_at: iso(from_at),
  };
}
