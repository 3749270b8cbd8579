import { listOf, toList } from '../../http/list.ts';
import { actorOf, customerScope } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../../http/router.ts';
import type { Clock } from '../../ports.ts';
import type { Deliveries } from './deliveries.ts';
import type { Endpoints } from './endpoints.ts';
import {
  createEndpointBody,
  deletedEndpointSchema,
  deliverySchema,
  deliveryView,
  endpointSchema,
  endpointView,
  listDeliveriesQuery,
  listEndpointsQuery,
  listEventsQuery,
  newEndpointSchema,
  rotateSecretBody,
  updateEndpointBody,
  webhookEventSchema,
  webhookEventView,
} from './schema.ts';

const common = { tags: ['Webhooks'], security: access.anybody };
const one = { ...common, request: { params: idParam } };
const path = '/v1/webhook_endpoints';
const ofOne = `${path}/{id}`;

const list = createRoute({
  ...common,
  method: 'get',
  path,
  summary: 'Where events are posted to',
  request: { query: listEndpointsQuery },
  responses: {
    200: json(listOf(endpointSchema), 'Newest first; a customer sees its own, the seller all.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const create = createRoute({
  ...common,
  method: 'post',
  path,
  summary: 'Add a webhook endpoint',
  description:
    'The seller’s hears of everything; a customer’s of what concerns that customer. Messages are signed as in Standard Webhooks.',
  request: { body: body(createEndpointBody) },
  responses: {
    201: json(newEndpointSchema, 'The endpoint with its secret, which is not shown again.'),
    ...problems('unauthenticated', 'not_found', 'webhook_endpoint_limit_reached'),
  },
});

const read = createRoute({
  ...one,
  method: 'get',
  path: ofOne,
  summary: 'Read a webhook endpoint',
  responses: { 200: json(endpointSchema, 'Without its secret.'), ...problems('unauthenticated', 'not_found') },
});

const update = createRoute({
  ...common,
  method: 'patch',
  path: ofOne,
  summary: 'Change a webhook endpoint, switch it off or on',
  description: 'What is left out stays. What waits for an endpoint that is switched off is not sent any more.',
  request: { params: idParam, body: body(updateEndpointBody) },
  responses: { 200: json(endpointSchema, 'As it is now.'), ...problems('unauthenticated', 'not_found') },
});

const remove = createRoute({
  ...one,
  method: 'delete',
  path: ofOne,
  summary: 'Delete a webhook endpoint, with its deliveries',
  responses: { 200: json(deletedEndpointSchema, 'It is gone.'), ...problems('unauthenticated', 'not_found') },
});

const test = createRoute({
  ...common,
  method: 'post',
  path: `${ofOne}/test`,
  summary: 'Post a test event, and say what came of it',
  request: { params: idParam },
  responses: {
    200: json(deliverySchema, 'Answered when the endpoint has, within ten seconds. A test is not repeated.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const rotate = createRoute({
  ...common,
  method: 'post',
  path: `${ofOne}/rotate_secret`,
  summary: 'Give a webhook endpoint a new secret',
  description: 'Messages are signed with both for `overlap_seconds`; a secret from an earlier rotation stops now.',
  request: { params: idParam, body: body(rotateSecretBody) },
  responses: {
    200: json(newEndpointSchema, 'The endpoint with its new secret, which is not shown again.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const listEvents = createRoute({
  ...common,
  method: 'get',
  path: '/v1/events',
  summary: 'What happened',
  request: { query: listEventsQuery },
  responses: {
    200: json(listOf(webhookEventSchema), 'Newest first, of the last 90 days; a customer sees what concerns it.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const readEvent = createRoute({
  ...one,
  method: 'get',
  path: '/v1/events/{id}',
  summary: 'Read an event, as it is posted',
  responses: { 200: json(webhookEventSchema, 'The event.'), ...problems('unauthenticated', 'not_found') },
});

const listDeliveries = createRoute({
  ...common,
  method: 'get',
  path: '/v1/webhook_deliveries',
  summary: 'What was posted where, and what came of it',
  request: { query: listDeliveriesQuery },
  responses: { 200: json(listOf(deliverySchema), 'Newest first.'), ...problems('unauthenticated') },
});

const retry = createRoute({
  ...common,
  method: 'post',
  path: '/v1/webhook_deliveries/{id}/retry',
  summary: 'Post an event again now',
  request: { params: idParam },
  responses: {
    200: json(deliverySchema, 'It waits to be sent.'),
    ...problems('unauthenticated', 'not_found', 'webhook_endpoint_disabled'),
  },
});

/** Webhooks, for the seller and for each customer. */
export function createWebhookRoutes(deps: { clock: Clock; endpoints: Endpoints; deliveries: Deliveries }) {
  const { clock, endpoints } = deps;
  const app = router();

  app.openapi(list, async (c) => {
    const { customer_id, owner = null, limit, starting_after: after = null } = c.req.valid('query');
    const rows = await endpoints.list({ scope: customerScope(c, customer_id), owner, limit, after });
    const view = (row: (typeof rows)[number]) => endpointView(row, clock.now());
    return c.json(
      toList(rows, limit, view, (row) => row),
      200,
    );
  });

  app.openapi(create, async (c) => {
    const { customer_id, ...wish } = c.req.valid('json');
    const owner = customerScope(c, customer_id);
    const { endpoint, secret } = await endpoints.create(actorOf(c.get('principal')), owner, wish);
    return c.json({ ...endpointView(endpoint, clock.now()), secret }, 201);
  });

  app.openapi(read, async (c) => {
    const row = await endpoints.get(customerScope(c), c.req.valid('param').id);
    return c.json(endpointView(row, clock.now()), 200);
  });

  app.openapi(update, async (c) => {
    const actor = actorOf(c.get('principal'));
    const row = await endpoints.update(actor, customerScope(c), c.req.valid('param').id, c.req.valid('json'));
    return c.json(endpointView(row, clock.now()), 200);
  });

  app.openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    await endpoints.remove(actorOf(c.get('principal')), customerScope(c), id);
    return c.json({ object: 'webhook_endpoint' as const, id, deleted: true as const }, 200);
  });

  app.openapi(test, async (c) =>
    c.json(deliveryView(await endpoints.test(customerScope(c), c.req.valid('param').id)), 200),
  );

  app.openapi(rotate, async (c) => {
    const { id } = c.req.valid('param');
    const { overlap_seconds } = c.req.valid('json');
    const actor = actorOf(c.get('principal'));
    const { endpoint, secret } = await endpoints.rotate(actor, customerScope(c), id, overlap_seconds);
    return c.json({ ...endpointView(endpoint, clock.now()), secret }, 200);
  });

  app.openapi(listEvents, async (c) => {
    const { customer_id, type = null, limit, starting_after: after = null } = c.req.valid('query');
    const rows = await endpoints.listEvents({ scope: customerScope(c, customer_id), type, limit, after });
    return c.json(
      toList(rows, limit, webhookEventView, (row) => row),
      200,
    );
  });

  app.openapi(readEvent, async (c) =>
    c.json(webhookEventView(await endpoints.event(customerScope(c), c.req.valid('param').id)), 200),
  );

  app.openapi(listDeliveries, async (c) => {
    const {
      endpoint_id = null,
      event_id = null,
      state = null,
      limit,
      starting_after: after = null,
    } = c.req.valid('query');
    const rows = await endpoints.listDeliveries({
      scope: customerScope(c),
      endpoint_id,
      event_id,
      state,
      limit,
      after,
    });
    return c.json(
      toList(rows, limit, deliveryView, (row) => row),
      200,
    );
  });

  app.openapi(retry, async (c) =>
    c.json(deliveryView(await deps.deliveries.retry(customerScope(c), c.req.valid('param').id)), 200),
  );

  return app;
}
