import { afterEach, beforeEach, expect, test } from 'vitest';
import type Stripe from 'stripe';
import { type Bench, bench, HOUR, idOf, monthlyPrice, refusal, standing } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2026-04-01T00:00:00Z'), frozen: true });
});
afterEach(() => b.close());

async function metered(): Promise<string> {
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
  return price.id;
}

type Params = Omit<Stripe.SubscriptionCreateParams, 'customer'>;

async function start(params: Params): Promise<Stripe.Subscription> {
  const customer = await b.stripe.customers.create({});
  const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  return await b.stripe.subscriptions.create({ customer: customer.id, default_payment_method: method.id, ...params });
}

async function report(subscription: Stripe.Subscription, value: number): Promise<void> {
  await b.stripe.billing.meterEvents.create({
    event_name: 'calls',
    payload: { stripe_customer_id: idOf(subscription.customer), value: String(value) },
  });
  await b.sandbox.clock.advance(HOUR);
}

async function invoices(subscription: Stripe.Subscription): Promise<Stripe.Invoice[]> {
  return (await b.stripe.invoices.list({ subscription: subscription.id, limit: 20 })).data.filter(
    (invoice) => invoice.billing_reason === 'subscription_threshold',
  );
}

test('an amount that is reached is billed at once, and the rest of the period counts anew', async () => {
  const made = await start({ items: [{ price: await metered() }], billing_thresholds: { amount_gte: 1_000 } });
  expect(made.billing_thresholds).toEqual({ amount_gte: 1_000, reset_billing_cycle_anchor: null });
  await report(made, 499);
  expect(await invoices(made)).toEqual([]);
  await report(made, 1);
  const [invoice] = await invoices(made);
  expect(invoice).toMatchObject({
    status: 'draft',
    total: 1_000,
    threshold_reason: { amount_gte: 1_000, item_reasons: [] },
  });
  await report(made, 100);
  expect((await invoices(made)).map((each) => [each.status, each.total])).toEqual([['paid', 1_000]]);
  await b.sandbox.clock.advanceTo(Date.parse('2026-05-01T02:00:00Z'));
  const renewal = await b.stripe.invoices.list({ subscription: made.id, limit: 1 });
  expect(renewal.data[0]).toMatchObject({ billing_reason: 'subscription_cycle', total: 200 });
});

test('an item may have a threshold of its own, told with the lines that reached it', async () => {
  const price = await metered();
  const made = await start({ items: [{ price, billing_thresholds: { usage_gte: 100 } }] });
  await report(made, 120);
  const [invoice] = await invoices(made);
  expect(invoice?.threshold_reason).toEqual({
    amount_gte: null,
    item_reasons: [{ line_item_ids: [invoice?.lines.data[0]?.id], usage_gte: 100 }],
  });
  const licensed = await monthlyPrice(b.stripe);
  const wrong = start({ items: [{ price: licensed.id, billing_thresholds: { usage_gte: 1 } }] });
  expect(await refusal(wrong)).toMatchObject({ param: 'items[0][billing_thresholds][usage_gte]' });
});

test('a threshold that resets the anchor begins a period for every item', async () => {
  const licensed = await monthlyPrice(b.stripe, 3_000);
  const made = await start({
    items: [{ price: licensed.id }, { price: await metered() }],
    billing_thresholds: { amount_gte: 500, reset_billing_cycle_anchor: true },
  });
  await b.sandbox.clock.advanceTo(Date.parse('2026-04-15T23:59:59Z'));
  await report(made, 250);
  const [invoice] = await invoices(made);
  expect(invoice?.lines.data.map((line) => line.amount).toSorted((a, b2) => a - b2)).toEqual([-1_500, 500, 3_000]);
  const after = await b.stripe.subscriptions.retrieve(made.id);
  expect(after.billing_cycle_anchor).toBe(Date.parse('2026-04-16T00:00:00Z') / 1000);
  const removed = await b.stripe.subscriptions.update(made.id, { billing_thresholds: '' });
  expect(removed.billing_thresholds).toBeNull();
});
