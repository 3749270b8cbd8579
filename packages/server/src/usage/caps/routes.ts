import { namedCustomer, wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../../http/router.ts';
import { spendCapBody, spendCapSchema, spendCapView } from './schema.ts';
import type { Caps } from './service.ts';

const common = { tags: ['Usage'], security: access.anybody, path: '/v1/customers/{id}/spend_cap' };

const read = createRoute({
  ...common,
  method: 'get',
  summary: 'The most that usage may cost a customer in a month, and what is left of it',
  request: { params: idParam },
  responses: { 200: json(spendCapSchema, 'As of now.'), ...problems('unauthenticated', 'not_found') },
});

const set = createRoute({
  ...common,
  method: 'put',
  summary: 'Set the most that usage may cost in a month',
  description:
    'A customer sets its own, the seller another one; the lower of both counts, from the next request on. Once it is reached the ' +
    'gate answers `SPEND_CAP_REACHED` to what would cost more, and no invoice bills more usage for the month.',
  request: { params: idParam, body: body(spendCapBody) },
  responses: {
    200: json(spendCapSchema, 'What counts now.'),
    ...problems('unauthenticated', 'not_found', 'no_change'),
  },
});

/** The spend cap of a customer, for itself and for the seller. */
export function createCapRoutes({ caps }: { caps: Caps }) {
  const app = router();
  app.openapi(read, async (c) => {
    return c.json(spendCapView(await caps.read(namedCustomer(c, c.req.valid('param').id))), 200);
  });
  app.openapi(set, async (c) => {
    const customer = namedCustomer(c, c.req.valid('param').id);
    return c.json(spendCapView(await caps.set(wisherOf(c), customer, c.req.valid('json').amount_minor)), 200);
  });
  return app;
}
