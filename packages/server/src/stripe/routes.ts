import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Database } from '../db/database.ts';
import { listOf, listQuery, toList } from '../http/list.ts';
import { type AppEnv, requireOperator } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Queue } from '../queue/queue.ts';
import { type StripeEventRow, eventById, listEvents, reopenEvent } from './store.ts';

const eventSchema = z
  .object({
    object: z.literal('stripe_event'),
    id: z.string(),
    type: z.string(),
    object_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    state: z.enum(['received', 'done', 'ignored', 'parked']),
    reason: z.string().nullable().openapi({ description: 'Why it is parked or ignored.' }),
    attempts: z.int(),
    created_at: z.iso.datetime().openapi({ description: 'When Stripe made it.' }),
    received_at: z.iso.datetime(),
    handled_at: z.iso.datetime().nullable(),
  })
  .openapi('StripeEvent');

const listRoute = createRoute({
  method: 'get',
  path: '/v1/admin/stripe_events',
  summary: "Stripe's events and what became of each",
  security: access.operator,
  request: { query: listQuery.extend({ state: z.enum(['received', 'done', 'ignored', 'parked']).optional() }) },
  responses: { 200: json(listOf(eventSchema), 'Newest first.'), ...problems('unauthenticated', 'forbidden') },
});

const replayRoute = createRoute({
  method: 'post',
  path: '/v1/admin/stripe_events/{id}/replay',
  summary: 'Handle an event again',
  security: access.operator,
  request: { params: idParam },
  responses: {
    200: json(eventSchema, 'The event, received again.'),
    ...problems('unauthenticated', 'forbidden', 'not_found'),
  },
});

/** What the operator sees of Stripe's events. */
export function createStripeRoutes(deps: { db: Database; queue: Pick<Queue, 'enqueue'> }): OpenAPIHono<AppEnv> {
  const { db, queue } = deps;
  const app = router();
  app.openapi(listRoute, async (c) => {
    requireOperator(c);
    const { limit, starting_after, state } = c.req.valid('query');
    const rows = await listEvents(db.kysely, { state: state ?? null, limit: limit + 1, after: starting_after ?? null });
    return c.json(
      toList(rows, limit, view, (row) => ({ created_at: row.received_at, id: row.id })),
      200,
    );
  });
  app.openapi(replayRoute, async (c) => {
    requireOperator(c);
    const { id } = c.req.valid('param');
    await db.transaction(async (tx) => {
      await reopenEvent(tx, id);
      await queue.enqueue(tx, { name: 'stripe.event', data: { event_id: id } });
    });
    const row = await eventById(db.kysely, id);
    if (row === null) throw new Problem('not_found', 'There is no such event.');
    return c.json(view({ ...row, customer_id: null }), 200);
  });
  return app;
}

function view(row: StripeEventRow & { customer_id: string | null }): z.infer<typeof eventSchema> {
  return {
    object: 'stripe_event',
    id: row.id,
    type: row.type,
    object_id: row.object_id,
    customer_id: row.customer_id,
    state: stateOf(row.state),
    reason: row.reason,
    attempts: row.attempts,
    created_at: row.stripe_created_at.toISOString(),
    received_at: row.received_at.toISOString(),
    handled_at: row.handled_at?.toISOString() ?? null,
  };
}

function stateOf(state: string): 'received' | 'done' | 'ignored' | 'parked' {
  return state === 'received' || state === 'done' || state === 'ignored' ? state : 'parked';
}

const hourMs = 3_600_000;

const advanceRoute = createRoute({
  method: 'post',
  path: '/v1/test/clock/advance',
  summary: "Move the local Stripe's clock forward",
  security: access.operator,
  request: {
    body: body(
      z.object({
        days: z.int().min(0).max(400).optional(),
        hours: z.int().min(0).max(10_000).optional(),
      }),
    ),
  },
  responses: {
    200: json(
      z.object({ object: z.literal('clock'), now: z.iso.datetime() }),
      'Everything due on the way has happened.',
    ),
    ...problems('unauthenticated', 'forbidden', 'clock_not_movable'),
  },
});

/** In test mode with the local Stripe time can be moved; anywhere else the answer says that it cannot. */
export function createTestClockRoutes(deps: {
  clock: Clock;
  movable(): { advance(ms: number): Promise<void> } | null;
}): OpenAPIHono<AppEnv> {
  const app = router();
  app.openapi(advanceRoute, async (c) => {
    requireOperator(c);
    const { days = 0, hours = 0 } = c.req.valid('json');
    const clock = deps.movable();
    if (clock === null) throw new Problem('clock_not_movable', 'Only the clock of the local Stripe can be moved.');
    if (days + hours === 0)
      throw new Problem('invalid_request', 'days: Say how far, in days or hours.', { param: 'days' });
    await clock.advance((days * 24 + hours) * hourMs);
    return c.json({ object: 'clock' as const, now: new Date(deps.clock.now()).toISOString() }, 200);
  });
  return app;
}
