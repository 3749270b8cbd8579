import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing } from './harness.ts';

/** Noon of the 11th of a month of 31 days. */
const now = (): number => Date.parse('2026-12-11T12:00:00Z');
const seconds = (iso: string): number => Date.parse(iso) / 1000;

let shared: Bench;
beforeAll(async () => {
  shared = await bench({ now: standing('2026-12-11T12:00:00Z'), frozen: true });
});
afterAll(() => shared.close());

async function payer(stripe: Stripe = shared.stripe): Promise<string> {
  const customer = await stripe.customers.create({ email: 'ada@example.com' });
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
  return customer.id;
}

type Params = Omit<Stripe.SubscriptionCreateParams, 'customer'>;

async function start(params: Params, stripe: Stripe = shared.stripe): Promise<Stripe.Subscription> {
  return await stripe.subscriptions.create({ customer: await payer(stripe), ...params });
}

async function firstInvoice(
  subscription: Stripe.Subscription,
  stripe: Stripe = shared.stripe,
): Promise<Stripe.Invoice> {
  return await stripe.invoices.retrieve(idOf(subscription.latest_invoice));
}

const amounts = (invoice: Stripe.Invoice): number[] => invoice.lines.data.map((line) => line.amount);

test('a fixed anchor is reached by a first period that costs its share of the seconds', async () => {
  const price = await monthlyPrice(shared.stripe, 31_000);
  const anchor = seconds('2027-01-01T00:00:00Z');
  const subscription = await start({ items: [{ price: price.id }], billing_cycle_anchor: anchor });
  const [item] = subscription.items.data;
  expect(subscription).toMatchObject({ status: 'active', billing_cycle_anchor: anchor });
  expect(item).toMatchObject({ current_period_start: now() / 1000, current_period_end: anchor });
  const invoice = await firstInvoice(subscription);
  // 20.5 of 31 days.
  expect(amounts(invoice)).toEqual([20_500]);
  expect(invoice.lines.data[0]?.parent?.subscription_item_details).toMatchObject({ proration: true });
});

test('without prorations the time before the anchor is free, and nothing is billed', async () => {
  const price = await monthlyPrice(shared.stripe, 31_000);
  const subscription = await start({
    items: [{ price: price.id }],
    billing_cycle_anchor: seconds('2027-01-01T00:00:00Z'),
    proration_behavior: 'none',
  });
  expect(subscription).toMatchObject({ status: 'active', latest_invoice: null });
});

test('after a fixed anchor whole periods are billed, and a credit gives back what the short one cost', async () => {
  await using own = await closing({ now: standing('2026-12-11T12:00:00Z') });
  const { stripe, sandbox } = own;
  const price = await monthlyPrice(stripe, 31_000);
  const subscription = await start(
    { items: [{ price: price.id }], billing_cycle_anchor: seconds('2027-01-01T00:00:00Z') },
    stripe,
  );
  const preview = await stripe.invoices.createPreview({
    subscription: subscription.id,
    subscription_details: {
      items: [{ id: subscription.items.data[0]?.id ?? '', quantity: 2 }],
      proration_behavior: 'always_invoice',
    },
  });
  expect(amounts(preview).toSorted((a, b) => a - b)).toEqual([-20_500, 41_000]);
  await sandbox.clock.advance(20.5 * DAY + 2 * HOUR);
  const after = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
  expect((after.latest_invoice as Stripe.Invoice).amount_paid).toBe(31_000);
  expect(after.items.data[0]?.current_period_end).toBe(seconds('2027-02-01T00:00:00Z'));
});

test.each([
  [{ day_of_month: 31 }, '2026-12-31T12:00:00Z'],
  [{ day_of_month: 11, hour: 12 }, '2027-01-11T12:00:00Z'],
  [{ day_of_month: 5, hour: 0, minute: 0, second: 0 }, '2027-01-05T00:00:00Z'],
])('the anchor %j comes next at %s', async (config, expected) => {
  const price = await monthlyPrice(shared.stripe);
  const subscription = await start({ items: [{ price: price.id }], billing_cycle_anchor_config: config });
  expect(subscription.billing_cycle_anchor).toBe(seconds(expected));
  expect(subscription.billing_cycle_anchor_config).toMatchObject({ day_of_month: config.day_of_month });
});

test('a configured day that a month has not is its last day, and comes back in the next', async () => {
  await using own = await closing({ now: standing('2027-02-10T00:00:00Z') });
  const price = await monthlyPrice(own.stripe);
  const subscription = await start(
    { items: [{ price: price.id }], billing_cycle_anchor_config: { day_of_month: 31 } },
    own.stripe,
  );
  expect(subscription.billing_cycle_anchor).toBe(seconds('2027-02-28T00:00:00Z'));
  await own.sandbox.clock.advance(20 * DAY);
  const after = await own.stripe.subscriptions.retrieve(subscription.id);
  expect(after.items.data[0]?.current_period_end).toBe(seconds('2027-03-31T00:00:00Z'));
});

test.each([
  [{ billing_cycle_anchor: seconds('2026-12-11T11:00:00Z') }, 'must be in the future', 'billing_cycle_anchor'],
  [{ billing_cycle_anchor: seconds('2027-02-01T00:00:00Z') }, 'natural billing date', 'billing_cycle_anchor'],
  [
    { billing_cycle_anchor: seconds('2027-01-01T00:00:00Z'), billing_cycle_anchor_config: { day_of_month: 1 } },
    'only specify one',
    'billing_cycle_anchor_config',
  ],
  [{ backdate_start_date: seconds('2026-12-12T00:00:00Z') }, 'must be in the past', 'backdate_start_date'],
  [{ on_behalf_of: 'acct_1' }, 'one sandbox is one account', 'on_behalf_of'],
  [{ transfer_data: { destination: 'acct_1' } }, 'one sandbox is one account', 'transfer_data'],
  [{ days_until_due: 5 }, 'send_invoice', 'days_until_due'],
  [{ collection_method: 'send_invoice' as const }, 'Missing required param: days_until_due', 'days_until_due'],
  [{ currency: 'eur' }, 'expected currency', 'items[0][price]'],
  [{ payment_behavior: 'pending_if_incomplete' as const }, 'only for updates', 'payment_behavior'],
])('%j is refused, and nothing is made', async (params, message, param) => {
  const price = await monthlyPrice(shared.stripe);
  const customer = await payer();
  const refused = await refusal(
    shared.stripe.subscriptions.create({ customer, items: [{ price: price.id }], ...params }),
  );
  expect(refused).toMatchObject({ statusCode: 400, param, message: expect.stringContaining(message) as string });
  expect((await shared.stripe.subscriptions.list({ customer, status: 'all' })).data).toEqual([]);
});

test('of a start that lies more than a period back, the period that runs is the one that holds now', async () => {
  await using own = await closing({ now: standing('2027-02-20T00:00:00Z') });
  const price = await monthlyPrice(own.stripe, 2_800);
  const begun = await start(
    {
      items: [{ price: price.id }],
      backdate_start_date: seconds('2027-01-01T00:00:00Z'),
      billing_cycle_anchor: seconds('2027-03-01T00:00:00Z'),
    },
    own.stripe,
  );
  expect(begun.items.data[0]).toMatchObject({
    current_period_start: seconds('2027-02-01T00:00:00Z'),
    current_period_end: seconds('2027-03-01T00:00:00Z'),
  });
  const { data } = await own.stripe.invoices.list({ subscription: begun.id });
  expect(data.map((invoice) => invoice.total)).toEqual([5_600]);
});

test('a backdated start is billed by shares of intervals that begin on its day', async () => {
  // The example of https://docs.stripe.com/billing/subscriptions/backdating: half of the imagined month.
  await using own = await closing({ now: standing('2027-02-20T00:00:00Z') });
  const price = await monthlyPrice(own.stripe, 10_000);
  const backdate_start_date = seconds('2027-02-15T00:00:00Z');
  const anchored = await start(
    { items: [{ price: price.id }], backdate_start_date, billing_cycle_anchor: seconds('2027-03-01T00:00:00Z') },
    own.stripe,
  );
  expect(anchored.start_date).toBe(backdate_start_date);
  expect(amounts(await firstInvoice(anchored, own.stripe))).toEqual([5_000]);
  const plain = await start({ items: [{ price: price.id }], backdate_start_date }, own.stripe);
  // 5 of 28 days have gone by; then a whole month from today.
  expect(amounts(await firstInvoice(plain, own.stripe))).toEqual([1_786, 10_000]);
  expect(plain.items.data[0]?.current_period_end).toBe(seconds('2027-03-20T00:00:00Z'));
});

test('invoice items are added to the first invoice, by price or by price data, with their own discount and rate', async () => {
  const { stripe } = shared;
  const price = await monthlyPrice(stripe, 1_000);
  const setup = await stripe.prices.create({ currency: 'usd', unit_amount: 5_000, product: idOf(price.product) });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 20 });
  const subscription = await start({
    items: [{ price: price.id }],
    add_invoice_items: [
      { price: setup.id, quantity: 2, discounts: [{ coupon: coupon.id }], metadata: { kind: 'setup' } },
      {
        price_data: { currency: 'usd', product: idOf(price.product), unit_amount: 700 },
        tax_rates: [rate.id],
        period: { start: { type: 'now' }, end: { type: 'timestamp', timestamp: now() / 1000 + 60 } },
      },
    ],
  });
  const invoice = await firstInvoice(subscription);
  expect(amounts(invoice).toSorted((a, b) => a - b)).toEqual([700, 1_000, 10_000]);
  expect(invoice.total).toBe(700 + 140 + 1_000 + 10_000 - 1_000);
  const added = invoice.lines.data.find((line) => line.amount === 700);
  expect(added?.period).toEqual({ start: now() / 1000, end: now() / 1000 + 60 });
  const recurring = await refusal(start({ items: [{ price: price.id }], add_invoice_items: [{ price: price.id }] }));
  expect(recurring).toMatchObject({ param: 'add_invoice_items[0][price]', statusCode: 400 });
});

test('an update adds invoice items to the next invoice, or to the one it makes', async () => {
  await using own = await closing({ now: standing('2026-12-11T12:00:00Z') });
  const { stripe } = own;
  const price = await monthlyPrice(stripe, 1_000);
  const product = idOf(price.product);
  const subscription = await start({ items: [{ price: price.id }] }, stripe);
  const add_invoice_items = [{ price_data: { currency: 'usd', product, unit_amount: 300 } }];
  await stripe.subscriptions.update(subscription.id, { add_invoice_items });
  const items = [{ id: subscription.items.data[0]?.id ?? '', quantity: 2 }];
  const changed = await stripe.subscriptions.update(subscription.id, {
    items,
    add_invoice_items,
    proration_behavior: 'always_invoice',
  });
  expect(amounts(await firstInvoice(changed, stripe)).toSorted((a, b) => a - b)).toEqual([-1_000, 300, 300, 2_000]);
});

test('an inline price belongs to its item and can be given to no other', async () => {
  const { stripe } = shared;
  const price = await monthlyPrice(stripe, 1_000);
  const product = idOf(price.product);
  const subscription = await start({
    items: [{ price_data: { currency: 'usd', product, recurring: { interval: 'year' }, unit_amount: 12_000 } }],
  });
  const inline = subscription.items.data[0]?.price;
  expect(inline).toMatchObject({ active: false, unit_amount: 12_000, recurring: { interval: 'year' } });
  expect((await firstInvoice(subscription)).total).toBe(12_000);
  const again = await refusal(start({ items: [{ price: inline?.id ?? '' }] }));
  expect(again).toMatchObject({ message: expect.stringContaining('inactive') as string });
});

test("an item's discount and tax rates are its own, and a coupon for once is gone after its invoice", async () => {
  const { stripe } = shared;
  const price = await monthlyPrice(stripe, 1_000);
  const other = await monthlyPrice(stripe, 2_000, 'Seats');
  const once = await stripe.coupons.create({ amount_off: 400, currency: 'usd', duration: 'once' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 10 });
  const subscription = await start({
    items: [
      { price: price.id, discounts: [{ coupon: once.id }] },
      { price: other.id, tax_rates: [rate.id] },
    ],
  });
  const invoice = await firstInvoice(subscription);
  expect(invoice.total).toBe(600 + 2_200);
  expect(subscription.items.data[0]?.discounts).toEqual([]);
  expect(invoice.lines.data[0]?.discounts).toHaveLength(1);
});

test('items of different intervals have periods of their own, and an invoice at every boundary', async () => {
  await using own = await closing({ now: standing('2026-12-11T12:00:00Z') });
  const { stripe, sandbox } = own;
  const monthly = await monthlyPrice(stripe, 1_000);
  const yearly = await stripe.prices.create({
    currency: 'usd',
    unit_amount: 9_000,
    recurring: { interval: 'year' },
    product: idOf(monthly.product),
  });
  const subscription = await start({ items: [{ price: monthly.id }, { price: yearly.id }] }, stripe);
  const ends = subscription.items.data.map((item) => item.current_period_end);
  expect(ends).toEqual([seconds('2027-01-11T12:00:00Z'), seconds('2027-12-11T12:00:00Z')]);
  await sandbox.clock.advance(366 * DAY);
  const invoices = await stripe.invoices.list({ subscription: subscription.id, limit: 100 });
  expect(invoices.data.map(amounts)).toEqual([
    [1_000, 9_000],
    ...Array.from({ length: 11 }, () => [1_000]),
    [1_000, 9_000],
  ]);
  const classic = await refusal(
    start({ items: [{ price: monthly.id }, { price: yearly.id }], billing_mode: { type: 'classic' } }, stripe),
  );
  expect(classic).toMatchObject({ message: expect.stringContaining('Found mismatch in interval field') as string });
});

async function closing(options: Parameters<typeof bench>[0]): Promise<Bench & AsyncDisposable> {
  const own = await bench(options);
  return { ...own, [Symbol.asyncDispose]: () => own.close() };
}
