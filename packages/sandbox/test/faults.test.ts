import Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSandbox } from '../src/index.ts';
import {
  type Bench,
  bench,
  clientOf,
  DAY,
  goodCard,
  HOUR,
  idOf,
  monthlyPrice,
  refusal,
  submit,
  subscriber,
  checks,
} from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const patient = (): Stripe => clientOf(Number(new URL(b.url).port), { maxNetworkRetries: 2 });
const customers = async (): Promise<number> => (await b.stripe.customers.list()).data.length;

test('a connection cut after the commit: the SDK tries again and gets the stored answer, once made', async () => {
  const fault = b.sandbox.faults.add({ type: 'disconnect', when: 'after', route: 'POST /v1/customers' });
  const customer = await patient().customers.create({ name: 'Ada' });
  expect(customer.lastResponse.headers['idempotent-replayed']).toBe('true');
  expect(await customers()).toBe(1);
  expect(b.sandbox.faults.list()).toEqual([{ ...fault, seen: 1, struck: 1, times: 0 }]);
});

test('a connection cut before the commit: nothing was done, and the retry does it', async () => {
  b.sandbox.faults.add({ type: 'disconnect', route: 'POST /v1/customers' });
  const customer = await patient().customers.create({ name: 'Ada' });
  expect(customer.lastResponse.headers['idempotent-replayed']).toBeUndefined();
  expect(await customers()).toBe(1);
});

test('a program that gives up learns of a cut connection', async () => {
  b.sandbox.faults.add({ type: 'disconnect', when: 'after', times: null });
  const error = await refusal(b.stripe.customers.create({ name: 'Ada' }));
  expect(error.type).toBe('StripeConnectionError');
  expect(b.sandbox.faults.clear()).toBe(1);
  expect(await customers()).toBe(1);
});

test('no answer: the client runs into its own time limit, with the effects done or not', async () => {
  const hurried = clientOf(Number(new URL(b.url).port), { timeout: 80 });
  b.sandbox.faults.add({ type: 'timeout', route: 'POST /v1/customers' });
  b.sandbox.faults.add({ type: 'timeout', when: 'after', route: 'POST /v1/products' });
  expect((await refusal(hurried.customers.create({ name: 'Ada' }))).type).toBe('StripeConnectionError');
  expect((await refusal(hurried.products.create({ name: 'Pro' }))).type).toBe('StripeConnectionError');
  expect([await customers(), (await b.stripe.products.list()).data.length]).toEqual([0, 1]);
});

test('in process a cut connection rejects the fetch', async () => {
  const sandbox = await createSandbox({ seed: 'cut', ...checks() });
  const httpClient = Stripe.createFetchHttpClient((url, init) => sandbox.fetch(new Request(url as string, init)));
  const stripe = new Stripe('sk_test_x', { httpClient });
  sandbox.faults.add({ type: 'disconnect', when: 'after' });
  const customer = await stripe.customers.create({ name: 'Ada' });
  expect((await stripe.customers.list()).data.map((each) => each.id)).toEqual([customer.id]);
  await sandbox.close();
});

test('a 429 carries its reason and is not tried again, unless the header says so', async () => {
  b.sandbox.faults.add({ type: 'rate_limit', reason: 'endpoint-rate' });
  const error = await refusal(patient().customers.list());
  expect([error.type, error.statusCode, error.code]).toEqual(['StripeRateLimitError', 429, 'rate_limit']);
  expect(error.headers?.['stripe-rate-limited-reason']).toBe('endpoint-rate');
  b.sandbox.faults.add({ type: 'rate_limit', should_retry: true });
  expect((await patient().customers.list()).data).toEqual([]);
});

test('a 500 says not to repeat it, or to, or nothing', async () => {
  b.sandbox.faults.add({ type: 'server_error' });
  const error = await refusal(patient().customers.create({ name: 'Ada' }));
  expect([error.type, error.statusCode, error.headers?.['stripe-should-retry']]).toEqual([
    'StripeAPIError',
    500,
    'false',
  ]);
  b.sandbox.faults.add({ type: 'server_error', should_retry: null });
  expect((await patient().customers.create({ name: 'Grace' })).name).toBe('Grace');
  b.sandbox.faults.add({ type: 'server_error', when: 'after', should_retry: true });
  const kept = await patient().customers.create({ name: 'Edith' });
  expect(kept.lastResponse.headers['idempotent-replayed']).toBe('true');
  expect(await customers()).toBe(2);
});

test('a lock timeout is a 409 that the SDK tries again', async () => {
  b.sandbox.faults.add({ type: 'lock_timeout', times: 2 });
  expect((await patient().customers.create({ name: 'Ada' })).name).toBe('Ada');
  b.sandbox.faults.add({ type: 'lock_timeout' });
  expect(await refusal(b.stripe.customers.list())).toMatchObject({ statusCode: 409, code: 'lock_timeout' });
});

test('a fault strikes its route only, as often as it was told', async () => {
  b.sandbox.faults.add({ type: 'server_error', route: 'GET /v1/customers/{id}', times: 2 });
  const { id } = await b.stripe.customers.create({ name: 'Ada' });
  await b.stripe.customers.list();
  for (let time = 0; time < 2; time += 1) await refusal(b.stripe.customers.retrieve(id));
  expect((await b.stripe.customers.retrieve(id)).id).toBe(id);
});

test('with a probability the seed decides, and the same seed the same way', async () => {
  const outcomes = async (seed: string): Promise<string> => {
    const sandbox = await createSandbox({ seed, ...checks() });
    const httpClient = Stripe.createFetchHttpClient((url, init) => sandbox.fetch(new Request(url as string, init)));
    const stripe = new Stripe('sk_test_x', { httpClient, maxNetworkRetries: 0 });
    sandbox.faults.add({ type: 'server_error', times: null, probability: 0.3 });
    let text = '';
    for (let n = 0; n < 60; n += 1) {
      text += await stripe.products.list().then(
        () => '.',
        () => 'x',
      );
    }
    await sandbox.close();
    return text;
  };
  const first = await outcomes('one');
  expect(await outcomes('one')).toBe(first);
  expect(await outcomes('two')).not.toBe(first);
  expect(first.replaceAll('.', '').length).toBeGreaterThan(8);
  expect(first.replaceAll('.', '').length).toBeLessThan(30);
});

test('a good card is declined when a fault asks for it, and only that card', async () => {
  const { customer, price } = await subscriber(b.stripe);
  const [method] = (await b.stripe.paymentMethods.list({ customer: customer.id })).data;
  const wish = { customer: customer.id, items: [{ price }], default_payment_method: method?.id ?? '' };
  b.sandbox.faults.add({ type: 'decline', card: 'pm_card_mastercard' });
  b.sandbox.faults.add({ type: 'decline', card: '4242', decline_code: 'insufficient_funds' });
  const error = await refusal(b.stripe.subscriptions.create({ ...wish, payment_behavior: 'error_if_incomplete' }));
  expect([error.statusCode, error.decline_code]).toEqual([402, 'insufficient_funds']);
  // The request was undone, and the fault is used up all the same.
  expect((await b.stripe.subscriptions.create(wish)).status).toBe('active');
  expect(b.sandbox.faults.list().map((fault) => fault.times)).toEqual([1, 0]);
});

test('a renewal can be made to fail once, and the retry pays', async () => {
  const { subscription } = await subscriber(b.stripe);
  b.sandbox.faults.add({ type: 'decline' });
  await b.sandbox.clock.advance(32 * DAY);
  expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
  await b.sandbox.clock.advance(3 * DAY + HOUR);
  expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
});

test('the checkout page shows a decline that a fault asked for, and the next try pays', async () => {
  const price = await monthlyPrice(b.stripe);
  const session = await b.stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: 'http://shop.test/done',
  });
  b.sandbox.faults.add({ type: 'decline' });
  const page = await submit(session.url ?? '', goodCard);
  expect(await page.text()).toContain('Your card was declined.');
  expect((await submit(session.url ?? '', goodCard)).status).toBe(303);
  const done = await b.stripe.checkout.sessions.retrieve(session.id);
  expect([done.status, idOf(done.subscription).slice(0, 4)]).toEqual(['complete', 'sub_']);
});

test('a meter event that was answered with 200 is rejected afterwards, and told by a thin event', async () => {
  await b.stripe.billing.meters.create({
    display_name: 'Calls',
    event_name: 'calls',
    default_aggregation: { formula: 'sum' },
  });
  const customer = await b.stripe.customers.create({ name: 'Ada' });
  b.sandbox.faults.add({ type: 'meter_error', meter_code: 'archived_meter' });
  const send = (value: string): Promise<Stripe.Billing.MeterEvent> =>
    b.stripe.billing.meterEvents.create({
      event_name: 'calls',
      payload: { stripe_customer_id: customer.id, value },
    });
  await send('5');
  await send('7');
  await b.sandbox.clock.advance(20_000);
  const [meter] = (await b.stripe.billing.meters.list()).data;
  const at = Math.floor(b.sandbox.clock.now() / 60_000) * 60;
  const sums = await b.stripe.billing.meters.listEventSummaries(meter?.id ?? '', {
    customer: customer.id,
    start_time: at - 3_600,
    end_time: at + 60,
  });
  expect(sums.data.map((each) => each.aggregated_value)).toEqual([7]);
  const told = await b.stripe.v2.core.events.list({ types: ['v1.billing.meter.error_report_triggered'] });
  expect(told.data).toHaveLength(1);
});

test('what cannot be is refused', () => {
  for (const wish of [
    { type: 'rate_limit', when: 'after' },
    { type: 'server_error', times: 0 },
    { type: 'server_error', probability: 2 },
    { type: 'rate_limit', reason: 'mood' },
    { type: 'server_error', card: '4242' },
    { type: 'decline', meter_code: 'no_meter' },
  ] as const) {
    expect(() => b.sandbox.faults.add(wish)).toThrow();
  }
});

test('faults are added, listed and cleared by JSON', async () => {
  const post = async (path: string, body: object): Promise<Response> =>
    await fetch(`${b.url}/_sandbox/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const added = await post('faults', { type: 'server_error', route: '/v1/customers', times: 3, should_retry: true });
  const fault = (await added.json()) as { id: string };
  expect(fault).toMatchObject({ type: 'server_error', route: '/v1/customers', times: 3, should_retry: true });
  expect(await (await fetch(`${b.url}/_sandbox/faults`)).json()).toEqual({ data: [fault] });
  expect((await post('faults', { type: 'earthquake' })).status).toBe(400);
  expect((await post('faults', { type: 'server_error', times: 'x' })).status).toBe(400);
  expect(await (await post('faults/clear', { id: fault.id })).json()).toEqual({ cleared: 1 });
  expect(await (await post('faults/clear', {})).json()).toEqual({ cleared: 0 });
});
