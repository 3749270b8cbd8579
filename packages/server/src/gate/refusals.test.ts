import { defaultDunning } from '@farebox/core';
import { expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createTestKeys, testPeppers } from '../../test/keys.ts';
import { createSubscribers, createTestApp, planOf, seller } from '../../test/subscribers.ts';
import { createMemoryCounter } from '../counter/memory.ts';
import type { Tx } from '../db/database.ts';
import { fakeClock } from '../lib/clock.ts';
import { createTelling } from '../telling.ts';
import { createUsage } from '../usage/service.ts';
import { createGate } from './gate.ts';
import { type RateLimited, createRefusals } from './refusals.ts';
import { createGateRoutes } from './routes.ts';
import { createSnapshot } from './snapshot.ts';

const db = await testDatabase();
const start = Date.UTC(2026, 2, 10, 12);
const clock = fakeClock(start);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const people = createSubscribers(db, clock);
const usage = createUsage({ db, clock, log: quiet, meters: [], flush_ms: 3_600_000 });
const telling = createTelling({
  db,
  clock,
  queue: { enqueue: () => Promise.reject(new Error('nobody listens here')) },
  list: { features: [] },
  livemode: false,
});

/** A process that decides: its gate, with a counter of its own, and what it tells. */
function node(told: (tx: Tx, refusal: RateLimited) => Promise<void> = telling.rateLimit) {
  const { usedInPeriods, flush: settle } = usage;
  const snapshot = createSnapshot({ db, clock, peppers: testPeppers, usedInPeriods, settle, log: quiet });
  const refusals = createRefusals({ db, log: quiet, told, interval_ms: 3_600_000 });
  const gate = createGate({
    entries: snapshot,
    counter: createMemoryCounter(),
    clock,
    record: usage.record,
    limited: refusals.note,
    brand: 'sky',
    policy: { grace_ms: 0, dunning: defaultDunning(0) },
  });
  const { call } = createTestApp({ clock, routes: [createGateRoutes({ gate, clock })] });
  const { keys } = createTestKeys({ db, clock, changed: snapshot.changed });
  return {
    refusals,
    newKey: async (customer_id: string) => (await keys.create(null, { customer_id, name: 'test' })).secret,
    async verify(key: string, more: object = {}): Promise<string> {
      const response = await call(seller, 'POST', '/v1/keys/verify', { key, ...more });
      return JSON.parse(await response.text()).code;
    },
  };
}

async function eventsOf(customer_id: string) {
  const { rows } = await db.pool.query<{ object: Record<string, unknown> }>(
    `select data->'object' as object from event where type = 'rate_limit.exceeded' and customer_id = $1 order by created_at, id`,
    [customer_id],
  );
  return rows.map(({ object }) => object);
}

test('that a rate limit refused is told once per customer, limit and hour, over several processes and through a flood', async () => {
  clock.set(start);
  const nodes = [node(), node(), node()];
  const limits = [
    { name: '1m', limit: 2, window_ms: 60_000 },
    { name: '1s', limit: 1, window_ms: 1000, burst: 1 },
  ];
  const [ada, bob] = [await people.subscriber(planOf({ limits })), await people.subscriber(planOf({ limits }))];
  const keys = await Promise.all([ada, bob].map(async (id) => (await nodes[0]?.newKey(id)) ?? ''));
  const flood = async () => {
    for (const { verify } of nodes)
      for (const key of keys) for (let request = 0; request < 20; request += 1) await verify(key);
    await Promise.all(nodes.map(({ refusals }) => refusals.flush()));
  };
  await flood();
  clock.set(start + 2000);
  await flood();
  clock.set(start + 4000);
  await flood();
  for (const customer_id of [ada, bob])
    expect(await eventsOf(customer_id)).toEqual(
      ['1s', '1m'].map((name) => ({
        object: 'rate_limit',
        customer_id,
        key_id: expect.stringMatching(/^key_/),
        plan_id: 'pro',
        kind: name === '1m' ? 'window' : 'burst',
        name,
        limit: name === '1m' ? 2 : 1,
        window_ms: name === '1m' ? 60_000 : 1000,
        hour_at: '2026-03-10T12:00:00.000Z',
        refused_at: new Date(start + (name === '1m' ? 2000 : 0)).toISOString(),
      })),
    );
  clock.set(start + 3_600_000);
  await flood();
  await flood();
  expect((await eventsOf(ada)).map(({ name, hour_at }) => [name, hour_at])).toEqual([
    ['1s', '2026-03-10T12:00:00.000Z'],
    ['1m', '2026-03-10T12:00:00.000Z'],
    ['1s', '2026-03-10T13:00:00.000Z'],
  ]);
});

test('what passes, a quota that is used up and a key that is refused are told by no rate limit', async () => {
  clock.set(start);
  const told: RateLimited[] = [];
  const { verify, newKey, refusals } = node((_tx, refusal) => Promise.resolve(void told.push(refusal)));
  const usageOf = { meter_id: 'requests', included: 3, quota: 'hard', interval: 'month', overage: null } as const;
  const customer = await people.subscriber(
    planOf({ limits: [], usage: [usageOf], concurrency: { limit: 1, ttl_ms: 60_000 } }),
  );
  const key = await newKey(customer);
  expect(await verify(key)).toBe('VALID');
  expect(await verify(key, { cost: 4 })).toBe('QUOTA_EXCEEDED');
  expect(await verify('sky_test_nobody')).toBe('NOT_FOUND');
  await refusals.flush();
  expect(told).toEqual([]);
  expect(await verify(key, { lease: true })).toBe('VALID');
  expect(await verify(key, { lease: true })).toBe('RATE_LIMITED');
  await refusals.flush();
  expect(told).toMatchObject([{ customer_id: customer, kind: 'concurrency', limit: 1, window_ms: null }]);
});

test('while the database is away nothing waits for it, and what was noted is told when it is back', async () => {
  clock.set(start);
  let isAway = true;
  const told: string[] = [];
  const { verify, newKey, refusals } = node((_tx, { limit_id }) =>
    isAway ? Promise.reject(new Error('away')) : Promise.resolve(void told.push(limit_id)),
  );
  const customer = await people.subscriber(planOf({ limits: [{ name: '1m', limit: 1, window_ms: 60_000 }] }));
  const key = await newKey(customer);
  expect([await verify(key), await verify(key)]).toEqual(['VALID', 'RATE_LIMITED']);
  await expect(refusals.flush()).rejects.toThrow('away');
  expect(await verify(key)).toBe('RATE_LIMITED');
  isAway = false;
  await refusals.close();
  expect(told).toEqual([`${customer}:1m`]);
});
