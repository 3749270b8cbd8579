import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { createErrorAnswer } from './answer.ts';
import { createBodyReader } from './body.ts';
import type { AppEnv } from './principal.ts';
import { createLog } from '../lib/log.ts';

const app = new Hono<AppEnv>();
app.onError(createErrorAnswer(createLog('silent')));
app.use(createBodyReader({ max_bytes: 100, except: ['/raw'] }));
app.post('/raw', async (c) => c.body(await c.req.arrayBuffer()));
app.post('/json', async (c) => c.json(await c.req.json()));

const bytes = new Uint8Array([0x7b, 0x20, 0xff, 0x00, 0x7d, 0x0a]);

function chunked(body: Uint8Array<ArrayBuffer>): RequestInit {
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: new Blob([body]).stream(), duplex: 'half' };
  return init;
}

test('a route that reads its own bytes gets them as they came', async () => {
  for (const init of [
    { method: 'POST', body: bytes },
    chunked(bytes),
    { method: 'POST', body: bytes, headers: { 'content-length': '6' } },
  ]) {
    const response = await app.request('/raw', init);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
  }
});

test('the size is capped there as well, whatever length is claimed', async () => {
  const large = new Uint8Array(101);
  for (const init of [
    { method: 'POST', body: large },
    chunked(large),
    { method: 'POST', body: large, headers: { 'content-length': '5' } },
    { method: 'POST', body: large, headers: { 'content-length': 'many' } },
  ]) {
    expect((await app.request('/raw', init)).status).toBe(413);
  }
});

test('a body that is named JSON and left empty is one without fields', async () => {
  for (const headers of [
    { 'content-type': 'application/json' },
    { 'content-type': 'application/json', 'content-length': '0' },
  ])
    expect(await (await app.request('/json', { method: 'POST', headers })).json()).toEqual({});
  expect((await app.request('/raw', { method: 'POST', headers: { 'content-type': 'application/json' } })).status).toBe(
    200,
  );
});

test('a route finds its JSON read', async () => {
  const response = await app.request('/json', {
    method: 'POST',
    body: '{"a":[1,2,{"b":null}]}',
    headers: { 'content-type': 'Application/JSON; charset="UTF-8"' },
  });
  expect(await response.json()).toEqual({ a: [1, 2, { b: null }] });
});
