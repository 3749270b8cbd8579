import type { OpenAPIHono } from '@hono/zod-openapi';
import { listOf, wholeList } from '../http/list.ts';
import { type AppEnv, namedCustomer } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../http/router.ts';
import {
  checkBody,
  checkSchema,
  checkView,
  entitlementSchema,
  entitlementView,
  stateSchema,
  stateView,
} from './schema.ts';
import type { createEntitlements } from './service.ts';

const stateRoute = createRoute({
  method: 'get',
  path: '/v1/customers/{id}/state',
  summary: 'All about a customer in one answer: plan, access, what it may use, what it owes, what to know',
  security: access.anybody,
  request: { params: idParam },
  responses: { 200: json(stateSchema, 'As it is now.'), ...problems('unauthenticated', 'not_found') },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/customers/{id}/entitlements',
  summary: 'What a customer may use now',
  security: access.anybody,
  request: { params: idParam },
  responses: {
    200: json(listOf(entitlementSchema), "All of them, in the price list's order."),
    ...problems('unauthenticated', 'not_found'),
  },
});

const checkRoute = createRoute({
  method: 'post',
  path: '/v1/entitlements/check',
  summary: 'Whether a customer may use so much of a feature; nothing is taken',
  security: access.anybody,
  request: { body: body(checkBody) },
  responses: { 200: json(checkSchema, 'Whether, and if not, why.'), ...problems('unauthenticated', 'not_found') },
});

export function createEntitlementRoutes(deps: {
  entitlements: ReturnType<typeof createEntitlements>;
}): OpenAPIHono<AppEnv> {
  const { entitlements } = deps;
  const app = router();
  app.openapi(stateRoute, async (c) => {
    const id = namedCustomer(c, c.req.valid('param').id);
    return c.json(stateView(await entitlements.state(id)), 200);
  });
  app.openapi(listRoute, async (c) => {
    const found = await entitlements.list(namedCustomer(c, c.req.valid('param').id));
    return c.json(wholeList(found.map(entitlementView)), 200);
  });
  app.openapi(checkRoute, async (c) => {
    const { customer_id: asked, ...wish } = c.req.valid('json');
    const customer_id = namedCustomer(c, asked);
    return c.json(checkView({ customer_id, ...wish }, await entitlements.check(customer_id, wish)), 200);
  });
  return app;
}
