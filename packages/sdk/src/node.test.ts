import type { GateCode } from '@farebox/core';
import { gateStatus } from '@farebox/core';
import { describe, expect, test } from 'vitest';
import { apiKey, decide, fareboxServer, refuse, secretKey, serve } from '../test/farebox-server.ts';
import { createFarebox } from './index.ts';
import { type ProtectOptions, protect } from './node.ts';

/** An API behind a Farebox that always answers this code. */
async function apiBehind(code: GateCode, options: ProtectOptions = {}) {
  const farebox = await fareboxServer((_, response) => decide(response, code));
  let handled = 0;
  const api = await serve((request, response) => {
    const handler = protect(
      createFarebox({ url: farebox.url, secret_key: secretKey }),
      (_, answer, verification) => {
        handled += 1;
        answer.end(`for ${verification.customer_id}`);
      },
      options,
    );
    void handler(request, response);
  });
  return { url: api.url, seen: farebox.seen, handled: () => handled };
}

const bearer = { authorization: `Bearer ${apiKey}` };

describe('a protected handler', () => {
  test('runs for a good key, knows who calls, and its answer carries the limit headers', async () => {
    const api = await apiBehind('VALID');
    const response = await fetch(api.url, { headers: bearer });
    expect([response.status, await response.text()]).toEqual([200, 'for cust_1']);
    expect(response.headers.get('ratelimit-policy')).toBe('"1s";q=10;w=1');
    expect(response.headers.get('ratelimit')).toBe('"1s";r=9;t=1');
    expect(response.headers.get('farebox-request-id')).toBe('req_1');
    expect(response.headers.has('set-cookie')).toBe(false);
  });

  test('takes the key from X-Api-Key too', async () => {
    const api = await apiBehind('VALID');
    expect((await fetch(api.url, { headers: { 'x-api-key': apiKey } })).status).toBe(200);
    expect(api.seen[0]?.body).toMatchObject({ key: apiKey });
  });

  test('does not run when the gate refuses: each code has its status, and a problem says why', async () => {
    for (const [code, status] of Object.entries(gateStatus) as [GateCode, number][]) {
      if (code === 'VALID') continue;
      const api = await apiBehind(code);
      const response = await fetch(api.url, { headers: bearer });
      expect([code, response.status, api.handled()]).toEqual([code, status, 0]);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
      expect(response.headers.get('retry-after')).toBe(code === 'RATE_LIMITED' ? '2' : null);
      expect(await response.json()).toMatchObject({ status, code, detail: `Refused: ${code}.`, request_id: 'req_1' });
    }
  });

  test('without a key, with what can be none and with two keys nobody is asked', async () => {
    const api = await apiBehind('VALID');
    const other = `${apiKey.slice(0, -1)}0`;
    const cases: [Record<string, string>, number, string][] = [
      [{}, 401, 'NOT_FOUND'],
      [{ authorization: 'Basic eDp5' }, 401, 'NOT_FOUND'],
      [{ 'x-api-key': 'x'.repeat(10_000) }, 401, 'NOT_FOUND'],
      [{ ...bearer, 'x-api-key': other }, 400, 'ambiguous_key'],
    ];
    for (const [headers, status, code] of cases) {
      const response = await fetch(api.url, { headers });
      expect([response.status, await response.json()]).toMatchObject([status, { code }]);
    }
    expect([api.seen.length, api.handled()]).toEqual([0, 0]);
  });

  test('a key that came from another system is asked about, whatever it looks like', async () => {
    const api = await apiBehind('VALID');
    expect((await fetch(api.url, { headers: { 'x-api-key': 'old-system-key' } })).status).toBe(200);
    expect(api.seen[0]?.body).toMatchObject({ key: 'old-system-key' });
  });

  test('says what the request costs and needs, fixed or per request, and where it came from', async () => {
    const api = await apiBehind('VALID', {
      cost: (request) => (request.url === '/big' ? 5 : 1),
      scope: 'history',
      endpoint: () => '/v1/history',
      meter: (request) => (request.url === '/big' ? 'reports' : 'requests'),
    });
    await fetch(`${api.url}/big`, { headers: { ...bearer, 'x-forwarded-for': '203.0.113.9' } });
    expect(api.seen[0]?.body).toEqual({
      key: apiKey,
      cost: 5,
      scope: 'history',
      endpoint: '/v1/history',
      meter: 'reports',
      ip: '127.0.0.1',
      method: 'GET',
      path: '/big',
      lease: true,
    });
  });
});

describe('when something is broken', () => {
  test('503 while Farebox is away, and the handler does not run', async () => {
    const { url } = await serve((request) => request.socket.destroy());
    const handler = protect(createFarebox({ url, secret_key: secretKey }), () => expect.unreachable());
    const api = await serve((request, response) => void handler(request, response));
    const response = await fetch(api.url, { headers: bearer });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'gate_unavailable' });
    expect(text).not.toContain(url);
  });

  test('where requests are allowed meanwhile, the handler runs and knows nobody', async () => {
    const { url } = await serve((request) => request.socket.destroy());
    const farebox = createFarebox({ url, secret_key: secretKey, on_unavailable: 'allow' });
    const handler = protect(farebox, (_, answer, { customer_id }) => void answer.end(String(customer_id)));
    const api = await serve((request, response) => void handler(request, response));
    expect(await (await fetch(api.url, { headers: bearer })).text()).toBe('null');
  });

  test('500 without a reason when the secret key is wrong; the program hears why', async () => {
    const farebox = await fareboxServer((_, response) => refuse(response, 401, 'unauthenticated'));
    const heard: unknown[] = [];
    const handler = protect(createFarebox({ url: farebox.url, secret_key: secretKey }), () => expect.unreachable(), {
      onError: (error) => heard.push(error),
    });
    const api = await serve((request, response) => void handler(request, response));
    const response = await fetch(api.url, { headers: bearer });
    expect([response.status, await response.json()]).toEqual([
      500,
      {
        type: '/docs/errors#internal_error',
        title: 'Something went wrong here',
        status: 500,
        code: 'internal_error',
        detail: expect.any(String),
        request_id: expect.stringMatching(/^req_/),
      },
    ]);
    expect(heard).toMatchObject([{ name: 'FareboxError', code: 'unauthenticated' }]);
  });

  test('500 when the handler fails before it answers', async () => {
    const farebox = await fareboxServer((_, response) => decide(response, 'VALID'));
    const heard: unknown[] = [];
    const handler = protect(
      createFarebox({ url: farebox.url, secret_key: secretKey }),
      () => Promise.reject(new Error('the weather is out')),
      { onError: (error) => heard.push(error) },
    );
    const api = await serve((request, response) => void handler(request, response));
    expect((await fetch(api.url, { headers: bearer })).status).toBe(500);
    expect(heard).toMatchObject([{ message: 'the weather is out' }]);
  });
});
