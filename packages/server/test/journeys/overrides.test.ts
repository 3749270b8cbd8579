import { expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

const small = smallList(5);
const [starter] = small.plans;
if (starter === undefined) throw new Error('the example list has plans');
const agreed = {
  ...starter,
  id: 'agreed',
  name: 'As agreed',
  customer: 'crm-7',
  prices: [{ amount_minor: 42_000, currency: 'usd', interval: 'month' as const, setup_fee_minor: 0 }],
};
// A journey of many calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const farebox = await testApp({ list: { ...small, plans: [...small.plans, agreed] } });
const { seller } = farebox;

async function subscriber(plan_id = 'pro') {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { secret } = await visitor.post('/v1/keys/first');
  return { visitor, secret, id: subscription.id, path: `/v1/customers/${subscription.customer_id}/overrides` };
}

const set = (path: string, body: object) => seller.answer('PUT', path, { reason: 'agreed by phone', ...body });

test('limits, amounts and features count with the next request, and no counter begins again', async () => {
  const { secret, path, visitor } = await subscriber();
  for (let call = 0; call < 3; call += 1) await farebox.verify(secret);
  expect(await farebox.verify(secret)).toMatchObject({ quota: { included: 5, used: 4 }, features: { history: true } });

  const answer = await set(path, {
    limits: { '1m': 7 },
    included: { requests: 6 },
    quota: { requests: 'hard' },
    features: { history: false },
  });
  expect(answer).toMatchObject({
    status: 200,
    json: { in_force: true, effective: [{ features: { history: false } }] },
  });
  const changed = await farebox.verify(secret);
  expect(changed).toMatchObject({ quota: { included: 6, used: 5, kind: 'hard' }, features: { history: false } });
  expect(changed.limits.find(({ name }) => name === '1m')).toMatchObject({ limit: 7, remaining: 2 });
  expect(await farebox.verify(secret)).toMatchObject({ valid: true, quota: { remaining: 0 } });
  expect(await farebox.verify(secret)).toMatchObject({ valid: false, code: 'QUOTA_EXCEEDED' });
  expect((await visitor.get('/v1/usage/summary')).meters[0]).toMatchObject({ included: 6, quota: 'hard' });
  expect(await visitor.post('/v1/entitlements/check', { feature_id: 'history' })).toMatchObject({ allowed: false });

  expect((await seller.answer('DELETE', path)).json).toMatchObject({ in_force: false, overrides: null });
  expect(await farebox.verify(secret)).toMatchObject({ valid: true, quota: { included: 5, used: 7, kind: 'soft' } });
  expect((await seller.answer('DELETE', path)).json).toMatchObject({ code: 'no_change' });
});

test('they end to the millisecond, without a read, and what was used stays used', async () => {
  const { secret, path } = await subscriber();
  const now = farebox.sandbox.clock.now();
  await set(path, { included: { requests: 50 }, expires_at: new Date(now + dayMs).toISOString() });
  expect(await farebox.verify(secret)).toMatchObject({ quota: { included: 50, used: 1 } });
  await farebox.sandbox.clock.advance(dayMs + 1000);
  expect(await farebox.verify(secret)).toMatchObject({ quota: { included: 5, used: 2 } });
  const { json } = await seller.answer('GET', path);
  expect(json).toMatchObject({ in_force: false, overrides: { included: { requests: 50 } } });
});

test('usage is billed by what is in force when its period ends, line by line', async () => {
  const [kept, ended] = [await subscriber(), await subscriber()];
  const half = { type: 'per_unit', unit_price_decimal: '12.5' };
  await set(kept.path, { included: { requests: 6 }, overage: { requests: { usd: half } } });
  const soon = new Date(farebox.sandbox.clock.now() + 2 * dayMs).toISOString();
  await set(ended.path, { included: { requests: 100 }, expires_at: soon });
  for (const { secret } of [kept, ended]) for (let call = 0; call < 10; call += 1) await farebox.verify(secret);
  await farebox.app.settle();
  expect((await kept.visitor.get('/v1/usage/summary')).cost_so_far_minor).toBe(50);
  expect((await ended.visitor.get('/v1/usage/summary')).cost_so_far_minor).toBe(0);

  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  const overage = async ({ visitor }: typeof kept) =>
    (await visitor.get('/v1/invoices')).data[0].lines
      .filter(({ kind }: { kind: string }) => kind === 'overage')
      .map((line: { quantity: number; amount_minor: number }) => [line.quantity, line.amount_minor]);
  // Four past the six of its own, at 12.5 cents; five past the plan's five, two at 25 and three at 10.
  expect(await overage(kept)).toEqual([[4, 50]]);
  expect((await overage(ended)).toSorted()).toEqual([
    [2, 50],
    [3, 30],
  ]);
});

test('another price per period is a custom plan, which its customer is changed to', async () => {
  const visitor = await farebox.signUp('acme@example.com');
  const { customer } = await visitor.get('/v1/me');
  await farebox.db.kysely.updateTable('customer').set({ external_id: 'crm-7' }).where('id', '=', customer.id).execute();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const change = { plan_id: 'agreed', when: 'period_end' };
  expect(await seller.post(`/v1/subscriptions/${subscription.id}/change`, change)).toMatchObject({
    subscription: { scheduled_change: { plan_id: 'agreed', price: { amount_minor: 42_000 } } },
  });
  const stranger = await subscriber('starter');
  const refused = await seller.answer('POST', `/v1/subscriptions/${stranger.id}/change`, change);
  expect(refused).toMatchObject({ status: 404, json: { code: 'plan_not_found' } });
});

test('what means nothing is refused with its place, and changes nothing; only the seller sets any', async () => {
  const { path, visitor, secret } = await subscriber();
  const refusals: [object, string][] = [
    [{ limits: { '7m': 5 } }, 'limits.7m'],
    [{ included: { tiles: 5 } }, 'included.tiles'],
    [{ included: { requests: -1 } }, 'included.requests'],
    [{ features: { history: 'yes' } }, 'features.history'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    [{ reason: '' }, 'reason'],
    [{ price: 5 }, 'price'],
  ];
  for (const [body, param] of refusals) {
    const { status, json } = await set(path, body);
    expect([status, json.param], param).toEqual([400, param]);
  }
  expect((await seller.answer('GET', path)).json).toMatchObject({ in_force: false, history: [] });
  expect(await farebox.verify(secret)).toMatchObject({ quota: { included: 5 } });
  for (const method of ['GET', 'PUT', 'DELETE'])
    expect((await visitor.request(method, path, method === 'PUT' ? { reason: 'me' } : undefined)).status).toBe(403);
  expect((await seller.answer('GET', '/v1/customers/cust_x/overrides')).status).toBe(404);
});

test('who changed what, when and why is kept', async () => {
  const { path } = await subscriber();
  await set(path, { limits: { '1m': 7 }, reason: 'a launch' });
  await farebox.sandbox.clock.advance(1000);
  await set(path, { limits: { '1m': 9 }, reason: 'a bigger launch' });
  const { json } = await seller.answer('GET', path);
  expect(json.history.map((each: { reason: string; limits: object }) => [each.reason, each.limits])).toEqual([
    ['a bigger launch', { '1m': 9 }],
    ['a launch', { '1m': 7 }],
  ]);
  expect(json.history[0].actor).toMatch(/^seller:/);
  const entries = await farebox.db.kysely
    .selectFrom('audit_entry')
    .select(['action', 'detail'])
    .where('customer_id', '=', json.customer_id)
    .where('action', '=', 'customer.overrides_set')
    .execute();
  expect(entries).toHaveLength(2);
});
