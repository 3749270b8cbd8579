import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Bench,
  bench,
  DAY,
  goodCard,
  HOUR,
  idOf,
  monthlyPrice,
  refusal,
  standing,
  submit,
  subscriber,
} from './harness.ts';

const START = Date.UTC(2026, 10, 1);
const NO_METHOD = ['cancel', 'pause', 'create_invoice'] as const;

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2026-11-01T00:00:00Z'), frozen: true });
});
afterEach(() => b.close());

async function onTrial(
  options: Partial<Stripe.SubscriptionCreateParams> = {},
  card = true,
): Promise<Stripe.Subscription> {
  const price = await monthlyPrice(b.stripe);
  const customer = await b.stripe.customers.create({ email: 'ada@example.com' });
  const method = card ? await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id }) : null;
  return await b.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    ...(method === null ? {} : { default_payment_method: method.id }),
    ...(options.trial_end === undefined ? { trial_period_days: 14 } : {}),
    ...options,
  });
}

async function invoices(): Promise<Stripe.Invoice[]> {
  return (await b.stripe.invoices.list({ limit: 100 })).data;
}

async function types(): Promise<string[]> {
  return (await b.stripe.events.list({ limit: 100 })).data.map((event) => event.type);
}

describe('a trial', () => {
  test('begins with a paid invoice of nothing and ends with the first renewal, counted from its end', async () => {
    const subscription = await onTrial();
    const end = START / 1000 + 14 * 86_400;
    expect(subscription).toMatchObject({
      status: 'trialing',
      billing_cycle_anchor: end,
      trial_start: START / 1000,
      trial_end: end,
      items: { data: [{ current_period_start: START / 1000, current_period_end: end }] },
    });
    expect(await invoices()).toMatchObject([
      {
        billing_reason: 'subscription_create',
        status: 'paid',
        total: 0,
        lines: { data: [{ description: 'Trial period for Pro' }] },
      },
    ]);
    const { ran } = await b.sandbox.clock.advance(15 * DAY);
    expect(ran.map((each) => each.split(' ')[0])).toEqual(['trial_will_end', 'cycle', 'finalize']);
    const active = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(active).toMatchObject({ status: 'active', trial_end: end });
    expect(active.items.data[0]).toMatchObject({
      current_period_start: end,
      current_period_end: Date.UTC(2026, 11, 15) / 1000,
    });
    expect((await invoices())[0]).toMatchObject({
      billing_reason: 'subscription_cycle',
      status: 'paid',
      total: 49_900,
    });
    await b.sandbox.clock.advance(31 * DAY);
    expect((await invoices()).map((invoice) => invoice.total)).toEqual([49_900, 49_900, 0]);
  });

  test('is announced three days before its end, and at once when it is shorter', async () => {
    const long = await onTrial();
    await b.sandbox.clock.advanceTo(START + 11 * DAY - HOUR);
    expect(await types()).not.toContain('customer.subscription.trial_will_end');
    await b.sandbox.clock.advance(HOUR);
    const [event] = (await b.stripe.events.list({ type: 'customer.subscription.trial_will_end' })).data;
    expect(event?.data.object).toMatchObject({ id: long.id, status: 'trialing' });
    await onTrial({ trial_end: START / 1000 + 12 * 86_400 });
    expect(await types()).toEqual(expect.arrayContaining(['customer.subscription.trial_will_end']));
    expect((await b.stripe.events.list({ type: 'customer.subscription.trial_will_end' })).data).toHaveLength(2);
  });

  test('that ends early bills the first period at once', async () => {
    const subscription = await onTrial();
    await b.sandbox.clock.advance(5 * DAY);
    const ended = await b.stripe.subscriptions.update(subscription.id, { trial_end: 'now' });
    const now = START / 1000 + 5 * 86_400;
    expect(ended).toMatchObject({ status: 'active', trial_end: now, billing_cycle_anchor: now });
    expect((await invoices())[0]).toMatchObject({
      billing_reason: 'subscription_update',
      status: 'paid',
      total: 49_900,
    });
    expect((await types()).filter((type) => type === 'customer.subscription.trial_will_end')).toHaveLength(1);
  });

  test('can be prolonged, and a change of items in it costs nothing', async () => {
    const subscription = await onTrial();
    const trial_end = START / 1000 + 30 * 86_400;
    await b.stripe.subscriptions.update(subscription.id, { trial_end });
    const item = subscription.items.data[0]?.id ?? '';
    await b.stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, quantity: 3 }],
      proration_behavior: 'always_invoice',
    });
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.amount)).toEqual([]);
    await b.sandbox.clock.advance(29 * DAY);
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('trialing');
    await b.sandbox.clock.advance(2 * DAY);
    expect((await invoices())[0]?.total).toBe(149_700);
  });

  test('given to a running subscription credits the time it stands for', async () => {
    const { subscription } = await subscriber(b.stripe);
    await b.sandbox.clock.advance(15 * DAY);
    const updated = await b.stripe.subscriptions.update(subscription.id, { trial_end: START / 1000 + 40 * 86_400 });
    expect(updated.status).toBe('trialing');
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.amount)).toEqual([-24_950]);
    await b.sandbox.clock.advance(26 * DAY);
    expect((await invoices())[0]).toMatchObject({ total: 24_950, status: 'paid' });
  });

  test.each(NO_METHOD)('without a payment method ends as asked: %s', async (missing_payment_method) => {
    const trial_settings = { end_behavior: { missing_payment_method } };
    const { id } = await onTrial({ trial_settings }, false);
    await b.sandbox.clock.advance(15 * DAY);
    const { status } = await b.stripe.subscriptions.retrieve(id);
    expect(status).toBe({ cancel: 'canceled', pause: 'paused', create_invoice: 'past_due' }[missing_payment_method]);
    const event = { cancel: 'deleted', pause: 'paused', create_invoice: 'updated' }[missing_payment_method];
    expect(await types()).toContain(`customer.subscription.${event}`);
  });

  test('previews its first renewal', async () => {
    const { id } = await onTrial();
    expect(await b.stripe.invoices.createPreview({ subscription: id })).toMatchObject({ total: 49_900 });
  });

  test('is refused in the past, in two forms at once, or for too long', async () => {
    expect(await refusal(onTrial({ trial_end: START / 1000 - 1 }))).toMatchObject({ param: 'trial_end' });
    expect(await refusal(onTrial({ trial_end: START / 1000 + DAY, trial_period_days: 3 }))).toMatchObject({
      param: 'trial_end',
    });
    expect(await refusal(onTrial({ trial_period_days: 731 }))).toMatchObject({ param: 'trial_period_days' });
  });
});

describe('checkout', () => {
  test('starts a trial with a saved card and charges nothing until its end', async () => {
    const price = await monthlyPrice(b.stripe);
    const session = await b.stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 1 }],
      subscription_data: { trial_period_days: 7 },
      success_url: 'http://shop.test/done',
    });
    expect(session.amount_total).toBe(0);
    const page = await (await fetch(session.url ?? '')).text();
    expect(page).toContain('7 days free');
    expect(page).toContain('Start trial');
    await submit(session.url ?? '', goodCard);
    const done = await b.stripe.checkout.sessions.retrieve(session.id);
    expect(done).toMatchObject({ status: 'complete', payment_status: 'no_payment_required' });
    const subscription = await b.stripe.subscriptions.retrieve(idOf(done.subscription));
    expect(subscription).toMatchObject({ status: 'trialing', trial_end: START / 1000 + 7 * 86_400 });
    await b.sandbox.clock.advance(8 * DAY);
    expect((await invoices())[0]).toMatchObject({ total: 49_900, status: 'paid' });
  });
});

describe('paused collection', () => {
  async function paused(
    behavior: Stripe.SubscriptionUpdateParams.PauseCollection.Behavior,
    resumes_at?: number,
  ): Promise<string> {
    const { subscription } = await subscriber(b.stripe);
    const pause_collection = { behavior, ...(resumes_at === undefined ? {} : { resumes_at }) };
    const updated = await b.stripe.subscriptions.update(subscription.id, { pause_collection });
    expect(updated).toMatchObject({ status: 'active', pause_collection: { behavior, resumes_at: resumes_at ?? null } });
    await b.sandbox.clock.advance(32 * DAY);
    return subscription.id;
  }

  test('keeps renewals as drafts, gives them up, or voids them', async () => {
    const last = async (subscription: string): Promise<Stripe.Invoice | undefined> =>
      (await b.stripe.invoices.list({ subscription })).data[0];
    expect(await last(await paused('keep_as_draft'))).toMatchObject({ status: 'draft', auto_advance: false });
    expect(await last(await paused('mark_uncollectible'))).toMatchObject({ status: 'uncollectible' });
    expect(await last(await paused('void'))).toMatchObject({ status: 'void' });
    expect((await b.stripe.subscriptions.list({ status: 'active' })).data).toHaveLength(3);
  });

  test('ends by itself at resumes_at, or when it is unset', async () => {
    const id = await paused('void', START / 1000 + 20 * 86_400);
    expect((await b.stripe.subscriptions.retrieve(id)).pause_collection).toBeNull();
    expect((await invoices())[0]?.status).toBe('paid');
    await b.stripe.subscriptions.update(id, { pause_collection: { behavior: 'void' } });
    const resumed = await b.stripe.subscriptions.update(id, { pause_collection: '' });
    expect(resumed.pause_collection).toBeNull();
  });
});

describe('a paused subscription', () => {
  test('gives back the rest of its period, bills nothing, and begins a new period when it is resumed', async () => {
    const { subscription, customer } = await subscriber(b.stripe);
    await b.sandbox.clock.advance(15 * DAY);
    const paused = await b.stripe.subscriptions.pause(subscription.id, { invoicing_behavior: 'invoice' });
    expect(paused).toMatchObject({
      status: 'paused',
      status_details: {
        paused: { subscription: { type: 'pause_requested' }, transitioned_at: START / 1000 + 15 * 86_400 },
      },
    });
    expect(await b.stripe.customers.retrieve(customer.id)).toMatchObject({ balance: -24_950 });
    const { ran } = await b.sandbox.clock.advance(90 * DAY);
    expect(ran).toEqual([]);
    const resumed = await b.stripe.subscriptions.resume(subscription.id);
    expect(resumed).toMatchObject({ status: 'active', billing_cycle_anchor: START / 1000 + 105 * 86_400 });
    expect((await invoices())[0]).toMatchObject({ total: 49_900, amount_due: 24_950, status: 'paid' });
    expect(await types()).toEqual(
      expect.arrayContaining(['customer.subscription.paused', 'customer.subscription.resumed']),
    );
    await b.sandbox.clock.advance(32 * DAY);
    expect((await invoices())[0]).toMatchObject({ billing_reason: 'subscription_cycle', total: 49_900 });
  });

  test('that a trial left without a card goes on when it has one', async () => {
    const trial_settings = { end_behavior: { missing_payment_method: 'pause' as const } };
    const { id, customer } = await onTrial({ trial_settings }, false);
    await b.sandbox.clock.advance(20 * DAY);
    const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: idOf(customer) });
    await b.stripe.subscriptions.update(id, { default_payment_method: method.id });
    expect(await b.stripe.subscriptions.resume(id)).toMatchObject({ status: 'active' });
    expect((await invoices())[0]).toMatchObject({ total: 49_900, status: 'paid' });
    expect(await refusal(b.stripe.subscriptions.resume(id))).toMatchObject({ statusCode: 400 });
  });
});
