import { requireOperator, requireSellerSide } from '../http/principal.ts';
import { access, createRoute, json, problems, router } from '../http/router.ts';
import type { Analytics } from './queries.ts';
import { overviewSchema, revenueSchema } from './schema.ts';

const overview = createRoute({
  method: 'get',
  path: '/v1/admin/overview',
  tags: ['Analytics'],
  summary: 'The installation at a glance',
  security: access.operator,
  responses: { 200: json(overviewSchema, 'Counts as they stand.'), ...problems('unauthenticated', 'forbidden') },
});

const revenue = createRoute({
  method: 'get',
  path: '/v1/analytics/revenue',
  tags: ['Analytics'],
  summary: 'Recurring revenue now, by currency and plan',
  security: access.anybody,
  responses: { 200: json(revenueSchema, 'Recurring revenue.'), ...problems('unauthenticated', 'forbidden') },
});

export function createAnalyticsRoutes(deps: { analytics: Analytics }) {
  const app = router();

  app.openapi(overview, async (c) => {
    requireOperator(c);
    return c.json(await deps.analytics.overview(), 200);
  });

  app.openapi(revenue, async (c) => {
    requireSellerSide(c);
    return c.json({ object: 'revenue' as const, ...(await deps.analytics.revenue()) }, 200);
  });

  return app;
}
