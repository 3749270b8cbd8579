import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { afterEach, expect, test } from 'vitest';
import vectors from '../vectors/usage.json' with { type: 'json' };
import { type Bench, bench, clientOf, DAY, goodCard, HOUR, idOf, refusal, standing, submit } from './harness.ts';

const START = '2026-11-02T09:00:00Z';
const start = Date.parse(START) / 1000;

let open: Bench[] = [];
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});

async function still(): Promise<Bench> {
  const made = await bench({ now: standing(START), frozen: true });
  open.push(made);
  return made;
}

async function meterOf(stripe: Stripe, formula: 'count' | 'last' | 'sum' = 'sum'): Promise<Stripe.Billing.Meter> {
  return await stripe.billing.meters.create({
    display_name: 'Requests',
    event_name: `requests_${formula}`,
    default_aggregation: { formula },
  });
}

type PriceParams = Omit<Stripe.PriceCreateParams, 'currency' | 'product_data' | 'recurring'>;

async function meteredPrice(stripe: Stripe, meter: string, params: PriceParams): Promise<Stripe.Price> {
  return await stripe.prices.create({
    currency: 'usd',
    product_data: { name: 'Requests' },
    recurring: { interval: 'month', usage_type: 'metered', meter },
    ...params,
  });
}

const decimal = (text: string | null): Stripe.Decimal => Stripe.Decimal.from(text ?? '0');

const tiers = vectors.tiers.map((tier) => ({
  up_to: tier.up_to ?? ('inf' as const),
  unit_amount_decimal: decimal(tier.unit_amount_decimal),
}));

async function member(stripe: Stripe, prices: string[]): Promise<{ customer: string; subscription: string }> {
  const customer = await stripe.customers.create({ email: 'ada@example.com', payment_method: 'pm_card_visa' });
  const [method] = (await stripe.customers.listPaymentMethods(customer.id)).data;
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: prices.map((price) => ({ price })),
    default_payment_method: method?.id ?? '',
  });
  return { customer: customer.id, subscription: subscription.id };
}

async function report(stripe: Stripe, customer: string, value: number | string, at?: number): Promise<void> {
  await stripe.billing.meterEvents.create({
    event_name: 'requests_sum',
    payload: { stripe_customer_id: customer, value: String(value) },
    ...(at === undefined ? {} : { timestamp: at }),
  });
}

async function invoicesOf(stripe: Stripe, subscription: string): Promise<Stripe.Invoice[]> {
  return (await stripe.invoices.list({ subscription })).data;
}

test('one active meter listens to an event name; a meter can be renamed, put away and taken back', async () => {
  const { stripe } = await still();
  const meter = await meterOf(stripe);
  expect(meter).toMatchObject({
    customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
    status: 'active',
    value_settings: { event_payload_key: 'value' },
  });
  expect((await refusal(meterOf(stripe))).message).toContain('already exists with the event name requests_sum');
  expect((await stripe.billing.meters.update(meter.id, { display_name: 'Calls' })).display_name).toBe('Calls');
  expect((await stripe.billing.meters.deactivate(meter.id)).status_transitions.deactivated_at).toBe(start);
  const second = await meterOf(stripe);
  expect((await refusal(stripe.billing.meters.reactivate(meter.id))).message).toContain(second.id);
  await stripe.billing.meters.deactivate(second.id);
  expect((await stripe.billing.meters.reactivate(meter.id)).status).toBe('active');
  const active = await stripe.billing.meters.list({ status: 'active' });
  expect(active.data.map((each) => each.id)).toEqual([meter.id]);
  const events = await stripe.events.list({ type: 'billing.meter.*', limit: 100 });
  expect(events.data.map((event) => event.type).toSorted()).toEqual([
    'billing.meter.created',
    'billing.meter.created',
    'billing.meter.deactivated',
    'billing.meter.deactivated',
    'billing.meter.reactivated',
    'billing.meter.updated',
  ]);
});

test('an event lies at most 35 days back and 5 minutes ahead, and its identifier counts once a day', async () => {
  const { stripe, sandbox } = await still();
  await meterOf(stripe);
  const customer = (await stripe.customers.create()).id;
  const send = (params: { identifier?: string; timestamp?: number }): Promise<Stripe.Billing.MeterEvent> =>
    stripe.billing.meterEvents.create({
      event_name: 'requests_sum',
      payload: { stripe_customer_id: customer, value: '1' },
      ...params,
    });
  const oldest = start - 35 * 86_400;
  expect((await send({ timestamp: oldest })).timestamp).toBe(oldest);
  expect((await refusal(send({ timestamp: oldest - 1 }))).message).toBe(
    `The event timestamp cannot be more than 35 days in past. Expected a timestamp greater than or equal to ${oldest}.`,
  );
  expect((await send({ timestamp: start + 300 })).object).toBe('billing.meter_event');
  expect((await refusal(send({ timestamp: start + 301 }))).message).toContain('5 minutes in future');
  await send({ identifier: 'once' });
  const again = await refusal(send({ identifier: 'once' }));
  expect(again).toMatchObject({ statusCode: 400, message: 'An event already exists with identifier once.' });
  expect([again.code, again.headers?.['stripe-should-retry']]).toEqual([undefined, 'false']);
  await sandbox.clock.advance(DAY);
  await send({ identifier: 'once' });
});

test('usage is billed in arrears: nothing at first, then a line per tier with the period that is over', async () => {
  const { stripe, sandbox } = await still();
  const meter = await meterOf(stripe);
  const usage = await meteredPrice(stripe, meter.id, { billing_scheme: 'tiered', tiers_mode: 'graduated', tiers });
  const base = await stripe.prices.create({
    currency: 'usd',
    unit_amount: 9_900,
    recurring: { interval: 'month' },
    product_data: { name: 'Pro' },
  });
  const { customer, subscription } = await member(stripe, [base.id, usage.id]);
  const [first] = await invoicesOf(stripe, subscription);
  expect([first?.total, first?.lines.data.length]).toEqual([9_900, 1]);
  await report(stripe, customer, 12_000);
  await sandbox.clock.advance(30 * DAY);
  const end = start + 30 * 86_400;
  // The draft hour: late usage of the period still counts; usage from the boundary on belongs to the next.
  await report(stripe, customer, 345, end - 1);
  await report(stripe, customer, 77, end);
  await sandbox.clock.advance(HOUR);
  const [renewal] = await invoicesOf(stripe, subscription);
  const lines = renewal?.lines.data ?? [];
  expect(lines.map((line) => [line.amount, line.quantity])).toEqual([
    [9_900, 1],
    [0, 1_000],
    [4_500, 9_000],
    [704, 2_345],
  ]);
  expect([lines[0]?.period, lines[1]?.period]).toEqual([
    { start: end, end: Date.parse('2027-01-02T09:00:00Z') / 1000 },
    { start, end },
  ]);
  expect([renewal?.status, renewal?.total]).toEqual(['paid', 9_900 + vectors.graduated.total]);
  expect(lines[3]?.description).toBe('2345 × Requests (Tier 3 at $0.003 / month)');
  // After finalization usage of that period is lost: neither that invoice nor the next one has it.
  await report(stripe, customer, 5_000, end - 1);
  await sandbox.clock.advance(31 * DAY + HOUR);
  const [next] = await invoicesOf(stripe, subscription);
  expect(next?.lines.data.filter((line) => line.amount === 0).map((line) => line.quantity)).toEqual([77]);
});

test('a subscription with metered prices only begins without an invoice, and its items have no quantity', async () => {
  const { stripe, sandbox } = await still();
  const meter = await meterOf(stripe);
  const price = await meteredPrice(stripe, meter.id, { billing_scheme: 'tiered', tiers_mode: 'volume', tiers });
  const { customer, subscription } = await member(stripe, [price.id]);
  const begun = await stripe.subscriptions.retrieve(subscription);
  expect([begun.status, begun.latest_invoice, begun.items.data[0]?.quantity]).toEqual(['active', null, undefined]);
  expect(begun.items.data[0]?.plan).toMatchObject({ meter: meter.id, usage_type: 'metered' });
  const items = [{ price: price.id, quantity: 2 }];
  const given = stripe.subscriptions.create({ customer, items, payment_behavior: 'default_incomplete' });
  expect((await refusal(given)).message).toContain('quantity');
  await report(stripe, customer, 12_345);
  await sandbox.clock.advance(30 * DAY + HOUR);
  const [invoice] = await invoicesOf(stripe, subscription);
  expect([invoice?.status, invoice?.total]).toEqual(['paid', vectors.volume.total]);
});

test('usage costs what it cost when it was reported, whatever the price and the meter became', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'usage-'));
  const options = { now: standing(START), frozen: true, file: join(folder, 'journal') };
  let at = await bench(options);
  // The item's price is changed where it is kept: this is about the rating, not about what a change prorates.
  const change = async (from: string, to: string): Promise<void> => {
    await at.close();
    const kept = await readFile(options.file, 'utf8');
    await writeFile(options.file, kept.replaceAll(`"price":"${from}","quantity":0`, `"price":"${to}","quantity":0`));
    at = await bench(options);
  };
  const meter = await meterOf(at.stripe);
  const { divide_by, reports, amounts, total } = vectors.price_change;
  const prices: string[] = [];
  for (const { unit_amount } of reports) {
    const params = { unit_amount, transform_quantity: { divide_by, round: 'up' as const } };
    prices.push((await meteredPrice(at.stripe, meter.id, params)).id);
  }
  const [first = '', second = ''] = prices;
  const calls = await meteredPrice(at.stripe, (await meterOf(at.stripe, 'count')).id, { unit_amount: 7 });
  const { customer, subscription } = await member(at.stripe, [first]);
  await report(at.stripe, customer, reports[0]?.quantity ?? 0);
  await at.sandbox.clock.advance(DAY);
  await change(first, second);
  await report(at.stripe, customer, reports[1]?.quantity ?? 0);
  await at.sandbox.clock.advance(DAY);
  await change(second, calls.id);
  const payload = { stripe_customer_id: customer };
  await at.stripe.billing.meterEvents.create({ event_name: 'requests_count', payload });
  await at.sandbox.clock.advance(28 * DAY + HOUR);
  const [invoice] = await invoicesOf(at.stripe, subscription);
  expect(invoice?.lines.data.map((line) => line.amount)).toEqual([...amounts, 7]);
  expect(invoice?.total).toBe(total + 7);
  await at.close();
  await rm(folder, { recursive: true });
});

test('a cancellation with invoice_now bills the usage so far; without it the usage is forgotten', async () => {
  const { stripe, sandbox } = await still();
  const meter = await meterOf(stripe);
  const price = await meteredPrice(stripe, meter.id, { unit_amount_decimal: decimal('0.5') });
  const one = await member(stripe, [price.id]);
  const two = await member(stripe, [price.id]);
  await sandbox.clock.advance(DAY);
  await report(stripe, one.customer, 301);
  await report(stripe, two.customer, 301);
  const canceled = await stripe.subscriptions.cancel(one.subscription, { invoice_now: true });
  const invoice = await stripe.invoices.retrieve(idOf(canceled.latest_invoice));
  expect([invoice.status, invoice.total]).toEqual(['paid', 151]);
  expect(invoice.lines.data[0]?.period).toEqual({ start, end: start + 86_400 });
  await stripe.subscriptions.cancel(two.subscription);
  expect(await invoicesOf(stripe, two.subscription)).toEqual([]);
});

test('a subscription that ends with its period bills its last usage by a draft of its own', async () => {
  const { stripe, sandbox } = await still();
  const meter = await meterOf(stripe);
  const price = await meteredPrice(stripe, meter.id, { unit_amount: 2 });
  const { customer, subscription } = await member(stripe, [price.id]);
  await stripe.subscriptions.update(subscription, { cancel_at_period_end: true });
  await report(stripe, customer, 50);
  await sandbox.clock.advance(30 * DAY);
  const [draft] = await invoicesOf(stripe, subscription);
  expect([draft?.status, draft?.total]).toEqual(['draft', 100]);
  await report(stripe, customer, 5, start + 86_400);
  await sandbox.clock.advance(HOUR);
  const [final] = await invoicesOf(stripe, subscription);
  expect([final?.status, final?.total]).toEqual(['paid', 110]);
});

test('an adjustment takes an event back, once and within a day', async () => {
  const { stripe, sandbox } = await still();
  const meter = await meterOf(stripe);
  const customer = (await stripe.customers.create()).id;
  const payload = { stripe_customer_id: customer, value: '10' };
  const summary = async (): Promise<number | undefined> => {
    const span = { customer, start_time: start - (start % 60), end_time: start + 3_600 };
    return (await stripe.billing.meters.listEventSummaries(meter.id, span)).data[0]?.aggregated_value;
  };
  await stripe.billing.meterEvents.create({ event_name: 'requests_sum', identifier: 'a', payload });
  await stripe.billing.meterEvents.create({ event_name: 'requests_sum', identifier: 'b', payload });
  expect(await summary()).toBe(20);
  const cancel = (identifier: string): Promise<Stripe.Billing.MeterEventAdjustment> =>
    stripe.billing.meterEventAdjustments.create({ event_name: 'requests_sum', type: 'cancel', cancel: { identifier } });
  expect((await cancel('a')).cancel).toEqual({ identifier: 'a' });
  expect(await summary()).toBe(10);
  expect((await refusal(cancel('a'))).message).toContain('already been canceled');
  expect((await refusal(cancel('c'))).code).toBe('resource_missing');
  await sandbox.clock.advance(DAY + 1_000);
  expect((await refusal(cancel('b'))).message).toContain('24 hours');
});

test('v2 takes events as JSON, and the stream takes them with the token of a session', async () => {
  const { stripe, sandbox, url } = await still();
  const meter = await meterOf(stripe);
  const customer = (await stripe.customers.create()).id;
  const event = { event_name: 'requests_sum', payload: { stripe_customer_id: customer, value: '4' } };
  const sent = await stripe.v2.billing.meterEvents.create({ ...event, identifier: 'v2', timestamp: START });
  expect(sent).toMatchObject({
    object: 'v2.billing.meter_event',
    identifier: 'v2',
    timestamp: '2026-11-02T09:00:00.000Z',
  });
  const again = await refusal(stripe.v2.billing.meterEvents.create({ ...event, identifier: 'v2' }));
  expect(again.code).toBe('duplicate_meter_event');
  const session = await stripe.v2.billing.meterEventSession.create();
  expect(Date.parse(session.expires_at) - Date.parse(session.created)).toBe(15 * 60_000);
  const { port } = new URL(url);
  const config = { host: '127.0.0.1', port: Number(port), protocol: 'http' as const, maxNetworkRetries: 0 };
  const stream = new Stripe(session.authentication_token, config);
  await stream.v2.billing.meterEventStream.create({ events: [event, { ...event, identifier: 'v2' }, event] });
  const span = { customer, start_time: start, end_time: start + 60 };
  const [summary] = (await stripe.billing.meters.listEventSummaries(meter.id, span)).data;
  expect(summary?.aggregated_value).toBe(12);
  expect((await refusal(stream.customers.list())).statusCode).toBe(401);
  await sandbox.clock.advance(15 * 60_000);
  const late = await refusal(stream.v2.billing.meterEventStream.create({ events: [event] }));
  expect(late).toBeInstanceOf(Stripe.errors.TemporarySessionExpiredError);
  const stranger = clientOf(Number(port)).v2.billing.meterEventStream.create({ events: [event] });
  expect((await refusal(stranger)).statusCode).toBe(401);
});

test('a price can be sold in packages and in other currencies, and be found by its meter', async () => {
  const { stripe } = await still();
  const meter = await meterOf(stripe, 'count');
  const price = await meteredPrice(stripe, meter.id, {
    unit_amount: 40,
    transform_quantity: { divide_by: 1_000, round: 'up' },
    currency_options: { eur: { unit_amount: 36 } },
  });
  expect(price).toMatchObject({ transform_quantity: { divide_by: 1_000, round: 'up' }, unit_amount: 40 });
  const full = await stripe.prices.retrieve(price.id, { expand: ['currency_options'] });
  expect(full.currency_options).toMatchObject({ eur: { unit_amount: 36 }, usd: { unit_amount: 40 } });
  const found = await stripe.prices.list({ recurring: { meter: meter.id, usage_type: 'metered' } });
  expect(found.data.map((each) => each.id)).toEqual([price.id]);
  const bare = stripe.prices.create({
    currency: 'usd',
    unit_amount: 1,
    product_data: { name: 'Bare' },
    recurring: { interval: 'month', usage_type: 'metered' },
  });
  expect((await refusal(bare)).param).toBe('recurring[meter]');
});

test('a checkout session shows a metered price without an amount and starts its subscription', async () => {
  const { stripe } = await still();
  const meter = await meterOf(stripe);
  const price = await meteredPrice(stripe, meter.id, { unit_amount_decimal: decimal('0.08') });
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: price.id }],
    success_url: 'http://shop.test/done',
  });
  expect(session.amount_total).toBe(0);
  expect(await (await fetch(session.url ?? '')).text()).toContain('$0.0008 each');
  await submit(session.url ?? '', goodCard);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'line_items'] });
  expect([done.status, done.payment_status, done.invoice]).toEqual(['complete', 'no_payment_required', null]);
  expect((done.subscription as Stripe.Subscription).status).toBe('active');
  expect(done.line_items?.data[0]?.quantity).toBeNull();
});

test('an alert rings once for each customer whose usage reaches it', async () => {
  const { stripe } = await still();
  const meter = await meterOf(stripe);
  const [ada, bob] = [(await stripe.customers.create()).id, (await stripe.customers.create()).id];
  const alert = await stripe.billing.alerts.create({
    alert_type: 'usage_threshold',
    title: 'Much',
    usage_threshold: { gte: 100, meter: meter.id, recurrence: 'one_time' },
  });
  await report(stripe, ada, 99);
  await report(stripe, bob, 100);
  await report(stripe, ada, 1);
  await report(stripe, ada, 500);
  const rung = (await stripe.events.list({ type: 'billing.alert.triggered' })).data.map((event) => event.data.object);
  expect(rung).toMatchObject([
    { customer: ada, value: 100 },
    { customer: bob, value: 100 },
  ]);
  expect((await stripe.billing.alerts.deactivate(alert.id)).status).toBe('inactive');
  expect((await stripe.billing.alerts.activate(alert.id)).status).toBe('active');
  expect((await stripe.billing.alerts.archive(alert.id)).status).toBe('archived');
  expect((await stripe.billing.alerts.list()).data).toEqual([]);
});
