import { invalidRequest } from '../http/body.ts';
import { listOf, toList } from '../http/list.ts';
import { customerScope, namedCustomer, requireCustomer, requireSeller } from '../http/principal.ts';
import { access, createRoute, json, problems, router, z } from '../http/router.ts';
import { Problem } from '../problem.ts';
import { readEvents } from './events/asked.ts';
import { ingested } from './door.ts';
import { ingestedSchema, sentSchemas } from './events/schema.ts';
import { eventFile, hourFile } from './events/export.ts';
import { createLive } from './live.ts';
import {
  eventQuery,
  eventSchema,
  eventsQuery,
  exportQuery,
  rejectionSchema,
  rejectionsQuery,
  seriesQuery,
  seriesSchema,
  summaryQuery,
  summarySchema,
  textOfCursor,
  viewOfEvent,
  viewOfRejection,
  viewOfSeries,
  viewOfSummary,
} from './schema.ts';
import type { Usage } from './service.ts';

const summaryRoute = createRoute({
  method: 'get',
  path: '/v1/usage/summary',
  summary: 'Usage and cost of the current billing period',
  security: access.anybody,
  request: { query: summaryQuery },
  responses: {
    200: json(
      summarySchema,
      'What was used, what is left, what it costs so far, and what the period comes to at the pace of late.',
    ),
    ...problems('unauthenticated', 'not_found', 'subscription_required', 'ambiguous_subscription'),
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

const ingestRoute = createRoute({
  method: 'post',
  path: '/v1/usage/events',
  summary: 'Send usage events, 1 to 1,000 at once',
  description:
    'Answered when they are committed. An event that is sent again, under the same id, is answered as a duplicate and counts ' +
    'once. What is wrong with one is no fault of the others. A request that fails (503) is sent again as it is.',
  security: access.seller,
  request: { body: { required: true, content: sentSchemas } },
  responses: {
    200: json(ingestedSchema, 'What became of each event, and what their customers have now.'),
    ...problems(
      'unauthenticated',
      'forbidden',
      'invalid_json',
      'unsupported_media_type',
      'too_many_requests',
      'database_unavailable',
    ),
  },
});

const eventsRoute = createRoute({
  method: 'get',
  path: '/v1/usage/events',
  summary: 'Usage events as they came, the newest first',
  security: access.anybody,
  request: { query: eventsQuery },
  responses: {
    200: json(listOf(eventSchema), 'Events with what each meter made of them.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const eventRoute = createRoute({
  method: 'get',
  path: '/v1/usage/events/{id}',
  summary: 'One usage event: what came, and why it counts or not',
  security: access.anybody,
  request: { params: z.strictObject({ id: z.string().min(1).max(200) }), query: eventQuery },
  responses: { 200: json(eventSchema, 'The event.'), ...problems('unauthenticated', 'not_found') },
});

const rejectionsRoute = createRoute({
  method: 'get',
  path: '/v1/usage/rejections',
  summary: 'Usage events that were not taken, with the reason',
  description: 'The first hundred of each request, for 30 days.',
  security: access.anybody,
  request: { query: rejectionsQuery },
  responses: {
    200: json(listOf(rejectionSchema), 'The newest first.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const exportRoute = createRoute({
  method: 'get',
  path: '/v1/usage/export',
  summary: 'Usage as a file, as large as it is',
  description: 'By a secret key or an operator without a customer: that of all of them.',
  security: access.anybody,
  request: { query: exportQuery },
  responses: {
    200: {
      description: 'The file, in pieces as it is read.',
      content: { 'text/csv': { schema: z.string() }, 'application/x-ndjson': { schema: z.string() } },
    },
    ...problems('unauthenticated', 'not_found'),
  },
});

/** `stopping` aborts when the server begins to stop: open streams end, so that it can. */
export function createUsageRoutes(deps: { usage: Usage; stopping: AbortSignal }) {
  const { usage } = deps;
  const live = createLive(deps);
  const app = router();

  app.openapi(summaryRoute, async (c) => {
    const { customer_id, group } = c.req.valid('query');
    const summary = await usage.projected(namedCustomer(c, customer_id), group);
    return c.json(viewOfSummary(summary), 200);
  });

  app.openapi(seriesRoute, async (c) => {
    const { customer_id, meter, filter, key_id, ...range } = c.req.valid('query');
    const filters = { ...filter, ...(key_id === undefined ? {} : { key_id }) };
    const series = await usage.series(namedCustomer(c, customer_id), { ...range, filters, meter_id: meter });
    return c.json(viewOfSeries(series), 200);
  });

  app.openAPIRegistry.registerPath(liveRoute);
  app.get(liveRoute.path, (c) => live.stream(c, requireCustomer(c)));

  app.openAPIRegistry.registerPath(ingestRoute);
  app.post(ingestRoute.path, async (c) => {
    requireSeller(c);
    const events = readEvents(c.req.header('content-type'), await c.req.text());
    return c.json(await ingested(usage, events), 200);
  });

  app.openapi(eventsRoute, async (c) => {
    const { customer_id, limit, starting_after, counted, ...filter } = c.req.valid('query');
    const rows = await usage.events({
      ...filter,
      customer_id: namedCustomer(c, customer_id),
      ...(counted === undefined ? {} : { counted: counted === 'true' }),
      limit,
      after: starting_after ?? null,
    });
    return c.json(toList(rows, limit, viewOfEvent, textOfCursor), 200);
  });

  app.openapi(rejectionsRoute, async (c) => {
    const { customer_id, limit, starting_after, event_id } = c.req.valid('query');
    const filter = { customer_id: customerScope(c, customer_id), event_id, limit, after: starting_after ?? null };
    const cursor = ({ received_at, id }: { received_at: Date; id: string }) => ({ created_at: received_at, id });
    return c.json(toList(await usage.rejections(filter), limit, viewOfRejection, cursor), 200);
  });

  app.openapi(eventRoute, async (c) => {
    const { customer_id, type, source } = c.req.valid('query');
    const more = { ...(type === undefined ? {} : { type }), ...(source === undefined ? {} : { source }) };
    const event = await usage.event(namedCustomer(c, customer_id), c.req.valid('param').id, more);
    return c.json(viewOfEvent(event), 200);
  });

  app.openAPIRegistry.registerPath(exportRoute);
  app.get(exportRoute.path, (c) => {
    const query = exportQuery.safeParse(c.req.query());
    if (!query.success) throw invalidRequest(query.error);
    const { customer_id, of, format, from, to } = query.data;
    if (from >= to) throw new Problem('invalid_request', 'from: Must lie before `to`.', { param: 'from' });
    const scope = { customer_id: customerScope(c, customer_id), from, to };
    const lines =
      of === 'events' ? eventFile(usage.exportEvents(scope), format) : hourFile(usage.exportHours(scope), format);
    const name = `usage-${of}.${format}`;
    return new Response(ReadableStream.from(lines).pipeThrough(new TextEncoderStream()), {
      headers: {
        'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson',
        'content-disposition': `attachment; filename="${name}"`,
      },
    });
  });

  return app;
}
