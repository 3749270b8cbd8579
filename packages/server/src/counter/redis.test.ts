import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../test/free-port.ts';
import type { QuotaTake, Take, WindowTake } from '@farebox/core';
import { type RedisServer, hasRedis, startRedis } from '../../test/redis-server.ts';
import type { Counter } from '../ports.ts';
import { counterConformance } from './conformance.ts';
import { createInsuredCounter } from './insured.ts';
import { createLeasedCounter } from './leased.ts';
import { type RedisLink, createRedisLink } from './link.ts';
import { createMemoryCounter } from './memory.ts';
import { createRedisCounter } from './redis.ts';

const start = Date.UTC(2026, 5, 1);
const once_: WindowTake = { kind: 'window', id: 'cust_a:1s', limit: 1, window_ms: 1000 };

function quota(id: string, limit: number, more: Partial<QuotaTake & { offline: 'open_capped' | 'closed' }> = {}): Take {
  const of = { meter_id: 'requests', key_id: null, start_at: start };
  return { kind: 'quota', id, limit, hard: true, seed: 0, period_end_at: start + 30 * 86_400_000, of, ...more };
}

describe.skipIf(!hasRedis('the Redis counter'))('on a real Redis', () => {
  let server: RedisServer;
  let port = 0;
  const opened: RedisLink[] = [];
  /** What the database says was used, by quota. */
  const written = new Map<string, number>();
  const reads: string[] = [];
  let runs = 0;

  async function startServer(...more: string[]): Promise<void> {
    server = await startRedis({ port, more });
  }

  beforeAll(async () => {
    port = await freePort();
    await startServer();
  });
  afterAll(async () => {
    await Promise.all(opened.map((link) => link.close()));
    await server.kill();
  });
  afterEach(() => {
    written.clear();
    reads.length = 0;
  });

  async function open(options: { timeout_ms?: number; onPolicy?: (fault: string) => void } = {}): Promise<RedisLink> {
    const link = createRedisLink({
      urls: [`redis://127.0.0.1:${port}`],
      time: 'caller',
      timeout_ms: options.timeout_ms ?? 2000,
      onError: () => undefined,
      ...(options.onPolicy === undefined ? {} : { onPolicy: options.onPolicy }),
      readUsage: async (take) => {
        reads.push(take.id);
        return written.get(take.id) ?? take.seed;
      },
    });
    opened.push(link);
    await expect
      .poll(async () => (await createRedisCounter(link).take([{ ...once_, id: 'probe:1s' }], 0, start)).allowed, {
        timeout: 10_000,
      })
      .toBe(true);
    return link;
  }

  const cli: RedisServer['say'] = async (...command) => await server.say(...command);

  /** Names of its own, so that each run begins with nothing. */
  function apart(counter: Counter): Counter {
    runs += 1;
    const prefix = `run${runs}_`;
    return {
      take: (takes, cost, now) =>
        counter.take(
          takes.map((take) => ({ ...take, id: `${prefix}${take.id}` })),
          cost,
          now,
        ),
      release: (id, lease) => counter.release(`${prefix}${id}`, lease),
      carve: (asks, now) =>
        counter.carve(
          asks.map((ask) => ({ ...ask, take: { ...ask.take, id: `${prefix}${ask.take.id}` } })),
          now,
        ),
    };
  }

  let shared: RedisLink | undefined;
  counterConformance('redis', async () => apart(createRedisCounter((shared ??= await open()))));
  counterConformance('leased', async () =>
    apart(createLeasedCounter({ link: (shared ??= await open()), time: (now) => now })),
  );

  describe('leases', () => {
    test('eight nodes never admit more than a limit, and give back what they do not use', async () => {
      const links = await Promise.all(Array.from({ length: 8 }, () => open()));
      const nodes = links.map((link) => createLeasedCounter({ link, time: (now) => now }));
      const takes: Take[] = [
        { kind: 'window', id: 'cust_many:1s', limit: 100, window_ms: 1000 },
        { kind: 'window', id: 'cust_many:1m', limit: 1500, window_ms: 60_000 },
        quota('cust_many:requests:1', 2000),
      ];
      const log: number[] = [];
      let random = 7;
      const chance = () => (random = (random * 1103515245 + 12345) % 2147483648) / 2147483648;
      for (let now = start; now < start + 30_000; now += 20) {
        const asked = chance() < 0.2 ? 30 : 4;
        await Promise.all(
          Array.from({ length: asked }, async () => {
            const node = nodes[Math.floor(chance() ** 3 * nodes.length)];
            if ((await node?.take(takes, 1, now))?.allowed === true) log.push(now);
          }),
        );
        if (now % 260 === 0) await Promise.all(nodes.map((node) => node.giveBack()));
      }
      const most = (window_ms: number) =>
        Math.max(...log.map((end) => log.filter((at) => at > end - window_ms && at <= end).length));
      expect(most(1000)).toBeLessThanOrEqual(100);
      expect(most(60_000)).toBeLessThanOrEqual(1500);
      expect(log.length).toBeLessThanOrEqual(2000);
      // Little is lost to blocks that lie with nodes which do not need them.
      expect(log.length).toBeGreaterThan(1500 * 0.9);
    }, 30_000);

    test('what a node takes for later is spent without asking, and a crash loses no more than its blocks', async () => {
      const link = await open();
      const crashed = createLeasedCounter({ link, time: (now) => now });
      const take = quota('cust_hot:requests:1', 100_000);
      for (let count = 0; count < 10_000; count += 1) await crashed.take([take], 1, start + Math.floor(count / 20));
      const { calls, decisions, local } = crashed.stats();
      expect(decisions).toBe(10_000);
      expect(local + calls).toBeGreaterThanOrEqual(10_000);
      expect(calls).toBeLessThan(40);
      const other = createRedisCounter(link);
      const after = (await other.take([take], 0, start)).used[0] ?? 0;
      expect(after).toBeGreaterThanOrEqual(10_000);
      expect(after).toBeLessThanOrEqual(10_000 + 10_000);
      await crashed.giveBack(true);
      expect((await other.take([take], 0, start)).used[0]).toBe(10_000);
    });

    test('a block ends with its slot: what was taken for later is not spent in a later window', async () => {
      const link = await open();
      const [slow, fast] = [0, 1].map(() => createLeasedCounter({ link, time: (now) => now }));
      const take: Take = { kind: 'window', id: 'cust_late:1s', limit: 20, window_ms: 1000 };
      // The first node holds a block from the beginning of a window, and comes back at its end.
      for (let count = 0; count < 6; count += 1) await slow?.take([take], 1, start);
      const log: number[] = Array.from({ length: 6 }, () => start);
      for (const now of [start + 990, start + 1110, start + 1500]) {
        for (let count = 0; count < 30; count += 1)
          for (const node of [slow, fast]) if ((await node?.take([take], 1, now))?.allowed === true) log.push(now);
      }
      for (const end of log) expect(log.filter((at) => at > end - 1000 && at <= end).length).toBeLessThanOrEqual(20);
    });

    test('what many customers did not use goes back a few calls at a time, so that no decision waits behind all of them', async () => {
      const link = await open();
      let [underway, most] = [0, 0];
      const watched: RedisLink = {
        ...link,
        async run(asks, now) {
          underway += 1;
          most = Math.max(most, underway);
          try {
            return await link.run(asks, now);
          } finally {
            underway -= 1;
          }
        },
      };
      const node = createLeasedCounter({ link: watched, time: (now) => now });
      const takes = Array.from({ length: 100 }, (_, index) => quota(`cust_sparse${index}:requests:1`, 1000));
      for (const take of takes) await node.take([take], 1, start);
      most = 0;
      await node.giveBack(true);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(4);
      const exact = createRedisCounter(link);
      for (const take of takes) expect((await exact.take([take], 0, start)).used).toEqual([1]);
    });

    test('of callers that come at once one asks, and a refusal is not asked for again and again', async () => {
      const node = createLeasedCounter({ link: await open(), time: (now) => now });
      const take: Take = { kind: 'window', id: 'cust_once:1s', limit: 50, window_ms: 1000 };
      const results = await Promise.all(Array.from({ length: 500 }, async () => node.take([take], 1, start)));
      expect(results.filter(({ allowed }) => allowed)).toHaveLength(50);
      expect(node.stats().calls).toBeLessThan(20);
    });
  });

  describe('while it is gone', () => {
    test('every limit does what it declares, no decision waits long, and Redis counts again when it is back', async () => {
      const told: string[] = [];
      const redis = createRedisCounter(await open({ timeout_ms: 50 }));
      let clock = 0;
      const counter = createInsuredCounter({
        shared: redis,
        local: createMemoryCounter(),
        nodes: 2,
        monotonic: () => clock,
        onLost: () => told.push('lost'),
        onBack: (customers) => told.push(`back, knows too little of ${[...(customers ?? ['all'])].join(' and ')}`),
      });
      const rate: Take = { kind: 'window', id: 'cust_gone:1s', limit: 4, window_ms: 1000 };
      expect((await counter.take([rate], 1, start)).allowed).toBe(true);
      server.signal('SIGSTOP');
      const since = performance.now();
      let passed = 0;
      for (let count = 0; count < 100; count += 1)
        if ((await counter.take([rate], 1, start + 5000)).allowed) passed += 1;
      expect(passed).toBe(2); // its share of four
      expect(await counter.take([quota('cust_hard:requests:1', 100)], 1, start)).toMatchObject({
        allowed: false,
        unavailable: true,
      });
      const soft = quota('cust_soft:requests:1', 100, { hard: false });
      expect((await counter.take([soft], 1, start)).allowed).toBe(true);
      const capped = quota('cust_capped:r:1', 100, { offline: 'open_capped' });
      expect((await counter.take([capped], 1, start)).allowed).toBe(true);
      expect((await counter.take([quota('cust_asks:r:1', 100, { hard: false })], 0, start)).allowed).toBe(true);
      expect(await counter.take([{ ...rate, offline: 'closed' }], 1, start)).toMatchObject({ unavailable: true });
      // One of all of these asked Redis and waited for it.
      expect(performance.now() - since).toBeLessThan(1000);
      expect(told).toEqual(['lost']);
      server.signal('SIGCONT');
      await expect
        .poll(async () => {
          clock += 1000;
          await counter.take([rate], 0, start + 20_000);
          return told;
        })
        .toEqual(['lost', 'back, knows too little of cust_soft and cust_capped']);
    });

    test('an answer that came while this process was busy is not late', async () => {
      const counter = createRedisCounter(await open({ timeout_ms: 400 }));
      const answer = counter.take([{ ...once_, id: 'cust_busy:1s' }], 1, start);
      const until = performance.now() + 600;
      while (performance.now() < until) Math.sqrt(until);
      expect((await answer).allowed).toBe(true);
    });

    test('what an answer took that came too late is given back: nobody was let through for it', async () => {
      const link = await open({ timeout_ms: 40 });
      const [exact, leased] = [createRedisCounter(link), createLeasedCounter({ link, time: (now) => now })];
      const asked = (name: string): Take[] => [
        { kind: 'window', id: `cust_${name}:1m`, limit: 100, window_ms: 60_000 },
        quota(`cust_${name}:requests:1`, 100),
      ];
      const places: Take = { kind: 'places', id: 'cust_late:places', limit: 3, ttl_ms: 60_000, lease: 'late' };
      for (const name of ['late', 'lent']) await expect.poll(() => exact.take(asked(name), 10, start)).toBeTruthy();
      server.signal('SIGSTOP');
      await expect(exact.take([...asked('late'), places], 7, start)).rejects.toThrow('did not answer');
      await expect(leased.take(asked('lent'), 7, start)).rejects.toThrow('did not answer');
      server.signal('SIGCONT');
      for (const name of ['late', 'lent'])
        await expect.poll(async () => (await exact.take(asked(name), 0, start)).used).toEqual([10, 10]);
      await expect.poll(async () => (await exact.take([places], 0, start)).used).toEqual([0]);
    });

    test('leased: of many callers of one customer none waits longer than one of them would', async () => {
      const counter = createLeasedCounter({ link: await open({ timeout_ms: 40 }), time: (now) => now });
      const take: Take = { kind: 'window', id: 'cust_queue:1s', limit: 4, window_ms: 1000 };
      server.signal('SIGSTOP');
      const since = performance.now();
      const answers = await Promise.allSettled(Array.from({ length: 100 }, async () => counter.take([take], 1, start)));
      // One after the other they would have waited four seconds.
      expect(performance.now() - since).toBeLessThan(1000);
      expect(answers.every(({ status }) => status === 'rejected')).toBe(true);
      server.signal('SIGCONT');
    });

    test.each(['exact', 'leased'] as const)(
      '%s: a server that lost its state begins quotas with what the database knows',
      async (mode) => {
        const link = await open({ timeout_ms: 500 });
        const counter = mode === 'exact' ? createRedisCounter(link) : createLeasedCounter({ link, time: (now) => now });
        const id = `cust_lost_${mode}:requests:1`;
        const admit = async (times: number, now: number) => {
          let passed = 0;
          for (let count = 0; count < times; count += 1)
            if ((await counter.take([quota(id, 100)], 1, now)).allowed) passed += 1;
          return passed;
        };
        expect(await admit(60, start)).toBe(60);
        written.set(id, 60);
        for (const lose of ['flushed', 'killed and started empty']) {
          if (lose === 'flushed') await cli('FLUSHALL');
          else {
            await server.kill();
            await startServer();
            await expect
              .poll(
                async () => {
                  try {
                    return (await createRedisCounter(link).take([{ ...once_, id: 'probe:1s' }], 0, start)).allowed;
                  } catch (error) {
                    return String(error);
                  }
                },
                { timeout: 10_000 },
              )
              .toBe(true);
          }
          const before = written.get(id) ?? 0;
          // A second later what nodes held is over.
          const passed = await admit(20, start + before * 100 + 2000);
          expect(passed).toBe(20);
          written.set(id, before + passed);
        }
        expect(await admit(50, start + 60_000)).toBe(0);
        expect(new Set(reads)).toEqual(new Set([id]));
      },
      30_000,
    );

    test('a quota the server does not know is read once, however many ask', async () => {
      const counter = createRedisCounter(await open());
      written.set('cust_first:requests:1', 97);
      const results = await Promise.all(
        Array.from({ length: 50 }, () => counter.take([quota('cust_first:requests:1', 100)], 1, start)),
      );
      expect(results.filter(({ allowed }) => allowed)).toHaveLength(3);
      expect(reads).toEqual(['cust_first:requests:1']);
    });
  });

  test('every key goes away by itself', async () => {
    const counter = createRedisCounter(await open());
    const takes: Take[] = [
      { ...once_, id: 'cust_ttl:1s' },
      { kind: 'bucket', id: 'cust_ttl:b', limit: 5, window_ms: 1000, burst: 9 },
      { kind: 'places', id: 'cust_ttl:places', limit: 3, ttl_ms: 1000, lease: 'r1' },
      quota('cust_ttl:requests:1', 10),
    ];
    await counter.take(takes, 1, Date.now());
    const found = await cli('KEYS', '*');
    const keys = Array.isArray(found) ? found.map(String) : [];
    expect(keys.length).toBeGreaterThanOrEqual(4);
    for (const key of keys) expect([key, Number(await cli('PTTL', key)) > 0]).toEqual([key, true]);
  });

  test('a server that may throw counters away says so, and one that keeps them does not', async () => {
    const told: string[] = [];
    await open({ onPolicy: (fault) => told.push(fault) });
    await cli('CONFIG', 'SET', 'maxmemory', '100mb');
    const link = await open({ onPolicy: (fault) => told.push(fault) });
    await expect.poll(() => link.policyFault()).toBeNull();
    expect(told).toEqual([]);
    for (const policy of ['allkeys-lru', 'volatile-lru', 'volatile-ttl', 'allkeys-random']) {
      await cli('CONFIG', 'SET', 'maxmemory-policy', policy);
      const warned = await open({ onPolicy: (fault) => told.push(fault) });
      await expect.poll(() => warned.policyFault() ?? '').toContain(policy);
    }
    expect(told).toHaveLength(4);
    await cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await cli('CONFIG', 'SET', 'maxmemory', '0');
  });

  test('all keys of a decision lie in one slot of a cluster', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'farebox-cluster-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    await server.kill();
    await startServer('--cluster-enabled', 'yes', '--dir', folder);
    await cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await expect
      .poll(async () => String(await cli('CLUSTER', 'INFO')), {
        timeout: 10_000,
      })
      .toContain('cluster_state:ok');
    const counter = createRedisCounter(await open());
    const takes: Take[] = [
      once_,
      quota('cust_a:requests:1', 10),
      { kind: 'bucket', id: 'cust_a:b', limit: 5, window_ms: 1000, burst: 9 },
    ];
    expect(await counter.take(takes, 1, start)).toMatchObject({ allowed: true, used: [1, 1, 1] });
    expect((await counter.take(takes, 1, start)).denied).toBe(0);
  });
});

test('a counter whose Redis never was there refuses at once instead of waiting', async () => {
  const link = createRedisLink({
    urls: [`redis://127.0.0.1:${await freePort()}`],
    time: 'caller',
    timeout_ms: 50,
    onError: () => undefined,
    readUsage: async () => 0,
  });
  await expect(createRedisCounter(link).take([once_], 1, start)).rejects.toThrow();
  await link.close();
});
