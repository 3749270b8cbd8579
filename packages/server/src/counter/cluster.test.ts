import type { Take } from '@farebox/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RedisCluster, startRedisCluster } from '../../test/redis-cluster.ts';
import { hasRedis } from '../../test/redis-server.ts';
import { createLeasedCounter } from './leased.ts';
import { type RedisLink, createRedisLink } from './link.ts';
import { createRedisCounter } from './redis.ts';

const start = Date.UTC(2026, 5, 1);

/** Every kind of limit of one customer. */
function takesOf(customer: string, lease: string): Take[] {
  const of = { meter_id: 'requests', key_id: null, start_at: start };
  const period_end_at = start + 30 * 86_400_000;
  return [
    { kind: 'window', id: `${customer}:1m`, limit: 20, window_ms: 60_000 },
    { kind: 'bucket', id: `${customer}:b`, limit: 5, window_ms: 60_000, burst: 30 },
    { kind: 'places', id: `${customer}:places`, limit: 40, ttl_ms: 60_000, lease },
    { kind: 'quota', id: `${customer}:requests:1`, limit: 25, hard: true, seed: 0, period_end_at, of },
  ];
}

describe.skipIf(!hasRedis('counters on a Redis Cluster'))('on a Redis Cluster of three masters', () => {
  let cluster: RedisCluster;
  const links: RedisLink[] = [];
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 60_000);
  afterAll(async () => {
    await Promise.all(links.map((link) => link.close()));
    await cluster.stop();
  });

  async function open(options: { urls?: string[]; onPolicy?: (fault: string) => void } = {}): Promise<RedisLink> {
    const link = createRedisLink({
      urls: cluster.urls,
      time: 'caller',
      timeout_ms: 2000,
      onError: () => undefined,
      readUsage: () => Promise.resolve(0),
      ...options,
    });
    links.push(link);
    await link.ready(20_000);
    return link;
  }

  test('a decision of many limits is one step on one server, customers lie on all, and no limit is exceeded', async () => {
    const counters = [createRedisCounter(await open()), createRedisCounter(await open())];
    const customers = Array.from({ length: 30 }, (_, index) => `cust_${index}`);
    const admitted = new Map<string, number>();
    await Promise.all(
      customers.flatMap((customer) =>
        Array.from({ length: 40 }, async (_, index) => {
          const result = await counters[index % 2]?.take(takesOf(customer, `r${index}`), 1, start);
          if (result?.allowed === true) admitted.set(customer, (admitted.get(customer) ?? 0) + 1);
        }),
      ),
    );
    expect([...admitted.values()]).toEqual(customers.map(() => 20));
    for (const { say } of cluster.masters) expect(Number(await say('DBSIZE'))).toBeGreaterThan(8);
    const leased = createLeasedCounter({ link: await open(), time: (now) => now });
    const take = { kind: 'window', id: 'cust_leased:1s', limit: 50, window_ms: 1000 } as const;
    const results = await Promise.all(Array.from({ length: 200 }, async () => leased.take([take], 1, start)));
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(50);
  }, 30_000);

  test('one address of several servers is said to be too few, and an eviction policy on any of them is told', async () => {
    const told: string[] = [];
    const onPolicy = (fault: string) => told.push(fault);
    const alone = await open({ urls: cluster.urls.slice(0, 1), onPolicy });
    await expect.poll(() => alone.policyFault() ?? '').toContain('REDIS_URL names one server of a Redis Cluster');
    const third = cluster.masters[2];
    await third?.say('CONFIG', 'SET', 'maxmemory', '100mb');
    await third?.say('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const all = await open({ onPolicy });
    await expect.poll(() => all.policyFault() ?? '').toContain('allkeys-lru');
    await third?.say('CONFIG', 'SET', 'maxmemory', '0');
  });

  test('a server that is killed is followed by its replica, and its customers are counted there', async () => {
    const counter = createRedisCounter(await open());
    const customers = Array.from({ length: 12 }, (_, index) => `cust_after_${index}`);
    for (const customer of customers) await counter.take(takesOf(customer, 'a'), 3, start);
    await cluster.masters[0]?.say('WAIT', '1', '5000');
    await cluster.masters[0]?.kill();
    for (const customer of customers)
      await expect
        .poll(
          async () => {
            try {
              return (await counter.take(takesOf(customer, 'b'), 0, start + 1)).used[3];
            } catch (error) {
              return String(error);
            }
          },
          { timeout: 20_000 },
        )
        .toBe(3);
  }, 60_000);
});
