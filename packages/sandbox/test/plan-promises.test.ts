import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, clientOf, DAY, idOf, monthlyPrice, refusal, standing, subscriber } from './harness.ts';

/** What holds at the edges of a change: beginnings that must be paid, periods that were cut off, what is parked, what is told. */
const START = Date.UTC(2026, 10, 1);
const seconds = (day: number): number => START / 1000 + day * 86_400;

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2026-11-01T00:00:00Z'), frozen: true });
});
afterEach(() => b.close());

/** Puts another card on a subscription. */
async function withCard(subscription: Stripe.Subscription, card: string): Promise<void> {
  const method = await b.stripe.paymentMethods.attach(card, { customer: idOf(subscription.customer) });
  await b.stripe.subscriptions.update(subscription.id, { default_payment_method: method.id });
}

/** The events of a type, oldest first. */
async function told(type: string): Promise<Stripe.Event[]> {
  return (await b.stripe.events.list({ type, limit: 100 })).data.toReversed();
}

async function pendingAmounts(): Promise<number[]> {
  return (await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.amount);
}

async function meteredPrice(event_name: string): Promise<string> {
  const { stripe } = b;
  const default_aggregation = { formula: 'sum' as const };
  const meter = await stripe.billing.meters.create({ display_name: event_name, event_name, default_aggregation });
  const recurring = { interval: 'month' as const, usage_type: 'metered' as const, meter: meter.id };
  const price = await stripe.prices.create({
    currency: 'usd',
    unit_amount: 1,
    recurring,
    product_data: { name: event_name },
  });
  return price.id;
}

test('a beginning that must be paid, with a card that asks its holder, is refused and keeps nothing', async () => {
  const { stripe } = b;
  const price = await monthlyPrice(stripe);
  const customer = await stripe.customers.create({});
  const method = await stripe.paymentMethods.attach('pm_card_authenticationRequired', { customer: customer.id });
  const begun = stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    default_payment_method: method.id,
    payment_behavior: 'error_if_incomplete',
  });
  expect(await refusal(begun)).toMatchObject({
    statusCode: 402,
    code: 'subscription_payment_intent_requires_action',
  });
  expect((await stripe.subscriptions.list({ status: 'all' })).data).toEqual([]);
  expect((await stripe.invoices.list()).data).toEqual([]);
  expect((await stripe.paymentIntents.list()).data).toEqual([]);
  expect(await told('invoice.created')).toEqual([]);
});

test('a period that was cut off without prorations is not given back by a later change', async () => {
  const { stripe } = b;
  const { subscription } = await subscriber(stripe);
  const item = subscription.items.data[0]?.id ?? '';
  await b.sandbox.clock.advance(10 * DAY);
  const cut = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item, quantity: 2 }],
    billing_cycle_anchor: { type: 'now' },
    proration_behavior: 'none',
  });
  expect(cut.items.data[0]).toMatchObject({ current_period_start: seconds(10), current_period_end: seconds(40) });
  await stripe.subscriptions.update(subscription.id, { items: [{ id: item, quantity: 3 }] });
  // The whole of the period that began now, twice and three times; nothing of the one before.
  const pending = (await stripe.invoiceItems.list({ pending: true })).data;
  expect(pending.filter((each) => each.amount < 0 && each.period.end !== seconds(40))).toEqual([]);
  expect(pending.find((each) => each.amount > 0)?.amount).toBe(149_700);
});

describe('a parked change', () => {
  test('lapses also when its invoice was given up', async () => {
    const { stripe } = b;
    const { subscription } = await subscriber(stripe, { card: 'pm_card_chargeCustomerFail' });
    const item = subscription.items.data[0]?.id ?? '';
    const parked = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, quantity: 2 }],
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    });
    await stripe.invoices.markUncollectible(idOf(parked.latest_invoice));
    await b.sandbox.clock.advance(DAY);
    const now = await stripe.subscriptions.retrieve(subscription.id);
    expect(now).toMatchObject({ pending_update: null, items: { data: [{ quantity: 1 }] } });
    expect(await told('customer.subscription.pending_update_expired')).toHaveLength(1);
    expect((await stripe.invoices.retrieve(idOf(parked.latest_invoice))).status).toBe('void');
  });

  test('announces the end of its trial when it happens, not while it waits', async () => {
    const { stripe } = b;
    const { subscription } = await subscriber(stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(10 * DAY);
    const customer = idOf(subscription.customer);
    await stripe.invoiceItems.create({ customer, subscription: subscription.id, amount: 99_900, currency: 'usd' });
    const parked = await stripe.subscriptions.update(subscription.id, {
      trial_end: seconds(12),
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    });
    expect(parked).toMatchObject({ status: 'active', pending_update: { trial_end: seconds(12) } });
    expect(await told('customer.subscription.trial_will_end')).toEqual([]);
    await withCard(parked, 'pm_card_visa');
    await stripe.invoices.pay(idOf(parked.latest_invoice));
    const [announced, ...more] = await told('customer.subscription.trial_will_end');
    expect(more).toEqual([]);
    expect(announced?.data.object).toMatchObject({ status: 'trialing', trial_end: seconds(12), pending_update: null });
  });
});

test('the end of a trial is announced as it stands when the change is done', async () => {
  const { stripe } = b;
  const { subscription } = await subscriber(stripe);
  await stripe.invoiceItems.create({
    customer: idOf(subscription.customer),
    subscription: subscription.id,
    amount: 99_900,
    currency: 'usd',
  });
  const changed = await stripe.subscriptions.update(subscription.id, {
    trial_end: seconds(2),
    proration_behavior: 'always_invoice',
  });
  const [announced] = await told('customer.subscription.trial_will_end');
  expect(announced?.data.object).toMatchObject({ latest_invoice: changed.latest_invoice, trial_end: seconds(2) });
});

describe('the period of an item', () => {
  test('goes on from where it began when a trial is made longer', async () => {
    const { stripe } = b;
    const { subscription } = await subscriber(stripe);
    const calls = await meteredPrice('calls');
    await stripe.subscriptions.update(subscription.id, { trial_end: seconds(20) });
    await b.sandbox.clock.advance(5 * DAY);
    await stripe.subscriptionItems.create({ subscription: subscription.id, price: calls });
    await b.sandbox.clock.advance(5 * DAY);
    const longer = await stripe.subscriptions.update(subscription.id, { trial_end: seconds(25) });
    expect(longer.items.data.map((each) => [each.current_period_start, each.current_period_end])).toEqual([
      [seconds(0), seconds(25)],
      [seconds(5), seconds(25)],
    ]);
  });

  test('that is new and billed ahead is the whole one, whichever item stands first', async () => {
    const { stripe } = b;
    const [calls, bytes] = [await meteredPrice('calls'), await meteredPrice('bytes')];
    const seats = await monthlyPrice(stripe, 3_000, 'Seats');
    const { subscription } = await subscriber(stripe, { price: calls });
    const item = subscription.items.data[0]?.id ?? '';
    await b.sandbox.clock.advance(5 * DAY);
    const late = await stripe.subscriptionItems.create({ subscription: subscription.id, price: bytes });
    expect(late.current_period_start).toBe(seconds(5));
    await stripe.subscriptionItems.del(item);
    await b.sandbox.clock.advance(5 * DAY);
    const added = await stripe.subscriptionItems.create({ subscription: subscription.id, price: seats.id });
    expect(added).toMatchObject({ current_period_start: seconds(0), current_period_end: seconds(30) });
    expect(await pendingAmounts()).toEqual([2_000]);
  });
});

test('a change that uses up a coupon on its way is told by one event', async () => {
  const { stripe } = b;
  const { subscription } = await subscriber(stripe);
  const coupon = await stripe.coupons.create({ amount_off: 100, currency: 'usd', duration: 'once' });
  await stripe.subscriptions.update(subscription.id, { discounts: [{ coupon: coupon.id }] });
  const before = (await told('customer.subscription.updated')).length;
  await stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0]?.id ?? '', quantity: 2 }],
    billing_cycle_anchor: { type: 'now' },
  });
  const [event, ...more] = (await told('customer.subscription.updated')).slice(before);
  expect(more).toEqual([]);
  expect(event?.data.object).toMatchObject({ discounts: [], items: { data: [{ quantity: 2 }] } });
  expect(event?.data.previous_attributes).toMatchObject({ discounts: [expect.any(String)] });
});

test('a discount whose share of a line is nothing takes nothing, never minus nothing', async () => {
  const { stripe } = b;
  const [cent, pro] = [await monthlyPrice(stripe, 1, 'Cent'), await monthlyPrice(stripe, 1_000)];
  const coupon = await stripe.coupons.create({ amount_off: 500, currency: 'usd', duration: 'forever' });
  const { customer } = await subscriber(stripe);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: cent.id }, { price: pro.id }],
    discounts: [{ coupon: coupon.id }],
    default_payment_method: (await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id })).id,
  });
  // The bench refuses a commit that holds a minus nothing.
  const changed = await stripe.subscriptions.update(subscription.id, {
    items: subscription.items.data.map(({ id }) => ({ id, quantity: 2 })),
  });
  expect(changed.items.data.map((each) => each.quantity)).toEqual([2, 2]);
});

test('each run is held against the invariants by itself', async () => {
  const { stripe, url } = b;
  const { id } = await stripe.customers.create({});
  await stripe.customers.createBalanceTransaction(id, { amount: -500, currency: 'usd' });
  const other = clientOf(Number(new URL(url).port), {}, 'sk_test_run_other');
  await other.customers.create({});
  // Were the first run forgotten when the second opens, its ledger would be said to hold only this.
  await stripe.customers.createBalanceTransaction(id, { amount: -200, currency: 'usd' });
  expect((await stripe.customers.retrieve(id)) as Stripe.Customer).toMatchObject({ balance: -700 });
});

test('a dated change to another interval counts from where the period begins that it then has', async () => {
  const { stripe } = b;
  const [monthly, other] = [await monthlyPrice(stripe, 3_000, 'Seats'), await monthlyPrice(stripe, 28, 'Extra')];
  const yearly = await stripe.prices.create({
    currency: 'usd',
    unit_amount: 36_500,
    recurring: { interval: 'year' },
    product: idOf(monthly.product),
  });
  const { subscription } = await subscriber(stripe, { price: yearly.id });
  await stripe.subscriptionItems.create({ subscription: subscription.id, price: other.id });
  await b.sandbox.clock.advance(45 * DAY);
  const item = await stripe.subscriptionItems.update(subscription.items.data[0]?.id ?? '', {
    price: monthly.id,
    proration_date: seconds(10),
  });
  // From December 1, of which nothing is over yet for this change: 335 of 365 days of the year come back.
  expect(item).toMatchObject({ current_period_start: seconds(30), current_period_end: seconds(61) });
  expect(await pendingAmounts()).toEqual([3_000, -33_500]);
});
