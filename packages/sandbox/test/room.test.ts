import Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testNow } from '../../../test/test-start.ts';
import { coverage } from '../src/contract/coverage.ts';
import type { Explanation } from '../src/pages/explanation.ts';
import { builtRoutes } from '../src/http/routes.ts';
import { type Bench, bench, DAY, idOf, monthlyPrice, receiver, subscriber } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const get = (path: string, accept = 'text/html'): Promise<Response> =>
  fetch(`${b.url}/_sandbox${path}`, { headers: { accept } });

const text = async (path: string): Promise<string> => await (await get(path)).text();

async function post(path: string, body: object): Promise<unknown> {
  const response = await fetch(`${b.url}/_sandbox/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: response.status, ...((await response.json()) as object) };
}

test('objects are linked to their JSON, as the API answers it', async () => {
  const { customer, subscription } = await subscriber(b.stripe);
  expect(await text('')).toContain(`/_sandbox/api/v1/customers/${customer.id}`);
  const shown: unknown = await (await get(`/api/v1/subscriptions/${subscription.id}`)).json();
  expect(shown).toEqual(JSON.parse(JSON.stringify(await b.stripe.subscriptions.retrieve(subscription.id))));
  expect(await (await get('/api/v1/customers?limit=1')).json()).toMatchObject({ object: 'list', has_more: false });
  expect((await get('/api/v1/customers/cus_none')).status).toBe(404);
  expect((await get('/api/v1/nothing')).status).toBe(404);
});

test('an invoice is explained: formula, period, seconds, sum', async () => {
  const price = await monthlyPrice(b.stripe, 12_345);
  const { customer } = await subscriber(b.stripe, { price: price.id });
  await b.stripe.invoiceItems.create({ customer: customer.id, amount: -345, currency: 'usd', description: 'Goodwill' });
  await b.sandbox.clock.advance(32 * DAY);
  const [invoice] = (await b.stripe.invoices.list({ limit: 1 })).data;
  const page = await text(`/invoices/${invoice?.id}`);
  const line = invoice?.lines.data.find((each) => each.amount === 12_345);
  const seconds = (line?.period.end ?? 0) - (line?.period.start ?? 0);
  for (const each of [
    '$123.45 × 1 = $123.45',
    `${seconds} seconds`,
    'an amount given: -$3.45',
    'Goodwill',
    '$120.00',
  ]) {
    expect(page).toContain(each);
  }
  expect(await text('')).toContain(`/_sandbox/invoices/${invoice?.id}`);
});

test('a program gets the explanation as JSON: what is credited, why, what is taken off, how it sums up', async () => {
  const coupon = await b.stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const rate = await b.stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  const { subscription } = await subscriber(b.stripe, { price: (await monthlyPrice(b.stripe, 3_000)).id });
  const first = idOf(subscription.latest_invoice);
  const larger = await monthlyPrice(b.stripe, 9_000, 'Scale');
  await b.sandbox.clock.advance(10 * DAY);
  const changed = await b.stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0]?.id ?? '', price: larger.id }],
    discounts: [{ coupon: coupon.id }],
    default_tax_rates: [rate.id],
    proration_behavior: 'always_invoice',
  });
  const invoice = await b.stripe.invoices.retrieve(idOf(changed.latest_invoice));
  const path = `/invoices/${invoice.id}?format=json`;
  const told = (await (await get(path)).json()) as Explanation;
  expect(await (await get(`/invoices/${invoice.id}`, 'application/json')).json()).toEqual(told);
  const credit = told.lines.find((line) => line.amount < 0);
  expect(credit).toMatchObject({ kind: 'proration', gives_back: { invoice: first } });
  expect(credit?.formula).toMatch(/^-\$30\.00 × \d+ s \/ \d+ s = -\$\d+\.\d\d, rounded once$/);
  expect(credit?.because.map(({ says }) => says)).toContainEqual('the whole period costs');
  for (const line of told.lines) {
    const off = [...line.discounts, ...line.credits].reduce((sum, each) => sum + each.amount, 0);
    expect(line.left).toBe(line.amount - off);
    expect(line.taxes.map((tax) => tax.says)).toEqual([expect.stringContaining('VAT, 20 % on top of')]);
  }
  const sum = Object.fromEntries(told.sum.map(({ amount, step }) => [step, amount]));
  expect(sum).toMatchObject({ '= total': invoice.total, '= amount due': invoice.amount_due });
});

test('tiers are explained step by step', async () => {
  const price = await b.stripe.prices.create({
    currency: 'usd',
    recurring: { interval: 'month' },
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    tiers: [
      { up_to: 10, unit_amount: 100 },
      { up_to: 'inf', unit_amount_decimal: Stripe.Decimal.from('12.5'), flat_amount: 500 },
    ],
    product_data: { name: 'Calls' },
  });
  const { subscription } = await subscriber(b.stripe, { price: price.id });
  const page = await text(`/invoices/${idOf(subscription.latest_invoice)}`);
  for (const each of ['graduated tiers for 1 = $1.00', 'Tier 1, 1 to 10: 1 ×', 'Tier 2, 11 and more: 0 ×', '$0.125']) {
    expect(page).toContain(each);
  }
});

test('the event log is filtered by type, object and delivery', async () => {
  const hook = await receiver();
  await b.stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['customer.created'] });
  const { customer, subscription } = await subscriber(b.stripe);
  await b.sandbox.webhooks.settled();
  const all = await text('/events');
  expect(all).toContain('invoice.paid');
  const typed = await text('/events?type=customer.');
  expect([typed.includes('customer.created'), typed.includes('invoice.paid')]).toEqual([true, false]);
  const one = await text(`/events?object=${subscription.id}`);
  expect([one.includes('customer.subscription.created'), one.includes(customer.id)]).toEqual([true, false]);
  const delivered = await text('/events?delivery=delivered');
  expect([delivered.includes('customer.created'), delivered.includes('invoice.paid')]).toEqual([true, false]);
  expect(await text('/events?type=<b>')).not.toContain('<b>');
  await hook.close();
});

test('coverage names every built route, and says why others are not', async () => {
  const page = await text('/coverage');
  for (const route of builtRoutes) expect(page).toContain(route);
  const json = (await (await get('/coverage', 'application/json')).json()) as ReturnType<typeof coverage>;
  expect(json).toEqual(coverage());
  expect(json.families.flatMap((family) => family.built.map((each) => each.route)).toSorted()).toEqual(
    builtRoutes.toSorted(),
  );
  expect(page).toContain('Nothing is sent by post');
});

test('a snapshot is taken and restored by button', async () => {
  await b.stripe.products.create({ name: 'Before' });
  expect(await post('snapshot', {})).toMatchObject({ status: 200, snapshot: 'snapshot 1' });
  await b.stripe.products.create({ name: 'After' });
  await b.sandbox.clock.advance(3 * DAY);
  expect(await text('')).toContain('Restore snapshot 1');
  expect(await post('restore', { snapshot: 'snapshot 1' })).toMatchObject({ status: 200, restored: 'snapshot 1' });
  expect((await b.stripe.products.list()).data.map((each) => each.name)).toEqual(['Before']);
  expect(Math.abs(b.sandbox.clock.now() - testNow())).toBeLessThan(60_000);
  expect(await post('restore', { snapshot: 'none' })).toMatchObject({ status: 400 });
});

test('chaos and the roll of a secret work by JSON', async () => {
  expect(await post('webhooks/chaos', { drop: 0.5, api_version: '2024-06-20' })).toMatchObject({
    chaos: { drop: 0.5, duplicate: 0, api_version: '2024-06-20' },
  });
  expect(await text('')).toContain('Chaos is on');
  expect(await post('webhooks/chaos', { drop: 5 })).toMatchObject({ status: 400 });
  expect(await post('webhooks/chaos', { off: true })).toMatchObject({ chaos: null });
  const made = await b.stripe.webhookEndpoints.create({ url: 'http://127.0.0.1:9', enabled_events: ['plan.created'] });
  const rolled = (await post('webhooks/roll', { endpoint: made.id, overlap_hours: 24 })) as { secret: string };
  expect(rolled.secret).toMatch(/^whsec_/);
  expect(await post('webhooks/roll', { endpoint: 'we_none' })).toMatchObject({ status: 400 });
  expect(await post('webhooks/roll', { endpoint: made.id, overlap_hours: 48 })).toMatchObject({ status: 400 });
});

test('each test clock shows its own due work', async () => {
  const clock = await b.stripe.testHelpers.testClocks.create({ frozen_time: 1_706_695_200, name: 'Leap year' });
  const customer = await b.stripe.customers.create({ test_clock: clock.id });
  const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const price = await monthlyPrice(b.stripe);
  const wish = { customer: customer.id, items: [{ price: price.id }], default_payment_method: method.id };
  const subscription = await b.stripe.subscriptions.create(wish);
  const page = await text('');
  for (const each of ['Due work of Leap year', '2024-02-29 10:00:00', subscription.id]) expect(page).toContain(each);
  const state = (await (await get('/state')).json()) as { test_clocks: { id: string; due: object[] }[] };
  expect(state.test_clocks[0]).toMatchObject({ id: clock.id, due: [{ kind: 'cycle', object_id: subscription.id }] });
});
