import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, goodCard, idOf, monthlyPrice, refusal, standing, submit } from './harness.ts';
import { addsUp } from './totals.ts';

const at = (iso: string): number => Date.parse(iso) / 1_000;
type Data = NonNullable<Stripe.Checkout.SessionCreateParams['subscription_data']>;

let b: Bench;
let stripe: Stripe;
let price: string;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-16T12:00:00Z'), frozen: true });
  stripe = b.stripe;
  price = (await monthlyPrice(stripe, 3_100)).id;
});
afterEach(async () => {
  await addsUp(stripe);
  await b.close();
});

async function open(subscription_data: Data, more: Partial<Stripe.Checkout.SessionCreateParams> = {}) {
  return await stripe.checkout.sessions.create({
    mode: 'subscription',
    success_url: 'http://shop.test/done',
    line_items: [{ price, quantity: 1 }],
    subscription_data,
    ...more,
  });
}

async function completed(session: Stripe.Checkout.Session): Promise<{
  session: Stripe.Checkout.Session;
  subscription: Stripe.Subscription;
}> {
  const paid = await submit(session.url ?? '', goodCard);
  expect(paid.headers.get('location')).toBe('http://shop.test/done');
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription.latest_invoice'] });
  return { session: done, subscription: done.subscription as Stripe.Subscription };
}

describe('the anchor of a session', () => {
  test('a fixed one costs the share of the seconds before it, on the page and on the invoice', async () => {
    const anchor = at('2027-02-01T00:00:00Z');
    const opened = await open({ billing_cycle_anchor: anchor });
    expect(opened).toMatchObject({ amount_subtotal: 1_550, amount_total: 1_550 });
    const page = await (await fetch(opened.url ?? '')).text();
    expect(page).toContain('Pay $15.50');
    expect(page).toContain('$31.00 per month from 2027-02-01 on');
    const { session, subscription } = await completed(opened);
    expect(subscription).toMatchObject({ status: 'active', billing_cycle_anchor: anchor });
    expect(subscription.items.data[0]?.current_period_end).toBe(anchor);
    expect(subscription.latest_invoice).toMatchObject({ status: 'paid', amount_paid: session.amount_total });
    await b.sandbox.clock.advance(17 * 86_400_000);
    const renewal = (await stripe.invoices.list({ subscription: subscription.id })).data[0];
    expect(renewal).toMatchObject({ billing_reason: 'subscription_cycle', total: 3_100 });
  });

  test('without prorations nothing is due before it and there is no first invoice', async () => {
    const opened = await open({
      billing_cycle_anchor_config: { day_of_month: 1, hour: 0, minute: 0, second: 0 },
      proration_behavior: 'none',
    });
    expect(opened).toMatchObject({ amount_total: 0 });
    const { session, subscription } = await completed(opened);
    expect(session).toMatchObject({ payment_status: 'no_payment_required', invoice: null });
    expect(subscription).toMatchObject({ status: 'active', latest_invoice: null });
    expect(subscription).toMatchObject({ billing_cycle_anchor: at('2027-02-01T00:00:00Z') });
    expect(subscription.default_payment_method).not.toBeNull();
  });

  test('a rule is read when the session is completed, and an anchor that has passed is none', async () => {
    const by_rule = await open({ billing_cycle_anchor_config: { day_of_month: 17, hour: 6, minute: 0, second: 0 } });
    const by_time = await open({ billing_cycle_anchor: at('2027-01-17T06:00:00Z') });
    await b.sandbox.clock.advance(20 * 3_600_000);
    const rule = await completed(by_rule);
    expect(rule.subscription).toMatchObject({ billing_cycle_anchor: at('2027-02-17T06:00:00Z') });
    const time = await completed(by_time);
    expect(time.session).toMatchObject({ amount_total: 3_100 });
    expect(time.subscription).toMatchObject({ billing_cycle_anchor: at('2027-01-17T08:00:00Z') });
  });

  test('what cannot be is refused by its name when the session is opened', async () => {
    const wrong: [Data, string][] = [
      [{ billing_cycle_anchor: at('2027-01-01T00:00:00Z') }, '[billing_cycle_anchor]'],
      [{ billing_cycle_anchor: at('2027-03-01T00:00:00Z') }, '[billing_cycle_anchor]'],
      [
        { billing_cycle_anchor: at('2027-02-01T00:00:00Z'), billing_cycle_anchor_config: { day_of_month: 1 } },
        '[billing_cycle_anchor_config]',
      ],
      [{ proration_behavior: 'none' }, '[proration_behavior]'],
      [{ application_fee_percent: 5 }, '[application_fee_percent]'],
      [{ invoice_settings: { issuer: { type: 'account', account: 'acct_x' } } }, '[invoice_settings][issuer][account]'],
    ];
    for (const [data, param] of wrong) {
      expect(await refusal(open(data))).toMatchObject({ statusCode: 400, param: `subscription_data${param}` });
    }
  });
});

test('pending items, billing mode, tax rates and the issuer are the subscription’s', async () => {
  const rate = (await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 20 })).id;
  const opened = await open({
    billing_mode: { type: 'classic' },
    default_tax_rates: [rate],
    invoice_settings: { issuer: { type: 'self' }, footer: 'Thanks', custom_fields: [{ name: 'PO', value: '7' }] },
    pending_invoice_item_interval: { interval: 'week', interval_count: 1 },
  });
  expect(opened.amount_total).toBe(3_720);
  const { subscription } = await completed(opened);
  expect(subscription).toMatchObject({
    billing_mode: { type: 'classic' },
    default_tax_rates: [{ id: rate }],
    pending_invoice_item_interval: { interval: 'week', interval_count: 1 },
    next_pending_invoice_item_invoice: at('2027-01-23T12:00:00Z'),
  });
  expect(subscription.latest_invoice).toMatchObject({ footer: 'Thanks', custom_fields: [{ name: 'PO', value: '7' }] });
  await stripe.invoiceItems.create({
    customer: idOf(subscription.customer),
    subscription: subscription.id,
    amount: 700,
    currency: 'usd',
  });
  await b.sandbox.clock.advance(8 * 86_400_000);
  const [weekly] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  expect(weekly).toMatchObject({ billing_reason: 'automatic_pending_invoice_item_invoice', total: 840 });
});

test('the page says that the card is kept, unless the seller says so elsewhere', async () => {
  const sentence = 'your card is kept and charged for what becomes due later';
  const shown = await open({});
  expect(shown.consent_collection).toBeNull();
  expect(await (await fetch(shown.url ?? '')).text()).toContain(sentence);
  for (const position of ['auto', 'hidden'] as const) {
    const asked = await open({}, { consent_collection: { payment_method_reuse_agreement: { position } } });
    expect(asked.consent_collection).toMatchObject({ payment_method_reuse_agreement: { position } });
    expect((await (await fetch(asked.url ?? '')).text()).includes(sentence)).toBe(position === 'auto');
  }
});
