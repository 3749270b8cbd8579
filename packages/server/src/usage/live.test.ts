import { serve } from '@hono/node-server';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createErrorAnswer } from '../http/answer.ts';
import { router } from '../http/router.ts';
import { createLog } from '../lib/log.ts';
import { createLive } from './live.ts';
import type { RecordedListener } from './service.ts';

/** Live streams on a real port, with usage a test reports by hand. */
async function start(options: { ping_ms?: number } = {}) {
  const listeners = new Set<RecordedListener>();
  const stopping = new AbortController();
  const live = createLive({
    usage: {
      onRecorded(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    stopping: stopping.signal,
    ...options,
  });
  const app = router();
  app.onError(createErrorAnswer(createLog('silent')));
  app.get('/live', (c) => live.stream(c, 'cust_1'));
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    live,
    listeners,
    stopping,
    open: (signal?: AbortSignal) => fetch(`http://127.0.0.1:${port}/live`, signal === undefined ? {} : { signal }),
    grow: () => listeners.forEach((listener) => listener('cust_1', 1)),
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function readUntil(response: Response, text: string): Promise<string> {
  let read = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    read += decoder.decode(bytes);
    if (read.includes(text)) return read;
  }
  return read;
}

describe('live usage over a real connection', () => {
  test('a caller who leaves is forgotten', async () => {
    const server = await start();
    const leaving = new AbortController();
    const response = await server.open(leaving.signal);
    expect(server.live.count()).toBe(1);
    server.grow();
    expect(response.headers.get('cache-control')).toBe('no-cache');
    leaving.abort();
    await expect.poll(() => server.live.count()).toBe(0);
    expect(server.listeners.size).toBe(0);
    await server.close();
  });

  test('when the server stops, open streams end whole and the server closes', async () => {
    const server = await start();
    const streams = await Promise.all(Array.from({ length: 5 }, () => server.open()));
    server.grow();
    server.stopping.abort();
    const texts = await Promise.all(streams.map((stream) => stream.text()));
    for (const text of texts) expect(text).toMatch(/^retry: 1000\n\n/);
    await server.close();
    expect(server.live.count()).toBe(0);
  });

  test('a silent stream is kept open with comments', async () => {
    const server = await start({ ping_ms: 5 });
    const response = await server.open();
    expect(await readUntil(response, ': ping\n\n: ping')).toContain(': ping');
    server.stopping.abort();
    await server.close();
  });

  test('429 beyond 20 streams of one customer', async () => {
    const server = await start();
    const streams = await Promise.all(Array.from({ length: 20 }, () => server.open()));
    const refused = await server.open();
    expect([refused.status, await refused.json()]).toMatchObject([429, { code: 'too_many_requests' }]);
    expect(streams.every(({ status }) => status === 200)).toBe(true);
    server.stopping.abort();
    await Promise.all(streams.map((stream) => stream.text()));
    await server.close();
  });
});
