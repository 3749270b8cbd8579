import { namedCustomer, wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../../http/router.ts';
import { autoTopUpBody, autoTopUpSchema, autoTopUpView } from './schema.ts';
import type { AutoTopUps } from './service.ts';

const common = { tags: ['Credits'], path: '/v1/customers/{id}/auto_top_up', request: { params: idParam } };
const refusals = ['unauthenticated', 'not_found'] as const;

const read = createRoute({
  ...common,
  method: 'get',
  security: access.anybody,
  summary: 'Whether credit is bought by itself, and how it goes',
  responses: { 200: json(autoTopUpSchema, 'As of now.'), ...problems(...refusals) },
});

const set = createRoute({
  ...common,
  method: 'put',
  security: access.customer,
  summary: 'Have credit bought by itself when little is left',
  description:
    'With the default card, by the customer alone: nobody else agrees to a charge. Off unless set. A card that is declined is tried again after an hour and a day; after the third time, or where the bank wants to ask, it pauses and says so by mail. Setting it again begins anew.',
  request: { params: idParam, body: body(autoTopUpBody) },
  responses: {
    200: json(autoTopUpSchema, 'What counts now.'),
    ...problems(
      ...refusals,
      'forbidden',
      'top_ups_off',
      'currency_mismatch',
      'payment_method_required',
      'stripe_unavailable',
    ),
  },
});

const remove = createRoute({
  ...common,
  method: 'delete',
  security: access.anybody,
  summary: 'Buy no more credit by itself',
  responses: { 200: json(autoTopUpSchema, 'It is off.'), ...problems(...refusals, 'no_change') },
});

/** Automatic top-ups of a customer: turned on by itself, seen and turned off by the seller too. */
export function createAutoTopUpRoutes({ autoTopUps }: { autoTopUps: AutoTopUps }) {
  const app = router();
  app.openapi(read, async (c) => {
    return c.json(autoTopUpView(await autoTopUps.read(namedCustomer(c, c.req.valid('param').id))), 200);
  });
  app.openapi(set, async (c) => {
    const customer = namedCustomer(c, c.req.valid('param').id);
    return c.json(autoTopUpView(await autoTopUps.set(wisherOf(c).actor, customer, c.req.valid('json'))), 200);
  });
  app.openapi(remove, async (c) => {
    const customer = namedCustomer(c, c.req.valid('param').id);
    return c.json(autoTopUpView(await autoTopUps.remove(wisherOf(c).actor, customer)), 200);
  });
  return app;
}
