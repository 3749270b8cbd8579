import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Database } from '../db/database.ts';
import { toList } from '../http/list.ts';
import { type AppEnv, requireOperator } from '../http/principal.ts';
import { access, body, createRoute, json, problems, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { stripeApiVersion } from './client.ts';
import { wayOf } from './event-types.ts';
import {
  backfillRoute,
  healthRoute,
  listChargesRoute,
  listEventsRoute,
  reconcileRoute,
  reconciliationRoute,
  replayParkedRoute,
  replayRoute,
  runsRoute,
  viewCharge,
  viewEvent,
  viewHealth,
  viewRun,
} from './schema.ts';
import type { Reconciliation } from './reconcile/service.ts';
import { listRuns } from './reconcile/store.ts';
import { eventById, inboxHealth, listCharges, listEvents } from './store.ts';

/** What the operator sees of Stripe, and does about it. */
export function createStripeRoutes(deps: {
  db: Database;
  clock: Clock;
  replay: { one(eventId: string): Promise<boolean>; parked(): Promise<number> };
  backfill(): Promise<{ read: number; found: number }>;
  reconcile(options: { repair: boolean }): Promise<Reconciliation>;
}): OpenAPIHono<AppEnv> {
  const { db } = deps;
  const app = router();
  app.openapi(listEventsRoute, async (c) => {
    requireOperator(c);
    const { limit, starting_after = null, state = null, type = null } = c.req.valid('query');
    const rows = await listEvents(db.kysely, { state, type, limit: limit + 1, after: starting_after });
    return c.json(
      toList(rows, limit, viewEvent, (row) => ({ created_at: row.received_at, id: row.id })),
      200,
    );
  });
  app.openapi(replayParkedRoute, async (c) => {
    requireOperator(c);
    return c.json({ object: 'replay' as const, replayed: await deps.replay.parked() }, 200);
  });
  app.openapi(backfillRoute, async (c) => {
    requireOperator(c);
    return c.json({ object: 'backfill' as const, ...(await deps.backfill()) }, 200);
  });
  app.openapi(reconciliationRoute, async (c) => {
    requireOperator(c);
    return c.json({ object: 'reconciliation' as const, ...(await deps.reconcile({ repair: false })) }, 200);
  });
  app.openapi(reconcileRoute, async (c) => {
    requireOperator(c);
    return c.json({ object: 'reconciliation' as const, ...(await deps.reconcile({ repair: true })) }, 200);
  });
  app.openapi(runsRoute, async (c) => {
    requireOperator(c);
    const { limit, starting_after = null } = c.req.valid('query');
    const rows = await listRuns(db.kysely, { limit: limit + 1, after: starting_after });
    return c.json(
      toList(rows, limit, viewRun, (row) => ({ created_at: row.started_at, id: row.id })),
      200,
    );
  });
  app.openapi(replayRoute, async (c) => {
    requireOperator(c);
    const { id } = c.req.valid('param');
    await deps.replay.one(id);
    const row = await eventById(db.kysely, id);
    if (row === null) throw new Problem('not_found', 'There is no such event.');
    return c.json(viewEvent({ ...row, customer_id: null }), 200);
  });
  app.openapi(healthRoute, async (c) => {
    requireOperator(c);
    const health = await inboxHealth(db.kysely, (type) => wayOf(type) !== null, new Date(deps.clock.now()));
    return c.json(viewHealth(health, stripeApiVersion), 200);
  });
  app.openapi(listChargesRoute, async (c) => {
    requireOperator(c);
    const { limit, starting_after = null, customer_id = null, disputed } = c.req.valid('query');
    const page = { customer_id, disputed: disputed === 'true', limit: limit + 1, after: starting_after };
    return c.json(
      toList(await listCharges(db.kysely, page), limit, viewCharge, (row) => ({
        created_at: row.stripe_created_at,
        id: row.id,
      })),
      200,
    );
  });
  return app;
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
