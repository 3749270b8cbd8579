import { z } from '@hono/zod-openapi';
import type { Balance } from '../balances.ts';
import { type eventTypes, mostEvents } from './asked.ts';
import type { Ingested } from './ingest.ts';

/** A value of an event's property. */
export const property = z.union([z.string(), z.number(), z.boolean()]);

const sentEvent = z.object({
  id: z.string().openapi({ description: 'The idempotency key: the same id, type and source again is the same event.' }),
  type: z.string().openapi({ description: 'What happened. Meters say which types they count.' }),
  customer_id: z.string().optional().openapi({ description: 'Whose it is: this, or `external_id`.' }),
  external_id: z.string().optional().openapi({ description: 'Your own id of the customer.' }),
  source: z.string().optional().openapi({ description: 'Where ids are unique, when they are not for the customer.' }),
  quantity: z.int().min(0).optional().openapi({ description: 'How often it counts; 1 unless said.' }),
  occurred_at: z.iso.datetime({ offset: true }).optional().openapi({
    description: 'At most 35 days ago (FAREBOX_USAGE_BACKDATE_DAYS) and 5 minutes ahead; now unless said.',
  }),
  key_id: z.string().optional(),
  endpoint: z.string().optional(),
  properties: z
    .record(z.string(), property)
    .optional()
    .openapi({ description: 'What meters take, filter and group by.' }),
});

const cloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string(),
  type: z.string(),
  subject: z.string().openapi({ description: "The customer: Farebox's id, or your own." }),
  time: z.iso.datetime({ offset: true }).optional(),
  data: z.record(z.string(), z.unknown()).optional().openapi({
    description: '`quantity`, `key_id` and `endpoint` mean what they mean in an event; the rest are its properties.',
  }),
});

const eitherEvent = z.union([sentEvent, cloudEvent]);
export const sentSchemas = {
  'application/json': { schema: z.union([eitherEvent, z.array(eitherEvent).max(mostEvents)]) },
  'application/x-ndjson': { schema: z.string() },
  'application/cloudevents+json': { schema: cloudEvent },
  'application/cloudevents-batch+json': { schema: z.array(cloudEvent).max(mostEvents) },
} satisfies Record<(typeof eventTypes)[number], object>;

export const ingestedSchema = z
  .object({
    object: z.literal('usage_ingestion'),
    accepted: z.int(),
    duplicates: z.int().openapi({ description: 'Known already: counted once, when they first came.' }),
    rejected: z.int(),
    data: z
      .array(
        z.object({
          id: z.string().nullable(),
          status: z.enum(['accepted', 'duplicate', 'rejected']),
          customer_id: z.string().optional(),
          meters: z
            .array(z.string())
            .optional()
            .openapi({ description: 'Meters that count it; empty: filters leave it out.' }),
          code: z.enum(['invalid_event', 'customer_not_found', 'unknown_type', 'too_old', 'in_future']).optional(),
          reason: z.string().optional(),
        }),
      )
      .openapi({ description: 'What became of each event, in the order they were sent.' }),
    balances: z
      .array(
        z.object({
          customer_id: z.string(),
          meter_id: z.string(),
          used: z.int(),
          included: z.int(),
          remaining: z.int(),
          overage: z.int(),
          period_end_at: z.iso.datetime(),
        }),
      )
      .openapi({ description: 'What the customers of these events have now, of each meter of their plan.' }),
  })
  .openapi('UsageIngestion');

export function viewOfIngested(
  results: readonly Ingested[],
  balances: readonly Balance[],
): z.infer<typeof ingestedSchema> {
  const counts = { accepted: 0, duplicate: 0, rejected: 0 };
  for (const { status } of results) counts[status] += 1;
  return {
    object: 'usage_ingestion',
    accepted: counts.accepted,
    duplicates: counts.duplicate,
    rejected: counts.rejected,
    data: [...results],
    balances: balances.map((balance) => ({ ...balance, period_end_at: new Date(balance.period_end_at).toISOString() })),
  };
}
