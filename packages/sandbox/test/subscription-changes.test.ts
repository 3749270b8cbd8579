import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import vectors from '../vectors/prorations.json' with { type: 'json' };
import { type Bench, bench, HOUR, idOf, monthlyPrice, refusal, standing, subscriber } from './harness.ts';

const START = '2026-11-01T00:00:00Z';
const LATER = Date.UTC(2026, 10, 13);
const FAIL = 'pm_card_chargeCustomerFail';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
});
afterEach(() => b.close());

/** A subscription at 99 from November 1, seen on the 13th: 18 of 30 days are left. */
async function twelveDays(
  card?: string,
): Promise<{ id: string; item: string; pro: string; basic: string; customer: string }> {
  const basic = await monthlyPrice(b.stripe, 9_900, 'Basic');
  const pro = await monthlyPrice(b.stripe, 49_900, 'Pro');
  const { subscription, customer } = await subscriber(b.stripe, {
    price: basic.id,
    ...(card === undefined ? {} : { card }),
  });
  await b.sandbox.clock.advanceTo(LATER);
  const item = subscription.items.data[0]?.id ?? '';
  return { id: subscription.id, item, pro: pro.id, basic: basic.id, customer: customer.id };
}

async function invoiceOf(subscription: Stripe.Subscription): Promise<Stripe.Invoice> {
  return await b.stripe.invoices.retrieve(idOf(subscription.latest_invoice));
}

async function eventsSince(count: number): Promise<string[]> {
  const all = (await b.stripe.events.list({ limit: 100 })).data.map((event) => event.type).toReversed();
  return all.slice(count);
}

async function eventCount(): Promise<number> {
  return (await b.stripe.events.list({ limit: 100 })).data.length;
}

describe('an upgrade', () => {
  test('with always_invoice is billed and paid at once, to the second', async () => {
    const { id, item, pro } = await twelveDays();
    const before = await eventCount();
    const updated = await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: pro }],
      proration_behavior: 'always_invoice',
    });
    const invoice = await invoiceOf(updated);
    expect(invoice).toMatchObject({ billing_reason: 'subscription_update', status: 'paid', total: 24_000 });
    expect(invoice.lines.data.map((line) => [line.amount, line.description])).toEqual([
      [29_940, 'Remaining time on Pro after 13 Nov 2026'],
      [-5_940, 'Unused time on Basic after 13 Nov 2026'],
    ]);
    expect(await eventsSince(before)).toEqual([
      'invoiceitem.created',
      'invoiceitem.created',
      'invoice.created',
      'invoice.finalized',
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.paid',
      'invoice.payment_succeeded',
      'customer.subscription.updated',
      'invoice_payment.paid',
    ]);
    const [event] = (await b.stripe.events.list({ type: 'customer.subscription.updated' })).data;
    expect(event?.data.previous_attributes).toMatchObject({ items: { data: [{ price: { unit_amount: 9_900 } }] } });
    await b.sandbox.clock.advance(19 * 24 * HOUR);
    const [renewal] = (await b.stripe.invoices.list({ subscription: id })).data;
    expect(renewal).toMatchObject({ billing_reason: 'subscription_cycle', status: 'paid', total: 49_900 });
  });

  test('names on each line what it credits, and that it is a proration', async () => {
    const { id, item, pro, basic } = await twelveDays();
    const [first] = (await b.stripe.invoices.list({ subscription: id })).data;
    const updated = await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: pro }],
      proration_behavior: 'always_invoice',
    });
    const { lines } = await invoiceOf(updated);
    const [charge, credit] = lines.data;
    expect(credit).toMatchObject({
      discountable: false,
      period: { start: LATER / 1000, end: Date.UTC(2026, 11, 1) / 1000 },
      pricing: { price_details: { price: basic } },
      quantity: 1,
      subscription: id,
      parent: {
        type: 'subscription_item_details',
        subscription_item_details: {
          proration: true,
          subscription_item: item,
          proration_details: {
            credited_items: { invoice: first?.id, invoice_line_items: [first?.lines.data[0]?.id] },
          },
        },
      },
    });
    expect(charge?.parent?.subscription_item_details?.proration_details?.credited_items).toBeNull();
    const [written] = (await b.stripe.invoiceItems.list({ limit: 1 })).data;
    expect(written).toMatchObject({
      proration: true,
      parent: { subscription_details: { subscription: id, subscription_item: item } },
    });
  });

  test('with create_prorations waits as pending items for the renewal', async () => {
    const { id, item, pro } = await twelveDays();
    const updated = await b.stripe.subscriptions.update(id, { items: [{ id: item, price: pro }] });
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.amount)).toEqual([
      29_940, -5_940,
    ]);
    expect((await b.stripe.invoices.list({ subscription: id })).data).toHaveLength(1);
    expect(updated.items.data[0]?.price.id).toBe(pro);
    await b.sandbox.clock.advance(19 * 24 * HOUR);
    const [renewal] = (await b.stripe.invoices.list({ subscription: id })).data;
    expect(renewal).toMatchObject({ billing_reason: 'subscription_cycle', total: 49_900 + 24_000 });
    expect(renewal?.lines.data.map((line) => line.amount)).toEqual([29_940, -5_940, 49_900]);
  });

  test('with none only changes what is billed from the next period on', async () => {
    const { id, item, pro } = await twelveDays();
    await b.stripe.subscriptions.update(id, { items: [{ id: item, price: pro }], proration_behavior: 'none' });
    expect((await b.stripe.invoiceItems.list({ pending: true })).data).toEqual([]);
    await b.sandbox.clock.advance(19 * 24 * HOUR);
    expect((await b.stripe.invoices.list({ subscription: id })).data[0]?.total).toBe(49_900);
  });

  test('counts from proration_date, which must lie in the period', async () => {
    const { id, item, pro } = await twelveDays();
    const half = Date.UTC(2026, 10, 16) / 1000;
    await b.stripe.subscriptions.update(id, { items: [{ id: item, price: pro }], proration_date: half });
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.amount)).toEqual([
      24_950, -4_950,
    ]);
    const late = b.stripe.subscriptions.update(id, { items: [{ id: item, quantity: 2 }], proration_date: half * 2 });
    expect(await refusal(late)).toMatchObject({ param: 'proration_date', statusCode: 400 });
  });
});

describe('a downgrade', () => {
  test('with always_invoice leaves its credit on the balance, and renewals use it up', async () => {
    const { id, item, pro, basic, customer } = await twelveDays();
    await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: pro }],
      proration_behavior: 'always_invoice',
    });
    const down = await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: basic }],
      proration_behavior: 'always_invoice',
    });
    expect(await invoiceOf(down)).toMatchObject({
      total: -24_000,
      amount_due: 0,
      status: 'paid',
      ending_balance: -24_000,
    });
    expect(await b.stripe.customers.retrieve(customer)).toMatchObject({ balance: -24_000 });
    await b.sandbox.clock.advance(19 * 24 * HOUR);
    expect((await b.stripe.invoices.list({ subscription: id })).data[0]).toMatchObject({ total: 9_900, amount_due: 0 });
  });

  test('credits what was billed, not the price since then', async () => {
    const { at, prices, credit, charge } = vectors.billing_mode;
    await b.close();
    b = await bench({ now: standing(at[0] ?? ''), frozen: true });
    const all = await Promise.all(prices.map((amount, index) => monthlyPrice(b.stripe, amount, `Plan ${index}`)));
    const { subscription } = await subscriber(b.stripe, { price: all[0]?.id ?? '' });
    const id = subscription.items.data[0]?.id ?? '';
    await b.sandbox.clock.advanceTo(Date.parse(at[1] ?? ''));
    await b.stripe.subscriptions.update(subscription.id, {
      items: [{ id, price: all[1]?.id ?? '' }],
      proration_behavior: 'none',
    });
    await b.sandbox.clock.advanceTo(Date.parse(at[2] ?? ''));
    const back = await b.stripe.subscriptions.update(subscription.id, {
      items: [{ id, price: all[2]?.id ?? '' }],
      proration_behavior: 'always_invoice',
    });
    const invoice = await invoiceOf(back);
    expect(invoice.lines.data.map((line) => line.amount)).toEqual([charge, credit]);
    expect(invoice.total).toBe(0);
  });

  test('credits net of discounts', async () => {
    const { items, amount_off, split, credit } = vectors.discounted;
    const coupon = await b.stripe.coupons.create({ amount_off, currency: 'usd', duration: 'once' });
    const prices = await Promise.all(items.map((amount, index) => monthlyPrice(b.stripe, amount, `Plan ${index}`)));
    const customer = await b.stripe.customers.create({});
    const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const subscription = await b.stripe.subscriptions.create({
      customer: customer.id,
      default_payment_method: method.id,
      discounts: [{ coupon: coupon.id }],
      items: prices.map((price) => ({ price: price.id })),
    });
    const first = await invoiceOf(subscription);
    expect(first.lines.data.map((line) => line.discount_amounts?.[0]?.amount)).toEqual(split);
    await b.sandbox.clock.advanceTo(Date.UTC(2026, 10, 16));
    await b.stripe.subscriptionItems.del(subscription.items.data[0]?.id ?? '');
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((item) => item.amount)).toEqual([credit]);
  });

  test('credits every time only once, in whatever order changes are dated', async () => {
    const { id, item, pro } = await twelveDays();
    const early = Date.UTC(2026, 10, 7) / 1000;
    await b.stripe.subscriptions.update(id, { items: [{ id: item, price: pro }] });
    await b.stripe.subscriptions.update(id, { items: [{ id: item, quantity: 2 }], proration_date: early });
    const pending = (await b.stripe.invoiceItems.list({ pending: true })).data;
    // 24 of 30 days at 2 × 499; given back: 6 days at 99 and 18 days at 499.
    expect(pending.map((each) => each.amount)).toEqual([79_840, -29_940, -1_980, 29_940, -5_940]);
    expect(pending[1]?.proration_details?.credited_items).toMatchObject({
      type: 'invoice_item',
      invoice_item: pending[3]?.id,
    });
  });
});

describe('items', () => {
  test('are added, changed and removed through subscription_items, each with its proration', async () => {
    const { id, item, pro, basic } = await twelveDays();
    const extra = await monthlyPrice(b.stripe, 3_000, 'Seats');
    const added = await b.stripe.subscriptionItems.create({ subscription: id, price: extra.id, quantity: 2 });
    expect(added).toMatchObject({ quantity: 2, subscription: id, current_period_end: Date.UTC(2026, 11, 1) / 1000 });
    await b.stripe.subscriptionItems.update(added.id, { quantity: 5, metadata: { team: 'a' } });
    expect(await b.stripe.subscriptionItems.del(item)).toMatchObject({ deleted: true });
    const left = await b.stripe.subscriptions.retrieve(id);
    expect(left.items.data.map((each) => [each.id, each.quantity, each.metadata])).toEqual([
      [added.id, 5, { team: 'a' }],
    ]);
    const pending = (await b.stripe.invoiceItems.list({ pending: true })).data;
    expect(pending.map((each) => each.amount)).toEqual([-5_940, 9_000, -3_600, 3_600]);
    expect(await refusal(b.stripe.subscriptionItems.del(added.id))).toMatchObject({ statusCode: 400 });
    expect(pro).not.toBe(basic);
  });

  test('without an id are added, of whatever interval; a price that is there already, or of another currency, is refused', async () => {
    const { id, item, basic } = await twelveDays();
    const update = (items: Stripe.SubscriptionUpdateParams.Item[]): Promise<unknown> =>
      refusal(b.stripe.subscriptions.update(id, { items }));
    expect(await update([{ price: basic }])).toMatchObject({
      message: expect.stringContaining('unique prices') as string,
    });
    expect(await update([{ id: 'si_none', quantity: 1 }])).toMatchObject({
      code: 'resource_missing',
      param: 'items[0][id]',
    });
    expect(await update([{ id: item, deleted: true }])).toMatchObject({ param: 'items' });
    const euro = await b.stripe.prices.create({
      currency: 'eur',
      unit_amount: 1,
      recurring: { interval: 'month' },
      product_data: { name: 'E' },
    });
    expect(await update([{ price: euro.id }])).toMatchObject({
      message: expect.stringContaining('expected currency') as string,
    });
    const year = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 1,
      recurring: { interval: 'year' },
      product_data: { name: 'Y' },
    });
    const mixed = await b.stripe.subscriptions.update(id, { items: [{ price: year.id }] });
    const [month, other] = mixed.items.data.map((each) => each.current_period_end - each.current_period_start);
    expect([month, other]).toEqual([30 * 86_400, 365 * 86_400]);
  });

  test('a new price without a quantity starts from one', async () => {
    const { id, item, pro } = await twelveDays();
    await b.stripe.subscriptions.update(id, { items: [{ id: item, quantity: 4 }] });
    const moved = await b.stripe.subscriptions.update(id, { items: [{ id: item, price: pro }] });
    expect(moved.items.data[0]?.quantity).toBe(1);
  });

  test('a change to a yearly price keeps the anchor and is prorated over the year', async () => {
    const { id, item } = await twelveDays();
    const year = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 99_000,
      recurring: { interval: 'year' },
      product_data: { name: 'Yearly' },
    });
    const updated = await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: year.id }],
      proration_behavior: 'always_invoice',
    });
    const [moved] = updated.items.data;
    expect(moved?.current_period_end).toBe(Date.UTC(2027, 10, 1) / 1000);
    expect(updated.billing_cycle_anchor).toBe(Date.UTC(2026, 10, 1) / 1000);
    const charged = Math.round((99_000 * 353) / 365);
    expect((await invoiceOf(updated)).lines.data.map((line) => line.amount)).toEqual([charged, -5_940]);
  });
});

describe('a new anchor', () => {
  test('with a change of items bills a whole period at once and credits the old one', async () => {
    const { id, item, pro } = await twelveDays();
    const updated = await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: pro }],
      billing_cycle_anchor: { type: 'now' },
    });
    expect(updated).toMatchObject({ billing_cycle_anchor: LATER / 1000 });
    expect(updated.items.data[0]).toMatchObject({
      current_period_start: LATER / 1000,
      current_period_end: Date.UTC(2026, 11, 13) / 1000,
    });
    expect((await invoiceOf(updated)).lines.data.map((line) => line.amount)).toEqual([-5_940, 49_900]);
    await b.sandbox.clock.advance(31 * 24 * HOUR);
    expect((await b.stripe.invoices.list({ subscription: id })).data[0]).toMatchObject({
      total: 49_900,
      status: 'paid',
    });
  });

  test('alone makes no invoice: the period waits with its credit for the next one', async () => {
    const { id } = await twelveDays();
    const updated = await b.stripe.subscriptions.update(id, { billing_cycle_anchor: { type: 'now' } });
    expect(updated.items.data[0]?.current_period_start).toBe(LATER / 1000);
    expect((await b.stripe.invoices.list({ subscription: id })).data).toHaveLength(1);
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.amount)).toEqual([
      9_900, -5_940,
    ]);
  });
});

describe('an upgrade whose payment fails', () => {
  async function upgrade(payment_behavior: Stripe.SubscriptionUpdateParams.PaymentBehavior) {
    const { id, item, pro, customer } = await twelveDays(FAIL);
    const change = b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: pro }],
      proration_behavior: 'always_invoice',
      payment_behavior,
    });
    return { id, change, pro, customer };
  }

  test('is kept and past due with allow_incomplete', async () => {
    const { change, pro } = await upgrade('allow_incomplete');
    const updated = await change;
    expect(updated).toMatchObject({ status: 'past_due', items: { data: [{ price: { id: pro } }] } });
    expect(await invoiceOf(updated)).toMatchObject({ status: 'open', attempt_count: 1 });
  });

  test('leaves nothing behind with error_if_incomplete', async () => {
    const { id, change, pro } = await upgrade('error_if_incomplete');
    expect(await refusal(change)).toMatchObject({ statusCode: 402, code: 'card_declined' });
    const same = await b.stripe.subscriptions.retrieve(id);
    expect(same.items.data[0]?.price.id).not.toBe(pro);
    expect((await b.stripe.invoiceItems.list({ pending: true })).data).toEqual([]);
    expect((await b.stripe.invoices.list({ subscription: id })).data).toHaveLength(1);
  });

  test('waits with pending_if_incomplete and happens when the invoice is paid', async () => {
    const { id, change, pro, customer } = await upgrade('pending_if_incomplete');
    const parked = await change;
    expect(parked).toMatchObject({ status: 'active', items: { data: [{ price: { unit_amount: 9_900 } }] } });
    expect(parked.pending_update).toMatchObject({
      expires_at: LATER / 1000 + 23 * 3_600,
      subscription_items: [{ price: { id: pro } }],
    });
    const card = await b.stripe.paymentMethods.attach('pm_card_visa', { customer });
    const before = await eventCount();
    await b.stripe.invoices.pay(idOf(parked.latest_invoice), { payment_method: card.id });
    const applied = await b.stripe.subscriptions.retrieve(id);
    expect(applied).toMatchObject({
      pending_update: null,
      status: 'active',
      items: { data: [{ price: { id: pro } }] },
    });
    expect(await eventsSince(before)).toEqual(
      expect.arrayContaining(['customer.subscription.updated', 'customer.subscription.pending_update_applied']),
    );
    await b.sandbox.clock.advance(2 * 24 * HOUR);
    expect((await b.stripe.subscriptions.retrieve(id)).status).toBe('active');
  });

  test('is forgotten after 23 hours, with its invoice', async () => {
    const { id, change, pro } = await upgrade('pending_if_incomplete');
    const parked = await change;
    const { ran } = await b.sandbox.clock.advance(23 * HOUR);
    expect(ran).toEqual([`expire_pending_update ${id}`]);
    const same = await b.stripe.subscriptions.retrieve(id);
    expect(same).toMatchObject({ pending_update: null, status: 'active' });
    expect(same.items.data[0]?.price.id).not.toBe(pro);
    expect(await invoiceOf(parked)).toMatchObject({ status: 'void' });
    expect((await b.stripe.events.list({ type: 'customer.subscription.pending_update_expired' })).data).toHaveLength(1);
  });

  test('bills what is added once with it, and forgets that too', async () => {
    const { id, item, pro, customer } = await twelveDays(FAIL);
    const fee = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 2_500,
      product_data: { name: 'Setup' },
    });
    const parked = await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: pro }],
      add_invoice_items: [{ price: fee.id }],
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    });
    const invoice = await invoiceOf(parked);
    expect(invoice).toMatchObject({ status: 'open' });
    expect(invoice.lines.data.map(({ amount }) => amount)).toContain(2_500);
    await b.sandbox.clock.advance(23 * HOUR);
    expect(await invoiceOf(parked)).toMatchObject({ status: 'void' });
    expect((await b.stripe.invoiceItems.list({ customer, pending: true })).data).toEqual([]);
  });

  test('that waits can carry nothing but what is billed', async () => {
    const { id, item } = await twelveDays();
    const change = b.stripe.subscriptions.update(id, {
      items: [{ id: item, quantity: 2 }],
      metadata: { a: 'b' },
      payment_behavior: 'pending_if_incomplete',
    });
    expect(await refusal(change)).toMatchObject({ param: 'metadata' });
  });
});

test('canceling with prorate gives back the rest of the period', async () => {
  const { id, customer } = await twelveDays();
  await b.stripe.subscriptions.cancel(id, { prorate: true, invoice_now: true });
  expect(await b.stripe.customers.retrieve(customer)).toMatchObject({ balance: -5_940 });
});

test('a metered item that is removed leaves its usage on the next invoice, and counts it only once', async () => {
  const meter = await b.stripe.billing.meters.create({
    display_name: 'Calls',
    event_name: 'calls',
    default_aggregation: { formula: 'sum' },
  });
  const usage = await b.stripe.prices.create({
    currency: 'usd',
    unit_amount: 3,
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    product_data: { name: 'Calls' },
  });
  const { id, customer } = await twelveDays();
  const report = (value: string): Promise<unknown> =>
    b.stripe.billing.meterEvents.create({ event_name: 'calls', payload: { stripe_customer_id: customer, value } });
  await report('1000');
  await b.sandbox.clock.advance(60_000);
  const added = await b.stripe.subscriptionItems.create({ subscription: id, price: usage.id });
  expect(added.current_period_start).toBe(LATER / 1000 + 60);
  await b.sandbox.clock.advance(HOUR);
  await report('50');
  await b.stripe.subscriptionItems.del(added.id);
  const [item] = (await b.stripe.invoiceItems.list({ pending: true })).data;
  expect(item).toMatchObject({ amount: 150, proration: false });
  await b.sandbox.clock.advance(60_000);
  const again = await b.stripe.subscriptionItems.create({ subscription: id, price: usage.id });
  await b.sandbox.clock.advance(24 * HOUR);
  await report('7');
  await b.sandbox.clock.advance(18 * 24 * HOUR);
  const [renewal] = (await b.stripe.invoices.list({ subscription: id })).data;
  expect(renewal?.lines.data.map((line) => line.amount)).toEqual([150, 9_900, 21]);
  expect(again.id).not.toBe(added.id);
});

test('the control room shows how a prorated line was computed', async () => {
  const { id, item, pro } = await twelveDays();
  const updated = await b.stripe.subscriptions.update(id, {
    items: [{ id: item, price: pro }],
    proration_behavior: 'always_invoice',
  });
  const page = await (await fetch(`${b.url}/_sandbox/invoices/${idOf(updated.latest_invoice)}`)).text();
  expect(page).toContain('-$99.00 × 1555200 s / 2592000 s = -$59.40, rounded once');
  expect(page).toContain('$499.00 × 1555200 s / 2592000 s = $299.40, rounded once');
});

describe('a parked change', () => {
  async function parked(): Promise<{ id: string; invoice: string; item: string; pro: string; customer: string }> {
    const { id, item, pro, customer } = await twelveDays(FAIL);
    const updated = await b.stripe.subscriptions.update(id, {
      items: [{ id: item, price: pro }],
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    });
    return { id, invoice: idOf(updated.latest_invoice), item, pro, customer };
  }

  test('gives way to a newer one, whose credit starts from what was billed before both', async () => {
    const { id, invoice, item } = await parked();
    await b.stripe.subscriptions.update(id, { items: [{ id: item, quantity: 2 }] });
    expect((await b.stripe.invoices.retrieve(invoice)).status).toBe('void');
    expect((await b.stripe.subscriptions.retrieve(id)).pending_update).toBeNull();
    expect((await b.stripe.invoiceItems.list({ pending: true })).data.map((each) => each.amount)).toEqual([
      11_880, -5_940,
    ]);
  });

  test('is dropped with the subscription, and paying its invoice later changes nothing', async () => {
    const { id, invoice, customer } = await parked();
    await b.stripe.subscriptions.cancel(id);
    const card = await b.stripe.paymentMethods.attach('pm_card_visa', { customer });
    await b.stripe.invoices.pay(invoice, { payment_method: card.id });
    const { ran } = await b.sandbox.clock.advance(90 * 24 * HOUR);
    expect(ran).toEqual([]);
    expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'canceled', pending_update: null });
  });

  test('is dropped when its invoice is voided', async () => {
    const { id, invoice } = await parked();
    await b.stripe.invoices.voidInvoice(invoice);
    expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({ pending_update: null, status: 'active' });
    expect(await b.stripe.invoices.createPreview({ subscription: id })).toMatchObject({ total: 9_900 });
  });
});

test('with default_incomplete a change waits for the payer, and is past due until then', async () => {
  const { id, item, pro } = await twelveDays();
  const updated = await b.stripe.subscriptions.update(id, {
    items: [{ id: item, price: pro }],
    proration_behavior: 'always_invoice',
    payment_behavior: 'default_incomplete',
  });
  expect(updated.status).toBe('past_due');
  expect(await invoiceOf(updated)).toMatchObject({ status: 'open', attempt_count: 0 });
  await b.stripe.invoices.pay(idOf(updated.latest_invoice));
  expect((await b.stripe.subscriptions.retrieve(id)).status).toBe('active');
});
