import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../src/contract/json.ts';
import { asText, at } from '../src/scenario/values.ts';
import { type Bench, bench, type Receiver, receiver } from './harness.ts';

/** Requests as the SDKs of former years send them, and what code of that time reads in the answers. */

let b: Bench;
let hook: Receiver | null = null;

beforeEach(async () => {
  // Answers hold more than today's declarations say; that is what is tested.
  b = await bench({ onAnswer: () => Promise.resolve(), send: (url, init) => fetch(url, init) });
});
afterEach(async () => {
  await b.close();
  await hook?.close();
  hook = null;
});

async function ask(version: string, call: string, params: Record<string, string> = {}): Promise<JsonObject> {
  const [method = '', path = ''] = call.split(' ');
  const form = new URLSearchParams(params);
  const response = await fetch(`${b.url}${path}${method === 'GET' ? `?${form.toString()}` : ''}`, {
    method,
    headers: { authorization: 'Bearer sk_test_x', 'stripe-version': version },
    ...(method === 'GET' ? {} : { body: form }),
  });
  const answer = (await response.json()) as JsonObject;
  if (response.status >= 400) throw new Error(text(answer, 'error.message'));
  return answer;
}

/** The text at a path of an answer. */
function text(answer: JsonObject, path: string): string {
  return asText(at(answer, path));
}

async function catalogue(): Promise<{ customer: string; price: string; bigger: string }> {
  const product = await b.stripe.products.create({ name: 'Pro' });
  const monthly = { currency: 'usd', product: product.id, recurring: { interval: 'month' } } as const;
  const price = await b.stripe.prices.create({ ...monthly, unit_amount: 2_000 });
  const bigger = await b.stripe.prices.create({ ...monthly, unit_amount: 5_000 });
  const customer = await b.stripe.customers.create({ email: 'ada@example.com' });
  const card = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await b.stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } });
  return { customer: customer.id, price: price.id, bigger: bigger.id };
}

test('code of 2024 finds the period on the subscription, and the intent on its invoice', async () => {
  const { customer, price } = await catalogue();
  const subscription = await ask('2024-06-20', 'POST /v1/subscriptions', {
    customer,
    'items[0][price]': price,
    'expand[]': 'latest_invoice.payment_intent',
  });
  expect(subscription['current_period_end']).toBe(at(subscription, 'items.data[0].current_period_end'));
  expect(at(subscription, 'billing_mode.type')).toBe('classic');
  const invoice = at(subscription, 'latest_invoice') as JsonObject;
  expect(invoice['payment_intent']).toMatchObject({
    object: 'payment_intent',
    status: 'succeeded',
    invoice: invoice['id'],
  });
  expect(invoice).toMatchObject({ paid: true, subscription: subscription['id'], tax: null, total_tax_amounts: [] });
  expect(at(invoice, 'lines.data[0]')).toMatchObject({
    price: { id: price, product: expect.stringContaining('prod_') },
    plan: { object: 'plan', amount: 2_000 },
    proration: false,
    subscription_item: at(subscription, 'items.data[0].id'),
    type: 'subscription',
  });
  const charge = await ask('2024-06-20', `GET /v1/charges/${text(invoice, 'charge')}`, { 'expand[]': 'invoice' });
  expect(at(charge, 'invoice.id')).toBe(invoice['id']);
  const today = await ask('2026-10-28.endive', `GET /v1/subscriptions/${text(subscription, 'id')}`);
  expect(today).not.toHaveProperty('current_period_end');
  await expect(
    ask('2026-10-28.endive', `GET /v1/invoices/${text(invoice, 'id')}`, { 'expand[]': 'payment_intent' }),
  ).rejects.toThrow('This property cannot be expanded (payment_intent).');
});

test('what had another name is understood: coupon, upcoming invoice, ui_mode, card methods, anchor, iterations', async () => {
  const { customer, price, bigger } = await catalogue();
  const coupon = await b.stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const code = await ask('2024-06-20', 'POST /v1/promotion_codes', { coupon: coupon.id, code: 'HALF' });
  expect(code['coupon']).toMatchObject({ id: coupon.id, percent_off: 50 });
  const made = { customer, 'items[0][price]': price, coupon: coupon.id };
  const subscription = await ask('2024-06-20', 'POST /v1/subscriptions', made);
  expect(at(subscription, 'discount.coupon.id')).toBe(coupon.id);
  const upcoming = await ask('2024-06-20', 'GET /v1/invoices/upcoming', {
    subscription: text(subscription, 'id'),
    'subscription_items[0][id]': text(subscription, 'items.data[0].id'),
    'subscription_items[0][price]': bigger,
  });
  expect(at(upcoming, 'lines.data')).toContainEqual(expect.objectContaining({ proration: true }));
  const moved = await ask('2025-08-27.basil', `POST /v1/subscriptions/${text(subscription, 'id')}`, {
    billing_cycle_anchor: 'now',
  });
  expect(moved['id']).toBe(subscription['id']);
  const session = await ask('2025-08-27.basil', 'POST /v1/checkout/sessions', {
    mode: 'subscription',
    ui_mode: 'embedded',
    'payment_method_types[]': 'card',
    'line_items[0][price]': price,
    'line_items[0][quantity]': '1',
    return_url: 'http://shop.test/done',
  });
  expect(session['ui_mode']).toBe('embedded');
  const schedule = await ask('2024-06-20', 'POST /v1/subscription_schedules', {
    customer,
    start_date: 'now',
    'phases[0][items][0][price]': price,
    'phases[0][iterations]': '2',
  });
  const length = Number(at(schedule, 'phases[0].end_date')) - Number(at(schedule, 'phases[0].start_date'));
  expect(length).toBeGreaterThan(58 * 86_400);
});

test('what an older version asks for and the sandbox has not is refused, never ignored', async () => {
  const asked = ask('2024-06-20', 'POST /v1/payment_intents', {
    amount: '100',
    currency: 'usd',
    'payment_method_types[]': 'ideal',
  });
  await expect(asked).rejects.toThrow('The sandbox takes cards only.');
  const metered = ask('2024-06-20', 'POST /v1/prices', { currency: 'usd', 'recurring[aggregate_usage]': 'sum' });
  await expect(metered).rejects.toThrow('Received unknown parameter');
});

test('an endpoint made for an older version is told events of that version', async () => {
  hook = await receiver();
  const { customer, price } = await catalogue();
  await b.stripe.webhookEndpoints.create({
    url: hook.url,
    enabled_events: ['customer.subscription.created', 'invoice.paid'],
    api_version: '2024-06-20',
  });
  await b.stripe.subscriptions.create({ customer, items: [{ price }] });
  await b.sandbox.webhooks.settled();
  const objects = new Map(hook.received.map(({ event }) => [event.type, event.data.object]));
  expect(hook.received[0]?.event.api_version).toBe('2024-06-20');
  expect(objects.get('customer.subscription.created')).toHaveProperty('current_period_end');
  expect(objects.get('invoice.paid')).toHaveProperty('payment_intent', expect.stringMatching(/^pi_/));
});

test('the notice of a version is given once', async () => {
  const notice = async (): Promise<string | null> => {
    const headers = { authorization: 'Bearer sk_test_x', 'stripe-version': '2024-06-20' };
    return (await fetch(`${b.url}/v1/customers`, { headers })).headers.get('stripe-notice');
  };
  expect(await notice()).toContain('this request asked for 2024-06-20');
  expect(await notice()).toBeNull();
});
