import type Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, refusal, standing } from './harness.ts';

const START = '2026-11-02T09:00:00Z';
const start = Date.parse(START) / 1000;

let b: Bench;
let customer: string;
let price: string;
let subscription: string;

/** A customer with a card and a price of 1.00 for each request. */
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
  const { stripe } = b;
  const meter = await stripe.billing.meters.create({
    display_name: 'Requests',
    event_name: 'requests',
    default_aggregation: { formula: 'sum' },
  });
  const made = await stripe.prices.create({
    currency: 'usd',
    unit_amount: 100,
    product_data: { name: 'Requests' },
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
  });
  price = made.id;
  customer = (await stripe.customers.create({ email: 'ada@example.com', payment_method: 'pm_card_visa' })).id;
  const [method] = (await stripe.customers.listPaymentMethods(customer)).data;
  const begun = await stripe.subscriptions.create({
    customer,
    items: [{ price }],
    default_payment_method: method?.id ?? '',
  });
  subscription = begun.id;
});
afterEach(() => b.close());

type Facts = Partial<Stripe.Billing.CreditGrantCreateParams> & { value: number };

async function grant({ value, ...rest }: Facts): Promise<Stripe.Billing.CreditGrant> {
  return await b.stripe.billing.creditGrants.create({
    customer,
    amount: { type: 'monetary', monetary: { currency: 'usd', value } },
    applicability_config: { scope: { price_type: 'metered' } },
    ...rest,
  });
}

async function use(value: number): Promise<void> {
  const payload = { stripe_customer_id: customer, value: String(value) };
  await b.stripe.billing.meterEvents.create({ event_name: 'requests', payload });
}

async function renewed(): Promise<Stripe.Invoice> {
  await b.sandbox.clock.advance(30 * DAY + HOUR);
  const [invoice] = (await b.stripe.invoices.list({ subscription })).data;
  if (invoice === undefined) throw new Error('There is no invoice.');
  return invoice;
}

async function left(credit_grant: string): Promise<number | undefined> {
  const filter = { type: 'credit_grant' as const, credit_grant };
  const { balances } = await b.stripe.billing.creditBalanceSummaries.retrieve({ customer, filter });
  return balances[0]?.available_balance.monetary?.value;
}

test('credits pay in the documented order: priority, expiry, category, effective date, age', async () => {
  const far = start + 90 * 86_400;
  const grants = {
    last: await grant({ value: 500, priority: 60 }),
    paid: await grant({ value: 500, expires_at: far }),
    promotional: await grant({ value: 500, expires_at: far, category: 'promotional' }),
    sooner: await grant({ value: 500, expires_at: far - 86_400 }),
    first: await grant({ value: 500, priority: 10 }),
    future: await grant({ value: 500, priority: 0, effective_at: start + 60 * 86_400 }),
    foreign: await grant({ value: 500, priority: 0, amount: euros }),
  };
  await use(21);
  const invoice = await renewed();
  expect(invoice).toMatchObject({ status: 'paid', subtotal: 2_100, total: 0, amount_due: 0 });
  expect(invoice.total_pretax_credit_amounts?.map((each) => each.amount)).toEqual([500, 500, 500, 500, 100]);
  const moved = await b.stripe.billing.creditBalanceTransactions.list({ customer, limit: 100 });
  const debits = moved.data.filter((each) => each.type === 'debit').toReversed();
  expect(debits.map((each) => idOf(each.credit_grant))).toEqual(
    [grants.first, grants.sooner, grants.promotional, grants.paid, grants.last].map((each) => each.id),
  );
  expect(debits[0]?.debit?.credits_applied).toEqual({
    invoice: invoice.id,
    invoice_line_item: invoice.lines.data[0]?.id,
  });
  expect([await left(grants.last.id), await left(grants.first.id), await left(grants.future.id)]).toEqual([
    400,
    0,
    undefined,
  ]);
});

const euros = { type: 'monetary' as const, monetary: { currency: 'eur', value: 500 } };

test('credits come off before tax and after discounts, and only off the prices of their scope', async () => {
  const { stripe } = b;
  const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 10 });
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  await stripe.subscriptions.update(subscription, { default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] });
  await grant({ value: 300, applicability_config: { scope: { prices: [{ id: price }] } } });
  await use(20);
  const invoice = await renewed();
  // 20.00 less half is 10.00; credits leave 7.00; a tenth on top.
  expect([invoice.subtotal, invoice.total]).toEqual([2_000, 770]);
  expect(invoice.total_pretax_credit_amounts?.map((each) => [each.type, each.amount])).toEqual([
    ['discount', 1_000],
    ['credit_balance_transaction', 300],
  ]);
});

test('a voided invoice gives its credits back', async () => {
  const made = await grant({ value: 300 });
  await use(10);
  const { stripe } = b;
  const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer });
  await stripe.subscriptions.update(subscription, { default_payment_method: bad.id });
  const invoice = await renewed();
  expect([invoice.status, invoice.total, await left(made.id)]).toEqual(['open', 700, 0]);
  await stripe.invoices.voidInvoice(invoice.id);
  expect(await left(made.id)).toBe(300);
  const [newest] = (await stripe.billing.creditBalanceTransactions.list({ credit_grant: made.id })).data;
  expect(newest?.credit).toMatchObject({
    type: 'credits_application_invoice_voided',
    credits_application_invoice_voided: { invoice: invoice.id },
  });
});

test('a grant expires on its day or at once, and only an unused one can be voided', async () => {
  const { stripe, sandbox } = b;
  const soon = await grant({ value: 100, expires_at: start + 86_400 });
  const later = await grant({ value: 100, name: 'Welcome', metadata: { a: '1' } });
  await stripe.billing.creditGrants.update(later.id, { expires_at: start + 86_400 * 50, metadata: { b: '2' } });
  await sandbox.clock.advance(DAY);
  expect([await left(soon.id), await left(later.id)]).toEqual([0, 100]);
  const expired = await stripe.billing.creditGrants.expire(later.id);
  expect([expired.expires_at, expired.metadata, await left(later.id)]).toEqual([start + 86_400, { a: '1', b: '2' }, 0]);
  const voided = await stripe.billing.creditGrants.voidGrant((await grant({ value: 100 })).id);
  expect([voided.voided_at, await left(voided.id)]).toEqual([start + 86_400, 0]);
  const used = await grant({ value: 200 });
  await use(1);
  await renewed();
  expect((await refusal(stripe.billing.creditGrants.voidGrant(used.id))).message).toContain('cannot void');
  expect((await stripe.billing.creditGrants.list({ customer })).data.length).toBe(4);
  const types = (await stripe.events.list({ type: 'billing.credit_*', limit: 100 })).data.map((event) => event.type);
  expect([...new Set(types)].toSorted()).toEqual([
    'billing.credit_balance_transaction.created',
    'billing.credit_grant.created',
    'billing.credit_grant.updated',
  ]);
});

test('what is left of a grant is the sum of its movements, also when read expanded', async () => {
  const made = await grant({ value: 250 });
  await use(1);
  await renewed();
  const moved = await b.stripe.billing.creditBalanceTransactions.list({
    credit_grant: made.id,
    expand: ['data.credit_grant.customer'],
  });
  const sum = moved.data.reduce(
    (all, each) => all + (each.credit?.amount.monetary?.value ?? 0) - (each.debit?.amount.monetary?.value ?? 0),
    0,
  );
  expect([sum, await left(made.id)]).toEqual([150, 150]);
  expect(moved.data[0]?.credit_grant).toMatchObject({
    id: made.id,
    priority: 50,
    customer: { email: 'ada@example.com' },
  });
});
