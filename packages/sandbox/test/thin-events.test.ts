import type Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, type Receiver, receiver, refusal, standing } from './harness.ts';

let b: Bench;
let hook: Receiver;
beforeEach(async () => {
  b = await bench({ now: standing('2026-11-02T09:00:00Z'), frozen: true });
  hook = await receiver();
});
afterEach(async () => {
  await b.close();
  await hook.close();
});

/** The sandbox's clock stands in another year than the machine's may. */
const ANY_AGE = 10 ** 9;

type Wish = Partial<Stripe.V2.Core.EventDestinationCreateParams>;

async function destination(enabled_events: string[], wish: Wish = {}): Promise<Stripe.V2.Core.EventDestination> {
  return await b.stripe.v2.core.eventDestinations.create({
    name: 'Here',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events,
    webhook_endpoint: { url: hook.url },
    include: ['webhook_endpoint.signing_secret', 'webhook_endpoint.url'],
    ...wish,
  });
}

/** What was delivered, as the SDK reads it. */
function notifications(made: Stripe.V2.Core.EventDestination): Stripe.V2.Core.EventNotification[] {
  const secret = made.webhook_endpoint?.signing_secret ?? '';
  return hook.received.map(({ body, signature }) => b.stripe.parseEventNotification(body, signature, secret, ANY_AGE));
}

function relatedId(event: object): string | null {
  const { related_object } = event as { related_object?: { id: string } };
  return related_object?.id ?? null;
}

async function meter(): Promise<Stripe.Billing.Meter> {
  return await b.stripe.billing.meters.create({
    display_name: 'Requests',
    event_name: 'requests',
    default_aggregation: { formula: 'sum' },
  });
}

async function send(event_name: string, payload: Record<string, string>, identifier: string): Promise<void> {
  await b.stripe.billing.meterEvents.create({ event_name, payload, identifier });
}

test('what is wrong with accepted meter events is told ten seconds later, by meter and by reason', async () => {
  const made = await destination(['v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found']);
  const { id } = await meter();
  const customer = (await b.stripe.customers.create()).id;
  await send('requests', { value: '1' }, 'nobody');
  await send('requests', { stripe_customer_id: 'cus_unknown', value: '1' }, 'stranger');
  await send('requests', { stripe_customer_id: 'cus_unknown', value: '2' }, 'stranger again');
  await send('requests', { stripe_customer_id: customer }, 'nothing');
  await send('requests', { stripe_customer_id: customer, value: 'many' }, 'word');
  await send('requests', { stripe_customer_id: customer, value: '1234567890123456' }, 'long');
  await send('elsewhere', { stripe_customer_id: customer, value: '1' }, 'lost');
  await send('requests', { stripe_customer_id: customer, value: '1' }, 'good');
  expect(hook.received).toEqual([]);
  await b.sandbox.clock.advance(10_000);
  const told = notifications(made);
  expect(told.map((each) => [each.type, relatedId(each)])).toEqual([
    ['v1.billing.meter.error_report_triggered', id],
    ['v1.billing.meter.no_meter_found', null],
  ]);
  const [report] = told;
  if (report?.type !== 'v1.billing.meter.error_report_triggered') throw new Error('There is no report.');
  expect(report).not.toHaveProperty('data');
  expect((await report.fetchRelatedObject()).event_name).toBe('requests');
  const { data } = await report.fetchEvent();
  expect(data.reason.error_count).toBe(6);
  expect(data.reason.error_types.map((each) => [each.code, each.error_count])).toEqual([
    ['meter_event_no_customer_defined', 1],
    ['meter_event_customer_not_found', 2],
    ['meter_event_value_not_found', 1],
    ['meter_event_invalid_value', 1],
    ['meter_event_value_too_many_digits', 1],
  ]);
  expect(data.reason.error_types[1]?.sample_errors[1]?.request.identifier).toBe('stranger again');
  expect([data.validation_start, data.validation_end]).toEqual([
    '2026-11-02T09:00:00.000Z',
    '2026-11-02T09:00:10.000Z',
  ]);
  await b.sandbox.clock.advance(60_000);
  expect(hook.received.length).toBe(2);
});

test('events for a meter that was put away are reported as archived', async () => {
  const made = await destination(['*']);
  const { id } = await meter();
  await b.stripe.billing.meters.deactivate(id);
  await send('requests', { stripe_customer_id: 'cus_x', value: '1' }, 'late');
  await b.sandbox.clock.advance(10_000);
  const report = notifications(made).find((each) => each.type === 'v1.billing.meter.error_report_triggered');
  if (report?.type !== 'v1.billing.meter.error_report_triggered') throw new Error('There is no report.');
  expect((await report.fetchEvent()).data.reason.error_types[0]?.code).toBe('archived_meter');
});

test('a thin destination is told of events that have a snapshot, and can fetch the object', async () => {
  const made = await destination(['v1.customer.created']);
  const customer = await b.stripe.customers.create({ name: 'Ada' });
  await b.stripe.products.create({ name: 'Pro' });
  await b.sandbox.webhooks.settled();
  const [told, ...others] = notifications(made);
  if (told?.type !== 'v1.customer.created') throw new Error('Nothing was told.');
  expect([told.related_object.id, others]).toEqual([customer.id, []]);
  expect(told.reason?.request?.id).toBe(customer.lastResponse.requestId);
  expect(await told.fetchRelatedObject()).toMatchObject({ id: customer.id, name: 'Ada' });
  const [snapshot] = (await b.stripe.events.list({ type: 'customer.created' })).data;
  expect(told.snapshot_event).toBe(snapshot?.id);
});

test('a snapshot destination gets what webhook endpoints get', async () => {
  const made = await destination(['customer.created'], { event_payload: 'snapshot' });
  const customer = await b.stripe.customers.create();
  await b.sandbox.webhooks.settled();
  const [got] = hook.received;
  const secret = made.webhook_endpoint?.signing_secret ?? '';
  const event = b.stripe.webhooks.constructEvent(got?.body ?? '', got?.signature ?? '', secret, ANY_AGE);
  expect([event.type, event.data.object]).toMatchObject(['customer.created', { id: customer.id }]);
  const wrong = destination(['v1.customer.created'], { event_payload: 'snapshot' });
  expect((await refusal(wrong)).message).toContain('enabled_events[0]');
});

test('a destination can be changed, stopped, pinged and removed', async () => {
  const { eventDestinations } = b.stripe.v2.core;
  const made = await destination(['v1.product.created']);
  expect((await eventDestinations.retrieve(made.id)).webhook_endpoint).toEqual({});
  const renamed = await eventDestinations.update(made.id, { name: 'There', metadata: { a: '1' } });
  expect([renamed.name, renamed.metadata, renamed.status]).toEqual(['There', { a: '1' }, 'enabled']);
  const ping = await eventDestinations.ping(made.id);
  expect(ping.type).toBe('v2.core.event_destination.ping');
  expect((await eventDestinations.disable(made.id)).status_details).toEqual({ disabled: { reason: 'user' } });
  await b.stripe.products.create({ name: 'Unheard' });
  await eventDestinations.enable(made.id);
  await b.stripe.products.create({ name: 'Heard' });
  await b.sandbox.webhooks.settled();
  expect(notifications(made).map((each) => each.type)).toEqual([
    'v2.core.event_destination.ping',
    'v1.product.created',
  ]);
  expect((await eventDestinations.list()).data.map((each) => each.id)).toEqual([made.id]);
  expect(await eventDestinations.del(made.id)).toMatchObject({ id: made.id });
  expect((await refusal(eventDestinations.retrieve(made.id))).statusCode).toBe(404);
});

test('thin events are listed newest first, filtered, page by page', async () => {
  await destination(['v1.product.created', 'v1.customer.created']);
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push((await b.stripe.products.create({ name })).id);
  await b.stripe.customers.create();
  const listed: string[] = [];
  for await (const event of b.stripe.v2.core.events.list({ limit: 2, types: ['v1.product.created'] })) {
    listed.push(relatedId(event) ?? '');
  }
  expect(listed).toEqual(ids.toReversed());
  const one = await b.stripe.v2.core.events.list({ object_id: ids[0] ?? '' });
  expect(one.data.length).toBe(1);
});
