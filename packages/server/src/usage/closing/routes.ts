import { access, createRoute, json, problems, router } from '../../http/router.ts';
import { closingQuery, closingSchema, closingView } from './schema.ts';
import type { Closing } from './service.ts';

const route = createRoute({
  tags: ['Usage'],
  method: 'get',
  path: '/v1/usage/closing_report',
  summary: 'Whether events, hours, bills and Stripe’s lines agree, or where not',
  description: 'Of every period of usage that ended in some time. Reads only, here and at Stripe.',
  security: access.seller,
  request: { query: closingQuery },
  responses: {
    200: json(closingSchema, 'What was checked, and what does not balance.'),
    ...problems('unauthenticated', 'forbidden', 'not_found', 'stripe_unavailable'),
  },
});

/** The closing report, for the seller. */
export function createClosingRoutes({ closing }: { closing: Closing }) {
  const app = router();
  app.openapi(route, async (c) => {
    const { customer_id = null, from, to } = c.req.valid('query');
    return c.json(closingView(await closing.report({ customer_id, from, to })), 200);
  });
  return app;
}
