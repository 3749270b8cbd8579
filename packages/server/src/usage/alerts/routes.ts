import { namedCustomer, wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../../http/router.ts';
import { alertSettingsBody, alertSettingsSchema, alertSettingsView } from './schema.ts';
import type { AlertSettings } from './settings.ts';

const common = { tags: ['Usage'], security: access.anybody, path: '/v1/customers/{id}/usage_alerts' };

const read = createRoute({
  ...common,
  method: 'get',
  summary: 'At which parts of a quota, a spend cap and credit a customer is told',
  request: { params: idParam },
  responses: { 200: json(alertSettingsSchema, 'As it is.'), ...problems('unauthenticated', 'not_found') },
});

const set = createRoute({
  ...common,
  method: 'put',
  summary: 'Set at which parts a customer is told',
  description: 'Of each part once per period. That all of it is used is told anyway.',
  request: { params: idParam, body: body(alertSettingsBody) },
  responses: {
    200: json(alertSettingsSchema, 'As it is now.'),
    ...problems('unauthenticated', 'not_found', 'no_change'),
  },
});

/** When a customer is told of its usage, for itself and for the seller. */
export function createAlertRoutes({ settings }: { settings: AlertSettings }) {
  const app = router();
  app.openapi(read, async (c) => {
    return c.json(alertSettingsView(await settings.read(namedCustomer(c, c.req.valid('param').id))), 200);
  });
  app.openapi(set, async (c) => {
    const customer = namedCustomer(c, c.req.valid('param').id);
    const changed = await settings.set(wisherOf(c).actor, customer, c.req.valid('json').percents);
    return c.json(alertSettingsView(changed), 200);
  });
  return app;
}
