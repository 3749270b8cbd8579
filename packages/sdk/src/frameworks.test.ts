import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve as serveHono } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { apiKey, decide, fareboxServer, refuse, secretKey, serve } from '../test/farebox-server.ts';
import { gate as expressGate } from './express.ts';
import { gate as fastifyGate } from './fastify.ts';
import { gate as honoGate } from './hono.ts';
import { type Farebox, createFarebox, verificationOf } from './index.ts';
import { protect } from './node.ts';

/** The same API on each framework: `/v1/a` says for whom it answers, `/v1/slow` says one thing and is not over. */
interface Started {
  url: string;
  /** Ends every answer of `/v1/slow`. */
  end(): void;
}
type Start = (farebox: Farebox, options: { cost?: number; onError?: (error: unknown) => void }) => Promise<Started>;

function ending() {
  const open: (() => void)[] = [];
  return { open, end: () => open.splice(0).forEach((finish) => finish()) };
}

function slow(response: ServerResponse, open: (() => void)[]): void {
  response.write('slow');
  open.push(() => response.end());
}

const frameworks: Record<string, Start> = {
  async 'node:http'(farebox, options) {
    const { open, end } = ending();
    const handler = protect(
      farebox,
      (request, response, { customer_id }) => {
        if (request.url === '/v1/slow') slow(response, open);
        else response.end(`for ${customer_id}`);
      },
      options,
    );
    const { url } = await serve((request, response) => void handler(request, response));
    return { url, end };
  },
  async Express(farebox, options) {
    const { open, end } = ending();
    const app = express();
    const router = express.Router();
    router.use(expressGate(farebox, options));
    router.get('/slow', (_, response) => slow(response, open));
    router.all('/a', (request, response) => void response.send(`for ${verificationOf(request).customer_id}`));
    app.use('/v1', router);
    const { url } = await serve(app);
    return { url, end };
  },
  async Fastify(farebox, options) {
    const { open, end } = ending();
    const app = fastify();
    app.addHook('onRequest', fastifyGate(farebox, options));
    app.get('/v1/slow', (_, reply) => {
      reply.hijack();
      slow(reply.raw, open);
    });
    app.all('/v1/a', async (request) => `for ${verificationOf(request).customer_id}`);
    afterAll(() => app.close());
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), end };
  },
  async Hono(farebox, options) {
    const { open, end } = ending();
    const app = new Hono();
    app.use(honoGate(farebox, options));
    app.get('/v1/slow', () => {
      let isLeft = false;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('slow'));
          open.push(() => isLeft || controller.close());
        },
        cancel() {
          isLeft = true;
        },
      });
      return new Response(body);
    });
    app.all('/v1/a', (c) => c.text(`for ${verificationOf(c.req.raw).customer_id}`));
    const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    await new Promise<void>((resolve) => server.once('listening', resolve));
    afterAll(() => void server.close());
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, end };
  },
};

const bearer = { authorization: `Bearer ${apiKey}` };

describe.each(Object.entries(frameworks))('on %s', (_name, start) => {
  const connect = (url: string) => createFarebox({ url, secret_key: secretKey });

  test('what may pass reaches the handler, which knows who calls, and its answer carries the limit headers', async () => {
    const farebox = await fareboxServer((_, response) => decide(response, 'VALID'));
    const { url } = await start(connect(farebox.url), { cost: 3 });
    const response = await fetch(`${url}/v1/a?b=c`, { method: 'POST', headers: bearer, body: 'x' });
    expect([response.status, await response.text()]).toEqual([200, 'for cust_1']);
    expect(response.headers.get('ratelimit')).toBe('"1s";r=9;t=1');
    expect(response.headers.get('farebox-request-id')).toBe('req_1');
    expect(response.headers.has('set-cookie')).toBe(false);
    expect(farebox.seen[0]?.body).toEqual({
      key: apiKey,
      ip: '127.0.0.1',
      cost: 3,
      method: 'POST',
      path: '/v1/a',
      lease: true,
    });
  });

  test('what is refused is answered as at every door, and the handler does not run', async () => {
    const farebox = await fareboxServer((_, response) => decide(response, 'RATE_LIMITED'));
    const { url } = await start(connect(farebox.url), {});
    const limited = await fetch(`${url}/v1/a`, { headers: bearer });
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '2']);
    expect(limited.headers.get('content-type')).toBe('application/problem+json');
    expect(limited.headers.get('cache-control')).toBe('no-store');
    expect(await limited.json()).toEqual({
      type: '/docs/codes#RATE_LIMITED',
      title: 'The gate refused this request',
      status: 429,
      code: 'RATE_LIMITED',
      detail: 'Refused: RATE_LIMITED.',
      request_id: 'req_1',
      limit: { kind: 'window', name: '1s', limit: 10, window_ms: 1000, reset_at: '2026-03-10T12:00:01.000Z' },
      upgrade_url: 'https://billing.example.com/dashboard',
    });
    const none = await fetch(`${url}/v1/a`);
    expect([none.status, none.headers.get('www-authenticate'), await none.json()]).toMatchObject([
      401,
      'Bearer',
      { type: '/docs/codes#NOT_FOUND', detail: expect.stringContaining('Send an API key') },
    ]);
    const two = await fetch(`${url}/v1/a`, { headers: { ...bearer, 'x-api-key': 'other' } });
    expect([two.status, await two.json()]).toMatchObject([400, { code: 'ambiguous_key' }]);
    const path = await fetch(`${url}/v1//a`, { headers: bearer });
    expect([path.status, await path.json()]).toMatchObject([400, { code: 'invalid_request', param: 'path' }]);
    expect(farebox.seen).toHaveLength(1);
  });

  test('a place among the requests at the same time is given back when the answer is over, or nobody waits for it', async () => {
    const lease = { id: 'cust_1.req_1', expires_at: '2026-03-10T12:01:00.000Z' };
    const farebox = await fareboxServer((seen, response) => {
      if (seen.url === '/v1/keys/verify') decide(response, 'VALID', { lease });
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    const released = () => farebox.seen.filter(({ url }) => url === '/v1/gate/leases/cust_1.req_1/release').length;
    const { url, end } = await start(connect(farebox.url), {});
    const first = await fetch(`${url}/v1/slow`, { headers: bearer });
    expect([first.status, released()]).toEqual([200, 0]);
    end();
    await first.text();
    await expect.poll(released).toBe(1);
    const second = await fetch(`${url}/v1/slow`, { headers: bearer });
    await second.body?.cancel();
    await expect.poll(released).toBe(2);
    await (await fetch(`${url}/v1/a`, { headers: bearer })).text();
    await expect.poll(released).toBe(3);
    end();
  });

  test('503 while Farebox is away; 500 when the secret key is wrong, and the program hears why', async () => {
    const away = await serve((request) => request.socket.destroy());
    const { url } = await start(connect(away.url), {});
    const response = await fetch(`${url}/v1/a`, { headers: bearer });
    expect([response.status, response.headers.get('retry-after'), await response.json()]).toMatchObject([
      503,
      '1',
      { code: 'gate_unavailable' },
    ]);
    const wrong = await fareboxServer((_, answer) => refuse(answer, 401, 'unauthenticated'));
    const onError = vi.fn<(error: unknown) => void>();
    const other = await start(connect(wrong.url), { onError });
    const failed = await fetch(`${other.url}/v1/a`, { headers: bearer });
    expect([failed.status, await failed.json()]).toMatchObject([500, { code: 'internal_error' }]);
    expect(onError.mock.calls).toMatchObject([[{ name: 'FareboxError', code: 'unauthenticated' }]]);
  });
});

test('a handler behind no middleware knows nobody', () => {
  expect(() => verificationOf({})).toThrow('no middleware');
});
