import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { amountOf, formatAmount, priceAmount, unitOf } from '../src/billing/money.ts';
import amounts from '../vectors/amounts.json' with { type: 'json' };
import { faultsOf } from './conform.ts';
import { type Bench, bench, DAY, goodCard, monthlyPrice, submit, idOf } from './harness.ts';

let b: Bench;
beforeAll(async () => {
  b = await bench();
});
afterAll(() => b.close());

function check(found: object): void {
  expect(faultsOf(JSON.parse(JSON.stringify(found)))).toEqual([]);
}

test('every object has the fields of the API version, no more and no less', async () => {
  const { stripe } = b;
  const price = await monthlyPrice(stripe);
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: 'http://shop.test/done',
  });
  check(session);
  await submit(session.url ?? '', goodCard);
  const endpoint = await stripe.webhookEndpoints.create({
    url: 'http://127.0.0.1:9',
    enabled_events: ['account.updated'],
  });
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['line_items', 'subscription'] });
  const subscription = done.subscription as Stripe.Subscription;
  const customer = idOf(done.customer);
  await stripe.invoiceItems.create({ customer, amount: 1, currency: 'usd' });
  await b.sandbox.clock.advance(31 * DAY);
  const [item] = (await stripe.invoiceItems.list()).data;
  const invoices = (await stripe.invoices.list({ expand: ['data.payments'] })).data;
  const [charge] = (await stripe.charges.list()).data;
  await stripe.refunds.create({ charge: charge?.id ?? '' });
  const shown: (object | undefined)[] = [
    done,
    subscription,
    subscription.items.data[0],
    subscription.items.data[0]?.plan,
    done.line_items?.data[0],
    endpoint,
    item,
    ...invoices,
    ...invoices.flatMap((invoice) => invoice.lines.data),
    ...invoices.flatMap((invoice) => invoice.payments?.data ?? []),
    price,
    charge,
    ...(await stripe.customers.list()).data,
    ...(await stripe.products.list()).data,
    ...(await stripe.paymentMethods.list({ customer })).data,
    ...(await stripe.paymentIntents.list()).data,
    ...(await stripe.refunds.list()).data,
    ...(await stripe.events.list({ limit: 100 })).data,
  ];
  for (const each of shown) check(each ?? {});
});

test('invoices add up, and numbers have no gaps', async () => {
  const invoices = (await b.stripe.invoices.list({ limit: 100 })).data;
  expect(invoices.length).toBeGreaterThan(1);
  for (const invoice of invoices) {
    const lines = invoice.lines.data.reduce((sum, line) => sum + line.amount, 0);
    expect(invoice.subtotal).toBe(lines);
    expect(invoice.total).toBe(lines);
    expect(invoice.amount_remaining).toBe(invoice.amount_due - invoice.amount_paid);
  }
  const sequence = invoices.filter((each) => each.number !== null).map((each) => Number(each.number?.slice(-4)));
  expect(sequence.toSorted((x, y) => x - y)).toEqual(sequence.map((_, index) => index + 1));
});

test('amounts are exact and rounded once', () => {
  const { tiers } = amounts;
  for (const [quantity = 0, amount] of amounts.graduated) {
    expect(priceAmount({ tiers, tiers_mode: 'graduated', unit_amount_decimal: null }, quantity)).toBe(amount);
  }
  for (const [quantity = 0, amount] of amounts.volume) {
    expect(priceAmount({ tiers, tiers_mode: 'volume', unit_amount_decimal: null }, quantity)).toBe(amount);
  }
  for (const [unit, quantity, amount] of amounts.per_unit) {
    expect(amountOf(String(unit), Number(quantity))).toBe(amount);
  }
  expect([unitOf(1000, 3), unitOf(-5, 2), unitOf(750, 1)]).toEqual(['333.333333333333', '-2.5', '750']);
  expect([
    formatAmount(123_450, 'usd'),
    formatAmount(-5, 'eur'),
    formatAmount(500, 'jpy'),
    formatAmount(1, 'kwd'),
  ]).toEqual(['$1,234.50', '-€0.05', '¥500', '0.001 KWD']);
});
