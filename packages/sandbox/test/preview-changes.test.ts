import type Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing, subscriber } from './harness.ts';
import { essence } from './proofs/previews.ts';

const START = '2026-11-01T00:00:00Z';
const HALF = '2026-11-16T00:00:00Z';
const at = (iso: string): number => Date.parse(iso) / 1_000;

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
});
afterEach(() => b.close());

async function lastInvoice(subscription: string): Promise<Stripe.Invoice> {
  const [invoice] = (await b.stripe.invoices.list({ subscription })).data;
  if (invoice === undefined) throw new Error('There is no invoice.');
  return invoice;
}

/** Everything there is but the answers kept for their idempotency keys. */
async function everything(): Promise<unknown[]> {
  const { state } = await b.sandbox.snapshot();
  return state.filter(([kind]) => kind !== 'idempotency');
}

/** Previews, and checks that nothing came of it. */
async function preview(params: Stripe.InvoiceCreatePreviewParams): Promise<Stripe.Invoice> {
  const before = await everything();
  const invoice = await b.stripe.invoices.createPreview(params);
  expect(await everything()).toEqual(before);
  return invoice;
}

async function halfWay(): Promise<{ id: string; customer: string; price: string; item: string }> {
  const { subscription, customer, price } = await subscriber(b.stripe);
  await b.sandbox.clock.advanceTo(Date.parse(HALF));
  return { id: subscription.id, customer: customer.id, price, item: subscription.items.data[0]?.id ?? '' };
}

test('of a cancellation now it is the last invoice that the cancellation makes', async () => {
  const { id, customer } = await halfWay();
  await b.stripe.invoiceItems.create({ customer, amount: 1_000, currency: 'usd' });
  const shown = await preview({ subscription: id, subscription_details: { cancel_now: true } });
  expect(shown.total).toBe(1_000 - 24_950);
  await b.stripe.subscriptions.cancel(id, { prorate: true, invoice_now: true });
  expect(essence(await lastInvoice(id))).toEqual(essence(shown));
});

test('of a pause and of its end it is what each bills', async () => {
  const { id } = await halfWay();
  const pausing = await preview({ subscription: id, subscription_details: { pause: { type: 'subscription' } } });
  await b.stripe.subscriptions.pause(id, { type: 'subscription', invoicing_behavior: 'invoice' });
  expect(essence(await lastInvoice(id))).toEqual(essence(pausing));
  await b.sandbox.clock.advance(DAY);
  const going_on = await preview({ subscription: id, subscription_details: { resume_at: 'now' } });
  expect(going_on).toMatchObject({ subtotal: 49_900, starting_balance: -24_950, amount_due: 24_950 });
  await b.stripe.subscriptions.resume(id);
  expect(essence(await lastInvoice(id))).toEqual(essence(going_on));
});

test('of a schedule it is the next invoice that comes of its phases', async () => {
  const { id, price } = await halfWay();
  const basic = (await monthlyPrice(b.stripe, 9_900, 'Basic')).id;
  const made = await b.stripe.subscriptionSchedules.create({ from_subscription: id });
  const now = { items: [{ price }], start_date: at(START), end_date: at('2026-12-01T00:00:00Z') };
  const phases = [now, { items: [{ price: basic }] }];
  const thought = await preview({ schedule: made.id, schedule_details: { phases } });
  expect(thought).toMatchObject({ total: 9_900, billing_reason: 'upcoming' });
  const early = await preview({
    schedule: made.id,
    schedule_details: {
      phases: [
        { ...now, end_date: at('2026-11-21T00:00:00Z') },
        { items: [{ price: basic }], proration_behavior: 'always_invoice' },
      ],
    },
  });
  expect(early.lines.data.map((line) => line.amount)).toEqual([3_300, -16_633]);
  await b.stripe.subscriptionSchedules.update(made.id, { phases });
  const planned = await preview({ schedule: made.id });
  expect(essence(planned)).toEqual(essence(thought));
  // The subscription's own preview knows of its schedule too.
  expect(essence(await preview({ subscription: id }))).toEqual(essence(thought));
  await b.sandbox.clock.advanceTo(Date.parse('2026-12-01T00:00:00Z') + HOUR);
  expect(essence(await lastInvoice(id))).toEqual(essence(planned));
});

test('of a schedule that is only thought of it is its first invoice', async () => {
  const { customer, price } = await halfWay();
  const phases = [{ items: [{ price, quantity: 2 }], start_date: at('2027-01-01T00:00:00Z') }];
  const shown = await preview({ customer, schedule_details: { phases } });
  expect(shown.total).toBe(99_800);
  expect(shown.lines.data[0]?.period.start).toBe(at('2027-01-01T00:00:00Z'));
  const schedule = await b.stripe.subscriptionSchedules.create({
    customer,
    start_date: at('2027-01-01T00:00:00Z'),
    phases: [{ items: [{ price, quantity: 2 }] }],
  });
  expect(essence(await preview({ schedule: schedule.id }))).toEqual(essence(shown));
  expect((await b.stripe.subscriptionSchedules.list({ customer })).data).toHaveLength(1);
});

test('of what recurs it leaves out what is billed once', async () => {
  const { id, customer, item } = await halfWay();
  const pro = (await monthlyPrice(b.stripe, 99_900, 'Max')).id;
  const once = await b.stripe.coupons.create({ percent_off: 50, duration: 'once' });
  const always = await b.stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  await b.stripe.subscriptions.update(id, { discounts: [{ coupon: once.id }, { coupon: always.id }] });
  await b.stripe.invoiceItems.create({ customer, amount: 1_000, currency: 'usd' });
  const items = [{ id: item, price: pro }];
  const next = await preview({ subscription: id, subscription_details: { items } });
  expect(next.lines.data.length).toBeGreaterThan(1);
  const recurring = await preview({ subscription: id, subscription_details: { items }, preview_mode: 'recurring' });
  expect(recurring).toMatchObject({ subtotal: 99_900, total: 89_910 });
  expect(recurring.lines.data).toHaveLength(1);
  const ending = b.stripe.invoices.createPreview({
    subscription: id,
    preview_mode: 'recurring',
    subscription_details: { cancel_now: true },
  });
  expect((await refusal(ending)).param).toBe('preview_mode');
});

test('takes items that are only in it, other amounts for those that wait, and other discounts', async () => {
  const { id, customer } = await halfWay();
  const waiting = await b.stripe.invoiceItems.create({ customer, amount: 1_000, currency: 'usd' });
  const coupon = await b.stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const shown = await preview({
    subscription: id,
    discounts: [{ coupon: coupon.id }],
    invoice_items: [
      { invoiceitem: waiting.id, amount: 2_000 },
      { amount: 300, currency: 'usd', description: 'Extra', discountable: false },
      { unit_amount: 25, quantity: 4, currency: 'usd' },
    ],
  });
  expect(shown.lines.data.map((line) => line.amount)).toEqual([100, 300, 2_000, 49_900]);
  expect(shown.total).toBe(300 + (2_000 + 100 + 49_900) / 2);
  expect((await b.stripe.invoiceItems.retrieve(waiting.id)).amount).toBe(1_000);
  await b.stripe.subscriptions.update(id, { discounts: [{ coupon: coupon.id }] });
  expect((await preview({ subscription: id })).total).toBe(25_450);
  expect((await preview({ subscription: id, discounts: '' })).total).toBe(50_900);
  expect((await b.stripe.coupons.retrieve(coupon.id)).times_redeemed).toBe(1);
});

test('needs no customer when it is told about one', async () => {
  const { id: price } = await monthlyPrice(b.stripe, 10_000);
  const rate = await b.stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  const subscription_details = { items: [{ price, tax_rates: [rate.id] }], default_tax_rates: [rate.id] };
  const taxed = await preview({ customer_details: { address: { country: 'AT' } }, subscription_details });
  expect(taxed).toMatchObject({ customer: null, customer_address: { country: 'AT' }, total: 12_000 });
  const exempt = await preview({ customer_details: { tax_exempt: 'exempt' }, subscription_details });
  expect(exempt.total).toBe(10_000);
  const { data } = await b.stripe.customers.list();
  expect(data).toEqual([]);
});

test('a subscription that begins later is billed from then', async () => {
  const { id: price } = await monthlyPrice(b.stripe, 10_000);
  const customer = await b.stripe.customers.create({});
  const start_date = at('2027-02-01T00:00:00Z');
  const shown = await preview({ customer: customer.id, subscription_details: { items: [{ price }], start_date } });
  expect(shown.lines.data[0]?.period).toEqual({ start: start_date, end: at('2027-03-01T00:00:00Z') });
});

test('what does not go together is refused by name', async () => {
  const { id, customer, item, price } = await halfWay();
  const schedule = await b.stripe.subscriptionSchedules.create({ from_subscription: id });
  const wrong: [Stripe.InvoiceCreatePreviewParams, string][] = [
    [{ schedule: schedule.id, subscription: id }, 'schedule'],
    [
      { customer, schedule_details: { phases: [{ items: [{ price }] }] }, subscription_details: {}, subscription: id },
      'schedule_details',
    ],
    [{ schedule: 'sub_sched_x' }, 'schedule'],
    [{ subscription: 'sub_x' }, 'subscription'],
    [{}, 'customer'],
    [
      { subscription: id, subscription_details: { cancel_now: true, items: [{ id: item, quantity: 2 }] } },
      'subscription_details',
    ],
    [{ subscription: id, invoice_items: [{ invoiceitem: 'ii_x', amount: 1 }] }, 'invoice_items[0][invoiceitem]'],
  ];
  for (const [params, param] of wrong) {
    expect(await refusal(b.stripe.invoices.createPreview(params))).toMatchObject({ statusCode: 400, param });
  }
  await b.stripe.subscriptionSchedules.release(schedule.id);
  const over = await refusal(b.stripe.invoices.createPreview({ schedule: schedule.id }));
  expect(over).toMatchObject({ code: 'invoice_upcoming_none', statusCode: 404 });
  expect(idOf((await b.stripe.subscriptions.retrieve(id)).customer)).toBe(customer);
});
