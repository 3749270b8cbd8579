import { afterAll, describe, expect, test } from 'vitest';
import { serve } from '@hono/node-server';
import { sql } from 'kysely';
import { testDatabase } from '../../test/database.ts';
import { sliceApp, testSecretKey as bearer } from '../../test/slice-app.ts';
import { policy } from '../accounts/policy.ts';
import { unlistedRoutes } from './authorize.ts';

const db = await testDatabase();
const secure = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
  'cache-control': 'no-store',
  'farebox-request-id': expect.stringMatching(/^req_/),
};

const broken = sliceApp(db, {
  mount(app) {
    app.get('/boom', () => {
      throw new Error('secret internals');
    });
    app.get('/database', async (c) => {
      const code = c.req.query('code') ?? '';
      await db.pool.query(`do $$ begin raise exception 'no luck' using errcode = '${code}'; end $$`);
      return c.text('never');
    });
    app.get('/ended', async (c) => {
      await db.transaction(async (tx) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
        await db.pool.query('select pg_terminate_backend($1, 10000)', [rows[0]?.pid]);
        await sql`select 1`.execute(tx);
      });
      return c.text('never');
    });
    app.get('/page', (c) => c.html('<p>hello</p>'));
    app.get('/cached', (c) => c.text('mine', 200, { 'cache-control': 'no-cache' }));
    app.post('/echo', async (c) => c.json(await c.req.json()));
  },
});

describe('every answer', () => {
  test.each([
    ['200', '/openapi-less', { bearer }, '/v1/analytics/revenue', 200],
    ['401', '', {}, '/v1/me', 401],
    ['404', '', {}, '/nothing/here', 404],
    ['405', '', {}, '/auth/sign-out', 405],
    ['500', '', {}, '/boom', 500],
  ])('%s carries the security headers', async (_name, _note, credential, path, status) => {
    const answer = await broken.send('GET', path, credential);
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(answer.response.headers)).toMatchObject(secure);
    expect(answer.response.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('what was made for somebody signed in is not stored', async () => {
    const cookie = await broken.signUp('cache@example.com');
    const cacheOf = async (sent: { cookie?: string }) =>
      (await broken.send('GET', '/cached', sent)).response.headers.get('cache-control');
    expect([await cacheOf({}), await cacheOf({ cookie })]).toEqual(['no-cache', 'no-store']);
  });

  test('a page runs scripts of this origin only', async () => {
    const policyText = (await broken.send('GET', '/page')).response.headers.get('content-security-policy');
    for (const part of ["script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      expect(policyText).toContain(part);
    }
  });

  test('a failure of ours tells an id and nothing else, and the log tells the rest under that id', async () => {
    const answer = await broken.send('GET', '/boom');
    expect(answer.json).toEqual({
      type: '/docs/errors#internal_error',
      title: 'Something went wrong here',
      status: 500,
      code: 'internal_error',
      detail: 'This failed on our side and has been logged.',
      request_id: answer.response.headers.get('farebox-request-id'),
    });
    const line = broken.lines.find((text) => text.includes(answer.json.request_id));
    expect(line).toContain('secret internals');
  });

  test.each(['53100', '53200', '53300', '25006', '57P03', '08006'])(
    'a database that takes nothing (%s) is no failure of ours: it is to be tried again',
    async (code) => {
      const { response, json } = await broken.send('GET', `/database?code=${code}`);
      expect([response.status, json.code, response.headers.get('retry-after')]).toEqual([
        503,
        'database_unavailable',
        '1',
      ]);
    },
  );

  test('nor is a connection that ends in a transaction', async () => {
    expect((await broken.send('GET', '/ended')).json.code).toBe('database_unavailable');
    expect((await broken.send('GET', '/database?code=22012')).json.code).toBe('internal_error');
  });

  test('a known address names the methods it takes', async () => {
    const answer = await broken.send('DELETE', '/v1/customers', { bearer });
    expect([answer.status, answer.json.code, answer.response.headers.get('allow')]).toEqual([
      405,
      'method_not_allowed',
      'HEAD, GET, POST',
    ]);
    expect((await broken.send('PUT', '/v1/customers/cust_1', { bearer })).response.headers.get('allow')).toBe(
      'HEAD, GET, PATCH, DELETE',
    );
  });
});

describe('bodies', () => {
  const json = 'application/json';
  const deep = `${'['.repeat(40)}${']'.repeat(40)}`;
  test.each([
    ['no JSON', json, '{"a":', 400, 'invalid_json'],
    ['an empty body', json, '', 400, 'invalid_request'],
    ['bytes that are no UTF-8', json, new Uint8Array([0x22, 0xff, 0x22]), 400, 'invalid_json'],
    ['40 levels', json, deep, 400, 'invalid_json'],
    ['100,000 levels', json, '['.repeat(100_000), 400, 'invalid_json'],
    ['a prototype', json, '{"__proto__":{"x":1}}', 400, 'invalid_json'],
    ['a NUL', json, '{"name":"a\\u0000b","email":"a@b.example"}', 400, 'invalid_json'],
    ['another content type', 'text/plain', '{}', 415, 'unsupported_media_type'],
    ['a form', 'application/x-www-form-urlencoded', 'name=a', 415, 'unsupported_media_type'],
    ['JSON in another charset', 'application/json; charset=utf-16', '{}', 415, 'unsupported_media_type'],
    ['no content type', '', '{}', 415, 'unsupported_media_type'],
    ['a list', json, '[]', 400, 'invalid_request'],
    ['null', json, 'null', 400, 'invalid_request'],
    ['a number', json, '1e309', 400, 'invalid_request'],
    ['more than a megabyte', json, JSON.stringify({ name: 'a'.repeat(1024 * 1024) }), 413, 'body_too_large'],
  ])('%s is refused', async (_name, type, body, status, code) => {
    const headers = type === '' ? { 'content-type': ' ' } : { 'content-type': type };
    const answer = await broken.send('POST', '/v1/customers', { bearer, body, headers });
    expect([answer.status, answer.json.code, answer.response.headers.get('content-type')]).toEqual([
      status,
      code,
      'application/problem+json',
    ]);
  });

  test('all faults are listed, each with its field', async () => {
    const answer = await broken.send('POST', '/v1/customers', {
      bearer,
      json: { email: 'x', role: 'owner', external_id: 5 },
    });
    expect(answer.json.errors.map((fault: { param: string }) => fault.param).toSorted()).toEqual([
      'email',
      'external_id',
      'name',
      'role',
    ]);
  });

  test('a body without end is cut off at the limit', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': json },
      body: endless,
      duplex: 'half',
    };
    const response = await broken.app.request(`${broken.base_url}/v1/customers`, init);
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(2 * 1024 * 1024);
  });

  test.each([
    '?limit=0',
    '?limit=101',
    '?limit=x',
    '?limit=1&limit=2',
    '?nothing=1',
    '?starting_after=x',
    '?query=%00',
    '?query=',
  ])('the query %s is refused', async (query) => {
    expect((await broken.send('GET', `/v1/customers${query}`, { bearer })).json).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });
});

describe('requests that change something', () => {
  const types = [
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ];
  const foreign = [
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:4001' },
    { origin: 'https://localhost:4000' },
    { origin: 'http://localhost:4000.evil.example' },
    { origin: 'http://localhost' },
    { origin: 'null' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    {},
  ];

  test('with a cookie they come from our own pages, whatever the content type', async () => {
    const { send, signUp } = broken;
    const cookie = await signUp('origin@example.com');
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
      for (const headers of foreign) {
        for (const type of types) {
          const sent = {
            cookie,
            origin: null,
            headers: { ...headers, ...(type === '' ? {} : { 'content-type': type }) },
            body: '{}',
          };
          for (const path of ['/echo', '/v1/customers/cust_1', '/auth/sign-out']) {
            expect((await send(method, path, sent)).json.code).toBe('forbidden');
          }
        }
      }
    }
    expect((await send('GET', '/v1/me', { cookie })).status).toBe(200);
    expect((await send('POST', '/echo', { cookie, json: {} })).status).toBe(200);
    expect(
      (await send('POST', '/echo', { cookie, origin: null, headers: { 'sec-fetch-site': 'same-origin' }, json: {} }))
        .status,
    ).toBe(200);
  });

  test('a secret key needs no origin, and nobody is signed in from elsewhere', async () => {
    const json = { name: 'Any', email: 'any@example.com' };
    expect((await broken.send('POST', '/v1/customers', { bearer, json, origin: 'https://shop.example' })).status).toBe(
      201,
    );
    const signIn = { email: 'origin@example.com', password: 'correct horse battery' };
    expect(
      (await broken.send('POST', '/auth/sign-in/email', { json: signIn, origin: 'https://evil.example' })).status,
    ).toBe(403);
    expect((await broken.send('POST', '/auth/sign-in/email', { json: signIn, origin: null })).status).toBe(200);
    const garbage = { bearer: 'garbage', cookie: 'farebox.session_token=x', origin: 'https://evil.example', json: {} };
    expect((await broken.send('POST', '/echo', garbage)).status).toBe(403);
  });
});

describe('the document', () => {
  test('holds every route and nothing else', () => {
    const documented = Object.entries(broken.document().paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    const mounted = sliceApp(db)
      .app.routes.filter((route) => route.method !== 'ALL')
      .map((route) => `${route.method} ${route.path}`);
    expect([...new Set(mounted), 'GET /openapi.json'].toSorted()).toEqual(documented.toSorted());
  });

  test('is OpenAPI 3.1 with problems, security and named schemas', () => {
    const document = broken.document();
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.components?.schemas ?? {}).toSorted()).toEqual([
      'Customer',
      'DeletedCustomer',
      'Me',
      'Overview',
      'Problem',
      'Revenue',
    ]);
    const create = document.paths?.['/v1/customers']?.post;
    expect(create?.security).toEqual([{ secret_key: [] }]);
    expect(Object.keys(create?.responses ?? {})).toEqual([
      '200',
      '201',
      '400',
      '401',
      '403',
      '409',
      '413',
      '415',
      '422',
      '500',
      '503',
    ]);
    expect(JSON.stringify(create?.requestBody)).toContain('"additionalProperties":false');
  });

  test('no route under /v1 is without a policy', () => {
    expect(unlistedRoutes(policy, broken.app.routes)).toEqual([]);
    expect(unlistedRoutes(policy, [{ method: 'POST', path: '/v1/new' }])).toEqual(['POST /v1/new']);
  });
});

describe('over a socket', () => {
  test('the peer is the client, and a header claiming otherwise is not believed', async () => {
    const { app } = sliceApp(db, {
      mount: (hono) =>
        hono.get('/ip', (c) => c.json({ ip: c.get('client_ip'), header: c.req.header('x-farebox-client-ip') })),
    });
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    afterAll(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const headers = { 'x-forwarded-for': '9.9.9.9', 'x-farebox-client-ip': '9.9.9.9' };
    const response = await fetch(`http://127.0.0.1:${port}/ip`, { headers });
    expect(await response.json()).toEqual({ ip: '127.0.0.1', header: '127.0.0.1' });
    const chunked: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: new Blob([JSON.stringify({ name: 'Chunked', email: 'chunked@example.com' })]).stream(),
      duplex: 'half',
    };
    expect((await fetch(`http://127.0.0.1:${port}/v1/customers`, chunked)).status).toBe(201);
    const whole = { ...chunked, body: JSON.stringify({ name: 'Whole', email: 'whole@example.com' }) };
    expect((await fetch(`http://127.0.0.1:${port}/v1/customers`, whole)).status).toBe(201);
  });
});
