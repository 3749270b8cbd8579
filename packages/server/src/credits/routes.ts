import { listOf, listQuery, toList } from '../http/list.ts';
import { namedCustomer, wisherOf } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import {
  balanceView,
  creditBalanceSchema,
  entrySchema,
  entryView,
  grantBody,
  grantSchema,
  grantView,
  wishOf,
} from './schema.ts';
import type { Credits } from './service.ts';

const tags = ['Credits'];
const refusals = ['unauthenticated', 'not_found'] as const;

const grantRoute = createRoute({
  tags,
  method: 'post',
  path: '/v1/customers/{id}/grants',
  summary: 'Give a customer credit for usage',
  description:
    'Credit pays for usage beyond what a plan includes, when its period ends and before the card does. It does not renew and is worth no money.',
  security: access.seller,
  request: { params: idParam, body: body(grantBody) },
  responses: { 201: json(grantSchema, 'The grant.'), ...problems(...refusals, 'forbidden') },
});

const listRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/customers/{id}/grants',
  summary: "A customer's grants of credit",
  security: access.anybody,
  request: { params: idParam, query: listQuery },
  responses: { 200: json(listOf(grantSchema), 'The newest first.'), ...problems(...refusals) },
});

const voidRoute = createRoute({
  tags,
  method: 'post',
  path: '/v1/customers/{id}/grants/{grant_id}/void',
  summary: 'Take back what is left of a grant',
  security: access.seller,
  request: { params: idParam.extend({ grant_id: z.string().min(1).max(64) }) },
  responses: {
    200: json(grantSchema, 'The grant. What it paid stays paid.'),
    ...problems(...refusals, 'forbidden', 'no_change'),
  },
});

const balanceRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/customers/{id}/credits',
  summary: "What a customer's credit is worth now",
  security: access.anybody,
  request: { params: idParam },
  responses: { 200: json(creditBalanceSchema, 'As of now.'), ...problems(...refusals) },
});

const ledgerRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/customers/{id}/ledger',
  summary: "Every change of a customer's credit",
  security: access.anybody,
  request: { params: idParam, query: listQuery },
  responses: { 200: json(listOf(entrySchema), 'The newest first.'), ...problems(...refusals) },
});

/** Credit: given and taken back by the seller, seen by its customer too. */
export function createCreditRoutes({ clock, credits }: { clock: Clock; credits: Credits }) {
  const app = router();
  app.openapi(grantRoute, async (c) => {
    const wish = wishOf(c.req.valid('json'));
    const row = await credits.grant(wisherOf(c).actor, c.req.valid('param').id, wish);
    return c.json(grantView(row, clock.now()), 201);
  });
  app.openapi(listRoute, async (c) => {
    const { limit, starting_after = null } = c.req.valid('query');
    const customer = namedCustomer(c, c.req.valid('param').id);
    const rows = await credits.list(customer, { limit: limit + 1, after: starting_after });
    const view = (row: (typeof rows)[number]) => grantView(row, clock.now());
    return c.json(
      toList(rows, limit, view, (row) => row),
      200,
    );
  });
  app.openapi(voidRoute, async (c) => {
    const { id, grant_id } = c.req.valid('param');
    return c.json(grantView(await credits.revoke(wisherOf(c).actor, id, grant_id), clock.now()), 200);
  });
  app.openapi(balanceRoute, async (c) => {
    return c.json(balanceView(await credits.balance(namedCustomer(c, c.req.valid('param').id))), 200);
  });
  app.openapi(ledgerRoute, async (c) => {
    const { limit, starting_after = null } = c.req.valid('query');
    const customer = namedCustomer(c, c.req.valid('param').id);
    const rows = await credits.ledger(customer, { limit: limit + 1, after: starting_after });
    return c.json(
      toList(rows, limit, entryView, ({ created_at, place }) => ({ created_at, id: place })),
      200,
    );
  });
  return app;
}
