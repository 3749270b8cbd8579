import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Database } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import { customerBody } from '../customers/schema.ts';
import type { Customers } from '../customers/service.ts';
import { expandable, expands, wholeById } from '../http/expand.ts';
import { listOf, listQuery, toList } from '../http/list.ts';
import { type AppEnv, customerScope, namedCustomer, wisherOf } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import { versionView } from '../plans/schema.ts';
import type { Plans } from '../plans/service.ts';
import type { createBegin } from './begin.ts';
import { Problem } from '../problem.ts';
import {
  beginBody,
  begunSchema,
  checkoutSchema,
  checkoutView,
  openCheckoutBody,
  subscriptionSchema,
  subscriptionView,
} from './schema.ts';
import { type CheckoutRow } from './checkouts/store.ts';
import { type SubscriptionWithPlan, listSubscriptions, liveSubscription, subscriptionWithPlan } from './store.ts';
import type { createSubscribe } from './subscribe.ts';

const openRoute = createRoute({
  method: 'post',
  path: '/v1/checkout_sessions',
  summary: 'Open a checkout for a plan',
  security: access.anybody,
  request: { body: body(openCheckoutBody) },
  responses: {
    201: json(checkoutSchema, 'The checkout; send the customer to its `url`.'),
    ...problems(
      'unauthenticated',
      'not_found',
      'plan_not_found',
      'price_not_found',
      'coupon_invalid',
      'already_subscribed',
      'add_on_not_available',
      'checkout_in_progress',
      'plan_not_pushed',
      'stripe_unavailable',
    ),
  },
});

const beginRoute = createRoute({
  method: 'post',
  path: '/v1/subscriptions',
  summary: 'Begin a subscription without a checkout',
  description:
    'A free plan, one that is paid with a saved card, or one that is invoiced. A refused card leaves nothing.',
  security: access.anybody,
  request: { body: body(beginBody) },
  responses: {
    201: json(begunSchema, 'The subscription, and what is left to do about its first payment.'),
    ...problems(
      'unauthenticated',
      'forbidden',
      'not_found',
      'plan_not_found',
      'price_not_found',
      'already_subscribed',
      'add_on_not_available',
      'plan_not_pushed',
      'payment_method_required',
      'payment_failed',
      'stripe_refused',
      'stripe_unavailable',
    ),
  },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/checkout_sessions/{id}',
  summary: 'A checkout as Stripe has it now',
  security: access.anybody,
  request: { params: idParam, query: z.strictObject(expandable('customer')) },
  responses: {
    200: json(checkoutSchema, 'The checkout, and the subscription once it is paid.'),
    ...problems('unauthenticated', 'not_found', 'stripe_unavailable'),
  },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/subscriptions',
  summary: 'Subscriptions',
  security: access.anybody,
  request: {
    query: listQuery.extend({ customer_id: z.string().max(64).optional(), ...expandable('customer', 'plan') }),
  },
  responses: {
    200: json(listOf(subscriptionSchema), 'Newest first; a customer sees its own.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const oneRoute = createRoute({
  method: 'get',
  path: '/v1/subscriptions/{id}',
  summary: 'One subscription',
  security: access.anybody,
  request: { params: idParam, query: z.strictObject(expandable('customer', 'plan')) },
  responses: { 200: json(subscriptionSchema, 'The subscription.'), ...problems('unauthenticated', 'not_found') },
});

export function createSubscriptionRoutes(deps: {
  db: Database;
  subscribe: ReturnType<typeof createSubscribe>;
  begin: ReturnType<typeof createBegin>;
  plans: Pick<Plans, 'version' | 'versionsByIds' | 'featuresOf'>;
  customersByIds: Customers['byIds'];
}): OpenAPIHono<AppEnv> {
  const { db, subscribe } = deps;
  const app = router();
  app.openapi(openRoute, async (c) => {
    const { customer_id, ...wish } = c.req.valid('json');
    const checkout = await subscribe.open(namedCustomer(c, customer_id), wish);
    return c.json(await view(checkout), 201);
  });
  app.openapi(beginRoute, async (c) => {
    const { customer_id, ...wish } = c.req.valid('json');
    const { subscription_id, payment } = await deps.begin(wisherOf(c), namedCustomer(c, customer_id), wish);
    const row = await subscriptionWithPlan(db.kysely, subscription_id);
    invariant(row !== null, 'a subscription is never deleted');
    return c.json({ object: 'subscription_begun' as const, payment, subscription: subscriptionView(row) }, 201);
  });
  app.openapi(readRoute, async (c) => {
    const scope = customerScope(c);
    const checkout = await subscribe.refresh(scope, c.req.valid('param').id);
    const customers = await customersOf([checkout], expands(c.req.valid('query'), 'customer'));
    return c.json({ ...(await view(checkout)), customer: customers.get(checkout.customer_id) }, 200);
  });
  app.openapi(listRoute, async (c) => {
    const { limit, starting_after, customer_id } = c.req.valid('query');
    const rows = await listSubscriptions(db.kysely, {
      customer_id: customerScope(c, customer_id),
      limit: limit + 1,
      after: starting_after ?? null,
    });
    const list = toList(
      rows,
      limit,
      (row) => row,
      (row) => row,
    );
    return c.json({ ...list, data: await views(list.data, c.req.valid('query')) }, 200);
  });
  app.openapi(oneRoute, async (c) => {
    const scope = customerScope(c);
    const row = await subscriptionWithPlan(db.kysely, c.req.valid('param').id);
    if (row === null || (scope !== null && row.customer_id !== scope))
      throw new Problem('not_found', 'There is no such subscription.');
    const [view] = await views([row], c.req.valid('query'));
    invariant(view !== undefined, 'one row has one view');
    return c.json(view, 200);
  });
  return app;

  /** Rows as they are shown, with what was asked for beside its id. */
  async function views(
    found: readonly SubscriptionWithPlan[],
    query: Parameters<typeof expands<'customer' | 'plan'>>[0],
  ) {
    const customers = await customersOf(found, expands(query, 'customer'));
    const ids = found.map((row) => row.plan_version_id);
    const plans = await wholeById(
      expands(query, 'plan'),
      ids,
      (wanted) => deps.plans.versionsByIds(wanted),
      (version) => versionView(version, deps.plans),
    );
    return found.map((row) => ({
      ...subscriptionView(row),
      customer: customers.get(row.customer_id),
      plan: plans.get(row.plan_version_id),
    }));
  }

  async function customersOf(found: readonly { customer_id: string }[], isAsked: boolean) {
    const ids = found.map((row) => row.customer_id);
    return await wholeById(isAsked, ids, deps.customersByIds, customerBody);
  }

  async function view(checkout: CheckoutRow): Promise<z.infer<typeof checkoutSchema>> {
    const version = await deps.plans.version(null, checkout.plan_version_id);
    invariant(version !== null, 'a plan version is never deleted');
    const live =
      checkout.state === 'complete' ? await liveSubscription(db.kysely, checkout.customer_id, checkout.group) : null;
    const bought = live === null ? null : await subscriptionWithPlan(db.kysely, live.id);
    return checkoutView(checkout, version.plan_id, bought);
  }
}
