import { expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 180_000 });

const small = smallList(10);
const list = {
  ...small,
  plans: small.plans.map((plan) =>
    plan.id === 'starter'
      ? { ...plan, usage: plan.usage.map((usage) => ({ ...usage, quota: 'hard' as const, overage: null })) }
      : plan,
  ),
  features: [
    ...small.features,
    { id: 'calls', name: 'Calls', description: 'Requests to the API.', type: 'metered' as const, meter_id: 'requests' },
  ],
};
const farebox = await testApp({ list });

async function buyer(plan_id: string): Promise<{ visitor: Visitor; id: string; secret: string }> {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  const { customer_id } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { secret } = await visitor.post('/v1/keys/first');
  return { visitor, id: customer_id, secret };
}

async function seller(method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${farebox.url}${path}`, { method, headers, ...sent });
  const json: unknown = await response.json();
  return { status: response.status, body: Object(json) };
}

test('one answer tells all about a customer, from the first day to the day nothing passes', async () => {
  const newcomer = await farebox.signUp();
  const { customer } = await newcomer.get('/v1/me');
  expect(await newcomer.get(`/v1/customers/${customer.id}/state`)).toMatchObject({
    subscriptions: [],
    access: 'inactive',
    dunning: null,
    alerts: [],
    entitlements: [
      { feature_id: 'history', enabled: false },
      { feature_id: 'calls', enabled: false, quota: null },
    ],
  });

  const { visitor, id, secret } = await buyer('pro');
  for (let call = 0; call < 8; call += 1) await farebox.verify(secret);
  const state = await visitor.get(`/v1/customers/${id}/state`);
  expect(state).toMatchObject({
    customer: { id },
    subscriptions: [{ plan_id: 'pro' }],
    access: 'granted',
    owed: [],
    entitlements: [
      { feature_id: 'history', enabled: true },
      { feature_id: 'calls', enabled: true, quota: { included: 10, used: 8, remaining: 2, kind: 'soft' } },
    ],
    alerts: [{ code: 'quota_near', meter_id: 'requests' }],
  });
  expect(await visitor.get(`/v1/customers/${id}/entitlements`)).toMatchObject({ data: state.entitlements });
  expect((await newcomer.request('GET', `/v1/customers/${id}/state`)).status).toBe(404);
  expect((await seller('GET', `/v1/customers/${id}/state`)).body).toEqual(state);

  const { stripe_customer_id } = await farebox.app.customers.get(id);
  const bad = await farebox.stripe.paymentMethods.create({
    type: 'card',
    card: { number: '4000000000000341', exp_month: 12, exp_year: 2034, cvc: '123' },
  });
  await farebox.stripe.paymentMethods.attach(bad.id, { customer: stripe_customer_id ?? '' });
  await visitor.post(`/v1/payment_methods/${bad.id}/default`);
  await farebox.sandbox.clock.advance(31 * dayMs + 7_200_000);
  await farebox.app.settle();
  const owing = await visitor.get(`/v1/customers/${id}/state`);
  expect(owing).toMatchObject({
    access: 'granted',
    dunning: {
      step: 'warn',
      rate_percent: 100,
      steps: [{ step: 'warn' }, { step: 'slow' }, { step: 'read_only' }, { step: 'block' }],
    },
    owed: [{ currency: 'usd', action_required: false }],
    alerts: [{ code: 'payment_past_due', at: owing.dunning.steps[3].at }],
  });
  await farebox.sandbox.clock.advance(8 * dayMs);
  expect(await visitor.get(`/v1/customers/${id}/state`)).toMatchObject({
    access: 'granted',
    dunning: { step: 'read_only', rate_percent: 25 },
  });
});

test('whether a customer may is answered for features and meters, and asking takes nothing', async () => {
  const { visitor, id, secret } = await buyer('starter');
  for (let call = 0; call < 4; call += 1) await farebox.verify(secret);
  const check = (feature_id: string, quantity?: number) =>
    visitor.post('/v1/entitlements/check', { feature_id, ...(quantity === undefined ? {} : { quantity }) });
  expect(await check('history')).toMatchObject({ allowed: false, code: 'FEATURE_OFF' });
  expect(await check('calls', 6)).toMatchObject({ allowed: true, code: 'ALLOWED', quota: { remaining: 6 } });
  expect(await check('requests', 7)).toMatchObject({ allowed: false, code: 'QUOTA_EXCEEDED', quota: { used: 4 } });
  const unknown = await visitor.request('POST', '/v1/entitlements/check', { feature_id: 'teleport' });
  expect([unknown.status, await unknown.json()]).toMatchObject([400, { param: 'feature_id' }]);
  expect((await seller('POST', '/v1/entitlements/check', { feature_id: 'calls' })).status).toBe(400);
  expect((await seller('POST', '/v1/entitlements/check', { feature_id: 'calls', customer_id: id })).body).toMatchObject(
    {
      allowed: true,
    },
  );
});

test('the price list says what a customer can do with each plan', async () => {
  const actionsOf = (data: { id: string; action: string | null }[]) =>
    Object.fromEntries(data.map((plan) => [plan.id, plan.action]));
  const newcomer = await farebox.signUp();
  expect(new Set(Object.values(actionsOf((await newcomer.get('/v1/plans')).data)))).toEqual(new Set(['subscribe']));
  const { visitor, id } = await buyer('pro');
  const own = actionsOf((await visitor.get('/v1/plans')).data);
  expect(own).toEqual({ starter: 'downgrade', pro: 'current', enterprise: 'upgrade' });
  expect(actionsOf((await seller('GET', `/v1/plans?customer_id=${id}`)).body.data)).toEqual(own);
  expect((await seller('GET', '/v1/plans/enterprise')).body).toMatchObject({ action: null });
  expect((await newcomer.request('GET', `/v1/plans?customer_id=${id}`)).status).toBe(404);
});

test('what is referred to is carried whole where it is asked for, and only there', async () => {
  const { visitor, id } = await buyer('pro');
  const [plain] = (await visitor.get('/v1/subscriptions')).data;
  expect([plain.customer, plain.plan]).toEqual([undefined, undefined]);
  const path = `/v1/subscriptions/${plain.id}?expand[]=plan&expand[]=customer`;
  expect(await visitor.get(path)).toMatchObject({ plan: { id: 'pro', on_sale: true }, customer: { id } });
  const { data } = await visitor.get('/v1/invoices?expand[]=subscription');
  expect(data[0]).toMatchObject({ subscription_id: plain.id, subscription: { id: plain.id, plan_id: 'pro' } });
  const one = await visitor.get(`/v1/invoices/${data[0].id}?expand[]=customer`);
  expect([one.customer.id, one.subscription]).toEqual([id, undefined]);
  expect((await visitor.request('GET', '/v1/invoices?expand[]=everything')).status).toBe(400);
});

test('a customer is deleted when nothing moves money any more: its key stops, its people are out, its id is free', async () => {
  const { visitor, id, secret } = await buyer('starter');
  expect(await seller('DELETE', `/v1/customers/${id}`)).toMatchObject({
    status: 409,
    body: { code: 'customer_in_use' },
  });
  expect((await visitor.request('DELETE', `/v1/customers/${id}`)).status).toBe(403);
  const [subscription] = (await visitor.get('/v1/subscriptions')).data;
  await visitor.post(`/v1/subscriptions/${subscription.id}/cancel`, { at: 'now' });
  await farebox.app.settle();
  expect(await seller('DELETE', `/v1/customers/${id}`)).toEqual({
    status: 200,
    body: { object: 'customer', id, deleted: true },
  });
  expect(await farebox.verify(secret)).toMatchObject({ valid: false, code: 'REVOKED' });
  expect((await visitor.request('GET', '/v1/me')).status).toBe(401);
  expect((await seller('GET', `/v1/customers/${id}`)).status).toBe(404);
  expect((await seller('DELETE', `/v1/customers/${id}`)).status).toBe(404);
  expect((await seller('POST', '/v1/keys', { customer_id: id, name: 'After' })).status).toBe(404);
  expect((await seller('POST', '/v1/checkout_sessions', { customer_id: id, plan_id: 'pro' })).status).toBe(404);
  const { body } = await seller('GET', '/v1/customers?limit=100');
  expect(body.data.map((customer: { id: string }) => customer.id)).not.toContain(id);
  expect((await seller('GET', `/v1/invoices?customer_id=${id}`)).body.data).not.toEqual([]);

  const wish = { external_id: 'acme', name: 'Acme', email: 'acme@example.com' };
  const first = await seller('POST', '/v1/customers', wish);
  await seller('DELETE', `/v1/customers/${first.body.id}`);
  const second = await seller('POST', '/v1/customers', wish);
  expect(second.status).toBe(201);
  expect(second.body.id).not.toBe(first.body.id);
});

test('every list can be walked page by page, from the newest to the oldest, with nothing left out or said twice', async () => {
  const owner = await buyer('pro');
  for (const name of ['One', 'Two', 'Three']) await owner.visitor.post('/v1/keys', { name });
  const operator = await farebox.operator();
  const lists: [string, (path: string) => Promise<Page>][] = [
    ['/v1/customers', async (path) => (await seller('GET', path)).body],
    ['/v1/subscriptions', async (path) => (await seller('GET', path)).body],
    ['/v1/invoices', async (path) => (await seller('GET', path)).body],
    [`/v1/keys?customer_id=${owner.id}`, async (path) => (await seller('GET', path)).body],
    ['/v1/admin/stripe_events?type=invoice.paid', (path) => operator.get(path)],
    ['/v1/admin/charges', (path) => operator.get(path)],
  ];
  for (const [path, get] of lists) {
    const sign = path.includes('?') ? '&' : '?';
    const all = await get(`${path}${sign}limit=100`);
    expect(all.data.length, path).toBeGreaterThan(2);
    expect(all.has_more, path).toBe(false);
    const walked: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page = await get(`${path}${sign}limit=2${cursor === '' ? '' : `&starting_after=${cursor}`}`);
      walked.push(...page.data.map(({ id }) => id));
      expect(page.has_more).toBe(page.next_cursor !== null);
      cursor = page.next_cursor;
    }
    expect(walked, path).toEqual(all.data.map(({ id }) => id));
  }
});

interface Page {
  data: { id: string }[];
  has_more: boolean;
  next_cursor: string | null;
}
