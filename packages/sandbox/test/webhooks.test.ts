import Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { signatureHeader } from '../src/webhooks/sign.ts';
import signatures from '../vectors/signatures.json' with { type: 'json' };
import { type Bench, bench, DAY, readWebhook, type Receiver, receiver, refusal } from './harness.ts';

let b: Bench;
let hook: Receiver;
let endpoint: Stripe.WebhookEndpoint;
let status = 200;

beforeEach(async () => {
  status = 200;
  b = await bench();
  hook = await receiver(() => status);
  endpoint = await b.stripe.webhookEndpoints.create({
    url: hook.url,
    enabled_events: ['customer.created', 'customer.updated'],
    api_version: '2026-10-28.endive',
  });
});
afterEach(async () => {
  await b.close();
  await hook.close();
});

const names = (): string[] => hook.received.map((each) => (each.event.data.object as Stripe.Customer).name ?? '');

test('signatures are those of the documented scheme', () => {
  for (const { secret, timestamp, payload, header } of signatures.vectors) {
    expect(signatureHeader(secret, timestamp, payload)).toBe(header);
  }
});

test('an event arrives signed with the whole secret, readable by constructEvent, and is the one the API lists', async () => {
  const key = 'customer:1';
  await b.stripe.customers.create({ name: 'Ada' }, { idempotencyKey: key });
  await b.sandbox.webhooks.settled();
  const [sent] = hook.received;
  const secret = endpoint.secret ?? '';
  expect(secret).toMatch(/^whsec_\w{32}$/);
  const event = readWebhook(b.stripe, sent, secret);
  expect(event).toMatchObject({
    type: 'customer.created',
    api_version: '2026-10-28.endive',
    request: { idempotency_key: key },
  });
  expect(event.request?.id).toMatch(/^req_\w{14}$/);
  expect(sent?.body).toContain('\n  "id": "evt_');
  const listed = await b.stripe.events.retrieve(event.id);
  expect(listed.data.object).toEqual(event.data.object);
  expect(listed.pending_webhooks).toBe(0);
  const other = secret.replace('whsec_', '');
  expect(() => readWebhook(b.stripe, sent, other)).toThrow('No signatures found');
});

test('an event delivered after the clock was advanced is still within the tolerance', async () => {
  await b.sandbox.clock.advance(400 * DAY);
  await b.stripe.customers.create({ name: 'Ada' });
  await b.sandbox.webhooks.settled();
  const [sent] = hook.received;
  expect(() => readWebhook(b.stripe, sent, endpoint.secret ?? '')).not.toThrow();
});

test('only the events asked for are delivered, in the order they happened', async () => {
  const customer = await b.stripe.customers.create({ name: 'first' });
  await b.stripe.products.create({ name: 'not asked for' });
  await b.stripe.customers.update(customer.id, { name: 'second' });
  await b.sandbox.webhooks.settled();
  expect(hook.types()).toEqual(['customer.created', 'customer.updated']);
  expect(hook.received[1]?.event.data.previous_attributes).toEqual({ name: 'first' });
});

test('twice delivers each event twice with one id', async () => {
  b.sandbox.webhooks.policy = 'twice';
  await b.stripe.customers.create({ name: 'Ada' });
  await b.sandbox.webhooks.settled();
  expect(hook.received).toHaveLength(2);
  expect(new Set(hook.received.map((each) => each.event.id)).size).toBe(1);
});

test('hold keeps events until they are released, in either order', async () => {
  b.sandbox.webhooks.policy = 'hold';
  for (const name of ['a', 'b', 'c']) await b.stripe.customers.create({ name });
  await b.sandbox.webhooks.settled();
  expect(hook.received).toEqual([]);
  expect(await b.sandbox.webhooks.release({ reversed: true })).toBe(3);
  expect(names()).toEqual(['c', 'b', 'a']);
  await b.stripe.customers.create({ name: 'd' });
  expect(await b.sandbox.webhooks.release()).toBe(1);
  expect(names()).toEqual(['c', 'b', 'a', 'd']);
});

test('drop loses the delivery and keeps the event, which can be found as undelivered', async () => {
  b.sandbox.webhooks.policy = 'drop';
  await b.stripe.customers.create({ name: 'Ada' });
  await b.sandbox.webhooks.settled();
  expect(hook.received).toEqual([]);
  const lost = await b.stripe.events.list({ delivery_success: false });
  expect(lost.data.map((event) => event.type)).toEqual(['customer.created']);
});

test('a refused delivery is tried again after a second', async () => {
  status = 500;
  await b.stripe.customers.create({ name: 'Ada' });
  await b.sandbox.webhooks.settled();
  expect(hook.received).toHaveLength(1);
  status = 200;
  await expect.poll(() => hook.received.length, { timeout: 4_000 }).toBe(2);
  await b.sandbox.webhooks.settled();
  expect((await b.stripe.events.list({ delivery_success: false })).data).toEqual([]);
});

test('a redirect counts as a failure, and a resend from the control room reaches the endpoint again', async () => {
  status = 302;
  await b.stripe.customers.create({ name: 'Ada' });
  await b.sandbox.webhooks.settled();
  const state = (await (await fetch(`${b.url}/_sandbox/state`)).json()) as {
    deliveries: { id: string; state: string; attempts: { status: number }[] }[];
  };
  expect(state.deliveries).toMatchObject([{ state: 'pending', attempts: [{ status: 302 }] }]);
  status = 200;
  await fetch(`${b.url}/_sandbox/webhooks/resend`, {
    method: 'POST',
    body: new URLSearchParams({ delivery: state.deliveries[0]?.id ?? '' }),
    redirect: 'manual',
  });
  expect(hook.received).toHaveLength(2);
});

test('a disabled or deleted endpoint gets nothing', async () => {
  await b.stripe.webhookEndpoints.update(endpoint.id, { disabled: true });
  await b.stripe.customers.create({});
  await b.stripe.webhookEndpoints.del(endpoint.id);
  await b.stripe.customers.create({});
  await b.sandbox.webhooks.settled();
  expect(hook.received).toEqual([]);
  expect((await refusal(b.stripe.webhookEndpoints.retrieve(endpoint.id))).statusCode).toBe(404);
});

test('the secret is answered once', async () => {
  const again = await b.stripe.webhookEndpoints.retrieve(endpoint.id);
  expect(again.secret).toBeUndefined();
  expect((await b.stripe.webhookEndpoints.list()).data[0]?.secret).toBeUndefined();
  expect(Stripe.API_VERSION).toBe('2026-10-28.endive');
});
