import { type AddressInfo } from 'node:net';
import { type RequestListener, createServer } from 'node:http';
import { once } from 'node:events';
import { createFarebox, verificationOf } from '@farebox/sdk';
import { gate as expressGate } from '@farebox/sdk/express';
import { gate as fastifyGate } from '@farebox/sdk/fastify';
import { gate as honoGate } from '@farebox/sdk/hono';
import { protect } from '@farebox/sdk/node';
import { serve as serveHono } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import exampleList from '../../../../farebox.config.ts';
import { freePort } from '../free-port.ts';
import { testApp } from '../harness.ts';
import { payOnPage } from '../visitor.ts';

/** Every door before the same API: each refuses in the same words and with the same headers. */
const folder = mkdtempSync(join(tmpdir(), 'farebox-doors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const openapi = join(folder, 'openapi.json');
writeFileSync(
  openapi,
  JSON.stringify({
    paths: {
      '/v1/a': { get: { 'x-farebox-cost': 2 } },
      '/v1/admin': { get: { 'x-farebox-scope': 'admin' } },
      '/v1/once': { get: { 'x-farebox-limits': [{ limit: 1, window: '1d' }] } },
    },
  }),
);
const api = await serve((_, response) => response.end('for you'));
const proxyPort = await freePort();
const app = await testApp({
  list: { ...exampleList, plans: exampleList.plans.map((plan) => ({ ...plan, limits: [] })) },
  environment: { FAREBOX_OPENAPI: openapi, FAREBOX_UPSTREAM: api, FAREBOX_PROXY_PORT: String(proxyPort) },
});
const proxy = await app.app.openProxy();
afterAll(() => proxy?.close());
const farebox = createFarebox({ url: app.url, secret_key: app.secret_key });
const local = createFarebox({ url: app.url, secret_key: app.secret_key, mode: 'local' });
afterAll(() => local.close());

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Ask = (path: string, headers: Record<string, string>) => Promise<Response>;
const at =
  (url: string): Ask =>
  (path, headers) =>
    fetch(`${url}${path}`, { headers });

const doors: Record<string, () => Promise<Ask>> = {
  'forward-auth': async () => (path, headers) =>
    fetch(`${app.url}/v1/gate/forward-auth`, {
      headers: { ...headers, 'x-original-method': 'GET', 'x-original-uri': path },
    }),
  'the reverse proxy': async () => at(`http://127.0.0.1:${proxyPort}`),
  'node:http': async () => {
    const handler = protect(farebox, (_, response) => void response.end('for you'));
    return at(await serve((request, response) => void handler(request, response)));
  },
  Express: async () => {
    const server = express();
    server.use(expressGate(farebox));
    server.use((request, response) => void response.send(verificationOf(request).valid ? 'for you' : ''));
    return at(await serve(server));
  },
  Fastify: async () => {
    const server = fastify();
    server.addHook('onRequest', fastifyGate(farebox));
    server.get('*', async (request) => (verificationOf(request).valid ? 'for you' : ''));
    afterAll(() => server.close());
    return at(await server.listen({ port: 0, host: '127.0.0.1' }));
  },
  'node:http, deciding by itself': async () => {
    await expect.poll(() => local.local()?.current).toBe(true);
    const handler = protect(local, (_, response) => void response.end('for you'));
    return at(await serve((request, response) => void handler(request, response)));
  },
  'Express, deciding by itself': async () => {
    const server = express();
    server.use(expressGate(local));
    server.use((request, response) => void response.send(verificationOf(request).valid ? 'for you' : ''));
    return at(await serve(server));
  },
  Hono: async () => {
    const hono = new Hono();
    hono.use(honoGate(farebox));
    hono.get('*', (c) => c.text(verificationOf(c.req.raw).valid ? 'for you' : ''));
    const server = serveHono({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1' });
    await once(server, 'listening');
    afterAll(() => void server.close());
    return at(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  },
};

/** Somebody who bought the smallest plan, and a key of theirs that is good for reading. */
async function buyer(): Promise<string> {
  const visitor = await app.signUp();
  const { url, id } = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await payOnPage(url);
  await visitor.get(`/v1/checkout_sessions/${id}`);
  return String((await visitor.post('/v1/keys', { name: 'doors', scopes: ['read'] }))['secret']);
}

const told =
  /^(?:ratelimit|x-ratelimit|farebox-(?:quota|cost|code)|retry-after|www-authenticate|content-type|cache-control)/;

/** What a caller can tell, without names and instants. */
async function seen(response: Response, isRefusal: boolean) {
  const headers = [...response.headers].filter(([name]) => told.test(name) && (isRefusal || name !== 'content-type'));
  const text = await response.text();
  const body: Record<string, unknown> = isRefusal ? JSON.parse(text) : {};
  const unnamed = (value: string) => value.replaceAll(/;t=\d+/g, '');
  return {
    status: response.status,
    headers: Object.fromEntries(
      headers
        .filter(([name]) => isRefusal || name !== 'cache-control')
        .map(([name, value]) => [name, /reset|retry/.test(name) ? 'some time' : unnamed(value)]),
    ),
    body: {
      ...body,
      ...('request_id' in body ? { request_id: /^req_\w+$/.test(String(body['request_id'])) } : {}),
      ...('limit' in body ? { limit: { ...Object(body['limit']), reset_at: 'some time' } } : {}),
    },
  };
}

/** All that a door can be asked, in order. */
async function story(ask: Ask) {
  const key = await buyer();
  const mine = { authorization: `Bearer ${key}` };
  return {
    passes: await seen(await ask('/v1/a?b=c', mine), false),
    'costs what its path costs': await seen(await ask('/v1/%61', mine), false),
    'no key': await seen(await ask('/v1/a', {}), true),
    'a key that is none': await seen(await ask('/v1/a', { 'x-api-key': 'nobody' }), true),
    'two keys': await seen(await ask('/v1/a', { ...mine, 'x-api-key': 'other' }), true),
    'a scope it lacks': await seen(await ask('/v1/admin', mine), true),
    once: await seen(await ask('/v1/once', mine), false),
    'and again': await seen(await ask('/v1/once', mine), true),
  };
}

const [first, ...others] = Object.entries(doors);
if (first === undefined) throw new Error('there is a door');
const expected = await story(await first[1]());

describe('every door', () => {
  test('says what the first one says', () => {
    expect(expected).toMatchObject({
      passes: { status: 200, headers: { 'farebox-quota-remaining': '99998', 'farebox-code': 'VALID' } },
      'costs what its path costs': { headers: { 'farebox-quota-remaining': '99996' } },
      'no key': { status: 401, body: { code: 'NOT_FOUND', request_id: true } },
      'two keys': { status: 400, body: { code: 'ambiguous_key' } },
      'a scope it lacks': { status: 403, body: { code: 'INSUFFICIENT_SCOPE' } },
      'and again': { status: 429, body: { code: 'RATE_LIMITED', limit: { kind: 'window' } } },
    });
  });

  test.each(others)('%s answers as forward-auth does', async (_name, open) => {
    expect(await story(await open())).toEqual(expected);
  });
});

test('what decides by itself decided these, but for what a busy machine kept too long', () => {
  const { asked, decided } = local.local() ?? { asked: 0, decided: 0 };
  expect(asked + decided).toBe(12);
  expect(decided).toBeGreaterThan(asked);
});

test('the client speaks to the program it was made from', async () => {
  const customer = await farebox.api('POST /v1/customers', {
    body: { external_id: 'acct_7', name: 'Ada', email: 'ada@sdk.example' },
  });
  expect((await farebox.api('GET /v1/customers/{id}', { path: { id: customer.id } })).external_id).toBe('acct_7');
  await expect(farebox.api('GET /v1/customers/{id}', { path: { id: 'cust_none' } })).rejects.toMatchObject({
    status: 404,
    code: 'not_found',
  });
  const names: string[] = [];
  for await (const { name } of farebox.list('GET /v1/customers', { query: { limit: 2 } })) names.push(name);
  expect(names.length).toBeGreaterThan(2);
  expect(names).toContain('Ada');
});
