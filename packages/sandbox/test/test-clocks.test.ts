import Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testNow } from '../../../test/test-start.ts';
import { type Bench, bench, idOf, monthlyPrice, receiver, refusal } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const JAN_31 = Date.parse('2024-01-31T10:00:00Z') / 1000;
const HOUR = 3_600;
const DAY = 24 * HOUR;

interface OnClock {
  clock: Stripe.TestHelpers.TestClock;
  customer: Stripe.Customer;
  subscription: Stripe.Subscription;
}

async function onClock(price?: string): Promise<OnClock> {
  const clock = await b.stripe.testHelpers.testClocks.create({ frozen_time: JAN_31, name: 'Leap year' });
  const customer = await b.stripe.customers.create({ email: 'ada@example.com', test_clock: clock.id });
  const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const subscription = await b.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price ?? (await monthlyPrice(b.stripe)).id }],
    default_payment_method: method.id,
  });
  return { clock, customer, subscription };
}

/** Polls as an integration does. */
async function ready(id: string): Promise<Stripe.TestHelpers.TestClock> {
  for (;;) {
    const clock = await b.stripe.testHelpers.testClocks.retrieve(id);
    if (clock.status !== 'advancing') return clock;
  }
}

async function advance(id: string, to: number): Promise<Stripe.TestHelpers.TestClock> {
  await b.stripe.testHelpers.testClocks.advance(id, { frozen_time: to });
  return await ready(id);
}

const secondsOf = (iso: string): number => Date.parse(iso) / 1000;

test('a customer on a clock lives in its time, and its payments in real time', async () => {
  const { clock, customer, subscription } = await onClock();
  expect(clock).toMatchObject({
    object: 'test_helpers.test_clock',
    frozen_time: JAN_31,
    name: 'Leap year',
    status: 'ready',
    status_details: {},
    livemode: false,
  });
  expect(clock.deletes_after - clock.created).toBe(30 * DAY);
  expect([customer.test_clock, customer.created]).toEqual([clock.id, JAN_31]);
  expect(subscription).toMatchObject({ test_clock: clock.id, created: JAN_31, billing_cycle_anchor: JAN_31 });
  expect(subscription.items.data[0]?.current_period_end).toBe(secondsOf('2024-02-29T10:00:00Z'));
  const invoice = await b.stripe.invoices.retrieve(idOf(subscription.latest_invoice));
  expect([invoice.test_clock, invoice.created, invoice.status_transitions.paid_at]).toEqual([clock.id, JAN_31, JAN_31]);
  const [intent] = (await b.stripe.paymentIntents.list({ customer: customer.id })).data;
  const [event] = (await b.stripe.events.list({ type: 'customer.subscription.created' })).data;
  expect(intent?.created).toBeGreaterThan(JAN_31 + 365 * DAY);
  expect(event?.created).toBeGreaterThan(JAN_31 + 365 * DAY);
});

test('an advance tells that it runs, does the due work in order, and leaves the other time alone', async () => {
  const { clock, customer, subscription } = await onClock();
  const target = secondsOf('2024-02-29T10:00:00Z');
  const answer = await b.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: target });
  expect(answer).toMatchObject({
    status: 'advancing',
    frozen_time: JAN_31,
    status_details: { advancing: { target_frozen_time: target } },
  });
  expect(await ready(clock.id)).toMatchObject({ status: 'ready', frozen_time: target, status_details: {} });
  const [draft] = (await b.stripe.invoices.list({ customer: customer.id, limit: 1 })).data;
  expect(draft).toMatchObject({ status: 'draft', billing_reason: 'subscription_cycle', created: target });
  await advance(clock.id, target + HOUR);
  const paid = await b.stripe.invoices.retrieve(draft?.id ?? '');
  expect([paid.status, paid.status_transitions.paid_at]).toEqual(['paid', target + HOUR]);
  await advance(clock.id, secondsOf('2024-03-31T12:00:00Z'));
  const renewed = await b.stripe.subscriptions.retrieve(subscription.id);
  expect(renewed.items.data[0]).toMatchObject({
    current_period_start: secondsOf('2024-03-31T10:00:00Z'),
    current_period_end: secondsOf('2024-04-30T10:00:00Z'),
  });
  const types = (await b.stripe.events.list({ types: ['test_helpers.test_clock.*'], limit: 100 })).data;
  expect(types.map((event) => event.type.split('.').at(-1)).toReversed()).toEqual([
    'created',
    'advancing',
    'ready',
    'advancing',
    'ready',
    'advancing',
    'ready',
  ]);
  expect(Math.abs(b.sandbox.clock.now() - testNow())).toBeLessThan(60_000);
});

test('the clock of the sandbox does not move customers of a test clock, and theirs not it', async () => {
  const { clock, customer } = await onClock();
  await b.sandbox.clock.advance(70 * DAY * 1000);
  expect(await refusal(b.stripe.testHelpers.testClocks.retrieve(clock.id))).toMatchObject({ statusCode: 404 });
  expect(await b.stripe.customers.retrieve(customer.id)).toMatchObject({ deleted: true });
  const gone = (await b.stripe.events.list({ types: ['customer.subscription.deleted'] })).data[0]?.data.object;
  expect((gone as Stripe.Subscription).canceled_at).toBe(JAN_31);
});

test('lists hide what is on a clock unless the customer or the clock is named', async () => {
  const { clock, customer, subscription } = await onClock();
  await b.stripe.invoiceItems.create({ customer: customer.id, amount: 5, currency: 'usd' });
  const lengths = async (): Promise<number[]> => [
    (await b.stripe.customers.list()).data.length,
    (await b.stripe.subscriptions.list()).data.length,
    (await b.stripe.invoices.list()).data.length,
    (await b.stripe.invoiceItems.list()).data.length,
  ];
  expect(await lengths()).toEqual([0, 0, 0, 0]);
  const named = { customer: customer.id };
  expect((await b.stripe.customers.list({ test_clock: clock.id })).data.length).toBe(1);
  expect((await b.stripe.subscriptions.list({ test_clock: clock.id })).data.length).toBe(1);
  expect((await b.stripe.subscriptions.list(named)).data.length).toBe(1);
  expect((await b.stripe.invoices.list(named)).data.length).toBe(1);
  expect((await b.stripe.invoices.list({ subscription: subscription.id })).data.length).toBe(1);
  expect((await b.stripe.invoiceItems.list(named)).data.length).toBe(1);
});

test('a clock goes forward only, two intervals at most, two years without a subscription', async () => {
  const { clock } = await onClock();
  const back = await refusal(b.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: JAN_31 }));
  expect([back.statusCode, back.param]).toEqual([400, 'frozen_time']);
  const limit = secondsOf('2024-03-31T10:00:00Z');
  const far = await refusal(b.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: limit + 1 }));
  expect(far.message).toContain('two intervals');
  expect((await advance(clock.id, limit)).frozen_time).toBe(limit);
  const bare = await b.stripe.testHelpers.testClocks.create({ frozen_time: JAN_31 });
  const two_years = secondsOf('2026-01-31T10:00:00Z');
  expect((await refusal(b.stripe.testHelpers.testClocks.advance(bare.id, { frozen_time: two_years + 1 }))).param).toBe(
    'frozen_time',
  );
  expect((await advance(bare.id, two_years)).frozen_time).toBe(two_years);
});

test('three customers to a clock, three subscriptions to a customer', async () => {
  const { clock, customer } = await onClock();
  for (const name of ['Grace', 'Edith']) await b.stripe.customers.create({ name, test_clock: clock.id });
  expect((await refusal(b.stripe.customers.create({ test_clock: clock.id }))).param).toBe('test_clock');
  const [method] = (await b.stripe.paymentMethods.list({ customer: customer.id })).data;
  const more = async (): Promise<Stripe.Subscription> =>
    await b.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: (await monthlyPrice(b.stripe)).id }],
      default_payment_method: method?.id ?? '',
    });
  await more();
  await more();
  expect((await refusal(more())).message).toContain('at most 3 subscriptions');
});

test('while a clock advances its objects cannot be changed, and they can be read', async () => {
  const { clock, customer, subscription } = await onClock();
  const refused: string[] = [];
  const hook = await receiver(async (event) => {
    if (event.type !== 'invoice.created') return 200;
    expect((await b.stripe.customers.retrieve(customer.id)).id).toBe(customer.id);
    for (const change of [
      b.stripe.customers.update(customer.id, { name: 'Grace' }),
      b.stripe.subscriptions.cancel(subscription.id),
      b.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: JAN_31 + 60 * DAY }),
    ]) {
      const error = await refusal(change);
      refused.push(`${error.statusCode} ${error.message}`);
    }
    return 200;
  });
  await b.stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['*'] });
  await advance(clock.id, JAN_31 + 30 * DAY);
  await b.sandbox.webhooks.settled();
  const text = `429 Test clock advancement underway - cannot perform modifications: ${clock.id}`;
  expect(refused).toEqual([text, text, text]);
  expect(hook.types().at(-1)).toBe('test_helpers.test_clock.ready');
  await b.close();
  await hook.close();
});

test('failed renewals on a clock are retried and end in its time', async () => {
  const { clock, customer, subscription } = await onClock();
  const bad = await b.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
  await b.stripe.subscriptions.update(subscription.id, { default_payment_method: bad.id });
  await advance(clock.id, JAN_31 + 29 * DAY + HOUR);
  expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
  await advance(clock.id, JAN_31 + 45 * DAY);
  const ended = await b.stripe.subscriptions.retrieve(subscription.id);
  expect(ended).toMatchObject({ status: 'canceled', ended_at: JAN_31 + (29 + 15) * DAY + HOUR });
});

test('an existing customer can be put on a clock, one with subscriptions not', async () => {
  const customer = await b.stripe.customers.create({ name: 'Ada' });
  const clock = await b.stripe.testHelpers.testClocks.create({ frozen_time: JAN_31, customer: customer.id });
  expect((await b.stripe.customers.retrieve(customer.id)) as Stripe.Customer).toMatchObject({ test_clock: clock.id });
  const again = b.stripe.testHelpers.testClocks.create({ frozen_time: JAN_31, customer: customer.id });
  expect((await refusal(again)).param).toBe('customer');
});

test('deleting a clock deletes its customers and cancels their subscriptions', async () => {
  const { clock, customer, subscription } = await onClock();
  const deleted = await b.stripe.testHelpers.testClocks.del(clock.id);
  expect(deleted).toEqual({ id: clock.id, object: 'test_helpers.test_clock', deleted: true });
  expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
  expect(await b.stripe.customers.retrieve(customer.id)).toMatchObject({ deleted: true });
  expect((await b.stripe.testHelpers.testClocks.list()).data).toEqual([]);
  const state = (await (await fetch(`${b.url}/_sandbox/state`)).json()) as { due: unknown[] };
  expect(state.due).toEqual([]);
});
