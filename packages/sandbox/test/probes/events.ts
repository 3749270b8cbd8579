import type Stripe from 'stripe';
import { has, lists, type Probes } from './probe.ts';

async function endpointOf(stripe: Stripe): Promise<Stripe.WebhookEndpoint> {
  return await stripe.webhookEndpoints.create({ url: 'https://shop.test/hook', enabled_events: ['customer.created'] });
}

async function destinationOf(stripe: Stripe): Promise<Stripe.V2.Core.EventDestination> {
  return await stripe.v2.core.eventDestinations.create({
    name: 'Here',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['v1.customer.created'],
    webhook_endpoint: { url: 'https://shop.test/thin' },
  });
}

/** Events, webhook endpoints and event destinations. */
export const eventProbes: Probes = {
  'GET /v1/events': async ({ stripe }) => {
    const { id } = await stripe.customers.create({}, { idempotencyKey: 'once' });
    const [event] = (await stripe.events.list({ type: 'customer.created' })).data;
    has(event ?? {}, { object: 'event', data: { object: { id } }, request: { idempotency_key: 'once' } });
  },
  'GET /v1/events/{id}': async ({ stripe }) => {
    await stripe.customers.create();
    const id = (await stripe.events.list()).data[0]?.id ?? '';
    has(await stripe.events.retrieve(id), { id, type: 'customer.created', api_version: '2026-10-28.endive' });
  },
  'POST /v1/webhook_endpoints': async ({ stripe }) => {
    const endpoint = await endpointOf(stripe);
    has(endpoint, { object: 'webhook_endpoint', status: 'enabled', enabled_events: ['customer.created'] });
    if (endpoint.secret?.startsWith('whsec_') !== true) throw new Error('A new endpoint tells its secret.');
  },
  'GET /v1/webhook_endpoints/{id}': async ({ stripe }) => {
    const { id } = await endpointOf(stripe);
    const found = await stripe.webhookEndpoints.retrieve(id);
    has(found, { id, url: 'https://shop.test/hook' });
    if (found.secret !== undefined) throw new Error('The secret is told once.');
  },
  'POST /v1/webhook_endpoints/{id}': async ({ stripe }) => {
    const { id } = await endpointOf(stripe);
    has(await stripe.webhookEndpoints.update(id, { disabled: true }), { id, status: 'disabled' });
  },
  'DELETE /v1/webhook_endpoints/{id}': async ({ stripe }) => {
    const { id } = await endpointOf(stripe);
    has(await stripe.webhookEndpoints.del(id), { id, object: 'webhook_endpoint', deleted: true });
  },
  'GET /v1/webhook_endpoints': async ({ stripe }) => {
    const { id } = await endpointOf(stripe);
    lists(await stripe.webhookEndpoints.list(), id);
  },
  'POST /v2/core/event_destinations': async ({ stripe }) => {
    has(await destinationOf(stripe), { object: 'v2.core.event_destination', status: 'enabled', event_payload: 'thin' });
  },
  'GET /v2/core/event_destinations/{id}': async ({ stripe }) => {
    const { id } = await destinationOf(stripe);
    has(await stripe.v2.core.eventDestinations.retrieve(id), { id, name: 'Here' });
  },
  'POST /v2/core/event_destinations/{id}': async ({ stripe }) => {
    const { id } = await destinationOf(stripe);
    has(await stripe.v2.core.eventDestinations.update(id, { name: 'There' }), { id, name: 'There' });
  },
  'DELETE /v2/core/event_destinations/{id}': async ({ stripe }) => {
    const { id } = await destinationOf(stripe);
    has(await stripe.v2.core.eventDestinations.del(id), { id });
  },
  'GET /v2/core/event_destinations': async ({ stripe }) => {
    const { id } = await destinationOf(stripe);
    lists(await stripe.v2.core.eventDestinations.list(), id);
  },
  'POST /v2/core/event_destinations/{id}/disable': async ({ stripe }) => {
    const { id } = await destinationOf(stripe);
    has(await stripe.v2.core.eventDestinations.disable(id), { id, status: 'disabled' });
  },
  'POST /v2/core/event_destinations/{id}/enable': async ({ stripe }) => {
    const { id } = await destinationOf(stripe);
    await stripe.v2.core.eventDestinations.disable(id);
    has(await stripe.v2.core.eventDestinations.enable(id), { id, status: 'enabled' });
  },
  'POST /v2/core/event_destinations/{id}/ping': async ({ stripe }) => {
    const { id } = await destinationOf(stripe);
    has(await stripe.v2.core.eventDestinations.ping(id), { object: 'v2.core.event' });
  },
  'GET /v2/core/events': async ({ stripe }) => {
    await destinationOf(stripe);
    const customer = await stripe.customers.create();
    const page = await stripe.v2.core.events.list({ object_id: customer.id });
    has(page, { data: [{ object: 'v2.core.event', type: 'v1.customer.created' }] });
  },
  'GET /v2/core/events/{id}': async ({ stripe }) => {
    await destinationOf(stripe);
    await stripe.customers.create();
    const id = (await stripe.v2.core.events.list()).data[0]?.id ?? '';
    has(await stripe.v2.core.events.retrieve(id), { id, type: 'v1.customer.created' });
  },
};
