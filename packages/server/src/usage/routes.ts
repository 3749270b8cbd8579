import { namedCustomer, requireCustomer } from '../http/principal.ts';
import { access, createRoute, json, problems, router } from '../http/router.ts';
import { createLive } from './live.ts';
import { seriesQuery, seriesSchema, summaryQuery, summarySchema, viewOfSeries, viewOfSummary } from './schema.ts';
import type { Usage } from './service.ts';

const summaryRoute = createRoute({
  method: 'get',
  path: '/v1/usage/summary',
  summary: 'Usage and cost of the current billing period',
  security: access.anybody,
  request: { query: summaryQuery },
  responses: {
    200: json(summarySchema, 'What was used, what is left and what it costs so far.'),
    ...problems('unauthenticated', 'not_found', 'subscription_required'),
  },
});

const seriesRoute = createRoute({
  method: 'get',
  path: '/v1/usage',
  summary: 'Usage over time',
  security: access.anybody,
  request: { query: seriesQuery },
  responses: {
    200: json(seriesSchema, 'One point per hour or day, those without usage included.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const liveRoute = createRoute({
  method: 'get',
  path: '/v1/usage/live',
  summary: 'Hear of new usage',
  security: access.customer,
  responses: {
    200: {
      description: 'Server-sent events: `usage` with `{}` as data.',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    },
    ...problems('unauthenticated', 'forbidden', 'too_many_requests'),
  },
});

/** `stopping` aborts when the server begins to stop: open streams end, so that it can. */
export function createUsageRoutes(deps: { usage: Usage; stopping: AbortSignal }) {
  const { usage } = deps;
  const live = createLive(deps);
  const app = router();

  app.openapi(summaryRoute, async (c) => {
    const summary = await usage.summary(namedCustomer(c, c.req.valid('query').customer_id));
    return c.json(viewOfSummary(summary), 200);
  });

  app.openapi(seriesRoute, async (c) => {
    const { customer_id, meter, ...range } = c.req.valid('query');
    const series = await usage.series(namedCustomer(c, customer_id), { ...range, meter_id: meter });
    return c.json(viewOfSeries(series), 200);
  });

  app.openAPIRegistry.registerPath(liveRoute);
  app.get(liveRoute.path, (c) => live.stream(c, requireCustomer(c)));

  return app;
}
