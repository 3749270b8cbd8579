import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Endpoint, type Plan, createEndpointMatch, defaultDunning } from '@farebox/core';
import { afterAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createTestKeys, testPeppers } from '../../test/keys.ts';
import { createSubscribers, createTestApp, planOf, seller } from '../../test/subscribers.ts';
import { createMemoryCounter } from '../counter/memory.ts';
import { fakeClock } from '../lib/clock.ts';
import type { Counter } from '../ports.ts';
import { createUsage } from '../usage/service.ts';
import { endpointsOf } from './endpoints.ts';
import { createGate } from './gate.ts';
import { createGateRoutes } from './routes.ts';
import { createSnapshot } from './snapshot.ts';

const db = await testDatabase();
const start = Date.UTC(2026, 2, 10, 12);
const clock = fakeClock(start);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const people = createSubscribers(db, clock);
const usage = createUsage({ db, clock, log: quiet, meters: [], flush_ms: 3_600_000 });
const snapshot = createSnapshot({
  db,
  clock,
  peppers: testPeppers,
  usedInPeriods: usage.usedInPeriods,
  settle: usage.flush,
  log: quiet,
});
const { keys } = createTestKeys({ db, clock, changed: snapshot.changed });

function doors(more: { match?: (method: string, path: string) => Endpoint | null; counter?: Counter } = {}) {
  const { match, counter = createMemoryCounter() } = more;
  const gate = createGate({
    entries: snapshot,
    counter,
    clock,
    record: usage.record,
    ...(match === undefined ? {} : { match }),
    upgrade_url: 'https://billing.example.com/dashboard',
    brand: 'sky',
    policy: { grace_ms: 0, dunning: defaultDunning(0) },
  });
  const { call } = createTestApp({ clock, routes: [createGateRoutes({ gate, clock })] });
  async function verify(key: string, more: object = {}) {
    const response = await call(seller, 'POST', '/v1/keys/verify', { key, ...more });
    const json: Record<string, unknown> & { lease?: { id: string } } = JSON.parse(await response.text());
    return { status: response.status, headers: response.headers, json };
  }
  async function forward(key: string, headers: Record<string, string> = {}) {
    const response = await call({ type: 'anonymous' }, 'GET', '/v1/gate/forward-auth', undefined, {
      authorization: `Bearer ${key}`,
      ...headers,
    });
    const text = await response.text();
    const json: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
    return { status: response.status, headers: response.headers, json };
  }
  const release = async (id: string) => (await call(seller, 'POST', `/v1/gate/leases/${id}/release`)).status;
  return { verify, forward, release };
}

async function keyOn(changes: Partial<Plan>): Promise<string> {
  const customer = await people.subscriber(planOf(changes));
  return (await keys.create(null, { customer_id: customer, name: 'test' })).secret;
}

describe('a refusal for a limit', () => {
  test('429 says which limit, its window, when it ends and where to have more', async () => {
    const { forward, verify } = doors();
    const key = await keyOn({ limits: [{ name: '1m', limit: 1, window_ms: 60_000 }] });
    expect((await forward(key)).status).toBe(200);
    const refused = await forward(key);
    expect(refused.status).toBe(429);
    expect(refused.json).toMatchObject({
      code: 'RATE_LIMITED',
      limit: { kind: 'window', name: '1m', limit: 1, window_ms: 60_000, reset_at: '2026-03-10T12:01:06.000Z' },
      upgrade_url: 'https://billing.example.com/dashboard',
    });
    expect(refused.headers.get('retry-after')).toBe('66');
    expect((await verify(key)).json).toMatchObject({
      valid: false,
      denied_by: { kind: 'window', name: '1m', reset_at: '2026-03-10T12:01:06.000Z' },
      upgrade_url: 'https://billing.example.com/dashboard',
    });
  });

  test('a quota says that it is one, and a cost no limit allows says never', async () => {
    const { verify } = doors();
    const usageOf = {
      meter_id: 'requests',
      included: 3,
      quota: 'hard' as const,
      interval: 'month' as const,
      overage: null,
    };
    const key = await keyOn({ limits: [], usage: [usageOf] });
    expect((await verify(key, { cost: 4 })).json).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      retry_after_s: null,
      denied_by: { kind: 'quota', name: 'requests', limit: 3, window_ms: null, reset_at: null },
    });
    await verify(key, { cost: 3 });
    expect((await verify(key)).json).toMatchObject({
      denied_by: { kind: 'quota', reset_at: '2026-04-10T12:00:00.000Z' },
    });
  });
});

describe('a limit with a burst', () => {
  test('lets the burst through at once and then its rate, and slows while a payment is owed no less', async () => {
    const { verify } = doors();
    const key = await keyOn({ limits: [{ name: '1s', limit: 2, window_ms: 1000, burst: 5 }] });
    const pass = async (times: number) => {
      let passed = 0;
      for (let time = 0; time < times; time += 1) if ((await verify(key)).json['valid'] === true) passed += 1;
      return passed;
    };
    expect(await pass(8)).toBe(5);
    const refused = await verify(key);
    expect(refused.json).toMatchObject({ denied_by: { kind: 'burst', name: '1s', limit: 2, window_ms: 1000 } });
    expect(refused.headers.get('RateLimit-Policy')).toContain('"1s";q=2;w=1');
    clock.advance(500);
    expect(await pass(3)).toBe(1);
    clock.advance(10_000);
    expect(await pass(8)).toBe(5);
    clock.set(start);
  });
});

describe('requests at the same time', () => {
  test('as many as the plan says, for callers that say when a request is over; a place that is given back is free', async () => {
    const { verify, release, forward } = doors();
    const key = await keyOn({ limits: [], concurrency: { limit: 2, ttl_ms: 60_000 } });
    const first = await verify(key, { lease: true });
    const second = await verify(key, { lease: true });
    expect(second.json).toMatchObject({ valid: true, lease: { expires_at: '2026-03-10T12:01:00.000Z' } });
    const third = await verify(key, { lease: true });
    expect(third.json).toMatchObject({
      code: 'RATE_LIMITED',
      retry_after_s: 60,
      denied_by: { kind: 'concurrency', name: 'concurrency', limit: 2 },
    });
    expect(third.json.lease).toBeUndefined();
    // A proxy cannot say when its request is over, and one that does not promise to say it takes no place.
    expect((await forward(key)).status).toBe(200);
    expect((await verify(key)).json.lease).toBeUndefined();
    expect(await release(first.json.lease?.id ?? '')).toBe(200);
    expect((await verify(key, { lease: true })).json['valid']).toBe(true);
    clock.advance(60_000);
    expect((await verify(key, { lease: true })).json['valid']).toBe(true);
    for (const id of ['cust_x.req_1', 'nothing', '...']) expect(await release(id)).toBe(200);
    clock.set(start);
  });
});

describe('what the seller’s OpenAPI document says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'farebox-openapi-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (document: unknown) => {
    const path = join(folder, 'openapi.json');
    writeFileSync(path, JSON.stringify(document));
    return path;
  };
  const document = {
    openapi: '3.1.0',
    servers: [{ url: 'https://api.example.com/v1' }],
    paths: {
      '/forecast': { get: {} },
      '/reports': {
        post: { 'x-farebox-cost': 25, 'x-farebox-scope': 'reports', 'x-farebox-limits': [{ limit: 50, window: '1m' }] },
      },
    },
  };
  const { verify, forward } = doors({ match: createEndpointMatch(endpointsOf(write(document), [])) });

  test('decides what a request costs, needs and may, by its method and path', async () => {
    const key = await keyOn({ limits: [{ name: '1h', limit: 1000, window_ms: 3_600_000 }] });
    expect((await verify(key, { method: 'GET', path: '/v1/forecast?city=Oslo' })).json).toMatchObject({
      quota: { used: 1 },
    });
    const report = await verify(key, { method: 'POST', path: '/v1/re%70orts' });
    expect(report.json).toMatchObject({
      quota: { used: 26 },
      limits: [
        { name: '1h', remaining: 974 },
        { name: 'POST /v1/reports 1m', limit: 50, remaining: 25, window_ms: 60_000 },
      ],
    });
    await verify(key, { method: 'POST', path: '/v1/reports' });
    expect((await verify(key, { method: 'POST', path: '/v1/reports' })).json).toMatchObject({
      denied_by: { name: 'POST /v1/reports 1m' },
      quota: { used: 51 },
    });
    expect((await verify(key, { method: 'GET', path: '/v1/forecast' })).json['valid']).toBe(true);
    // What the caller says comes first, and what the document does not know costs one.
    expect((await verify(key, { method: 'POST', path: '/v1/unknown' })).json).toMatchObject({ quota: { used: 53 } });
    expect((await verify(key, { method: 'GET', path: '/v1/forecast', cost: 7 })).json).toMatchObject({
      quota: { used: 60 },
    });
    await usage.flush();
    const rows = await db.kysely.selectFrom('usage_event').select(['endpoint', 'quantity']).execute();
    expect(rows).toContainEqual({ endpoint: 'POST /v1/reports', quantity: 25 });
  });

  test('asks for a scope that the key must have', async () => {
    const customer = await people.subscriber();
    const { secret } = await keys.create(null, { customer_id: customer, name: 'reader', scopes: ['forecasts'] });
    expect((await verify(secret, { method: 'POST', path: '/v1/reports' })).json['code']).toBe('INSUFFICIENT_SCOPE');
    expect((await verify(secret, { method: 'GET', path: '/v1/forecast' })).json['valid']).toBe(true);
  });

  test('forward-auth reads the request that a proxy asks about, in either of two forms', async () => {
    const key = await keyOn({ limits: [] });
    const traefik = { 'x-forwarded-method': 'POST', 'x-forwarded-uri': '/v1/reports' };
    const nginx = { 'x-original-method': 'POST', 'x-original-uri': '/v1/reports?x=1' };
    expect((await forward(key, traefik)).headers.get('farebox-quota-remaining')).toBe('975');
    expect((await forward(key, nginx)).headers.get('farebox-quota-remaining')).toBe('950');
    expect((await forward(key, { ...traefik, ...nginx })).json).toMatchObject({
      code: 'invalid_request',
      param: 'path',
    });
  });

  test.each(['/v1/../v1/reports', '/v1//reports', '/v1/%2e%2e/reports', '/v1/reports%2f', '/v1/reports;x', 'v1', ''])(
    '400 for the path %j, which two readers may read in two ways: nothing is taken',
    async (path) => {
      const key = await keyOn({ limits: [] });
      const refused = await verify(key, { method: 'POST', path });
      expect([refused.status, refused.json]).toMatchObject([400, { code: 'invalid_request', param: 'path' }]);
      expect((await forward(key, { 'x-forwarded-uri': path })).status).toBe(400);
      expect((await verify(key, { cost: 0 })).json).toMatchObject({ quota: { used: 0 } });
    },
  );

  test('a document with faults is refused at the start, each with its place', () => {
    const faulty = { paths: { '/a': { get: { 'x-farebox-cost': 'much' } }, b: { get: {} } } };
    expect(() => endpointsOf(write(faulty), [])).toThrow(/paths\.\/a\.get\.x-farebox-cost[\s\S]*paths\.b/);
    const measured = { paths: { '/a': { get: { 'x-farebox-meter': 'tiles' } } } };
    expect(endpointsOf(write(measured), [{ id: 'tiles' }])).toMatchObject([{ name: 'GET /a', meter_id: 'tiles' }]);
    expect(() => endpointsOf(write(measured), [{ id: 'mails' }])).toThrow(/GET \/a names the meter "tiles".*mails/);
    expect(() => endpointsOf(join(folder, 'none.json'), [])).toThrow('not an OpenAPI document');
  });
});

test('503 while a limit that is closed cannot be counted', async () => {
  const away: Counter = {
    take: (takes) => ({
      allowed: false,
      denied: 0,
      unavailable: true,
      used: takes.map(() => 0),
      reset_at: takes.map(() => start),
    }),
    release: () => undefined,
    carve: () => null,
  };
  const key = await keyOn({});
  const { status, json } = await doors({ counter: away }).verify(key);
  expect([status, json['code']]).toEqual([503, 'gate_unavailable']);
});
