import { expect, test } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import type { Visitor } from '../visitor.ts';

const paid = smallList(5);
const [cheapest] = paid.plans;
if (cheapest === undefined) throw new Error('the example list has plans');
const free = {
  ...cheapest,
  id: 'free',
  name: 'Free',
  prices: cheapest.prices.map((price) => ({ ...price, amount_minor: 0, setup_fee_minor: 0 })),
  usage: cheapest.usage.map((usage) => ({ ...usage, quota: 'hard' as const, overage: null })),
};
const more = {
  ...free,
  id: 'more',
  name: 'More',
  group: null,
  prices: [{ amount_minor: 1000, currency: 'usd', interval: 'month' as const, setup_fee_minor: 0 }],
};
const farebox = await testApp({ list: { ...paid, plans: [free, more, ...paid.plans] } });

async function person(card?: string): Promise<{ visitor: Visitor; customer_id: string }> {
  const visitor = await farebox.signUp();
  const { customer } = await visitor.get('/v1/me');
  if (card !== undefined) {
    await visitor.post('/v1/payment_methods/setup');
    const { stripe_customer_id } = await farebox.app.customers.get(customer.id);
    const method = await farebox.stripe.paymentMethods.create({
      type: 'card',
      card: { number: card, exp_month: 12, exp_year: 2034, cvc: '123' },
    });
    await farebox.stripe.paymentMethods.attach(method.id, { customer: stripe_customer_id ?? '' });
  }
  return { visitor, customer_id: customer.id };
}

/** The seller's own program. */
async function seller(method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return await answerOf(await fetch(`${farebox.url}${path}`, { method, headers, ...sent }));
}

async function answerOf(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  const body: unknown = await response.json();
  return { status: response.status, body: { ...Object(body) } };
}

test('a free plan begins without a card, at once and once, however often it is asked for', async () => {
  const { visitor } = await person();
  const tries = await Promise.all(
    Array.from({ length: 8 }, async () =>
      answerOf(await visitor.request('POST', '/v1/subscriptions', { plan_id: 'free' })),
    ),
  );
  const begun = tries.filter(({ status }) => status === 201);
  expect(begun).toMatchObject([{ body: { payment: null, subscription: { plan_id: 'free', status: 'active' } } }]);
  expect(tries.filter(({ body }) => body['code'] === 'already_subscribed')).toHaveLength(7);
  expect((await visitor.get('/v1/subscriptions')).data).toHaveLength(1);
  await visitor.post('/v1/keys/first');
});

test('a free plan with an add-on that costs begins with a card, and not without one', async () => {
  const wish = { plan_id: 'free', add_ons: [{ plan_id: 'more' }] };
  const refused = await (await person()).visitor.answer('POST', '/v1/subscriptions', wish);
  expect(refused).toMatchObject({ status: 402, json: { code: 'payment_method_required' } });
  const { visitor } = await person('4242424242424242');
  expect(await visitor.post('/v1/subscriptions', wish)).toMatchObject({
    payment: null,
    subscription: { plan_id: 'free', status: 'active', add_ons: [{ plan_id: 'more', quantity: 1 }] },
  });
  expect((await visitor.get('/v1/invoices')).data).toMatchObject([{ status: 'paid', total_minor: 1000 }]);
});

test('a saved card pays a plan in one call; without one the answer says what is missing', async () => {
  const { visitor } = await person();
  const missing = await answerOf(await visitor.request('POST', '/v1/subscriptions', { plan_id: 'pro' }));
  expect(missing).toMatchObject({ status: 402, body: { code: 'payment_method_required' } });
  const buyer = await person('4242424242424242');
  const begun = await buyer.visitor.post('/v1/subscriptions', { plan_id: 'pro' });
  expect(begun).toMatchObject({ payment: null, subscription: { status: 'active', card: { last4: '4242' } } });
  expect((await buyer.visitor.get('/v1/invoices')).data).toMatchObject([{ status: 'paid', total_minor: 49_900 }]);
});

test('a page carries customers whole where they are asked for, and nothing else can be', async () => {
  const { customer_id } = await person('4242424242424242');
  await seller('POST', '/v1/subscriptions', { plan_id: 'pro', customer_id });
  const bare = await seller('GET', `/v1/subscriptions?customer_id=${customer_id}`);
  const [subscription] = bare.body['data'] as { id: string; customer?: object }[];
  expect(subscription?.customer).toBeUndefined();
  const whole = { customer_id, customer: { object: 'customer', id: customer_id, subscriptions: [{ plan_id: 'pro' }] } };
  for (const path of ['subscriptions', 'invoices'])
    expect(await seller('GET', `/v1/${path}?customer_id=${customer_id}&expand[]=customer`)).toMatchObject({
      body: { data: [whole] },
    });
  const one = await seller('GET', `/v1/subscriptions/${subscription?.id}?expand[]=customer`);
  expect(one).toMatchObject({ status: 200, body: whole });
  const odd = await seller('GET', '/v1/subscriptions?expand[]=secrets');
  expect(odd).toMatchObject({ status: 400, body: { code: 'invalid_request', param: 'expand[]' } });
});

test('a card that is refused leaves no subscription and nothing owed', async () => {
  const { visitor } = await person('4000000000000341');
  const refused = await answerOf(await visitor.request('POST', '/v1/subscriptions', { plan_id: 'pro' }));
  expect(refused).toMatchObject({ status: 402, body: { code: 'payment_failed' } });
  await farebox.app.settle();
  const { data } = await visitor.get('/v1/subscriptions');
  expect(data.filter((each: { ended_at: string | null }) => each.ended_at === null)).toEqual([]);
  const invoices = (await visitor.get('/v1/invoices')).data;
  expect(invoices.filter((each: { status: string }) => each.status === 'open')).toEqual([]);
});

test('a bank that wants to be asked is told to the caller, and nothing is active until it was', async () => {
  const { visitor } = await person('4000002760003184');
  const begun = await visitor.post('/v1/subscriptions', { plan_id: 'pro' });
  expect(begun).toMatchObject({ payment: { state: 'action_required' }, subscription: { status: 'incomplete' } });
  expect(begun.payment.url).toMatch(/^http/);
  expect((await visitor.request('POST', '/v1/keys/first')).status).not.toBe(200);
});

test('the seller begins an invoiced plan; a customer cannot ask for credit by itself', async () => {
  const { visitor, customer_id } = await person();
  const wish = { plan_id: 'pro', collection: 'invoice', days_until_due: 14 };
  expect((await visitor.request('POST', '/v1/subscriptions', wish)).status).toBe(403);
  const begun = await seller('POST', '/v1/subscriptions', { ...wish, customer_id });
  expect(begun).toMatchObject({ status: 201, body: { payment: null, subscription: { status: 'active' } } });
  await farebox.sandbox.clock.advance(2 * 3_600_000);
  await farebox.app.settle();
  expect((await visitor.get('/v1/invoices')).data).toMatchObject([{ status: 'open', total_minor: 49_900 }]);
  await farebox.sandbox.clock.advance(20 * dayMs);
  await farebox.app.settle();
  expect((await visitor.get('/v1/subscriptions')).data).toMatchObject([{ status: 'past_due' }]);
});

test('an open checkout is closed first: nobody can pay for the same thing twice', async () => {
  const { visitor } = await person('4242424242424242');
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await visitor.post('/v1/subscriptions', { plan_id: 'pro' });
  expect(await visitor.get(`/v1/checkout_sessions/${checkout.id}`)).toMatchObject({ state: 'expired', url: null });
  expect((await visitor.get('/v1/subscriptions')).data).toMatchObject([{ plan_id: 'pro', status: 'active' }]);
});

test('who was made at Stripe just now has bought nothing there and is not read; everybody else is, before anything is sold', async () => {
  const { visitor } = await person();
  farebox.sandbox.webhooks.policy = 'hold';
  const fault = farebox.sandbox.faults.add({ type: 'rate_limit', route: 'GET /v1/subscriptions', times: null });
  const wish = { plan_id: cheapest.id };
  expect((await visitor.answer('POST', '/v1/checkout_sessions', wish)).status).toBe(201);
  expect(await visitor.answer('POST', '/v1/checkout_sessions', wish)).toMatchObject({
    status: 503,
    json: { code: 'stripe_unavailable' },
  });
  farebox.sandbox.faults.clear(fault.id);
  expect((await visitor.answer('POST', '/v1/checkout_sessions', wish)).status).toBe(201);
  farebox.sandbox.webhooks.policy = 'deliver';
});
