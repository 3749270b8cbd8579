import type { OpenAPIHono } from '@hono/zod-openapi';
import { listOf, wholeList } from '../http/list.ts';
import { type AppEnv, actorOf, namedCustomer, requireSeller } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import {
  balanceSchema,
  paymentMethodSchema,
  paymentMethodView,
  portalBody,
  portalSchema,
  setupSchema,
} from './schema.ts';
import type { createPaymentMethods } from './service.ts';

const security = access.anybody;
const query = z.strictObject({
  customer_id: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: 'Whose, for the seller; a customer means its own.' }),
});
const nothing = { ...body(z.object({})), required: false };
const methods = listOf(paymentMethodSchema);
const refusals = ['unauthenticated', 'not_found', 'stripe_unavailable'] as const;

const listRoute = createRoute({
  method: 'get',
  path: '/v1/payment_methods',
  summary: 'Cards and other ways to pay',
  security,
  request: { query },
  responses: { 200: json(methods, 'All of them, the newest first.'), ...problems(...refusals) },
});

const setupRoute = createRoute({
  method: 'post',
  path: '/v1/payment_methods/setup',
  summary: 'Open a page where a card is added',
  security,
  request: { query, body: nothing },
  responses: { 201: json(setupSchema, 'Send the customer to its `url`.'), ...problems(...refusals) },
});

const defaultRoute = createRoute({
  method: 'post',
  path: '/v1/payment_methods/{id}/default',
  summary: 'Pay with this one from now on',
  security,
  request: { params: idParam, query, body: nothing },
  responses: { 200: json(methods, 'All of them as they are now.'), ...problems(...refusals, 'stripe_refused') },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/v1/payment_methods/{id}',
  summary: 'Forget a card',
  security,
  request: { params: idParam, query },
  responses: {
    200: json(methods, 'What is left.'),
    ...problems(...refusals, 'payment_method_in_use', 'stripe_refused'),
  },
});

const portalRoute = createRoute({
  method: 'post',
  path: '/v1/customers/{id}/portal_sessions',
  summary: "A link to the customer's dashboard that needs no account, or to Stripe's own pages",
  description:
    'The dashboard is opened to customers of your program, which a secret key asks for; whoever is signed in has it already.',
  security,
  request: { params: idParam, body: { ...body(portalBody), required: false } },
  responses: {
    201: json(portalSchema, 'A link that works for a few minutes.'),
    ...problems(...refusals, 'forbidden', 'stripe_refused'),
  },
});

const balanceRoute = createRoute({
  method: 'get',
  path: '/v1/customers/{id}/balance',
  summary: 'What Stripe holds for the customer',
  security,
  request: { params: idParam },
  responses: { 200: json(balanceSchema, 'It is used up by the next invoices.'), ...problems(...refusals) },
});

export function createPaymentMethodRoutes(deps: {
  clock: Clock;
  paymentMethods: ReturnType<typeof createPaymentMethods>;
  /** Throws when there is no such customer. */
  findCustomer(id: string): Promise<unknown>;
  /** A link that opens the dashboard to whoever has it. */
  createPortal(input: {
    actor: string;
    customer_id: string;
    return_url: string | null;
  }): Promise<{ url: string; expires_at: Date }>;
}): OpenAPIHono<AppEnv> {
  const { clock, paymentMethods } = deps;
  const app = router();

  app.openapi(listRoute, async (c) => c.json(await view(namedCustomer(c, c.req.valid('query').customer_id)), 200));
  app.openapi(setupRoute, async (c) => {
    const { url } = await paymentMethods.setup(namedCustomer(c, c.req.valid('query').customer_id));
    return c.json({ object: 'setup_session' as const, url }, 201);
  });
  app.openapi(defaultRoute, async (c) => {
    const customer_id = namedCustomer(c, c.req.valid('query').customer_id);
    await paymentMethods.makeDefault({ actor: actorOf(c.get('principal')), customer_id }, c.req.valid('param').id);
    return c.json(await view(customer_id), 200);
  });
  app.openapi(removeRoute, async (c) => {
    const customer_id = namedCustomer(c, c.req.valid('query').customer_id);
    await paymentMethods.remove({ actor: actorOf(c.get('principal')), customer_id }, c.req.valid('param').id);
    return c.json(await view(customer_id), 200);
  });
  app.openapi(portalRoute, async (c) => {
    const customer_id = namedCustomer(c, c.req.valid('param').id);
    const { provider, return_url } = c.req.valid('json') ?? portalBody.parse({});
    if (provider === 'stripe') {
      const { url } = await paymentMethods.portal(customer_id, return_url);
      return c.json({ object: 'portal_session' as const, provider, url, expires_at: null }, 201);
    }
    const actor = actorOf(requireSeller(c));
    await deps.findCustomer(customer_id);
    const { url, expires_at } = await deps.createPortal({ actor, customer_id, return_url: return_url ?? null });
    return c.json({ object: 'portal_session' as const, provider, url, expires_at: expires_at.toISOString() }, 201);
  });
  app.openapi(balanceRoute, async (c) => {
    const customer_id = namedCustomer(c, c.req.valid('param').id);
    return c.json({ object: 'balance' as const, customer_id, ...(await paymentMethods.balance(customer_id)) }, 200);
  });
  return app;

  async function view(customerId: string) {
    const { methods: all, next_payment_at } = await paymentMethods.list(customerId);
    return wholeList(all.map((method) => paymentMethodView(method, clock.now(), next_payment_at)));
  }
}
