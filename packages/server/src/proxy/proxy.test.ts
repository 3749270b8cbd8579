import { type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import { type AddressInfo, connect, createServer as createRawServer } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { api, proxyWorld } from '../../test/proxy-world.ts';
import { sendRaw, startRawUpstream, statusesOf } from '../../test/raw-upstream.ts';

const world = await proxyWorld();
const raw = await startRawUpstream();
afterAll(() => raw.close());

function headersOf(head: string): Record<string, string> {
  const lines = head.split('\r\n').slice(1, -1);
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
}

async function seenBy(port: number, headers: string): Promise<Record<string, string>> {
  raw.forget();
  await sendRaw(port, `GET /v1/a HTTP/1.1\r\nHost: api.example:8443\r\n${headers}\r\n`);
  expect([raw.requests.length, raw.faults]).toEqual([1, []]);
  return headersOf(raw.requests[0]?.head ?? '');
}

describe('what the API is told', () => {
  test('who calls, by us and not by the caller; the key stays here', async () => {
    const { secret, customer_id, key_id } = await world.keyOn({}, { scopes: ['read', 'orders:write'] });
    const { port } = await world.proxyTo(raw.url);
    const spoofed =
      'Farebox-Customer: cust_other\r\nfarebox_plan: enterprise\r\nFarebox-Scopes: admin\r\nFAREBOX-KEY-ID: x\r\nFarebox-New: y\r\n';
    const seen = await seenBy(
      port,
      `Authorization: Bearer ${secret}\r\nX-Api-Key: ${secret}\r\nX_Api_Key: ${secret}\r\n${spoofed}`,
    );
    expect(seen).toMatchObject({
      'farebox-customer': customer_id,
      'farebox-plan': 'pro',
      'farebox-key-id': key_id,
      'farebox-scopes': 'read orders:write',
      'farebox-request-id': expect.stringMatching(/^req_/),
    });
    expect(Object.keys(seen).filter((name) => name.startsWith('farebox')).length).toBe(5);
    expect(raw.requests[0]?.head).not.toContain(secret);
    expect(raw.requests[0]?.head).not.toContain('cust_other');
  });

  test('the key too, where that is asked for; another scheme beside it is the API’s own', async () => {
    const { secret } = await world.keyOn();
    const { port } = await world.proxyTo(raw.url, { settings: { forwards_key: true } });
    expect(await seenBy(port, `X-Api-Key: ${secret}\r\n`)).toMatchObject({ 'x-api-key': secret });
    const plain = await world.proxyTo(raw.url);
    const seen = await seenBy(plain.port, `X-Api-Key: ${secret}\r\nAuthorization: Basic eDp5\r\n`);
    expect([seen['authorization'], seen['x-api-key']]).toEqual(['Basic eDp5', undefined]);
  });

  test('where the request comes from: nothing of it is the caller’s claim', async () => {
    const { secret } = await world.keyOn();
    const claims = [
      'X-Forwarded-For: 9.9.9.9',
      'X_Forwarded_For: 9.9.9.9',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Prefix: /evil',
      'Forwarded: for=9.9.9.9',
      'X-Real-IP: 9.9.9.9',
      'True-Client-IP: 9.9.9.9',
      'Client-IP: 9.9.9.9',
      'X-Original-URL: /evil',
      'X-Rewrite-URL: /evil',
      'X-HTTP-Method-Override: DELETE',
      'Proxy: http://evil.example',
    ];
    const headers = `X-Api-Key: ${secret}\r\n${claims.map((line) => `${line}\r\n`).join('')}`;
    const { port } = await world.proxyTo(raw.url);
    const seen = await seenBy(port, headers);
    expect(raw.requests[0]?.head).not.toMatch(/9\.9\.9\.9|evil|DELETE/);
    expect(seen).toMatchObject({
      host: `127.0.0.1:${raw.port}`,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'api.example:8443',
      'x-real-ip': '127.0.0.1',
      forwarded: 'for=127.0.0.1;host="api.example:8443";proto=http',
      via: '1.1 farebox',
    });
  });

  test('behind a trusted proxy: what that says, from the first address nobody of ours wrote', async () => {
    const { secret } = await world.keyOn();
    const { port } = await world.proxyTo(raw.url, { trusted: ['127.0.0.1', '10.0.0.0/8'] });
    const said =
      'X-Forwarded-For: 9.9.9.9, 2001:db8::7, 10.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: api.public.example\r\nVia: 1.1 edge\r\n';
    expect(await seenBy(port, `X-Api-Key: ${secret}\r\n${said}`)).toMatchObject({
      'x-forwarded-for': '2001:db8::7, 10.1.1.1, 127.0.0.1',
      'x-real-ip': '2001:db8::7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'api.public.example',
      forwarded: 'for="[2001:db8::7]";host=api.public.example;proto=https, for=10.1.1.1, for=127.0.0.1',
      via: '1.1 edge, 1.1 farebox',
    });
  });

  test('headers between neighbours end here, those that Connection names too; all others pass as they came', async () => {
    const { secret } = await world.keyOn();
    const { port } = await world.proxyTo(raw.url);
    const hop =
      'Connection: keep-alive, X-Hop, Cookie\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nTE: trailers\r\nTrailer: X-T\r\nHTTP2-Settings: a\r\nX-Hop: 1\r\nCookie: a=b\r\n';
    const seen = await seenBy(port, `X-Api-Key: ${secret}\r\n${hop}X-Kept: a\r\nx-kEPT: b\r\nAccept: */*\r\n`);
    for (const name of [
      'keep-alive',
      'proxy-connection',
      'proxy-authorization',
      'te',
      'trailer',
      'http2-settings',
      'x-hop',
      'cookie',
    ])
      expect(seen[name], name).toBeUndefined();
    expect(raw.requests[0]?.head).toContain('X-Kept: a\r\nx-kEPT: b\r\nAccept: */*\r\n');
  });
});

describe('an answer', () => {
  test('is the API’s, with the gate’s headers on it and none that it made up', async () => {
    const { secret } = await world.keyOn({ limits: [{ name: '1s', limit: 10, window_ms: 1000 }] });
    const { url } = await api((_, response) => {
      response.setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.writeHead(418, 'Short and Stout', {
        Connection: 'X-Hop',
        'X-Hop': '1',
        'X-Own': 'yes',
        'Farebox-Customer': 'made up',
        RateLimit: '"fake";r=1',
      });
      response.end('tea');
    });
    const proxy = await world.proxyTo(url);
    const response = await fetch(`${proxy.url}/v1/a`, { headers: { 'x-api-key': secret } });
    expect([response.status, response.statusText, await response.text()]).toEqual([418, 'Short and Stout', 'tea']);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('x-own')).toBe('yes');
    expect(response.headers.get('x-hop')).toBeNull();
    expect(response.headers.get('farebox-customer')).toBeNull();
    expect(response.headers.get('ratelimit')).toMatch(/^"1s";r=9;t=\d+, "month";r=999/);
    expect(response.headers.get('farebox-quota-remaining')).toBe('999');
    expect(response.headers.get('farebox-request-id')).toMatch(/^req_/);
  });

  test('to HEAD, and one without a body, ends where it ends', async () => {
    const { secret } = await world.keyOn();
    const { url } = await api((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'Content-Length': '1000' });
      else response.writeHead(request.url === '/304' ? 304 : 204);
      response.end();
    });
    const { port } = await world.proxyTo(url);
    const ask = (line: string) => `${line} HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\n\r\n`;
    const answers = await sendRaw(port, ask('HEAD /head') + ask('GET /304') + ask('GET /204'), 3);
    expect(statusesOf(answers)).toEqual([200, 304, 204]);
    expect(answers).toMatch(/content-length: 1000\r\n/i);
  });
});

describe('streams', () => {
  test('go both ways as they come: the API hears the first bytes before the last are sent, and so does the caller', async () => {
    const { secret } = await world.keyOn();
    const { url } = await api((request, response) => {
      request.once('data', (chunk) => response.write(`heard ${chunk}`));
      request.on('end', () => response.end('over'));
      request.resume();
    });
    const { port } = await world.proxyTo(url);
    const sent = sendRequest({ port, method: 'POST', path: '/v1/a', headers: { 'x-api-key': secret } });
    sent.write('first');
    const [response]: IncomingMessage[] = await once(sent, 'response');
    const [first] = await once(response ?? sent, 'data');
    expect(String(first)).toBe('heard first');
    sent.end('second');
    expect(response === undefined ? '' : await text(response)).toBe('over');
  });

  test('a caller that leaves is not worked for: the API sees its connection end', async () => {
    const { secret } = await world.keyOn();
    const left = Promise.withResolvers<void>();
    const { url } = await api((request, response) => {
      response.write('and so on');
      request.once('close', () => left.resolve());
    });
    const { port } = await world.proxyTo(url);
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET /v1/a HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    await left.promise;
  });

  test('an answer that breaks off is seen to be broken off', async () => {
    const { secret } = await world.keyOn();
    const { url } = await api((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half', () => response.destroy());
    });
    const { url: proxy } = await world.proxyTo(url);
    const response = await fetch(`${proxy}/v1/a`, { headers: { 'x-api-key': secret } });
    await expect(response.text()).rejects.toThrow();
  });

  test('a body that waits for 100 is not asked for when it is refused', async () => {
    const { secret } = await world.keyOn();
    const { url } = await api((request, response) => void text(request).then((body) => response.end(body)));
    const { port } = await world.proxyTo(url);
    const head = (key: string) =>
      `POST /v1/a HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${key}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
    const refused = await sendRaw(port, head('nobody'));
    expect([statusesOf(refused), refused.includes(' 100 '), /connection: close/i.test(refused)]).toEqual([
      [401],
      false,
      true,
    ]);
    const socket = connect(port, '127.0.0.1');
    socket.write(head(secret));
    const [first] = await once(socket, 'data');
    expect(String(first)).toMatch(/^HTTP\/1\.1 100 /);
    socket.write('hi');
    const [second] = await once(socket, 'data');
    expect(String(second)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  test('connections to the API are kept and used again; one that was closed meanwhile costs a GET nothing', async () => {
    const { secret } = await world.keyOn();
    const own = await startRawUpstream();
    afterAll(() => own.close());
    const { url } = await world.proxyTo(own.url);
    const ask = async () => (await fetch(`${url}/v1/a`, { headers: { 'x-api-key': secret } })).status;
    for (let count = 0; count < 20; count += 1) expect(await ask()).toBe(200);
    expect(own.connections()).toBe(1);
    // The API ends each kept connection at the moment its next request comes in.
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    let count = 0;
    const rude = createRawServer((socket) => {
      socket
        .on('error', () => socket.destroy())
        .on('data', () => {
          count += 1;
          if (count === 2) {
            socket.resetAndDestroy();
            resolve();
          } else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        });
    });
    rude.listen(0, '127.0.0.1');
    await once(rude, 'listening');
    afterAll(() => void rude.close());
    const to = await world.proxyTo(`http://127.0.0.1:${(rude.address() as AddressInfo).port}`);
    for (let times = 0; times < 2; times += 1)
      expect((await fetch(`${to.url}/v1/a`, { headers: { 'x-api-key': secret } })).status).toBe(200);
    await closed;
    expect(count).toBe(3);
  });
});

describe('a WebSocket', () => {
  const handshake =
    'Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const accepted =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

  test('is opened for who may, with the gate’s headers, and joined both ways', async () => {
    const { secret, customer_id } = await world.keyOn();
    const own = await startRawUpstream((_, socket) => {
      socket.on('data', (chunk) => socket.write(`echo ${String(chunk)}`));
      return accepted;
    });
    afterAll(() => own.close());
    const { port } = await world.proxyTo(own.url);
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET /v1/live HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\n${handshake}\r\n`);
    const [head] = await once(socket, 'data');
    expect(String(head)).toMatch(/^HTTP\/1\.1 101 .*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    expect(String(head)).toMatch(/\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    expect(String(head)).toMatch(/\r\nFarebox-Request-Id: req_/);
    expect(headersOf(own.requests[0]?.head ?? '')).toMatchObject({
      connection: 'Upgrade',
      upgrade: 'websocket',
      'farebox-customer': customer_id,
    });
    socket.write('ping');
    const [echo] = await once(socket, 'data');
    expect(String(echo)).toBe('echo ping');
    socket.end();
    await once(socket, 'close');
    expect(await world.usageOf(customer_id)).toHaveLength(1);
  });

  test('is refused like every other request, and an API that declines it is heard', async () => {
    const { secret } = await world.keyOn();
    const { port } = await world.proxyTo(raw.url);
    const ask = (key: string) =>
      sendRaw(port, `GET /v1/live HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${key}\r\n${handshake}\r\n`);
    const refused = await ask('nobody');
    expect([statusesOf(refused), refused.includes('application/problem+json')]).toEqual([[401], true]);
    const declined = await ask(secret);
    expect([statusesOf(declined), declined.endsWith('ok')]).toEqual([[200], true]);
  });

  test('nobody can turn an ordinary request into a tunnel', async () => {
    const { secret } = await world.keyOn();
    const own = await startRawUpstream(() => accepted);
    afterAll(() => own.close());
    const { url } = await world.proxyTo(own.url);
    const response = await fetch(`${url}/v1/a`, { headers: { 'x-api-key': secret } });
    expect([response.status, await response.json()]).toMatchObject([502, { code: 'upstream_unavailable' }]);
  });
});

describe('a refusal', () => {
  test('has the status, headers and body of every other door', async () => {
    const { secret } = await world.keyOn(
      { limits: [{ name: '1m', limit: 1, window_ms: 60_000 }] },
      { scopes: ['read'] },
    );
    const { url } = await world.proxyTo(raw.url, {
      openapi: { paths: { '/v1/a': { get: {} }, '/v1/admin': { get: { 'x-farebox-scope': 'admin' } } } },
    });
    const ask = (path: string, headers: Record<string, string>) => fetch(`${url}${path}`, { headers });
    const none = await ask('/v1/a', {});
    expect([none.status, none.headers.get('www-authenticate'), await none.json()]).toMatchObject([
      401,
      'Bearer',
      {
        type: '/docs/codes#NOT_FOUND',
        title: 'The gate refused this request',
        status: 401,
        code: 'NOT_FOUND',
        detail: expect.stringContaining('Send an API key'),
      },
    ]);
    expect(await (await ask('/v1/admin', { 'x-api-key': secret })).json()).toMatchObject({
      status: 403,
      code: 'INSUFFICIENT_SCOPE',
    });
    expect((await ask('/v1/a', { 'x-api-key': secret })).status).toBe(200);
    const limited = await ask('/v1/a', { authorization: `Bearer ${secret}` });
    expect(limited.headers.get('retry-after')).toBe('66');
    expect(limited.headers.get('content-type')).toBe('application/problem+json');
    expect(limited.headers.get('cache-control')).toBe('no-store');
    expect(await limited.json()).toMatchObject({
      status: 429,
      code: 'RATE_LIMITED',
      limit: { kind: 'window', name: '1m' },
      upgrade_url: 'https://billing.example.com/dashboard',
    });
    const two = await ask('/v1/a', { authorization: `Bearer ${secret}`, 'x-api-key': 'other' });
    expect([two.status, await two.json()]).toMatchObject([
      400,
      { type: '/docs/errors#ambiguous_key', code: 'ambiguous_key' },
    ]);
  });

  test('leaves the connection good for the next request, whatever body came with it', async () => {
    const { secret } = await world.keyOn();
    const { port } = await world.proxyTo(raw.url);
    const body = 'x'.repeat(10_000);
    const answers = await sendRaw(
      port,
      `POST /v1/a HTTP/1.1\r\nHost: a\r\nX-Api-Key: nobody\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /v1/b HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\n\r\n`,
      2,
    );
    expect(statusesOf(answers)).toEqual([401, 200]);
  });
});

describe('what an answer says it used', () => {
  test('is counted beyond the cost, past a quota too; nothing of it reaches the caller', async () => {
    const usage = [
      { meter_id: 'requests', included: 100, quota: 'hard' as const, interval: 'month' as const, overage: null },
    ];
    const { secret, customer_id, key_id } = await world.keyOn({ usage });
    let units = '40';
    const { url } = await api((_, response) => response.setHeader('X-Units', units).end());
    const proxy = await world.proxyTo(url, {
      openapi: { paths: { '/v1/{any}': { get: { 'x-farebox-cost': 10 } } } },
      settings: { meter_header: 'x-units' },
    });
    const ask = async () => await fetch(`${proxy.url}/v1/a`, { headers: { 'x-api-key': secret } });
    const first = await ask();
    expect([first.status, first.headers.get('x-units')]).toEqual([200, null]);
    units = '5'; // less than what it was let in for
    expect((await ask()).headers.get('farebox-quota-remaining')).toBe('50');
    units = 'many';
    expect((await ask()).status).toBe(200);
    expect(world.lines).toContain('the units of an answer are no number');
    units = '90';
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
    const used = await world.usageOf(customer_id);
    expect(used.map(({ quantity }) => quantity).toSorted((a, b) => a - b)).toEqual([10, 10, 10, 10, 30, 80]);
    expect(new Set(used.map(({ endpoint }) => endpoint))).toEqual(new Set(['GET /v1/{any}']));
    expect(used.every((event) => event.key_id === key_id)).toBe(true);
  });
});

describe('requests at the same time', () => {
  test('have a place until their answer is over, however it ends', async () => {
    const { secret } = await world.keyOn({ concurrency: { limit: 2, ttl_ms: 60_000 } });
    const open: ServerResponse[] = [];
    const { url } = await api((_, response) => {
      response.write('…');
      open.push(response);
    });
    const proxy = await world.proxyTo(url);
    const ask = async () => await fetch(`${proxy.url}/v1/a`, { headers: { 'x-api-key': secret } });
    const [first, second] = [await ask(), await ask()];
    const third = await ask();
    expect([third.status, await third.json()]).toMatchObject([429, { limit: { kind: 'concurrency' } }]);
    open[0]?.end();
    await first.text();
    await expect.poll(async () => (await ask()).status).toBe(200);
    await second.body?.cancel();
    await expect.poll(async () => (await ask()).status).toBe(200);
  });
});

describe('an API that is away', () => {
  test('502 when it is not there or breaks off, 504 when it says nothing, and what was let in is counted', async () => {
    const { secret, customer_id } = await world.keyOn();
    const ask = async (url: string, method = 'GET') =>
      await fetch(`${url}/v1/a`, { method, headers: { 'x-api-key': secret } });
    const gone = await api(() => undefined);
    gone.server.close();
    const nowhere = await ask((await world.proxyTo(gone.url)).url);
    expect([nowhere.status, nowhere.headers.get('retry-after'), await nowhere.json()]).toMatchObject([
      502,
      '1',
      { code: 'upstream_unavailable', request_id: expect.stringMatching(/^req_/) },
    ]);
    const rude = await api((request) => request.socket.destroy());
    expect((await ask((await world.proxyTo(rude.url)).url, 'POST')).status).toBe(502);
    const silent = await api(() => undefined);
    const late = await ask((await world.proxyTo(silent.url, { timeouts: { headers_ms: 60 } })).url);
    expect([late.status, await late.json()]).toMatchObject([504, { code: 'upstream_timeout' }]);
    expect(await world.usageOf(customer_id)).toHaveLength(3);
    const body = JSON.stringify(await (await ask((await world.proxyTo(gone.url)).url)).json());
    expect(body).not.toContain(new URL(gone.url).port);
  });

  test('an answer of which nothing comes any more is cut off', async () => {
    const { secret } = await world.keyOn();
    const { url } = await api((_, response) => void response.write('and'));
    const proxy = await world.proxyTo(url, { timeouts: { idle_ms: 60 } });
    const response = await fetch(`${proxy.url}/v1/a`, { headers: { 'x-api-key': secret } });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });
});
