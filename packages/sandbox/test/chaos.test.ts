import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, readWebhook, type Receiver, receiver, standing, subscriber } from './harness.ts';

let b: Bench;
let hook: Receiver;
let endpoint: Stripe.WebhookEndpoint;

async function start(seed = 'bench', now?: () => number): Promise<void> {
  b = await bench({ seed, ...(now === undefined ? {} : { now }) });
  hook = await receiver();
  endpoint = await b.stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['*'] });
}

beforeEach(() => start());
afterEach(async () => {
  await b.close();
  await hook.close();
});

async function sendProducts(count: number): Promise<string[]> {
  for (let n = 0; n < count; n += 1) await b.stripe.products.create({ name: `P${n}` });
  await b.sandbox.webhooks.settled();
  return hook.received.map((each) => (each.event.data.object as Stripe.Product).name);
}

test('events are duplicated and dropped with the probability asked for, and the seed decides which', async () => {
  b.sandbox.webhooks.chaos = { duplicate: 0.4, drop: 0.3 };
  const first = await sendProducts(40);
  const counts = Array.from({ length: 40 }, (_, n) => first.filter((name) => name === `P${n}`).length);
  for (const copies of [0, 1, 2]) expect(counts.filter((count) => count === copies).length).toBeGreaterThan(4);
  await b.close();
  await hook.close();
  await start();
  b.sandbox.webhooks.chaos = { duplicate: 0.4, drop: 0.3 };
  expect(await sendProducts(40)).toEqual(first);
  b.sandbox.webhooks.chaos = null;
  expect(b.sandbox.webhooks.chaos).toBeNull();
  hook.received.length = 0;
  expect(await sendProducts(5)).toEqual(['P0', 'P1', 'P2', 'P3', 'P4']);
});

test('reordered events are all there, in another order than that of the API', async () => {
  b.sandbox.webhooks.chaos = { reorder: 1 };
  await subscriber(b.stripe);
  await b.sandbox.webhooks.settled();
  const listed = (await b.stripe.events.list({ limit: 100 })).data.map((event) => event.id).toReversed();
  const got = hook.received.map((each) => each.event.id);
  expect(got).not.toEqual(listed);
  expect(got.toSorted()).toEqual(listed.toSorted());
});

test('a delayed event arrives when its time has come', async () => {
  let now = Date.parse('2026-11-24T09:00:00Z');
  await b.close();
  await hook.close();
  await start('delay', () => now);
  b.sandbox.webhooks.chaos = { delay: 1, delay_ms: 60_000 };
  expect(await sendProducts(1)).toEqual([]);
  now += 60_000;
  await b.sandbox.webhooks.settled();
  expect(hook.types()).toEqual(['product.created']);
});

test('a body can be stamped with an old version', async () => {
  b.sandbox.webhooks.chaos = { api_version: '2024-06-20' };
  await sendProducts(1);
  expect(hook.received[0]?.event.api_version).toBe('2024-06-20');
  expect((await b.stripe.events.list()).data[0]?.api_version).toBe('2026-10-28.endive');
});

test('while a rolled secret overlaps both verify; afterwards the new one only', async () => {
  const old_secret = endpoint.secret ?? '';
  const secret = await b.sandbox.webhooks.rollSecret(endpoint.id, { overlap_ms: DAY });
  expect(secret).not.toBe(old_secret);
  await sendProducts(1);
  const verify = (index: number, key: string): string => readWebhook(b.stripe, hook.received[index], key).type;
  expect(hook.received[0]?.signature.match(/v1=/g)).toHaveLength(2);
  expect([verify(0, secret), verify(0, old_secret)]).toEqual(['product.created', 'product.created']);
  await b.sandbox.clock.advance(DAY + HOUR);
  await sendProducts(1);
  expect(verify(1, secret)).toBe('product.created');
  expect(() => verify(1, old_secret)).toThrow('No signatures found');
  await expect(b.sandbox.webhooks.rollSecret('we_none')).rejects.toThrow('no webhook endpoint');
  await expect(b.sandbox.webhooks.rollSecret(endpoint.id, { overlap_ms: 2 * DAY })).rejects.toThrow('24 hours');
});

test('what cannot be is refused', () => {
  for (const wish of [
    { drop: 2 },
    { duplicate: -1 },
    { reorder: Number.NaN },
    { truncate: 1.1 },
    { api_version: 'old' },
  ]) {
    expect(() => {
      b.sandbox.webhooks.chaos = wish;
    }).toThrow(RangeError);
  }
});

test('a snapshot brings everything back: objects, clock, due work, ids', async () => {
  await b.close();
  await hook.close();
  await start('snapshot', standing('2026-01-31T10:00:00Z'));
  const { subscription } = await subscriber(b.stripe);
  const snapshot = JSON.parse(JSON.stringify(await b.sandbox.snapshot())) as Awaited<
    ReturnType<typeof b.sandbox.snapshot>
  >;
  const before = b.sandbox.clock.now();
  const live = async (): Promise<unknown[]> => {
    await b.sandbox.clock.advance(60 * DAY);
    await b.stripe.products.create({ name: 'After' });
    return [
      (await b.stripe.invoices.list({ limit: 100 })).data,
      (await b.stripe.subscriptions.retrieve(subscription.id)).items.data[0]?.current_period_end,
      (await b.stripe.products.list()).data,
      (await b.stripe.events.list({ limit: 100 })).data.map((event) => [event.id, event.type]),
    ];
  };
  const first = await live();
  await b.sandbox.restore(snapshot);
  expect(b.sandbox.clock.now()).toBe(before);
  expect((await b.stripe.invoices.list()).data).toHaveLength(1);
  expect(await live()).toEqual(first);
  await expect(b.sandbox.restore({ ...snapshot, state: [] })).rejects.toThrow('no snapshot');
});

test('a body that is cut is refused by its reader and arrives whole when it is sent again', async () => {
  let now = Date.parse('2026-11-24T09:00:00Z');
  await b.close();
  await hook.close();
  b = await bench({ seed: 'cut', now: () => now, send: (url, init) => fetch(url, init) });
  const bodies: string[] = [];
  const server = await rawReceiver((body) => {
    bodies.push(body);
    return isJson(body) ? 200 : 400;
  });
  await b.stripe.webhookEndpoints.create({ url: server.url, enabled_events: ['*'] });
  b.sandbox.webhooks.chaos = { truncate: 1 };
  await b.stripe.products.create({ name: 'Cut' });
  await b.sandbox.webhooks.settled();
  b.sandbox.webhooks.chaos = null;
  now += 60_000;
  await b.sandbox.webhooks.settled();
  expect(bodies.map(isJson)).toEqual([false, true]);
  expect(bodies[1]?.startsWith(bodies[0] ?? 'none')).toBe(true);
  await server.close();
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (cause) {
    if (cause instanceof SyntaxError) return false;
    throw cause;
  }
}

async function rawReceiver(react: (body: string) => number): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    incoming.on('end', () => {
      outgoing.statusCode = react(body);
      outgoing.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

test('an event is sent again on demand, by its id or that of one delivery', async () => {
  await sendProducts(1);
  const [event] = (await b.stripe.events.list()).data;
  expect(await b.sandbox.webhooks.resend(event?.id ?? '')).toBe(1);
  expect(hook.received.map((each) => each.event.id)).toEqual([event?.id, event?.id]);
  const { deliveries } = (await (await fetch(`${b.url}/_sandbox/state`)).json()) as { deliveries: { id: string }[] };
  expect(await b.sandbox.webhooks.resend(deliveries[0]?.id ?? '')).toBe(1);
  expect(await b.sandbox.webhooks.resend('dlv_none')).toBe(0);
});
