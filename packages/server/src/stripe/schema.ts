import { listOf, listQuery } from '../http/list.ts';
import { access, createRoute, idParam, json, problems, z } from '../http/router.ts';
import type { ChargeRow, InboxHealth, StripeEventRow } from './store.ts';
import { divergenceKinds } from './reconcile/compare.ts';
import type { ReconciliationRun } from './reconcile/store.ts';

const eventStates = ['received', 'done', 'ignored', 'parked'] as const;

const eventSchema = z
  .object({
    object: z.literal('stripe_event'),
    id: z.string(),
    type: z.string(),
    object_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    state: z.enum(eventStates),
    reason: z.string().nullable().openapi({ description: 'Why it is parked or ignored, or what failed last.' }),
    attempts: z.int(),
    created_at: z.iso.datetime().openapi({ description: 'When Stripe made it.' }),
    received_at: z.iso.datetime(),
    handled_at: z.iso.datetime().nullable(),
  })
  .openapi('StripeEvent');

const chargeSchema = z
  .object({
    object: z.literal('charge'),
    id: z.string(),
    customer_id: z.string(),
    status: z.string(),
    currency: z.string(),
    amount_minor: z.int(),
    amount_refunded_minor: z.int(),
    dispute_status: z.string().nullable().openapi({ description: "Stripe's; null without a dispute." }),
    created_at: z.iso.datetime(),
  })
  .openapi('Charge');

const healthSchema = z
  .object({
    object: z.literal('stripe_health'),
    events: z.object({ received: z.int(), done: z.int(), ignored: z.int(), parked: z.int() }),
    unknown_types: z
      .array(z.object({ type: z.string(), count: z.int(), last_at: z.iso.datetime() }))
      .openapi({ description: 'Types of events that Farebox does not know, and how many came.' }),
    api_versions: z.array(z.string()).openapi({ description: 'Versions in which events of the last day came.' }),
    expected_api_version: z.string(),
    last_received_at: z.iso.datetime().nullable(),
    waiting_since_at: z.iso.datetime().nullable(),
    clock_skew_s: z.int().nullable().openapi({ description: "How far this machine's clock is behind Stripe's." }),
    backfilled_at: z.iso.datetime().nullable().openapi({ description: "When Stripe's list of events was last read." }),
  })
  .openapi('StripeHealth');

export const listEventsRoute = createRoute({
  method: 'get',
  path: '/v1/admin/stripe_events',
  summary: "Stripe's events and what became of each",
  security: access.operator,
  request: {
    query: listQuery.extend({ state: z.enum(eventStates).optional(), type: z.string().max(100).optional() }),
  },
  responses: { 200: json(listOf(eventSchema), 'Newest first.'), ...problems('unauthenticated', 'forbidden') },
});

export const replayRoute = createRoute({
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

export const replayParkedRoute = createRoute({
  method: 'post',
  path: '/v1/admin/stripe_events/replay_parked',
  summary: 'Handle all parked events again',
  description: 'The 1,000 oldest of them.',
  security: access.operator,
  responses: {
    200: json(z.object({ object: z.literal('replay'), replayed: z.int() }), 'How many were received again.'),
    ...problems('unauthenticated', 'forbidden'),
  },
});

export const backfillRoute = createRoute({
  method: 'post',
  path: '/v1/admin/stripe_events/backfill',
  summary: "Read what was missed from Stripe's list of events",
  description:
    'Happens by itself every ten minutes and at the start. Events come through the same inbox as deliveries.',
  security: access.operator,
  responses: {
    200: json(
      z.object({ object: z.literal('backfill'), read: z.int(), found: z.int() }),
      'How many events were read, and how many of them were new.',
    ),
    ...problems('unauthenticated', 'forbidden', 'stripe_unavailable'),
  },
});

const compared = {
  checked: z.int().openapi({ description: 'Objects of Stripe that were looked at.' }),
  found: z.array(
    z.object({
      kind: z.enum(divergenceKinds),
      customer_id: z.string().nullable(),
      object_id: z.string().openapi({ description: "Stripe's id of what differs." }),
      detail: z.string().openapi({ description: 'One sentence.' }),
      repair: z
        .enum(['link', 'sync', 'bill', 'sell', 'listen', 'backfill'])
        .nullable()
        .openapi({ description: 'What puts it right; null: a person must decide.' }),
      repaired: z.boolean(),
    }),
  ),
};

const reconciliationSchema = z.object({ object: z.literal('reconciliation'), ...compared }).openapi('Reconciliation');

const runSchema = z
  .object({
    object: z.literal('reconciliation_run'),
    id: z.string(),
    started_at: z.iso.datetime(),
    finished_at: z.iso.datetime(),
    ...compared,
  })
  .openapi('ReconciliationRun');

export const runsRoute = createRoute({
  method: 'get',
  path: '/v1/admin/reconciliation/runs',
  summary: 'What earlier comparisons with Stripe found and put right',
  security: access.operator,
  request: { query: listQuery },
  responses: { 200: json(listOf(runSchema), 'Newest first.'), ...problems('unauthenticated', 'forbidden') },
});

export function viewRun({ started_at, finished_at, ...run }: ReconciliationRun): z.infer<typeof runSchema> {
  return {
    object: 'reconciliation_run',
    ...run,
    started_at: started_at.toISOString(),
    finished_at: finished_at.toISOString(),
  };
}

export const reconciliationRoute = createRoute({
  method: 'get',
  path: '/v1/admin/reconciliation',
  summary: 'What differs between here and Stripe',
  security: access.operator,
  responses: {
    200: json(reconciliationSchema, 'Each difference in words; nothing is changed.'),
    ...problems('unauthenticated', 'forbidden', 'stripe_unavailable'),
  },
});

export const reconcileRoute = createRoute({
  method: 'post',
  path: '/v1/admin/reconciliation/run',
  summary: 'Put right what differs from Stripe',
  description: 'Happens by itself every night. What has no one right answer is only told.',
  security: access.operator,
  responses: {
    200: json(reconciliationSchema, 'What was found, and what was repaired.'),
    ...problems('unauthenticated', 'forbidden', 'stripe_unavailable'),
  },
});

export const healthRoute = createRoute({
  method: 'get',
  path: '/v1/admin/stripe_health',
  summary: 'How what Stripe tells us arrives',
  security: access.operator,
  responses: { 200: json(healthSchema, 'Now.'), ...problems('unauthenticated', 'forbidden') },
});

export const listChargesRoute = createRoute({
  method: 'get',
  path: '/v1/admin/charges',
  summary: 'Charges, with what was refunded and disputed',
  security: access.operator,
  request: {
    query: listQuery.extend({
      customer_id: z.string().max(64).optional(),
      disputed: z.enum(['true']).optional().openapi({ description: 'Only those in dispute.' }),
    }),
  },
  responses: { 200: json(listOf(chargeSchema), 'Newest first.'), ...problems('unauthenticated', 'forbidden') },
});

export function viewEvent(row: StripeEventRow & { customer_id: string | null }): z.infer<typeof eventSchema> {
  return {
    object: 'stripe_event',
    id: row.id,
    type: row.type,
    object_id: row.object_id,
    customer_id: row.customer_id,
    state: eventStates.find((state) => state === row.state) ?? 'parked',
    reason: row.reason,
    attempts: row.attempts,
    created_at: row.stripe_created_at.toISOString(),
    received_at: row.received_at.toISOString(),
    handled_at: row.handled_at?.toISOString() ?? null,
  };
}

export function viewCharge(row: ChargeRow): z.infer<typeof chargeSchema> {
  return {
    object: 'charge',
    id: row.id,
    customer_id: row.customer_id,
    status: row.status,
    currency: row.currency,
    amount_minor: row.amount_minor,
    amount_refunded_minor: row.amount_refunded_minor,
    dispute_status: row.dispute_status,
    created_at: row.stripe_created_at.toISOString(),
  };
}

export function viewHealth(health: InboxHealth, expected_api_version: string): z.infer<typeof healthSchema> {
  const { states } = health;
  return {
    object: 'stripe_health',
    events: {
      received: states['received'] ?? 0,
      done: states['done'] ?? 0,
      ignored: states['ignored'] ?? 0,
      parked: states['parked'] ?? 0,
    },
    unknown_types: health.unknown_types.map((row) => ({ ...row, last_at: row.last_at.toISOString() })),
    api_versions: health.api_versions,
    expected_api_version,
    last_received_at: health.last_received_at?.toISOString() ?? null,
    waiting_since_at: health.waiting_since_at?.toISOString() ?? null,
    clock_skew_s: health.clock_skew_s,
    backfilled_at: health.backfilled_at?.toISOString() ?? null,
  };
}
