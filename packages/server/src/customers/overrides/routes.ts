import { wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../../http/router.ts';
import { overridesBody, overridesSchema, overridesView, wishOf } from './schema.ts';
import type { CustomerOverridesService } from './service.ts';

const common = { tags: ['Customers'], security: access.seller, path: '/v1/customers/{id}/overrides' };
const answer = { 200: json(overridesSchema, 'What counts for this customer.') };
const refusals = ['unauthenticated', 'forbidden', 'not_found'] as const;

const read = createRoute({
  ...common,
  method: 'get',
  summary: 'What a customer has other than its plan says',
  request: { params: idParam },
  responses: { ...answer, ...problems(...refusals) },
});

const set = createRoute({
  ...common,
  method: 'put',
  summary: 'Other limits, amounts, features and prices of usage for one customer',
  description:
    'Replaces what was set before; what is not named is as the plan says. Counts with the next request and resets no counter. Usage is billed by what is in force when its period ends. Another price per period is a custom plan.',
  request: { params: idParam, body: body(overridesBody) },
  responses: { ...answer, ...problems(...refusals) },
});

const remove = createRoute({
  ...common,
  method: 'delete',
  summary: 'Back to what the plan says',
  request: { params: idParam },
  responses: { ...answer, ...problems(...refusals, 'no_change') },
});

/** One customer's overrides, for the seller. */
export function createOverrideRoutes({ overrides }: { overrides: CustomerOverridesService }) {
  const app = router();
  app.openapi(read, async (c) => c.json(overridesView(await overrides.read(c.req.valid('param').id)), 200));
  app.openapi(set, async (c) => {
    const wish = wishOf(c.req.valid('json'));
    return c.json(overridesView(await overrides.set(wisherOf(c).actor, c.req.valid('param').id, wish)), 200);
  });
  app.openapi(remove, async (c) => {
    return c.json(overridesView(await overrides.remove(wisherOf(c).actor, c.req.valid('param').id)), 200);
  });
  return app;
}
