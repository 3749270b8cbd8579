import { listOf, listQuery, toList } from '../../http/list.ts';
import { namedCustomer, wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../../http/router.ts';
import { topUpBody, topUpSchema, topUpView } from './schema.ts';
import type { TopUps } from './service.ts';

const tags = ['Credits'];
const refusals = ['unauthenticated', 'not_found'] as const;

const openRoute = createRoute({
  tags,
  method: 'post',
  path: '/v1/customers/{id}/top_ups',
  summary: 'Buy credit',
  description:
    "Opens Stripe's page for one payment; send the customer to `url`. The credit is there once it is paid, also when the customer never comes back. Asked again for the same amount while the page is open, it answers the same one; for another amount it closes the older.",
  security: access.anybody,
  request: { params: idParam, body: body(topUpBody) },
  responses: {
    201: json(topUpSchema, 'Open, with the address of the page.'),
    ...problems(
      ...refusals,
      'top_ups_off',
      'currency_mismatch',
      'checkout_in_progress',
      'stripe_refused',
      'stripe_unavailable',
    ),
  },
});

const listRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/customers/{id}/top_ups',
  summary: "A customer's purchases of credit",
  security: access.anybody,
  request: { params: idParam, query: listQuery },
  responses: { 200: json(listOf(topUpSchema), 'The newest first.'), ...problems(...refusals) },
});

const readRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/customers/{id}/top_ups/{top_up_id}',
  summary: 'What became of a purchase of credit',
  description: 'While it is open, Stripe is asked.',
  security: access.anybody,
  request: { params: idParam.extend({ top_up_id: z.string().min(1).max(64) }) },
  responses: { 200: json(topUpSchema, 'As of now.'), ...problems(...refusals, 'stripe_unavailable') },
});

/** Credit that is bought, for the customer and for the seller. */
export function createTopUpRoutes({ topUps }: { topUps: TopUps }) {
  const app = router();
  app.openapi(openRoute, async (c) => {
    const customer = namedCustomer(c, c.req.valid('param').id);
    return c.json(topUpView(await topUps.open(wisherOf(c).actor, customer, c.req.valid('json').amount_minor)), 201);
  });
  app.openapi(listRoute, async (c) => {
    const { limit, starting_after = null } = c.req.valid('query');
    const customer = namedCustomer(c, c.req.valid('param').id);
    const rows = await topUps.list(customer, { limit: limit + 1, after: starting_after });
    return c.json(
      toList(rows, limit, topUpView, (row) => row),
      200,
    );
  });
  app.openapi(readRoute, async (c) => {
    const { id, top_up_id } = c.req.valid('param');
    return c.json(topUpView(await topUps.refresh(namedCustomer(c, id), top_up_id)), 200);
  });
  return app;
}
