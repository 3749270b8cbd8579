import { everyEventType, webhookEventTypes } from '@farebox/core';
import { z } from '@hono/zod-openapi';
import { listQuery } from '../../http/list.ts';
import type { DeliveryRow, EndpointRow, EventRow } from './store.ts';

const id = z.string().min(1).max(64);
// What an endpoint can listen to; `*` is everything, types of later versions included.
const eventTypes = z
  .array(z.enum([everyEventType, ...webhookEventTypes]))
  .min(1)
  .max(webhookEventTypes.length + 1)
  .openapi({
    description: 'What it is told; `*`: everything, types of later versions too.',
    example: ['invoice.paid'],
  });
const url = z
  .string()
  .trim()
  .max(2000)
  .openapi({ description: 'Where it is posted to: https, on the public internet.' });
const description = z
  .string()
  .trim()
  .max(200)
  .refine((text) => !/\p{Cc}/u.test(text), 'Leave out control characters.');

export const endpointSchema = z
  .object({
    object: z.literal('webhook_endpoint'),
    id: z.string(),
    customer_id: z.string().nullable().openapi({ description: "Whose it is; null: the seller's own." }),
    url: z.string(),
    description: z.string(),
    event_types: z.array(z.string()),
    status: z.enum(['enabled', 'disabled']),
    disabled_reason: z
      .enum(['by_hand', 'failing', 'gone'])
      .nullable()
      .openapi({ description: '`failing`: it took nothing for five days. `gone`: it answered 410.' }),
    disabled_at: z.iso.datetime().nullable(),
    failing_since_at: z.iso
      .datetime()
      .nullable()
      .openapi({ description: 'The first failure since something was taken; null: the last was taken.' }),
    former_until_at: z.iso
      .datetime()
      .nullable()
      .openapi({ description: 'Until when the secret from before the last rotation signs as well.' }),
    created_at: z.iso.datetime(),
  })
  .openapi('WebhookEndpoint');

export const newEndpointSchema = endpointSchema
  .extend({
    secret: z
      .string()
      .openapi({ description: 'What signatures are checked with. Shown in this answer and never again.' }),
  })
  .openapi('NewWebhookEndpoint');

export const deletedEndpointSchema = z
  .object({ object: z.literal('webhook_endpoint'), id: z.string(), deleted: z.literal(true) })
  .openapi('DeletedWebhookEndpoint');

export const createEndpointBody = z
  .object({
    customer_id: id.optional().openapi({ description: 'Whose; left out by the seller: its own.' }),
    url,
    event_types: eventTypes,
    description: description.default(''),
  })
  .openapi('CreateWebhookEndpoint');

export const updateEndpointBody = z
  .object({
    url: url.optional(),
    event_types: eventTypes.optional(),
    description: description.optional(),
    enabled: z.boolean().optional().openapi({ description: 'False: nothing is sent until it is true again.' }),
  })
  .openapi('UpdateWebhookEndpoint');

/** A week: long enough to put a new secret everywhere. */
const mostOverlapS = 7 * 86_400;

export const rotateSecretBody = z
  .object({
    overlap_seconds: z
      .int()
      .min(0)
      .max(mostOverlapS)
      .default(86_400)
      .openapi({ description: 'How long the present secret signs as well. 0: it stops now.' }),
  })
  .openapi('RotateWebhookSecret');

export const listEndpointsQuery = listQuery.extend({
  customer_id: id.optional().openapi({ description: 'Those of one customer; only the seller names it.' }),
  owner: z.enum(['seller', 'customer']).optional().openapi({ description: "The seller's own, or those of customers." }),
});

export const webhookEventSchema = z
  .object({
    object: z.literal('event'),
    id: z.string(),
    type: z.string(),
    created: z.iso.datetime().openapi({ description: 'When it happened.' }),
    livemode: z.boolean(),
    api_version: z.string(),
    data: z.object({
      object: z.looseObject({}).openapi({ description: 'As the API answers it, after what happened.' }),
      previous_attributes: z
        .looseObject({})
        .nullable()
        .openapi({ description: 'Of what was different, how it was; null where there was no before.' }),
    }),
  })
  .openapi('Event');

export const listEventsQuery = listQuery.extend({
  type: z.enum(webhookEventTypes).optional(),
  customer_id: id.optional().openapi({ description: 'Whom they concern; only the seller names it.' }),
});

const deliveryStates = ['pending', 'sending', 'succeeded', 'failed'] as const;

export const deliverySchema = z
  .object({
    object: z.literal('webhook_delivery'),
    id: z.string(),
    endpoint_id: z.string(),
    event_id: z.string(),
    event_type: z.string(),
    state: z.enum(deliveryStates).openapi({ description: '`pending`: it is to be sent, for the first time or again.' }),
    attempts: z.int(),
    next_attempt_at: z.iso.datetime().nullable(),
    last_attempt_at: z.iso.datetime().nullable(),
    status: z.int().nullable().openapi({ description: 'What the last attempt was answered; null: nothing.' }),
    answer: z.string().nullable().openapi({ description: 'The beginning of that answer.' }),
    failure: z.string().nullable().openapi({ description: 'Why the last attempt failed.' }),
    duration_ms: z.int().nullable(),
    created_at: z.iso.datetime(),
  })
  .openapi('WebhookDelivery');

export const listDeliveriesQuery = listQuery.extend({
  endpoint_id: id.optional(),
  event_id: id.optional(),
  state: z.enum(deliveryStates).optional(),
});

export function endpointView(row: EndpointRow, now: number): z.infer<typeof endpointSchema> {
  const { former_until_at: former } = row;
  return {
    object: 'webhook_endpoint',
    id: row.id,
    customer_id: row.customer_id,
    url: row.url,
    description: row.description,
    event_types: row.event_types,
    status: row.disabled_at === null ? 'enabled' : 'disabled',
    disabled_reason: reasons.find((reason) => reason === row.disabled_reason) ?? null,
    disabled_at: row.disabled_at?.toISOString() ?? null,
    failing_since_at: row.failing_since_at?.toISOString() ?? null,
    former_until_at: former !== null && former.getTime() > now ? former.toISOString() : null,
    created_at: row.created_at.toISOString(),
  };
}

const reasons = ['by_hand', 'failing', 'gone'] as const;

/** As the API answers it and as it is posted, byte for byte. */
export function webhookEventView(row: EventRow): z.infer<typeof webhookEventSchema> {
  return {
    object: 'event',
    id: row.id,
    type: row.type,
    created: row.created_at.toISOString(),
    livemode: row.livemode,
    api_version: row.api_version,
    data: { object: row.data.object, previous_attributes: row.data.previous_attributes },
  };
}

export function deliveryView(row: DeliveryRow): z.infer<typeof deliverySchema> {
  return {
    object: 'webhook_delivery',
    id: row.id,
    endpoint_id: row.endpoint_id,
    event_id: row.event_id,
    event_type: row.event_type,
    state: deliveryStates.find((state) => state === row.state) ?? 'failed',
    attempts: row.attempts,
    next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
    last_attempt_at: row.last_attempt_at?.toISOString() ?? null,
    status: row.status,
    answer: row.answer,
    failure: row.failure,
    duration_ms: row.duration_ms,
    created_at: row.created_at.toISOString(),
  };
}
