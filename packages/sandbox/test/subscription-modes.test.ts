import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import vectors from '../vectors/prorations.json' with { type: 'json' };
import usage from '../vectors/usage.json' with { type: 'json' };
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2026-04-01T00:00:00Z'), frozen: true });
});
afterEach(() => b.close());

const classic = { type: 'classic' } as const;

async function start(params: Omit<Stripe.SubscriptionCreateParams, 'customer'>): Promise<Stripe.Subscription> {
  const customer = await b.stripe.customers.create({});
  const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  return await b.stripe.subscriptions.create({ customer: customer.id, default_payment_method: method.id, ...params });
}

const first = (subscription: Stripe.Subscription): string => subscription.items.data[0]?.id ?? '';

async function latest(subscription: Stripe.Subscription): Promise<Stripe.Invoice> {
  return await b.stripe.invoices.retrieve(idOf(subscription.latest_invoice));
}

async function pendingAmounts(): Promise<number[]> {
  return (await b.stripe.invoiceItems.list({ pending: true })).data.map((item) => item.amount);
}

async function metered(unit_amount: number, divide_by = 100): Promise<string> {
  const meters = await b.stripe.billing.meters.list();
  const meter =
    meters.data[0] ??
    (await b.stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
    }));
  const price = await b.stripe.prices.create({
    currency: 'usd',
    unit_amount,
    transform_quantity: { divide_by, round: 'up' },
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    product_data: { name: 'Calls' },
  });
  return price.id;
}

async function report(customer: string, value: number): Promise<void> {
  await b.stripe.billing.meterEvents.create({
    event_name: 'calls',
    payload: { stripe_customer_id: customer, value: String(value) },
  });
}

describe('classic billing', () => {
  test('is told by the subscription, and flexible is what you get without asking', async () => {
    const price = (await monthlyPrice(b.stripe)).id;
    expect((await start({ items: [{ price }], billing_mode: classic })).billing_mode).toEqual({
      type: 'classic',
      flexible: null,
    });
    expect((await start({ items: [{ price }] })).billing_mode.type).toBe('flexible');
  });

  test('credits the price of now, whatever was billed', async () => {
    const { at, prices, charge, classic: expected } = vectors.billing_mode;
    const all = await Promise.all(prices.map((amount, index) => monthlyPrice(b.stripe, amount, `Plan ${index}`)));
    const made = await start({ items: [{ price: all[0]?.id ?? '' }], billing_mode: classic });
    await b.sandbox.clock.advanceTo(Date.parse(at[1] ?? ''));
    const item = { id: first(made), price: all[1]?.id ?? '' };
    await b.stripe.subscriptions.update(made.id, { items: [item], proration_behavior: 'none' });
    await b.sandbox.clock.advanceTo(Date.parse(at[2] ?? ''));
    const back = await b.stripe.subscriptions.update(made.id, {
      items: [{ id: first(made), price: all[2]?.id ?? '' }],
      proration_behavior: 'always_invoice',
    });
    const invoice = await latest(back);
    expect(invoice.lines.data.map((line) => line.amount)).toEqual([charge, expected.credit]);
    expect(invoice.total).toBe(expected.net);
  });

  test('gives each item the whole discount when it credits', async () => {
    const { items, amount_off, classic_credit } = vectors.discounted;
    const coupon = await b.stripe.coupons.create({ amount_off, currency: 'usd', duration: 'forever' });
    const prices = await Promise.all(items.map((amount, index) => monthlyPrice(b.stripe, amount, `Plan ${index}`)));
    const made = await start({
      items: prices.map((price) => ({ price: price.id })),
      discounts: [{ coupon: coupon.id }],
      billing_mode: classic,
    });
    await b.sandbox.clock.advanceTo(Date.parse('2026-04-16T00:00:00Z'));
    await b.stripe.subscriptionItems.del(first(made));
    expect(await pendingAmounts()).toEqual([classic_credit]);
  });

  test('begins anew when the interval changes, and bills that at once', async () => {
    const month = await monthlyPrice(b.stripe, 3_000);
    const year = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 30_000,
      recurring: { interval: 'year' },
      product: idOf(month.product),
    });
    const made = await start({ items: [{ price: month.id }], billing_mode: classic });
    await b.sandbox.clock.advance(15 * DAY);
    const changed = await b.stripe.subscriptions.update(made.id, { items: [{ id: first(made), price: year.id }] });
    expect(changed.billing_cycle_anchor).toBe(Date.parse('2026-04-16T00:00:00Z') / 1000);
    expect((await latest(changed)).lines.data.map((line) => line.amount)).toEqual([-1_500, 30_000]);
  });

  test('begins anew when what was free begins to cost; flexible billing keeps its anchor', async () => {
    const [free, paid] = [await monthlyPrice(b.stripe, 0, 'Free'), await monthlyPrice(b.stripe, 3_000)];
    const old = await start({ items: [{ price: free.id }], billing_mode: classic });
    const flexible = await start({ items: [{ price: free.id }] });
    await b.sandbox.clock.advance(15 * DAY);
    const change = async (made: Stripe.Subscription): Promise<Stripe.Subscription> =>
      await b.stripe.subscriptions.update(made.id, { items: [{ id: first(made), price: paid.id }] });
    const [one, other] = [await change(old), await change(flexible)];
    expect((await latest(one)).total).toBe(3_000);
    expect(one.billing_cycle_anchor).toBe(Date.parse('2026-04-16T00:00:00Z') / 1000);
    expect(other.billing_cycle_anchor).toBe(Date.parse('2026-04-01T00:00:00Z') / 1000);
    expect(await pendingAmounts()).toEqual([1_500]);
  });

  test('announces a metered item by a line of nothing, and forgets its usage when it goes', async () => {
    const made = await start({ items: [{ price: await metered(10) }], billing_mode: classic });
    expect((await latest(made)).lines.data.map((line) => [line.amount, line.quantity])).toEqual([[0, 0]]);
    const flexible = await start({ items: [{ price: await metered(10) }] });
    expect(flexible.latest_invoice).toBeNull();
    const plain = await monthlyPrice(b.stripe, 0);
    await report(idOf(made.customer), 500);
    await report(idOf(flexible.customer), 500);
    for (const each of [made, flexible]) {
      await b.sandbox.clock.advance(HOUR);
      await b.stripe.subscriptions.update(each.id, { items: [{ price: plain.id }] });
      await b.stripe.subscriptionItems.del(first(each), { clear_usage: true });
    }
    const pending = (await b.stripe.invoiceItems.list({ pending: true })).data.filter((item) => item.amount !== 0);
    expect(pending.map((item) => [item.customer, item.amount])).toEqual([[flexible.customer, 50]]);
  });

  test('bills usage by the price at the end of the period, and none that was reported before it', async () => {
    const { reports, classic_total } = usage.price_change;
    const before = await metered(reports[0]?.unit_amount ?? 0);
    const after = await metered(reports[1]?.unit_amount ?? 0);
    const made = await start({ items: [{ price: before }], billing_mode: classic });
    await report(idOf(made.customer), reports[0]?.quantity ?? 0);
    await b.sandbox.clock.advance(15 * DAY);
    await b.stripe.subscriptions.update(made.id, { items: [{ id: first(made), price: after }] });
    await report(idOf(made.customer), reports[1]?.quantity ?? 0);
    await b.sandbox.clock.advance(15 * DAY + 2 * HOUR);
    const renewed = await b.stripe.subscriptions.retrieve(made.id);
    expect((await latest(renewed)).total).toBe(classic_total);
  });

  test('refuses what only flexible billing has', async () => {
    const month = await monthlyPrice(b.stripe);
    const year = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 1,
      recurring: { interval: 'year' },
      product: idOf(month.product),
    });
    const mixed = start({ items: [{ price: month.id }, { price: year.id }], billing_mode: classic });
    expect(await refusal(mixed)).toMatchObject({ param: 'items' });
  });
});

test('a migration goes one way, and what was billed before it is credited as it was billed', async () => {
  const [low, high] = [await monthlyPrice(b.stripe, 1_000), await monthlyPrice(b.stripe, 2_000, 'Max')];
  const made = await start({ items: [{ price: low.id }], billing_mode: classic });
  const billing_mode = { type: 'flexible' as const, flexible: { proration_discounts: 'itemized' as const } };
  const migrated = await b.stripe.subscriptions.migrate(made.id, { billing_mode });
  expect(migrated.billing_mode).toMatchObject({
    ...billing_mode,
    updated_at: Date.parse('2026-04-01T00:00:00Z') / 1000,
  });
  expect(await refusal(b.stripe.subscriptions.migrate(made.id, { billing_mode }))).toMatchObject({ statusCode: 400 });
  await b.sandbox.clock.advance(15 * DAY);
  await b.stripe.subscriptions.update(made.id, { items: [{ id: first(made), price: high.id }] });
  expect(await pendingAmounts()).toEqual([1_000, -500]);
});

test('itemized prorations name their discounts, and come to the same', async () => {
  const coupon = await b.stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const [low, high] = [await monthlyPrice(b.stripe, 1_001), await monthlyPrice(b.stripe, 2_003, 'Max')];
  const totals = await Promise.all(
    (['included', 'itemized'] as const).map(async (proration_discounts) => {
      const made = await start({
        items: [{ price: low.id }],
        discounts: [{ coupon: coupon.id }],
        billing_mode: { type: 'flexible', flexible: { proration_discounts } },
      });
      const changed = await b.stripe.subscriptions.update(made.id, {
        items: [{ id: first(made), price: high.id }],
        proration_behavior: 'always_invoice',
        proration_date: Date.parse('2026-04-01T00:00:00Z') / 1000,
      });
      return await latest(changed);
    }),
  );
  const [included, itemized] = totals;
  expect(itemized?.total).toBe(included?.total);
  expect(included?.lines.data.map((line) => line.discount_amounts?.length)).toEqual([0, 0]);
  expect(itemized?.lines.data.map((line) => [line.amount, line.discount_amounts?.[0]?.amount])).toEqual([
    [2_003, 200],
    [-1_001, -100],
  ]);
});
