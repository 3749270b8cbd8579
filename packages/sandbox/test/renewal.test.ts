import type Stripe from 'stripe';
import { afterEach, describe, expect, test } from 'vitest';
import anchors from '../vectors/anchors.json' with { type: 'json' };
import { boundary, type Interval } from '../src/time/calendar.ts';
import { type Bench, bench, DAY, HOUR, receiver, standing, submit, goodCard, subscriber, idOf } from './harness.ts';

let b: Bench;
afterEach(() => b.close());

const paid = (stripe: Stripe): Promise<Stripe.Invoice[]> =>
  stripe.invoices.list({ limit: 100 }).then((list) => list.data);

describe('anchors', () => {
  test('every boundary is counted from the anchor', async () => {
    b = await bench();
    for (const { anchor, interval, boundaries } of anchors.vectors) {
      const start = Date.parse(anchor) / 1000;
      const found = boundaries.map((_, n) => new Date(boundary(start, interval as Interval, n) * 1000).toISOString());
      expect(found.map((each) => each.replace('.000Z', 'Z'))).toEqual(boundaries);
    }
  });

  test('a subscription of Jan 31 renews on the last day of short months and returns to the 31st', async () => {
    b = await bench({ now: standing('2027-01-31T07:31:09Z') });
    const { subscription } = await subscriber(b.stripe);
    const starts: string[] = [];
    for (let month = 0; month < 4; month += 1) {
      const current = await b.stripe.subscriptions.retrieve(subscription.id);
      const item = current.items.data[0];
      starts.push(new Date((item?.current_period_end ?? 0) * 1000).toISOString());
      await b.sandbox.clock.advanceTo((item?.current_period_end ?? 0) * 1000);
    }
    expect(starts).toEqual([
      '2027-02-28T07:31:09.000Z',
      '2027-03-31T07:31:09.000Z',
      '2027-04-30T07:31:09.000Z',
      '2027-05-31T07:31:09.000Z',
    ]);
  });
});

describe('a renewal', () => {
  test('is a draft for an hour in which a webhook consumer adds an item, and is then paid with both lines', async () => {
    b = await bench();
    const stripe = b.stripe;
    const consumer = await receiver(async (event) => {
      if (event.type !== 'invoice.created' || event.data.object.billing_reason !== 'subscription_cycle') return 200;
      await stripe.invoiceItems.create({
        customer: idOf(event.data.object.customer),
        invoice: event.data.object.id,
        amount: 750,
        currency: 'usd',
        description: '300 requests over the quota',
        period: { start: event.data.object.period_start, end: event.data.object.period_end },
        metadata: { meter: 'requests' },
      });
      return 200;
    });
    await stripe.webhookEndpoints.create({ url: consumer.url, enabled_events: ['invoice.created'] });
    const { subscription } = await subscriber(stripe, { metadata: { tenant: 't1' } });
    const { ran } = await b.sandbox.clock.advance(33 * DAY);
    await consumer.close();
    expect(ran.map((each) => each.split(' ')[0])).toEqual(['cycle', 'finalize']);
    const [invoice] = await paid(stripe);
    expect(invoice).toMatchObject({
      status: 'paid',
      total: 50_650,
      amount_paid: 50_650,
      billing_reason: 'subscription_cycle',
      parent: {
        type: 'subscription_details',
        subscription_details: { subscription: subscription.id, metadata: { tenant: 't1' } },
      },
      lines: {
        data: [
          {
            amount: 49_900,
            description: '1 × Pro (at $499.00 / month)',
            parent: { type: 'subscription_item_details', subscription_item_details: { subscription: subscription.id } },
          },
          {
            amount: 750,
            description: '300 requests over the quota',
            metadata: { meter: 'requests' },
            parent: { type: 'invoice_item_details', invoice_item_details: { subscription: subscription.id } },
          },
        ],
      },
    });
    const intent = await stripe.charges.list({ limit: 1 });
    expect(intent.data[0]?.amount).toBe(50_650);
  });

  test('pulls items that were pending without an invoice', async () => {
    b = await bench();
    const { customer } = await subscriber(b.stripe);
    const item = await b.stripe.invoiceItems.create({ customer: customer.id, amount: 100, currency: 'usd' });
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.id)).toEqual([item.id]);
    await b.sandbox.clock.advance(33 * DAY);
    const [invoice] = await paid(b.stripe);
    expect(invoice?.lines.data.map((line) => line.amount)).toEqual([100, 49_900]);
    expect((await b.stripe.invoiceItems.retrieve(item.id)).invoice).toBe(invoice?.id);
  });

  test('steps: draft at the period end, open and paid one hour later, in the order of events seen at Stripe', async () => {
    b = await bench();
    const { subscription } = await subscriber(b.stripe);
    const end = (subscription.items.data[0]?.current_period_end ?? 0) * 1000;
    const before = (await b.stripe.events.list({ limit: 100 })).data.length;
    await b.sandbox.clock.advanceTo(end);
    const [draft] = await paid(b.stripe);
    expect(draft).toMatchObject({ status: 'draft', number: null, automatically_finalizes_at: end / 1000 + 3_600 });
    await b.sandbox.clock.advance(HOUR);
    const [done] = await paid(b.stripe);
    expect(done).toMatchObject({ status: 'paid', period_end: end / 1000, auto_advance: false });
    expect(done?.number).toMatch(/^[A-Z0-9]{8}-0002$/);
    const events = (await b.stripe.events.list({ limit: 100 })).data.toReversed().slice(before);
    expect(events.map((event) => event.type)).toEqual([
      'invoice.created',
      'customer.subscription.updated',
      'payment_intent.created',
      'payment_intent.succeeded',
      'charge.succeeded',
      'invoice.finalized',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
    ]);
    const updated = events[1];
    expect(updated?.request).toEqual({ id: null, idempotency_key: null });
    const previous = updated?.data.previous_attributes as { items: { data: { current_period_end: number }[] } };
    expect(previous.items.data[0]?.current_period_end).toBe(end / 1000);
  });

  test('beforeDue runs before each step with the API open, and after the last', async () => {
    const seen: string[] = [];
    let stripe: Stripe | null = null;
    b = await bench({
      async beforeDue() {
        const drafts = stripe === null ? [] : (await stripe.invoices.list({ status: 'draft' })).data;
        seen.push(`${drafts.length} drafts`);
        for (const draft of drafts) {
          if (draft.lines.data.length === 1) {
            await stripe?.invoiceItems.create({
              invoice: draft.id,
              customer: idOf(draft.customer),
              amount: 5,
              currency: 'usd',
            });
          }
        }
      },
    });
    stripe = b.stripe;
    await subscriber(stripe);
    await b.sandbox.clock.advance(33 * DAY);
    expect(seen).toEqual(['0 drafts', '1 drafts', '0 drafts']);
    expect((await paid(stripe))[0]?.total).toBe(49_905);
  });

  test('advancing from inside an advance is refused instead of waiting for itself', async () => {
    const refusals: unknown[] = [];
    b = await bench({
      async beforeDue() {
        await b.sandbox.clock.advance(1).catch((cause: unknown) => refusals.push(cause));
      },
    });
    await b.sandbox.clock.advance(1);
    expect(refusals).toHaveLength(1);
  });

  test('two advances asked for at once happen one after the other', async () => {
    b = await bench({ now: standing('2027-01-01T00:00:00Z') });
    const [first, second] = await Promise.all([b.sandbox.clock.advance(DAY), b.sandbox.clock.advance(DAY)]);
    expect(second.from).toBe(first.to);
    expect(second.to - first.from).toBe(2 * DAY);
  });
});

describe('a failing renewal', () => {
  test('goes past due, is retried after 3, 5 and 7 days, and ends the subscription', async () => {
    b = await bench();
    const { subscription, customer } = await subscriber(b.stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(32 * DAY);
    const late = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(late.status).toBe('past_due');
    expect((await b.stripe.customers.retrieve(customer.id)) as Stripe.Customer).toMatchObject({ delinquent: true });
    const [open] = await paid(b.stripe);
    expect(open).toMatchObject({ status: 'open', attempt_count: 1, attempted: true });
    expect(open?.next_payment_attempt).toBe((open?.status_transitions.finalized_at ?? 0) + 3 * 86_400);
    const { ran } = await b.sandbox.clock.advance(20 * DAY);
    expect(ran.map((each) => each.split(' ')[0])).toEqual(['retry', 'retry', 'retry']);
    const ended = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(ended).toMatchObject({ status: 'canceled', cancellation_details: { reason: 'payment_failed' } });
    expect((await b.stripe.subscriptions.list()).data).toEqual([]);
    expect((await b.stripe.subscriptions.list({ status: 'canceled' })).data).toHaveLength(1);
  });

  test('recovers on the hosted invoice with another card', async () => {
    b = await bench();
    const { subscription } = await subscriber(b.stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(32 * DAY);
    const [open] = await paid(b.stripe);
    const page = open?.hosted_invoice_url ?? '';
    expect(await (await fetch(page)).text()).toContain('Pay this invoice');
    expect((await submit(page, goodCard)).status).toBe(303);
    expect((await b.stripe.invoices.retrieve(open?.id ?? '')).status).toBe('paid');
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    await b.sandbox.clock.advance(31 * DAY);
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  });

  test('recovers through invoices.pay, which answers 402 and keeps the failed attempt before that', async () => {
    b = await bench();
    const { subscription, customer } = await subscriber(b.stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(32 * DAY);
    const [open] = await paid(b.stripe);
    await expect(b.stripe.invoices.pay(open?.id ?? '')).rejects.toMatchObject({
      type: 'StripeCardError',
      code: 'card_declined',
      decline_code: 'generic_decline',
      statusCode: 402,
    });
    expect((await b.stripe.charges.list({ customer: customer.id })).data.map((each) => each.status)).toEqual([
      'failed',
      'failed',
      'succeeded',
    ]);
    const method = await b.stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id });
    const done = await b.stripe.invoices.pay(open?.id ?? '', { payment_method: method.id });
    expect(done.status).toBe('paid');
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  });
});

describe('endings', () => {
  test('cancel at period end can be undone, and otherwise ends there without another invoice', async () => {
    b = await bench();
    const { subscription } = await subscriber(b.stripe);
    const end = subscription.items.data[0]?.current_period_end ?? 0;
    const marked = await b.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    expect(marked).toMatchObject({
      cancel_at: end,
      cancel_at_period_end: true,
      cancellation_details: { reason: 'cancellation_requested' },
    });
    const [event] = (await b.stripe.events.list({ type: 'customer.subscription.updated' })).data;
    expect(event?.data.previous_attributes).toMatchObject({
      cancel_at: null,
      cancel_at_period_end: false,
      canceled_at: null,
    });
    const undone = await b.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
    expect(undone).toMatchObject({ cancel_at: null, canceled_at: null, cancellation_details: { reason: null } });
    await b.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    await b.sandbox.clock.advance(40 * DAY);
    const ended = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(ended).toMatchObject({ status: 'canceled', ended_at: end });
    expect(await paid(b.stripe)).toHaveLength(1);
  });

  test('an incomplete subscription expires after 23 hours and its invoice is void', async () => {
    b = await bench();
    const { customer, price } = await subscriber(b.stripe);
    const created = await b.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price }],
      payment_behavior: 'default_incomplete',
      expand: ['latest_invoice.confirmation_secret'],
    });
    const invoice = created.latest_invoice as Stripe.Invoice;
    expect(created.status).toBe('incomplete');
    expect(invoice.confirmation_secret?.client_secret).toMatch(/^pi_\w+_secret_\w+$/);
    await b.sandbox.clock.advance(23 * HOUR);
    expect((await b.stripe.subscriptions.retrieve(created.id)).status).toBe('incomplete_expired');
    expect((await b.stripe.invoices.retrieve(invoice.id)).status).toBe('void');
  });

  test('canceling with invoice_now bills what is pending, without it the item stays pending', async () => {
    b = await bench();
    const first = await subscriber(b.stripe);
    const second = await subscriber(b.stripe, { price: first.price });
    for (const { customer } of [first, second]) {
      await b.stripe.invoiceItems.create({ customer: customer.id, amount: 750, currency: 'usd' });
    }
    await b.stripe.subscriptions.cancel(first.subscription.id, { invoice_now: true });
    await b.stripe.subscriptions.cancel(second.subscription.id);
    expect((await paid(b.stripe))[0]).toMatchObject({
      billing_reason: 'subscription_update',
      status: 'paid',
      total: 750,
      customer: first.customer.id,
    });
    const pending = await b.stripe.invoiceItems.list({ pending: true });
    expect(pending.data.map((item) => item.customer)).toEqual([second.customer.id]);
  });

  test('canceling stops the collection of what is open', async () => {
    b = await bench();
    const { subscription } = await subscriber(b.stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(32 * DAY);
    await b.stripe.subscriptions.cancel(subscription.id);
    const { ran } = await b.sandbox.clock.advance(60 * DAY);
    expect(ran).toEqual([]);
    expect((await paid(b.stripe))[0]).toMatchObject({
      status: 'open',
      auto_advance: false,
      next_payment_attempt: null,
    });
  });
});

test('with the running clock due work is done when its time comes', async () => {
  let ahead = 0;
  b = await bench({ now: () => Date.now() + ahead });
  const { subscription } = await subscriber(b.stripe);
  ahead = (subscription.items.data[0]?.current_period_end ?? 0) * 1000 + 2 * HOUR - Date.now();
  await b.stripe.customers.create({});
  const statuses = async (): Promise<(string | null)[]> => (await paid(b.stripe)).map((invoice) => invoice.status);
  await expect.poll(statuses, { timeout: 3_000 }).toEqual(['paid', 'paid']);
});

test('with the running clock a draft waits until the seller has been told of it', async () => {
  let ahead = 0;
  let is_up = false;
  b = await bench({ now: () => Date.now() + ahead });
  const { subscription } = await subscriber(b.stripe);
  const hook = await receiver(() => (is_up ? 200 : 503));
  await b.stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['invoice.created'] });
  ahead = (subscription.items.data[0]?.current_period_end ?? 0) * 1000 + 2 * HOUR - Date.now();
  await b.stripe.customers.create({});
  await expect.poll(() => hook.received.length, { timeout: 3_000 }).toBe(1);
  expect((await paid(b.stripe))[0]?.status).toBe('draft');
  is_up = true;
  await expect.poll(async () => (await paid(b.stripe))[0]?.status, { timeout: 4_000 }).toBe('paid');
  expect(hook.received).toHaveLength(2);
  await hook.close();
});
