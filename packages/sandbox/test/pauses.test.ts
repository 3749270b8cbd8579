import type Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing, subscriber } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2026-04-01T00:00:00Z'), frozen: true });
});
afterEach(() => b.close());

const seconds = (iso: string): number => Date.parse(iso) / 1000;

async function paused(params: Stripe.SubscriptionPauseParams = {}): Promise<Stripe.Subscription> {
  const { subscription } = await subscriber(b.stripe, { price: (await monthlyPrice(b.stripe, 3_000)).id });
  await b.sandbox.clock.advance(10 * DAY);
  return await b.stripe.subscriptions.pause(subscription.id, params);
}

async function pending(): Promise<number[]> {
  return (await b.stripe.invoiceItems.list({ pending: true })).data.map((item) => item.amount);
}

async function latest(subscription: Stripe.Subscription): Promise<Stripe.Invoice> {
  return await b.stripe.invoices.retrieve(idOf(subscription.latest_invoice));
}

test.each([
  ['now', [-2_000]],
  ['item_current_period_start', [-3_000]],
  ['none', []],
])('a pause that credits from %s gives back %j', async (type, expected) => {
  const { status } = await paused({ bill_for: { unused_time_from: { type } } });
  expect(status).toBe('paused');
  expect(await pending()).toEqual(expected);
});

test('a pause may invoice what it gives back; the credit goes to the balance', async () => {
  const subscription = await paused({ invoicing_behavior: 'invoice' });
  expect(await latest(subscription)).toMatchObject({ status: 'paid', total: -2_000 });
  expect(await pending()).toEqual([]);
});

test('from the old anchor, going on charges what is left of the running period, by the next invoice', async () => {
  const { id } = await paused();
  await b.sandbox.clock.advance(10 * DAY);
  const resumed = await b.stripe.subscriptions.resume(id, { billing_cycle_anchor: { type: 'unchanged' } });
  expect(resumed).toMatchObject({ status: 'active', billing_cycle_anchor: seconds('2026-04-01T00:00:00Z') });
  expect(resumed.items.data[0]?.current_period_end).toBe(seconds('2026-05-01T00:00:00Z'));
  expect(await pending()).toEqual([1_000, -2_000]);
});

test('time that is paid for already is not charged again, and none is charged without prorations', async () => {
  const { id } = await paused({ bill_for: { unused_time_from: { type: 'none' } } });
  await b.sandbox.clock.advance(10 * DAY);
  await b.stripe.subscriptions.resume(id, { billing_cycle_anchor: { type: 'unchanged' } });
  expect(await pending()).toEqual([]);
  await b.stripe.subscriptions.pause(id);
  await b.stripe.subscriptions.resume(id, { billing_cycle_anchor: { type: 'unchanged' }, proration_behavior: 'none' });
  expect(await pending()).toEqual([-1_000]);
});

test('with always_invoice it is billed at once, for the time from the proration date on', async () => {
  const { id } = await paused();
  await b.sandbox.clock.advance(10 * DAY);
  const resumed = await b.stripe.subscriptions.resume(id, {
    billing_cycle_anchor: { type: 'unchanged' },
    proration_behavior: 'always_invoice',
    proration_date: seconds('2026-04-16T00:00:00Z'),
  });
  expect((await latest(resumed)).lines.data.map((line) => line.amount)).toEqual([1_500, -2_000]);
  await b.stripe.subscriptions.pause(id);
  const wrong = b.stripe.subscriptions.resume(id, {
    billing_cycle_anchor: { type: 'unchanged' },
    proration_date: seconds('2026-03-01T00:00:00Z'),
  });
  expect(await refusal(wrong)).toMatchObject({ param: 'proration_date' });
});

async function unpayable(): Promise<{ id: string; customer: string }> {
  const subscription = await paused({ bill_for: { unused_time_from: { type: 'none' } } });
  const customer = idOf(subscription.customer);
  const bad = await b.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer });
  await b.stripe.subscriptions.update(subscription.id, { default_payment_method: bad.id });
  return { id: subscription.id, customer };
}

test('going on only with success stays paused until its invoice is paid', async () => {
  const { id, customer } = await unpayable();
  const waiting = await b.stripe.subscriptions.resume(id, { payment_behavior: 'resume_on_payment_success' });
  expect(waiting.status).toBe('paused');
  const invoice = await latest(waiting);
  expect(invoice).toMatchObject({ status: 'open', total: 3_000 });
  const good = await b.stripe.paymentMethods.attach('pm_card_visa', { customer });
  await b.stripe.invoices.pay(invoice.id, { payment_method: good.id });
  const active = await b.stripe.subscriptions.retrieve(id);
  expect(active).toMatchObject({ status: 'active', billing_cycle_anchor: seconds('2026-04-11T00:00:00Z') });
  const types = (await b.stripe.events.list({ limit: 100 })).data.map((event) => event.type);
  expect(types).toContain('customer.subscription.resumed');
});

test('nobody pays for 23 hours: the invoice is voided, and it stays paused', async () => {
  const { id } = await unpayable();
  const waiting = await b.stripe.subscriptions.resume(id, { payment_behavior: 'resume_on_payment_success' });
  await b.sandbox.clock.advance(23 * HOUR + 1_000);
  expect(await latest(waiting)).toMatchObject({ status: 'void' });
  expect((await b.stripe.subscriptions.retrieve(id)).status).toBe('paused');
  await b.sandbox.clock.advance(60 * DAY);
  expect((await b.stripe.subscriptions.retrieve(id)).latest_invoice).toBe(idOf(waiting.latest_invoice));
});

test('an invoice that is given up lets it go on', async () => {
  const { id } = await unpayable();
  const waiting = await b.stripe.subscriptions.resume(id, { payment_behavior: 'resume_on_payment_success' });
  await b.stripe.invoices.markUncollectible(idOf(waiting.latest_invoice));
  expect((await b.stripe.subscriptions.retrieve(id)).status).toBe('active');
});

test('by default it goes on with the attempt, and is past due when that fails', async () => {
  const { id } = await unpayable();
  expect((await b.stripe.subscriptions.resume(id)).status).toBe('past_due');
});

test('usage is billed by the pause, or counts on to the end of the period', async () => {
  const meter = await b.stripe.billing.meters.create({
    display_name: 'Calls',
    event_name: 'calls',
    default_aggregation: { formula: 'sum' },
  });
  const price = await b.stripe.prices.create({
    currency: 'usd',
    unit_amount: 2,
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    product_data: { name: 'Calls' },
  });
  for (const [type, at_pause, at_end] of [
    ['now', [20], 14],
    ['none', [], 34],
  ] as const) {
    const customer = await b.stripe.customers.create({});
    const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const made = await b.stripe.subscriptions.create({
      customer: customer.id,
      default_payment_method: method.id,
      items: [{ price: price.id }],
    });
    const report = (value: string): Promise<unknown> =>
      b.stripe.billing.meterEvents.create({
        event_name: 'calls',
        payload: { stripe_customer_id: customer.id, value },
      });
    await report('10');
    await b.sandbox.clock.advance(2 * DAY);
    await b.stripe.subscriptions.pause(made.id, { bill_for: { outstanding_usage_through: { type } } });
    const waiting = await b.stripe.invoiceItems.list({ customer: customer.id, pending: true });
    expect(waiting.data.map((item) => item.amount)).toEqual(at_pause);
    await b.sandbox.clock.advance(2 * DAY);
    await b.stripe.subscriptions.resume(made.id, { billing_cycle_anchor: { type: 'unchanged' } });
    await report('7');
    await b.sandbox.clock.advance(31 * DAY);
    const invoices = await b.stripe.invoices.list({ subscription: made.id, status: 'paid', limit: 10 });
    const usage = invoices.data.flatMap((each) => each.lines.data.map((line) => line.amount));
    expect(usage).toContain(at_end);
  }
});
