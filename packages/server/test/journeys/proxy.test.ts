import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../command.ts';
import { freePort } from '../free-port.ts';
import { testApp } from '../harness.ts';
import { startRawUpstream } from '../raw-upstream.ts';
import { payOnPage } from '../visitor.ts';

const upstream = await startRawUpstream();
afterAll(() => upstream.close());
const port = await freePort();
const farebox = await testApp({
  environment: { FAREBOX_UPSTREAM: upstream.url, FAREBOX_PROXY_PORT: String(port) },
  sandbox: { now: systemClock.now },
});
const door = await farebox.app.openProxy();
afterAll(() => door?.close());

/** Somebody who bought the smallest plan, and their key. */
async function buyer() {
  const visitor = await farebox.signUp();
  const { url, id } = await visitor.post<{ url: string; id: string }>('/v1/checkout_sessions', { plan_id: 'starter' });
  await payOnPage(url);
  await visitor.get(`/v1/checkout_sessions/${id}`);
  const { secret } = await visitor.post<{ secret: string }>('/v1/keys/first');
  const { data } = await visitor.get<{ data: { id: string }[] }>('/v1/keys');
  return { visitor, secret, key_id: data[0]?.id ?? '' };
}

test('in the same program a request is decided, forwarded, counted and its answer recorded', async () => {
  const { secret, visitor } = await buyer();
  const response = await fetch(`http://127.0.0.1:${port}/v1/forecast`, { headers: { 'x-api-key': secret } });
  expect([response.status, await response.text()]).toEqual([200, 'ok']);
  expect(response.headers.get('farebox-quota-remaining')).toBe('99999');
  await fetch(`http://127.0.0.1:${port}/v1/forecast?city=Oslo`, { headers: { 'x-api-key': secret } });
  await farebox.app.settle();
  const summary = await visitor.get<{ meters: { quantity: number }[] }>('/v1/usage/summary');
  expect(summary.meters[0]?.quantity).toBe(2);
  await vi.waitFor(
    async () => {
      const { data } = await farebox.seller.get('/v1/answers');
      expect(data).toEqual([
        {
          endpoint: '',
          status: 200,
          answers: 2,
          latency_ms: {
            average: expect.any(Number),
            p50: expect.any(Number),
            p95: expect.any(Number),
            p99: expect.any(Number),
          },
        },
      ]);
    },
    { timeout: 20_000 },
  );
  const { customer } = await visitor.get('/v1/me');
  expect((await farebox.seller.get(`/v1/answers?customer_id=${customer.id}`))['data']).toHaveLength(1);
  expect((await farebox.seller.get('/v1/answers?customer_id=cust_other'))['data']).toEqual([]);
  expect((await farebox.seller.answer('GET', '/v1/answers?from=2030-01-01T00:00:00Z')).status).toBe(400);
  expect((await visitor.answer('GET', '/v1/answers')).status).toBe(403);
});

test('as a process of its own it decides by the same database: a revoked key stops within a second, and SIGTERM loses nothing', async () => {
  const { secret, key_id, visitor } = await buyer();
  const own = await freePort();
  const child = start(own);
  afterAll(() => void child.kill('SIGKILL'));
  const ask = async () => await fetch(`http://127.0.0.1:${own}/v1/forecast`, { headers: { 'x-api-key': secret } });
  await vi.waitFor(async () => expect((await ask()).status).toBe(200), { timeout: 30_000, interval: 100 });
  upstream.forget();
  expect((await ask()).headers.get('farebox-code')).toBe('VALID');
  expect(upstream.requests).toHaveLength(1);

  await visitor.post(`/v1/keys/${key_id}/revoke`);
  const revoked = performance.now();
  await vi.waitFor(async () => expect((await ask()).status).toBe(401), { timeout: 5000, interval: 20 });
  expect(performance.now() - revoked).toBeLessThan(3000);

  const before = upstream.requests.length + 1;
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  const summary = await visitor.get<{ meters: { quantity: number }[] }>('/v1/usage/summary');
  expect(summary.meters[0]?.quantity).toBe(before);
});

test('it says what it lacks', async () => {
  const nothing = await runCommand(['proxy'], { FAREBOX_DATA_DIR: '/nowhere' });
  expect(nothing.code).toBe(1);
  for (const name of ['--upstream', 'DATABASE_URL', 'FAREBOX_SECRET']) expect(nothing.err).toContain(name);
  const faulty = await runCommand(['proxy', '--upstream', 'http://api/?a=b', '--port', 'many'], {
    ...environment(),
    FAREBOX_PROXY_METER_HEADER: 'two words',
    FAREBOX_PROXY_FORWARD_KEY: 'perhaps',
    FAREBOX_PROXY_IDLE_MS: '0',
  });
  for (const name of ['FAREBOX_UPSTREAM', 'FAREBOX_PROXY_PORT', 'METER_HEADER', 'FORWARD_KEY', 'IDLE_MS'])
    expect(faulty.err).toContain(name);
});

function environment(): Record<string, string> {
  return { DATABASE_URL: farebox.db.url, FAREBOX_SECRET: 'a secret of the tests, long enough', LOG_LEVEL: 'error' };
}

function start(own: number): ChildProcess {
  const child = spawn(
    process.execPath,
    ['--conditions=farebox', 'packages/server/src/main.ts', 'proxy', '--upstream', upstream.url, '--port', String(own)],
    {
      cwd: join(import.meta.dirname, '../../../..'),
      env: { PATH: process.env['PATH'] ?? '', HOST: '127.0.0.1', ...environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  child.stdout.pipe(process.stdout);
  child.stderr.pipe(process.stderr);
  return child;
}
