import type { OpenAPIHono } from '@hono/zod-openapi';
import { intervals } from '@farebox/core';
import { listOf, wholeList } from '../http/list.ts';
import type { AppEnv, Principal } from '../http/principal.ts';
import { access, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import type { Buyer, Plans } from './service.ts';
import { Problem } from '../problem.ts';
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

const planSchema = z
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
      }),
    ),
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
    action: z
      .enum(['subscribe', 'current'])
      .nullable()
      .openapi({ description: 'What the signed-in customer can do with it; null for everybody else.' }),
  })
  .openapi('Plan');

const versionSchema = planSchema
  .omit({ action: true })
  .extend({
    on_sale: z.boolean(),
    published_at: z.iso.datetime(),
    customers: z.int().openapi({ description: 'Who is on it: active, on trial or past due.' }),
  })
  .openapi('PlanVersion');

export type PublicPlan = z.infer<typeof planSchema>;

const sellerSchema = z
  .object({
    name: z.string(),
    tagline: z.string(),
    description: z.string(),
    support_email: z.string(),
    key_prefix: z.string(),
    api_url: z.string(),
    example_path: z.string(),
    currency: z.string(),
    meters: z.array(
      z.object({ id: z.string(), name: z.string(), unit: z.string(), aggregation: z.enum(['count', 'sum']) }),
    ),
    livemode: z.boolean(),
    inbox_url: z.string().nullable(),
    clock_movable: z.boolean(),
    now: z.iso.datetime().openapi({ description: "This program's time; a local Stripe's clock can be moved." }),
  })
  .openapi('Seller');

export type Seller = z.infer<typeof sellerSchema>;

const listRoute = createRoute({
  method: 'get',
  path: '/v1/plans',
  summary: 'The price list',
  security: access.public,
  responses: { 200: json(listOf(planSchema), "In the price list's order."), ...problems() },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/plans/{id}',
  summary: 'A plan that is on sale',
  security: access.public,
  request: { params: idParam },
  responses: { 200: json(planSchema, 'The plan.'), ...problems('plan_not_found') },
});

const versionsRoute = createRoute({
  method: 'get',
  path: '/v1/plans/{id}/versions',
  summary: 'Every version of a plan; who subscribed stays on the one it bought',
  security: access.seller,
  request: { params: idParam },
  responses: {
    200: json(listOf(versionSchema), 'The newest first.'),
    ...problems('unauthenticated', 'forbidden', 'plan_not_found'),
  },
});

const sellerRoute = createRoute({
  method: 'get',
  path: '/v1/seller',
  summary: 'Who sells here',
  security: access.public,
  responses: { 200: json(sellerSchema, 'The seller.'), ...problems() },
});

export function createPlanRoutes(deps: {
  plans: Plans;
  seller(): Seller;
  livePlanOf(customerId: string): Promise<string | null>;
  findCustomer(id: string): Promise<Buyer>;
}): OpenAPIHono<AppEnv> {
  const app = router();
  app.openapi(listRoute, async (c) => c.json(wholeList(await plansFor(c.get('principal'))), 200));
  app.openapi(readRoute, async (c) => {
    const { id } = c.req.valid('param');
    const plan = (await plansFor(c.get('principal'))).find((offered) => offered.id === id);
    if (plan === undefined) throw unknownPlan(id);
    return c.json(plan, 200);
  });
  app.openapi(versionsRoute, async (c) => {
    const { id } = c.req.valid('param');
    const versions = await deps.plans.versionsOf(id);
    if (versions.length === 0) throw unknownPlan(id);
    const customers = await deps.plans.customersByVersion(id);
    const view = (version: PlanVersion) => {
      const { action: _, ...plan } = publicPlan(version, deps.plans, null);
      return {
        ...plan,
        on_sale: version.archived_at === null,
        published_at: version.published_at.toISOString(),
        customers: customers.get(version.version) ?? 0,
      };
    };
    return c.json(wholeList(versions.map(view)), 200);
  });
  app.openapi(sellerRoute, (c) => c.json(deps.seller(), 200));
  return app;

  async function plansFor(principal: Principal): Promise<PublicPlan[]> {
    const isCustomer = principal.type === 'customer';
    const live = isCustomer ? await deps.livePlanOf(principal.customer_id) : null;
    const action = (planId: string) =>
      !isCustomer ? null : live === planId ? 'current' : live === null ? 'subscribe' : null;
    const versions = await visibleTo(principal);
    return versions.map((version) => publicPlan(version, deps.plans, action(version.plan_id)));
  }

  /** The seller's side sees every plan, a customer its own custom plan among the public ones. */
  async function visibleTo(principal: Principal): Promise<PlanVersion[]> {
    if (principal.type === 'seller' || principal.type === 'operator') return await deps.plans.current();
    const isCustomer = principal.type === 'customer';
    return await deps.plans.currentFor(isCustomer ? await deps.findCustomer(principal.customer_id) : null);
  }
}

function unknownPlan(id: string): Problem {
  return new Problem('plan_not_found', `There is no plan ${JSON.stringify(id)}.`, { param: 'id' });
}

/** A plan version as everybody may see it. */
export function publicPlan(version: PlanVersion, plans: Plans, action: 'subscribe' | 'current' | null): PublicPlan {
  const { id, name, description, highlighted, group, adds_to, prices, seats, trial, usage, limits } = version.content;
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
    limits,
    features: plans.featuresOf(version.content),
    action,
  };
}
