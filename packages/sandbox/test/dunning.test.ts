import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing, subscriber } from './harness.ts';

const START = '2026-04-01T00:00:00Z';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
});
afterEach(() => b.close());

const seconds = (iso: string): number => Date.parse(iso) / 1000;

async function statusOf(id: string): Promise<string> {
  return (await b.stripe.subscriptions.retrieve(id)).status;
}

async function invoicesOf(subscription: string): Promise<Stripe.Invoice[]> {
  return (await b.stripe.invoices.list({ subscription, limit: 100 })).data;
}

async function types(): Promise<string[]> {
  return (await b.stripe.events.list({ limit: 100 })).data.map((event) => event.type);
}

/** A subscriber whose first renewal, on May 1 at 01:00, fails. */
async function failing(card: string | null = 'pm_card_chargeCustomerFail'): Promise<{ id: string; customer: string }> {
  const { subscription, customer } = await subscriber(b.stripe, card === null ? {} : { card });
  if (card === null) b.sandbox.faults.add({ type: 'decline', decline_code: 'lost_card' });
  await b.sandbox.clock.advance(30 * DAY + 2 * HOUR);
  return { id: subscription.id, customer: customer.id };
}

describe('when every attempt has failed', () => {
  test('an unpaid subscription goes on in drafts that nobody collects, and paying the latest open invoice ends that', async () => {
    b.sandbox.dunning = { schedule_days: [1], after_all_fail: 'unpaid' };
    const { id, customer } = await failing();
    expect(await statusOf(id)).toBe('past_due');
    await b.sandbox.clock.advance(DAY);
    expect(await statusOf(id)).toBe('unpaid');
    await b.sandbox.clock.advance(31 * DAY);
    const [draft, open] = await invoicesOf(id);
    expect(draft).toMatchObject({ status: 'draft', auto_advance: false, automatically_finalizes_at: null });
    expect(open).toMatchObject({ status: 'open', auto_advance: false, attempt_count: 2, next_payment_attempt: null });
    const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer });
    await b.stripe.invoices.pay(open?.id ?? '', { payment_method: method.id });
    expect(await statusOf(id)).toBe('active');
    expect((await b.stripe.subscriptions.list({ status: 'unpaid' })).data).toEqual([]);
  });

  test('a subscription may stay past due, or be paused', async () => {
    b.sandbox.dunning = { schedule_days: [], after_all_fail: 'past_due' };
    const { id } = await failing();
    await b.sandbox.clock.advance(10 * DAY);
    expect(await statusOf(id)).toBe('past_due');
    b.sandbox.dunning = { after_all_fail: 'paused' };
    await b.sandbox.clock.advance(25 * DAY);
    const paused = await b.stripe.subscriptions.retrieve(id);
    expect(paused).toMatchObject({
      status: 'paused',
      status_details: { paused: { subscription: { type: 'final_payment_failure' } } },
    });
    expect(await types()).toContain('customer.subscription.paused');
  });

  test('the default cancels after three more attempts, 3, 5 and 7 days apart', async () => {
    const { id } = await failing();
    expect(b.sandbox.dunning).toEqual({ schedule_days: [3, 5, 7], after_all_fail: 'cancel' });
    await b.sandbox.clock.advance(15 * DAY - 2 * HOUR);
    expect(await statusOf(id)).toBe('past_due');
    await b.sandbox.clock.advance(HOUR + 1);
    const ended = await b.stripe.subscriptions.retrieve(id);
    expect(ended).toMatchObject({ status: 'canceled', cancellation_details: { reason: 'payment_failed' } });
    expect((await invoicesOf(id))[0]).toMatchObject({ attempt_count: 4 });
  });

  test('a policy that makes no sense is refused and changes nothing', async () => {
    for (const wrong of [{ schedule_days: [0] }, { schedule_days: [1.5] }, { after_all_fail: 'forgive' as 'cancel' }]) {
      expect(() => (b.sandbox.dunning = wrong)).toThrow(RangeError);
    }
    expect(b.sandbox.dunning).toEqual({ schedule_days: [3, 5, 7], after_all_fail: 'cancel' });
    const set = (body: object): Promise<Response> =>
      fetch(`${b.url}/_sandbox/dunning`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await set({ after_all_fail: 'forgive' })).status).toBe(400);
    const answer = await (await set({ schedule_days: [2, 4], after_all_fail: 'unpaid' })).json();
    expect(answer).toEqual({ dunning: { schedule_days: [2, 4], after_all_fail: 'unpaid' } });
    expect(await (await fetch(`${b.url}/_sandbox`)).text()).toContain('Failed payments');
  });
});

test('after a hard decline the card is not asked again, until there is another', async () => {
  const { customer, id } = await failing(null);
  const [open] = await invoicesOf(id);
  const charges = async (): Promise<number> => (await b.stripe.charges.list({ customer, limit: 100 })).data.length;
  const before = await charges();
  expect(open?.next_payment_attempt).toBe(seconds('2026-05-04T01:00:00Z'));
  await b.sandbox.clock.advance(3 * DAY);
  expect(await charges()).toBe(before);
  expect((await invoicesOf(id))[0]).toMatchObject({
    attempt_count: 2,
    next_payment_attempt: seconds('2026-05-09T01:00:00Z'),
  });
  const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer });
  await b.stripe.subscriptions.update(id, { default_payment_method: method.id });
  expect(await statusOf(id)).toBe('past_due');
  await b.sandbox.clock.advance(5 * DAY);
  expect(await statusOf(id)).toBe('active');
  expect(await charges()).toBe(before + 1);
});

describe('a subscription that sends invoices', () => {
  async function sending(): Promise<Stripe.Subscription> {
    const price = await monthlyPrice(b.stripe, 5_000);
    const customer = await b.stripe.customers.create({ email: 'ada@example.com' });
    return await b.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      collection_method: 'send_invoice',
      days_until_due: 10,
      invoice_settings: {
        custom_fields: [{ name: 'PO', value: '4711' }],
        description: 'Thank you',
        footer: 'Net 10',
      },
    });
  }

  test('is active at once, without a card; its invoice is a draft, then open with a due date', async () => {
    const made = await sending();
    expect(made).toMatchObject({ status: 'active', collection_method: 'send_invoice', days_until_due: 10 });
    const draft = await b.stripe.invoices.retrieve(idOf(made.latest_invoice));
    expect(draft).toMatchObject({
      status: 'draft',
      billing_reason: 'subscription_create',
      custom_fields: [{ name: 'PO', value: '4711' }],
      description: 'Thank you',
      footer: 'Net 10',
      next_payment_attempt: null,
    });
    await b.sandbox.clock.advance(HOUR);
    const open = await b.stripe.invoices.retrieve(draft.id);
    expect(open).toMatchObject({ status: 'open', due_date: seconds('2026-04-11T01:00:00Z'), attempt_count: 0 });
    expect(await types()).toContain('invoice.sent');
    expect((await b.stripe.subscriptions.list({ collection_method: 'charge_automatically' })).data).toEqual([]);
  });

  test('is told of what will be due, falls past due when it is not paid, and is active again when it is', async () => {
    const made = await sending();
    await b.sandbox.clock.advance(7 * DAY + 2 * HOUR);
    expect(await types()).toContain('invoice.will_be_due');
    expect(await types()).not.toContain('invoice.overdue');
    await b.sandbox.clock.advance(3 * DAY);
    expect(await types()).toContain('invoice.overdue');
    expect(await statusOf(made.id)).toBe('past_due');
    const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: idOf(made.customer) });
    await b.stripe.invoices.pay(idOf(made.latest_invoice), { payment_method: method.id });
    expect(await statusOf(made.id)).toBe('active');
  });

  test('sends what an update bills at once, and can be charged from then on instead', async () => {
    const made = await sending();
    const item = made.items.data[0]?.id ?? '';
    const more = await b.stripe.subscriptions.update(made.id, {
      items: [{ id: item, quantity: 2 }],
      proration_behavior: 'always_invoice',
    });
    expect(await b.stripe.invoices.retrieve(idOf(more.latest_invoice))).toMatchObject({
      status: 'open',
      collection_method: 'send_invoice',
    });
    const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: idOf(made.customer) });
    const charged = await b.stripe.subscriptions.update(made.id, {
      collection_method: 'charge_automatically',
      default_payment_method: method.id,
    });
    expect(charged).toMatchObject({ days_until_due: null, collection_method: 'charge_automatically' });
    await b.sandbox.clock.advance(30 * DAY + 2 * HOUR);
    expect((await invoicesOf(made.id))[0]).toMatchObject({ status: 'paid', amount_paid: 10_000 });
  });
});

test('a trial without a card asks for one by a setup intent, whose card becomes the subscription’s own', async () => {
  const price = await monthlyPrice(b.stripe);
  const customer = await b.stripe.customers.create({});
  const made = await b.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    trial_period_days: 7,
    payment_settings: { save_default_payment_method: 'on_subscription' },
    expand: ['pending_setup_intent'],
  });
  const setup = made.pending_setup_intent as Stripe.SetupIntent;
  expect(setup).toMatchObject({ status: 'requires_payment_method', customer: customer.id });
  const done = await b.stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa' });
  const ready = await b.stripe.subscriptions.retrieve(made.id);
  expect(ready).toMatchObject({ pending_setup_intent: null, default_payment_method: done.payment_method });
  await b.sandbox.clock.advance(7 * DAY + 2 * HOUR);
  expect(await statusOf(made.id)).toBe('active');
  expect((await invoicesOf(made.id))[0]?.status).toBe('paid');
});

describe('an end by a date', () => {
  test('inside a period gives back the rest, and taking it back charges that again', async () => {
    const { subscription } = await subscriber(b.stripe, { price: (await monthlyPrice(b.stripe, 3_000)).id });
    const cancel_at = seconds('2026-04-16T00:00:00Z');
    const cut = await b.stripe.subscriptions.update(subscription.id, { cancel_at });
    expect(cut).toMatchObject({ cancel_at, cancel_at_period_end: false });
    expect(cut.items.data[0]?.current_period_end).toBe(cancel_at);
    const pending = async (): Promise<number[]> =>
      (await b.stripe.invoiceItems.list({ pending: true })).data.map((item) => item.amount);
    expect(await pending()).toEqual([-1_500]);
    await b.stripe.subscriptions.update(subscription.id, { cancel_at: '' });
    expect(await pending()).toEqual([1_500, -1_500]);
    const whole = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(whole).toMatchObject({ cancel_at: null, canceled_at: null });
    expect(whole.items.data[0]?.current_period_end).toBe(seconds('2026-05-01T00:00:00Z'));
    await b.sandbox.clock.advance(30 * DAY + 2 * HOUR);
    expect((await invoicesOf(subscription.id))[0]).toMatchObject({ status: 'paid', amount_paid: 3_000 });
  });

  test('in a later period makes that one short, and bills its share', async () => {
    const year = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 12_000,
      recurring: { interval: 'year' },
      product_data: { name: 'Yearly' },
    });
    const { subscription } = await subscriber(b.stripe, { price: year.id });
    // Half of the second year, 366 days: the example of https://docs.stripe.com/api/subscriptions/create
    await b.stripe.subscriptions.update(subscription.id, { cancel_at: seconds('2027-10-01T00:00:00Z') });
    await b.sandbox.clock.advanceTo(Date.parse('2027-04-01T02:00:00Z'));
    expect((await invoicesOf(subscription.id))[0]?.total).toBe(6_000);
    await b.sandbox.clock.advanceTo(Date.parse('2027-10-01T00:00:00Z'));
    expect(await statusOf(subscription.id)).toBe('canceled');
  });

  test('may be named: the first or the last end of the running periods', async () => {
    const month = await monthlyPrice(b.stripe, 1_000);
    const year = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 12_000,
      recurring: { interval: 'year' },
      product: idOf(month.product),
    });
    const customer = await b.stripe.customers.create({});
    const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const make = (cancel_at: Stripe.SubscriptionCreateParams.CancelAt): Promise<Stripe.Subscription> =>
      b.stripe.subscriptions.create({
        customer: customer.id,
        default_payment_method: method.id,
        items: [{ price: month.id }, { price: year.id }],
        cancel_at,
      });
    expect((await make('max_period_end')).cancel_at).toBe(seconds('2027-04-01T00:00:00Z'));
    expect((await make('min_period_end')).cancel_at).toBe(seconds('2026-05-01T00:00:00Z'));
    expect(await refusal(make('whenever'))).toMatchObject({ param: 'cancel_at' });
  });

  test('a cancellation that bills nothing takes back the prorations that waited', async () => {
    const { subscription } = await subscriber(b.stripe);
    await b.stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? '', quantity: 2 }],
    });
    await b.stripe.subscriptions.cancel(subscription.id);
    expect((await b.stripe.invoiceItems.list({ pending: true })).data).toEqual([]);
    expect(await types()).toContain('invoiceitem.deleted');
  });
});

test('what is pending is billed at its own interval', async () => {
  const { subscription, customer } = await subscriber(b.stripe);
  const updated = await b.stripe.subscriptions.update(subscription.id, {
    pending_invoice_item_interval: { interval: 'week', interval_count: 1 },
  });
  expect(updated.next_pending_invoice_item_invoice).toBe(seconds('2026-04-08T00:00:00Z'));
  await b.stripe.invoiceItems.create({ customer: customer.id, amount: 700, currency: 'usd' });
  await b.sandbox.clock.advance(7 * DAY + 2 * HOUR);
  const [invoice] = await invoicesOf(subscription.id);
  expect(invoice).toMatchObject({
    billing_reason: 'automatic_pending_invoice_item_invoice',
    status: 'paid',
    amount_paid: 700,
  });
  const after = await b.stripe.subscriptions.retrieve(subscription.id);
  expect(after.next_pending_invoice_item_invoice).toBe(seconds('2026-04-15T00:00:00Z'));
  await b.stripe.subscriptions.update(subscription.id, { pending_invoice_item_interval: '' });
  await b.stripe.invoiceItems.create({ customer: customer.id, amount: 800, currency: 'usd' });
  await b.sandbox.clock.advance(8 * DAY);
  expect((await invoicesOf(subscription.id)).length).toBe(2);
});
