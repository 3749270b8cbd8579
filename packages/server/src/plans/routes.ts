import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type Terms, planAction } from '@farebox/core';
import { listOf, wholeList } from '../http/list.ts';
import { type AppEnv, type Principal, customerScope } from '../http/principal.ts';
import { access, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import type { Buyer, Plans } from './service.ts';
import { Problem } from '../problem.ts';
import {
  type PublicPlan,
  type Seller,
  featureSchema,
  featureView,
  meterSchema,
  planSchema,
  publicPlan,
  sellerSchema,
  listedVersionSchema,
  versionView,
} from './schema.ts';
import type { PlanVersion } from './store.ts';

const forWhom = z.strictObject({
  customer_id: z.string().max(64).optional().openapi({ description: 'Whose `action`s, for the seller.' }),
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/plans',
  summary: 'The price list',
  security: access.public,
  request: { query: forWhom },
  responses: { 200: json(listOf(planSchema), "In the price list's order."), ...problems('not_found') },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/plans/{id}',
  summary: 'A plan that is on sale',
  security: access.public,
  request: { params: idParam, query: forWhom },
  responses: { 200: json(planSchema, 'The plan.'), ...problems('not_found', 'plan_not_found') },
});

const versionsRoute = createRoute({
  method: 'get',
  path: '/v1/plans/{id}/versions',
  summary: 'Every version of a plan; who subscribed stays on the one it bought',
  security: access.seller,
  request: { params: idParam },
  responses: {
    200: json(listOf(listedVersionSchema), 'The newest first.'),
    ...problems('unauthenticated', 'forbidden', 'plan_not_found'),
  },
});

const featuresRoute = createRoute({
  method: 'get',
  path: '/v1/features',
  tags: ['Plans'],
  summary: 'What plans turn on, set or measure',
  security: access.public,
  responses: { 200: json(listOf(featureSchema), "All of them, in the price list's order."), ...problems() },
});

const metersRoute = createRoute({
  method: 'get',
  path: '/v1/meters',
  tags: ['Plans'],
  summary: 'What is counted',
  security: access.public,
  responses: { 200: json(listOf(meterSchema), "All of them, in the price list's order."), ...problems() },
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
  /** What a customer pays for now, by the group of its plan. */
  liveTermsOf(customerId: string): Promise<Map<string, Terms>>;
  findCustomer(id: string): Promise<Buyer>;
}): OpenAPIHono<AppEnv> {
  const app = router();
  app.openapi(listRoute, async (c) => c.json(wholeList(await plansFor(c, c.req.valid('query').customer_id)), 200));
  app.openapi(readRoute, async (c) => {
    const { id } = c.req.valid('param');
    const plan = (await plansFor(c, c.req.valid('query').customer_id)).find((offered) => offered.id === id);
    if (plan === undefined) throw unknownPlan(id);
    return c.json(plan, 200);
  });
  app.openapi(versionsRoute, async (c) => {
    const { id } = c.req.valid('param');
    const versions = await deps.plans.versionsOf(id);
    if (versions.length === 0) throw unknownPlan(id);
    const customers = await deps.plans.customersByVersion(id);
    const view = (version: PlanVersion) => ({
      ...versionView(version, deps.plans),
      customers: customers.get(version.version) ?? 0,
    });
    return c.json(wholeList(versions.map(view)), 200);
  });
  app.openapi(featuresRoute, (c) => c.json(wholeList(deps.plans.list.features.map(featureView)), 200));
  app.openapi(metersRoute, (c) => {
    const meters = deps.plans.list.meters.map((meter) => ({ object: 'meter' as const, ...meter }));
    return c.json(wholeList(meters), 200);
  });
  app.openapi(sellerRoute, (c) => c.json(deps.seller(), 200));
  return app;

  async function plansFor(c: Context<AppEnv>, asked: string | undefined): Promise<PublicPlan[]> {
    const principal = c.get('principal');
    const customerId = principal.type === 'anonymous' ? null : customerScope(c, asked);
    if (customerId === null) {
      const versions = await visibleTo(principal);
      return versions.map((version) => publicPlan(version, deps.plans, null));
    }
    const versions = await deps.plans.currentFor(await deps.findCustomer(customerId));
    const live = await deps.liveTermsOf(customerId);
    return versions.map((version) => {
      const { content } = version;
      return publicPlan(version, deps.plans, planAction(live.get(content.group ?? '') ?? null, content));
    });
  }

  /** The seller's side sees every plan, others those that anybody can buy. */
  async function visibleTo(principal: Principal): Promise<PlanVersion[]> {
    if (principal.type === 'seller' || principal.type === 'operator') return await deps.plans.current();
    return await deps.plans.currentFor(null);
  }
}

function unknownPlan(id: string): Problem {
  return new Problem('plan_not_found', `There is no plan ${JSON.stringify(id)}.`, { param: 'id' });
}
