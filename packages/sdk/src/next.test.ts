import { expect, test } from 'vitest';
import { apiKey, decide, fareboxServer, secretKey } from '../test/farebox-server.ts';
import { createFarebox } from './index.ts';
import { gate, protect, verificationOf } from './next.ts';

// Next.js itself is run by scripts/try-next.ts; here is what it hands over and gets back.

const lease = { id: 'cust_1.req_1', expires_at: '2026-03-10T12:01:00.000Z' };
const server = await fareboxServer((seen, response) => {
  if (seen.url.includes('/leases/')) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  else if (seen.body['key'] === apiKey) decide(response, 'VALID', { lease });
  else decide(response, 'NOT_FOUND');
});
const farebox = createFarebox({ url: server.url, secret_key: secretKey });
const released = () => server.seen.filter(({ url }) => url.includes('/leases/')).length;

function asked(key: string, headers: Record<string, string> = {}): Request {
  return new Request('https://api.example/v1/a?b=c', { headers: { 'x-api-key': key, ...headers } });
}

test('a route handler gets the decision and its context, and its answer the limit headers', async () => {
  const route = protect(farebox, (request, { id }: { id: string }, { customer_id }) =>
    Response.json({ id, customer_id, same: verificationOf(request).customer_id }),
  );
  const before = released();
  const response = await route(asked(apiKey), { id: '7' });
  expect(response.headers.get('ratelimit')).toBe('"1s";r=9;t=1');
  expect(await response.json()).toEqual({ id: '7', customer_id: 'cust_1', same: 'cust_1' });
  await expect.poll(released).toBe(before + 1);
  const refused = await route(asked('nobody'), { id: '7' });
  expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'NOT_FOUND' }]);
});

test('a handler that fails has its place given back, and Next.js hears of it', async () => {
  const route = protect(farebox, () => Promise.reject(new Error('the weather is out')));
  const before = released();
  await expect(route(asked(apiKey), {})).rejects.toThrow('the weather is out');
  await expect.poll(released).toBe(before + 1);
});

test('before whole paths, what is behind is told who calls, whatever the caller claims; no place is taken', async () => {
  const told: Headers[] = [];
  const next = (init: { request: { headers: Headers } }) => {
    told.push(init.request.headers);
    return new Response(null);
  };
  const proxy = gate(farebox, { next }, { scope: 'read' });
  const claims = { 'farebox-customer': 'cust_2', 'farebox-other': 'x', farebox_plan: 'y', 'x-kept': 'z' };
  const response = await proxy(asked(apiKey, claims));
  expect(response.headers.get('ratelimit')).toBe('"1s";r=9;t=1');
  expect([...(told[0] ?? [])].filter(([name]) => /^farebox|kept/.test(name))).toEqual([
    ['farebox-customer', 'cust_1'],
    ['farebox-key-id', 'key_1'],
    ['farebox-plan', 'pro'],
    ['farebox-scopes', 'read'],
    ['x-kept', 'z'],
  ]);
  expect(server.seen.at(-1)?.body).toEqual({ key: apiKey, ip: null, scope: 'read', method: 'GET', path: '/v1/a' });
  expect((await proxy(asked('nobody'))).status).toBe(401);
  expect(told).toHaveLength(1);
});
