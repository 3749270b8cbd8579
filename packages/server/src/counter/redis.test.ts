import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Take } from '../ports.ts';
import { freePort } from '../../test/free-port.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { counterConformance } from './conformance.ts';
import { createInsuredCounter } from './insured.ts';
import { createMemoryCounter } from './memory.ts';
import { type RedisCounter, createRedisCounter } from './redis.ts';

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis && process.env['CI'] === 'true') throw new Error('CI needs redis-server.');
if (!hasRedis) process.stdout.write('skipped: the Redis counter (no redis-server on this machine)\n');

const start = Date.UTC(2026, 5, 1);
const once_: Take = { kind: 'window', id: 'cust_a:1s', limit: 1, window_ms: 1000 };

describe.skipIf(!hasRedis)('on a real Redis', () => {
  let server: ChildProcess;
  let url: string;
  const opened: RedisCounter[] = [];
  let runs = 0;

  beforeAll(async () => {
    const port = await freePort();
    url = `redis://127.0.0.1:${port}`;
    server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--databases', '16'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const chunk of server.stdout ?? []) {
      said += String(chunk);
      if (said.includes('Ready to accept connections')) break;
    }
  });
  afterAll(async () => {
    await Promise.all(opened.map(async (counter) => await counter.close()));
    if (server.exitCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
  });

  function open(options: { timeout_ms?: number } = {}): RedisCounter {
    const counter = createRedisCounter({
      url,
      time: 'caller',
      timeout_ms: options.timeout_ms ?? 2000,
      onError: () => undefined,
    });
    opened.push(counter);
    return counter;
  }

  // Each conformance run gets names of its own on one connection.
  let shared: RedisCounter | undefined;
  counterConformance('redis', async () => {
    const counter = (shared ??= open());
    runs += 1;
    const prefix = `run${runs}_`;
    await answering(counter);
    return {
      take: async (takes, cost, now) =>
        await counter.take(
          takes.map((take) => ({ ...take, id: `${prefix}${take.id}` })),
          cost,
          now,
        ),
    };
  });

  test('while Redis is gone the same limit holds in this process, and Redis counts again when it is back', async () => {
    const told: string[] = [];
    const redis = open({ timeout_ms: 200 });
    await answering(redis);
    const counter = createInsuredCounter({
      shared: redis,
      local: createMemoryCounter(),
      onLost: () => told.push('lost'),
      onBack: () => told.push('back'),
    });
    const take: Take = { ...once_, id: 'cust_insured:1s' };
    expect((await counter.take([take], 1, start)).allowed).toBe(true);
    server.kill('SIGSTOP');
    expect((await counter.take([take], 1, start + 5000)).allowed).toBe(true);
    expect((await counter.take([take], 1, start + 5001)).allowed).toBe(false);
    expect(told).toEqual(['lost']);
    server.kill('SIGCONT');
    await expect
      .poll(async () => {
        await counter.take([take], 0, start + 20_000);
        return told;
      })
      .toEqual(['lost', 'back']);
  });
});

test('a counter whose Redis never was there refuses at once instead of waiting', async () => {
  const counter = createRedisCounter({
    url: `redis://127.0.0.1:${await freePort()}`,
    time: 'caller',
    timeout_ms: 50,
    onError: () => undefined,
  });
  await expect(counter.take([once_], 1, start)).rejects.toThrow();
  await counter.close();
});

async function answering(counter: RedisCounter): Promise<void> {
  await expect
    .poll(async () => (await counter.take([{ ...once_, id: 'probe:1s' }], 0, start)).allowed, { timeout: 10_000 })
    .toBe(true);
}
