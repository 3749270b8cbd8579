import { expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

// Each waits for several readings of Stripe, one after the other: on a machine that is busy that takes its time.
vi.setConfig({ testTimeout: 180_000 });

const farebox = await testApp({ list: smallList(5) });

interface Buyer {
  visitor: Visitor;
  customer_id: string;
  subscription: Record<string, string>;
}

async function buyer(plan_id: string): Promise<Buyer> {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  return { visitor, customer_id: subscription.customer_id, subscription };
}

/** The seller's own program. */
async function seller(method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' };
  return await answerOf(await fetch(`${farebox.url}${path}`, { method, headers, body: JSON.stringify(body ?? {}) }));
}

async function answerOf(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  const body: unknown = await response.json();
  return { status: response.status, body: { ...Object(body) } };
}

async function use(visitor: Visitor, calls: number): Promise<void> {
  const { secret } = await visitor.post('/v1/keys/first');
  for (let call = 0; call < calls; call += 1) {
    const { status } = await seller('POST', '/v1/keys/verify', { key: secret });
    expect(status).toBe(200);
  }
}

async function cardOf(buyer: Buyer, number: string): Promise<string> {
  const { stripe_customer_id } = await farebox.app.customers.get(buyer.customer_id);
  const method = await farebox.stripe.paymentMethods.create({
    type: 'card',
    card: { number, exp_month: 12, exp_year: 2034, cvc: '123' },
  });
  await farebox.stripe.paymentMethods.attach(method.id, { customer: stripe_customer_id ?? '' });
  return method.id;
}

test('the next invoice shows what Stripe will bill and what was used so far, each with its formula', async () => {
  const { visitor } = await buyer('pro');
  expect(await visitor.get('/v1/invoices/upcoming')).toMatchObject({ usage: [], usage_minor: 0 });
  await use(visitor, 8);
  const upcoming = await visitor.get('/v1/invoices/upcoming');
  expect(upcoming).toMatchObject({ usage_minor: 60, estimated_total_minor: 49_900 + 60 });
  expect(upcoming.invoice).toMatchObject({ total_minor: 49_900, lines: [{ kind: 'base' }] });
  const formulas = upcoming.usage[0].lines.map((line: { formula: string }) => line.formula);
  expect(formulas).toEqual(['2 × $0.25 = $0.50', '1 × $0.10 = $0.10']);
  const nobody = await farebox.signUp();
  expect((await nobody.request('GET', '/v1/invoices/upcoming')).status).toBe(404);
});

test('a refund is the seller’s to give, in parts, and in sum never more than was paid', async () => {
  const { visitor, customer_id } = await buyer('starter');
  const { data } = await visitor.get('/v1/invoices');
  const path = `/v1/invoices/${data[0].id}`;
  expect((await visitor.request('POST', `${path}/refund`, {})).status).toBe(403);
  expect(await seller('POST', `${path}/refund`, { amount_minor: 9901 })).toMatchObject({
    status: 409,
    body: { code: 'amount_too_large', param: 'amount_minor' },
  });
  const first = await seller('POST', `${path}/refund`, { amount_minor: 900, reason: 'order_change', memo: 'Sorry.' });
  expect(first.body).toMatchObject({ amount_minor: 900, refunded_minor: 900, balance_minor: 0, memo: 'Sorry.' });
  const toBalance = await seller('POST', `${path}/refund`, { amount_minor: 4000, to: 'balance' });
  expect(toBalance.body).toMatchObject({ amount_minor: 4000, refunded_minor: 0, balance_minor: 4000 });
  expect(await visitor.get(`/v1/customers/${customer_id}/balance`)).toMatchObject({ credit_minor: 4000 });

  // Five at once for what is left: one gets it.
  const tries = await Promise.all(Array.from({ length: 5 }, () => seller('POST', `${path}/refund`, {})));
  expect(tries.filter(({ status }) => status === 200).map(({ body }) => body['amount_minor'])).toEqual([5000]);
  expect(tries.filter(({ status }) => status === 409)).toHaveLength(4);
  expect(await visitor.get(path)).toMatchObject({ status: 'paid', credited_minor: 9900 });
  const notes = await visitor.get(`${path}/credit_notes`);
  expect(notes.data.map((note: { amount_minor: number }) => note.amount_minor)).toEqual([5000, 4000, 900]);
});

test('an invoice that was refused can be paid with another card, and asks for it only while it is open', async () => {
  const owner = await buyer('pro');
  const { visitor, customer_id } = owner;
  const bad = await cardOf(owner, '4000000000000341');
  await visitor.post(`/v1/payment_methods/${bad}/default`);
  expect((await visitor.get('/v1/payment_methods')).data).toHaveLength(2);
  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  const [owed] = (await visitor.get('/v1/invoices')).data;
  expect(owed).toMatchObject({ status: 'open', payment_state: 'declined' });
  const path = `/v1/invoices/${owed.id}`;
  const refused = await answerOf(await visitor.request('POST', `${path}/retry`));
  expect(refused).toMatchObject({ status: 402, body: { code: 'payment_failed' } });

  const less = await seller('POST', `${path}/credit_notes`, { amount_minor: 900 });
  expect(less.body).toMatchObject({ amount_minor: 900, refunded_minor: 0, balance_minor: 0 });
  const good = await cardOf(owner, '4242424242424242');
  await visitor.post(`/v1/payment_methods/${good}/default`);
  const paid = await visitor.post(`${path}/retry`);
  expect(paid).toMatchObject({ payment: null, invoice: { status: 'paid', amount_paid_minor: 49_900 - 900 } });
  expect((await visitor.request('POST', `${path}/retry`)).status).toBe(409);
  const [subscription] = (await visitor.get(`/v1/subscriptions?customer_id=${customer_id}`)).data;
  expect(subscription).toMatchObject({ status: 'active', card: { last4: '4242' } });
});

test('a customer adds, chooses and removes its own cards; the one that pays stays; another’s do not exist', async () => {
  const owner = await buyer('starter');
  const { visitor } = owner;
  const setup = await visitor.post('/v1/payment_methods/setup');
  expect((await payOnPage(setup.url, '5555555555554444')).status).toBe(303);
  const { data } = await visitor.get('/v1/payment_methods');
  const paying = data.find((method: { is_default: boolean }) => method.is_default);
  const added = data.find((method: { is_default: boolean }) => !method.is_default);
  expect([paying, added]).toMatchObject([
    { last4: '4242', state: 'valid' },
    { last4: '4444', brand: 'mastercard' },
  ]);
  const inUse = await answerOf(await visitor.request('DELETE', `/v1/payment_methods/${paying.id}`));
  expect(inUse).toMatchObject({ status: 409, body: { code: 'payment_method_in_use' } });

  const stranger = await farebox.signUp();
  expect((await stranger.request('DELETE', `/v1/payment_methods/${added.id}`)).status).toBe(404);
  expect((await stranger.request('POST', `/v1/payment_methods/${added.id}/default`)).status).toBe(404);
  expect(
    (await stranger.request('POST', `/v1/customers/${owner.customer_id}/portal_sessions`, { provider: 'stripe' }))
      .status,
  ).toBe(404);
  expect((await stranger.get('/v1/payment_methods')).data).toEqual([]);

  await visitor.post(`/v1/payment_methods/${added.id}/default`);
  const left = await answerOf(await visitor.request('DELETE', `/v1/payment_methods/${paying.id}`));
  expect(left.body['data']).toMatchObject([{ id: added.id, is_default: true }]);
  const portal = await visitor.post(`/v1/customers/${owner.customer_id}/portal_sessions`, { provider: 'stripe' });
  expect((await fetch(portal.url)).status).toBe(200);
});

test('a card that will not be good for the next payment is told once, while there is time', async () => {
  const { visitor, customer_id } = await buyer('starter');
  // Good to the end of this month; the next payment is a month from now.
  const now = new Date(farebox.sandbox.clock.now());
  const card = { number: '4242424242424242', exp_month: now.getUTCMonth() + 1, exp_year: now.getUTCFullYear() };
  const method = await farebox.stripe.paymentMethods.create({ type: 'card', card: { ...card, cvc: '123' } });
  const { stripe_customer_id } = await farebox.app.customers.get(customer_id);
  await farebox.stripe.paymentMethods.attach(method.id, { customer: stripe_customer_id ?? '' });
  await visitor.post(`/v1/payment_methods/${method.id}/default`);
  await farebox.app.settle();
  const told = await farebox.db.kysely
    .selectFrom('notice')
    .select('state')
    .where('kind', '=', 'card_expiring')
    .where('customer_id', '=', customer_id)
    .execute();
  expect(told).toEqual([{ state: 'sent' }]);
  const methods = (await visitor.get('/v1/payment_methods')).data;
  expect(methods.find((each: { id: string }) => each.id === method.id)).toMatchObject({
    state: 'expiring',
    is_default: true,
  });
});
