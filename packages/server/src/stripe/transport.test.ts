import { createSandbox } from '@farebox/sandbox';
import Stripe from 'stripe';
import { afterAll, expect, test } from 'vitest';
import { createTransport } from './transport.ts';
import { createStripe } from './client.ts';
import { verdictOf } from './verdict.ts';

const sandbox = await createSandbox({ seed: 'transport' });
afterAll(() => sandbox.close());
let sent: string[] = [];

function client(): Stripe {
  sent = [];
  return createStripe({
    secret_key: 'sk_test_transport',
    address: null,
    send: (url, init) => {
      sent.push(`${init.method} ${new URL(url).pathname}`);
      return sandbox.fetch(new Request(url, init));
    },
  });
}

test('a cut connection, a lock and a failure are tried again under the same key, and the effect is once', async () => {
  const stripe = client();
  for (const fault of [
    { type: 'disconnect', when: 'after' },
    { type: 'lock_timeout' },
    { type: 'server_error', when: 'before', should_retry: true },
  ] as const) {
    sent = [];
    sandbox.faults.add({ ...fault, route: 'POST /v1/customers' });
    const email = `${fault.type}@example.com`;
    await stripe.customers.create({ email }, { idempotencyKey: `key of ${fault.type}` });
    expect(sent).toEqual(['POST /v1/customers', 'POST /v1/customers']);
    expect((await stripe.customers.list({ email })).data).toHaveLength(1);
  }
});

test('what Stripe says not to try again is not tried again, and is read as a failure of its own', async () => {
  const stripe = client();
  sandbox.faults.add({ type: 'server_error', when: 'before', route: 'POST /v1/customers' });
  const error: unknown = await stripe.customers.create({ email: 'no@example.com' }).catch((reason: unknown) => reason);
  expect(sent).toHaveLength(1);
  expect(verdictOf(error)).toEqual({ type: 'failed' });
});

test('a refusal is for good, a lost answer and a limit say nothing', async () => {
  const stripe = client();
  const refused: unknown = await stripe.customers.retrieve('cus_none').catch((reason: unknown) => reason);
  expect(verdictOf(refused)).toMatchObject({ type: 'refused', refusal: { code: 'resource_missing', param: 'id' } });
  sandbox.faults.add({ type: 'rate_limit', times: 3 });
  const limited: unknown = await stripe.customers.list({ limit: 1 }).catch((reason: unknown) => reason);
  expect(limited).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
  expect(verdictOf(limited)).toEqual({ type: 'unknown' });
  expect(verdictOf(new Error('a fault of ours'))).toEqual({ type: 'unknown' });
});

test('while Stripe does not answer, calls fail at once; after the pause one finds out that it is back', async () => {
  let now = 0;
  let calls = 0;
  let isAway = true;
  const transport = createTransport({
    now: () => now,
    wait: (ms) => Promise.resolve((now += ms)),
    send: () => {
      calls += 1;
      return isAway ? Promise.reject(new TypeError('fetch failed')) : Promise.resolve(new Response('{}'));
    },
  });
  const call = () =>
    transport('http://stripe.test/v1/customers', { method: 'GET' }).catch((error: Error) => error.name);
  for (let count = 0; count < 200; count += 1) await call();
  expect(calls).toBe(5);
  expect(await call()).toBe('CircuitOpen');
  isAway = false;
  now += 30_000;
  expect(await call()).toBeInstanceOf(Response);
  expect(await call()).toBeInstanceOf(Response);
});

test("a server in this process that replaces the platform's Response hides no answer", async () => {
  const platform = globalThis.Response;
  const answer = new platform('{}', { status: 200 });
  globalThis.Response = class extends platform {};
  try {
    const transport = createTransport({ now: () => 0, send: () => Promise.resolve(answer) });
    expect((await transport('http://stripe.test/v1/customers', { method: 'GET' })).status).toBe(200);
  } finally {
    globalThis.Response = platform;
  }
});
