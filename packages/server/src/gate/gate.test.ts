import { type Verification, defaultDunning, formatKey } from '@farebox/core';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createTestKeys, testPeppers } from '../../test/keys.ts';
import { createSubscribers, createTestApp, member, planOf, seller } from '../../test/subscribers.ts';
import { createMemoryCounter } from '../counter/memory.ts';
import { fakeClock } from '../lib/clock.ts';
import { createUsage } from '../usage/service.ts';
import { createGate } from './gate.ts';
import { createGateRoutes } from './routes.ts';
import { createSnapshot } from './snapshot.ts';

const db = await testDatabase();
const clock = fakeClock(Date.UTC(2026, 2, 10, 12, 0, 0, 50));
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const peppers = testPeppers;
const usage = createUsage({ db, clock, log: quiet, meters: [], flush_ms: 3_600_000 });
const snapshot = createSnapshot({
  db,
  clock,
  peppers,
  usedInPeriods: usage.usedInPeriods,
  settle: usage.flush,
  log: quiet,
});
const { keys } = createTestKeys({ db, clock, changed: snapshot.changed });
const used: string[] = [];
const gate = createGate({
  entries: snapshot,
  counter: createMemoryCounter({ onQuotaEvicted: (id) => snapshot.reseed(id.split(':')[0] ?? '') }),
  clock,
  record: usage.record,
  used: (keyId) => used.push(keyId),
  brand: 'sky',
  policy: { grace_ms: 3 * 86_400_000, dunning: defaultDunning(3) },
});
const people = createSubscribers(db, clock);
const { call, from } = createTestApp({ clock, routes: [createGateRoutes({ gate, clock })] });

async function keyFor(customerId: string, changes: object = {}): Promise<{ id: string; secret: string }> {
  const { key, secret } = await keys.create(null, { customer_id: customerId, name: 'test', ...changes });
  return { id: key.id, secret };
}

interface Answer extends Verification {
  param: string;
}

async function verify(body: object): Promise<{ status: number; headers: Headers; json: Answer }> {
  const response = await call(seller, 'POST', '/v1/keys/verify', body);
  const json: Answer = JSON.parse(await response.text());
  return { status: response.status, headers: response.headers, json };
}

describe('POST /v1/keys/verify', () => {
  test('200 with who it is, what is left and what it costs, and the headers to pass on', async () => {
    const customer = await people.subscriber();
    const key = await keyFor(customer);
    const { status, headers, json } = await verify({ key: key.secret, endpoint: '/v1/forecast' });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      valid: true,
      code: 'VALID',
      key_id: key.id,
      customer_id: customer,
      plan_id: 'pro',
      features: { history: true },
      limits: [
        { name: '1s', limit: 10, remaining: 9, window_ms: 1000 },
        { name: '1m', limit: 300, remaining: 299, window_ms: 60_000 },
      ],
      quota: {
        meter_id: 'requests',
        kind: 'soft',
        included: 1000,
        used: 1,
        remaining: 999,
        reset_at: '2026-04-10T12:00:00.050Z',
      },
      cost_decimal: '0',
      currency: 'usd',
      retry_after_s: null,
    });
    expect(headers.get('RateLimit-Policy')).toBe('"1s";q=10;w=1, "1m";q=300;w=60, "month";q=1000');
    expect(headers.get('RateLimit')).toMatch(/^"1s";r=9;t=\d, "1m";r=299;t=\d+, "month";r=999;t=\d+$/);
    expect(headers.get('Farebox-Quota-Remaining')).toBe('999');
    expect(headers.get('Farebox-Cost')).toBe('0 usd');
    expect(headers.get('Farebox-Request-Id')).toBe(json.request_id);
    expect(used).toContain(key.id);
    await usage.flush();
    const events = await db.kysely.selectFrom('usage_event').selectAll().where('customer_id', '=', customer).execute();
    expect(events).toMatchObject([
      { id: json.request_id, key_id: key.id, type: 'requests', quantity: 1, endpoint: '/v1/forecast' },
    ]);
  });

  test('only the seller may ask', async () => {
    const customer = await people.subscriber();
    const { secret } = await keyFor(customer);
    expect((await call({ type: 'anonymous' }, 'POST', '/v1/keys/verify', { key: secret })).status).toBe(401);
    expect((await call(member(customer), 'POST', '/v1/keys/verify', { key: secret })).status).toBe(403);
  });

  test('400 that names the field: unknown, missing, of another type or out of bounds', async () => {
    const faulty: [string, object][] = [
      ['key', {}],
      ['key', { key: 5 }],
      ['customer_id', { key: 'x', customer_id: 'cust_1' }],
      ['cost', { key: 'x', cost: -1 }],
      ['cost', { key: 'x', cost: 1.5 }],
      ['cost', { key: 'x', cost: '1' }],
      ['cost', { key: 'x', cost: 1_000_001 }],
      ['ip', { key: 'x', ip: 'localhost' }],
      ['scope', { key: 'x', scope: 'a\nb' }],
      ['endpoint', { key: 'x', endpoint: 'é' }],
      ['key', [1]],
    ];
    for (const [param, body] of faulty) {
      const { status, json } = await verify(body);
      expect([status, json.code, json.param]).toEqual([400, 'invalid_request', param]);
    }
    const text = await call(seller, 'POST', '/v1/keys/verify', { key: 'x' }, { 'content-type': 'text/plain' });
    expect(text.status).toBe(415);
    expect((await verify({ key: 'x'.repeat(9000) })).status).toBe(413);
  });

  test('garbage, a wrong checksum and another brand’s key are refused without a look-up', async () => {
    const { secret } = await keyFor(await people.subscriber());
    const before = snapshot.stats();
    const other = formatKey('sun', 'test', secret.slice(9, 39));
    for (const token of ['', 'x', secret.slice(0, -1), `${secret}0`, secret.toUpperCase(), other]) {
      const { json } = await verify({ key: token });
      expect(json).toMatchObject({ valid: false, code: 'NOT_FOUND', key_id: null, limits: [], quota: null });
    }
    expect(snapshot.stats()).toEqual(before);
  });

  test('a well-formed key that was never made is read once and remembered until something changes', async () => {
    const token = formatKey('sky', 'test', 'A'.repeat(30));
    const before = snapshot.stats().unknown;
    expect((await verify({ key: token })).json.code).toBe('NOT_FOUND');
    expect(snapshot.stats().unknown).toBe(before + 1);
    expect(snapshot.get(token)).toBeNull();
  });

  test('a key of the other mode does not exist', async () => {
    const { secret } = await keyFor(await people.subscriber());
    const live = await call(
      { ...seller, type: 'seller', secret_key_id: 'sk_live', livemode: true },
      'POST',
      '/v1/keys/verify',
      { key: secret },
    );
    expect(await live.text()).toContain('NOT_FOUND');
  });

  test('revoked, expired, from elsewhere, without the scope, without a subscription, past due: each has its code', async () => {
    const customer = await people.subscriber();
    const scoped = await keyFor(customer, {
      scopes: ['forecast'],
      allowed_cidrs: ['203.0.113.0/24'],
      expires_at: clock.now() + 60_000,
    });
    const ask = (body: object) => verify({ key: scoped.secret, ip: '203.0.113.9', scope: 'forecast', ...body });
    expect((await ask({})).json.code).toBe('VALID');
    expect((await ask({ ip: '198.51.100.1' })).json.code).toBe('FORBIDDEN_IP');
    expect((await ask({ ip: null })).json.code).toBe('FORBIDDEN_IP');
    expect((await ask({ scope: 'history' })).json.code).toBe('INSUFFICIENT_SCOPE');
    clock.advance(60_000);
    expect((await ask({})).json.code).toBe('EXPIRED');

    expect((await verify({ key: (await keyFor(await people.customer())).secret })).json.code).toBe(
      'SUBSCRIPTION_INACTIVE',
    );
    const late = await people.customer();
    await people.subscribe(late, planOf(), { status: 'past_due', past_due_since_at: clock.now() - 4 * 86_400_000 });
    expect((await verify({ key: (await keyFor(late)).secret })).json.code).toBe('PAYMENT_PAST_DUE');
  });

  test('a refusal before the limits takes nothing and records nothing', async () => {
    const customer = await people.subscriber();
    const { secret } = await keyFor(customer, { scopes: ['forecast'] });
    for (let count = 0; count < 20; count += 1) await verify({ key: secret, scope: 'history' });
    expect((await verify({ key: secret, scope: 'forecast' })).json.quota?.used).toBe(1);
  });
});

describe('limits', () => {
  test('500 concurrent requests at a limit of 10 admit exactly 10, and exactly those are recorded', async () => {
    const customer = await people.subscriber();
    const { secret } = await keyFor(customer);
    const answers = await Promise.all(Array.from({ length: 500 }, () => verify({ key: secret })));
    expect(answers.filter(({ json }) => json.valid)).toHaveLength(10);
    const refused = answers.find(({ json }) => !json.valid);
    expect(refused?.json).toMatchObject({
      code: 'RATE_LIMITED',
      detail: 'The limit of 10 per 1s is reached.',
      quota: { used: 10 },
    });
    await usage.flush();
    const period = { start_at: clock.now() - 1000, end_at: clock.now() + 1000 };
    expect(await usage.usageOfPeriod(db.kysely, customer, 'requests', period)).toBe(10);
  });

  test('all keys of a customer share its limits', async () => {
    const customer = await people.subscriber();
    const [one, two] = [await keyFor(customer), await keyFor(customer)];
    for (let count = 0; count < 10; count += 1) await verify({ key: one.secret });
    expect((await verify({ key: two.secret })).json.code).toBe('RATE_LIMITED');
  });

  test('Retry-After is when the same request passes', async () => {
    const { secret } = await keyFor(await people.subscriber());
    await verify({ key: secret, cost: 10 });
    const { headers, json } = await verify({ key: secret, cost: 7 });
    expect(json.code).toBe('RATE_LIMITED');
    const seconds = Number(headers.get('Retry-After'));
    expect(seconds).toBe(json.retry_after_s);
    clock.advance(seconds * 1000);
    expect((await verify({ key: secret, cost: 7 })).json.valid).toBe(true);
  });

  test('a cost above the limit is refused without a time to retry, and cost 1 passes after it', async () => {
    const { secret } = await keyFor(await people.subscriber());
    const { headers, json } = await verify({ key: secret, cost: 11 });
    expect(json).toMatchObject({ code: 'RATE_LIMITED', retry_after_s: null });
    expect(headers.has('Retry-After')).toBe(false);
    expect((await verify({ key: secret })).json.valid).toBe(true);
  });

  test('a cost of 0 asks and takes nothing', async () => {
    const { secret } = await keyFor(await people.subscriber());
    for (let count = 0; count < 30; count += 1) expect((await verify({ key: secret, cost: 0 })).json.valid).toBe(true);
    expect((await verify({ key: secret })).json.quota?.used).toBe(1);
  });

  test('a soft quota lets the overage through and says what it costs; a hard one ends', async () => {
    const limits = [{ name: '1s', limit: 10_000, window_ms: 1000 }];
    const soft = planOf({ limits });
    const softKey = await keyFor(await people.subscriber(soft));
    expect((await verify({ key: softKey.secret, cost: 999 })).json.cost_decimal).toBe('0');
    expect((await verify({ key: softKey.secret, cost: 2 })).json).toMatchObject({
      valid: true,
      cost_decimal: '0.08',
      quota: { remaining: 0 },
    });
    expect((await verify({ key: softKey.secret })).headers.get('Farebox-Cost')).toBe('0.0008 usd');

    const hard = planOf({
      limits,
      usage: [{ meter_id: 'requests', included: 5, quota: 'hard', interval: 'month', overage: null }],
    });
    const hardKey = await keyFor(await people.subscriber(hard));
    expect((await verify({ key: hardKey.secret, cost: 5 })).json.valid).toBe(true);
    const { json } = await verify({ key: hardKey.secret });
    expect(json).toMatchObject({ code: 'QUOTA_EXCEEDED', quota: { used: 5, remaining: 0 } });
    expect(clock.now() + (json.retry_after_s ?? 0) * 1000).toBeGreaterThanOrEqual(Date.UTC(2026, 3, 10, 12));
  });

  test('the quota begins anew with the billing period', async () => {
    const here = clock.now();
    const plan = planOf({
      usage: [{ meter_id: 'requests', included: 5, quota: 'hard', interval: 'month', overage: null }],
    });
    const { secret } = await keyFor(await people.subscriber(plan));
    expect((await verify({ key: secret, cost: 5 })).json.valid).toBe(true);
    clock.set(Date.UTC(2026, 3, 10, 12, 0, 0));
    expect((await verify({ key: secret })).json.code).toBe('QUOTA_EXCEEDED');
    clock.set(Date.UTC(2026, 3, 10, 12, 5, 0));
    expect((await verify({ key: secret })).json).toMatchObject({ valid: true, quota: { used: 1 } });
    clock.set(here);
  });

  test('after a restart the quota goes on from what is written', async () => {
    const plan = planOf({
      usage: [{ meter_id: 'requests', included: 5, quota: 'hard', interval: 'month', overage: null }],
    });
    const { secret } = await keyFor(await people.subscriber(plan));
    await verify({ key: secret, cost: 4 });
    await usage.flush();
    const restarted = createGate({
      entries: createSnapshot({ db, clock, peppers, usedInPeriods: usage.usedInPeriods, log: quiet }),
      counter: createMemoryCounter(),
      clock,
      record: () => undefined,
      brand: 'sky',
      policy: { grace_ms: 0, dunning: defaultDunning(0) },
    });
    expect(await restarted.verify({ token: secret, cost: 2 })).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      quota: { used: 4 },
    });
    expect(await restarted.verify({ token: secret })).toMatchObject({ valid: true, quota: { used: 5 } });
  });

  test('an upgrade changes the limits at once and keeps what was used', async () => {
    const customer = await people.customer();
    const first = await people.subscribe(customer, planOf());
    const { secret } = await keyFor(customer);
    await verify({ key: secret, cost: 10 });
    await db.kysely.updateTable('subscription').set({ superseded: true }).where('id', '=', first).execute();
    await people.subscribe(customer, planOf({ id: 'max', limits: [{ name: '1s', limit: 15, window_ms: 1000 }] }));
    await people.bump();
    await snapshot.changed();
    const { json } = await verify({ key: secret, cost: 5 });
    expect(json).toMatchObject({ valid: true, plan_id: 'max', limits: [{ name: '1s', limit: 15, remaining: 0 }] });
    expect((await verify({ key: secret })).json.code).toBe('RATE_LIMITED');
  });
});

describe('GET /v1/gate/forward-auth', () => {
  const ask = (headers: Record<string, string>, query = '') =>
    call({ type: 'anonymous' }, 'GET', `/v1/gate/forward-auth${query}`, undefined, headers);

  test('200 with the headers and nothing else for a good key, in either header', async () => {
    const customer = await people.subscriber();
    const { secret } = await keyFor(customer);
    for (const headers of [{ authorization: `Bearer ${secret}` }, { 'x-api-key': secret }]) {
      const response = await ask(headers);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('');
      expect(response.headers.get('Farebox-Customer')).toBe(customer);
      expect(response.headers.get('Farebox-Plan')).toBe('pro');
      expect(response.headers.has('RateLimit')).toBe(true);
    }
  });

  test('400 for two different keys', async () => {
    const response = await ask({ authorization: 'Bearer sky_test_1', 'x-api-key': 'sky_test_2' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'ambiguous_key' });
  });

  test('each refusal has its status and a problem that says why', async () => {
    const subscribed = await people.subscriber();
    const { secret } = await keyFor(subscribed, { scopes: ['forecast'] });
    const unpaid = await keyFor(await people.customer());
    const revoked = await keyFor(subscribed);
    await keys.revoke(subscribed, revoked.id);
    const cases: [Record<string, string>, string, number, string][] = [
      [{}, '', 401, 'NOT_FOUND'],
      [{ 'x-api-key': 'nonsense' }, '', 401, 'NOT_FOUND'],
      [{ 'x-api-key': revoked.secret }, '', 401, 'REVOKED'],
      [{ 'x-api-key': unpaid.secret }, '', 402, 'SUBSCRIPTION_INACTIVE'],
      [{ 'x-api-key': secret }, '?scope=history', 403, 'INSUFFICIENT_SCOPE'],
      [{ 'x-api-key': secret }, '?cost=11', 429, 'RATE_LIMITED'],
    ];
    for (const [headers, query, status, code] of cases) {
      const response = await ask(headers, query);
      expect([code, response.status]).toEqual([code, status]);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.has('www-authenticate')).toBe(status === 401);
      const problem: Answer = JSON.parse(await response.text());
      expect(problem).toMatchObject({ status, code, request_id: response.headers.get('Farebox-Request-Id') });
      expect(problem.detail).not.toBe('');
    }
  });

  test('400 for a query the proxy’s configuration cannot mean', async () => {
    for (const query of ['?cost=x', '?cost=1&cost=2', '?key=sky', '?scope=a&scope=b']) {
      expect((await ask({ 'x-api-key': 'x' }, query)).status).toBe(400);
    }
  });

  test('an allowlist looks at the address the server found, not at what the caller claims', async () => {
    const { secret } = await keyFor(await people.subscriber(), { allowed_cidrs: ['203.0.113.0/24'] });
    from('198.51.100.1');
    expect((await ask({ 'x-api-key': secret, 'x-forwarded-for': '203.0.113.5' })).status).toBe(403);
    from('203.0.113.5');
    expect((await ask({ 'x-api-key': secret })).status).toBe(200);
    from(null);
  });
});
