import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { header } from '@farebox/core';
import exampleList from '../../../../farebox.config.ts';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeFolder, removeFolder } from '../folder.ts';
import { freePort } from '../free-port.ts';
import { testApp } from '../harness.ts';
import { startRawUpstream } from '../raw-upstream.ts';
import { payOnPage } from '../visitor.ts';

/** The examples of `examples/forward-auth`, on other ports: nginx and Caddy run, Traefik and Envoy by what they send. */
const examples = join(import.meta.dirname, '../../../../examples/forward-auth');
const folder = makeFolder('forward-auth', 'open');
const upstream = await startRawUpstream();
const openapi = join(folder, 'openapi.json');
const document = {
  paths: {
    '/v1/reports': { post: { 'x-farebox-cost': 5 } },
    '/v1/admin': { get: { 'x-farebox-scope': 'admin' } },
    '/v1/once': { get: { 'x-farebox-limits': [{ limit: 1, window: '1d' }] } },
  },
};
writeFileSync(openapi, JSON.stringify(document));
// How often is not what these tests are about.
const list = { ...exampleList, plans: exampleList.plans.map((plan) => ({ ...plan, limits: [] })) };
const farebox = await testApp({
  list,
  environment: { FAREBOX_OPENAPI: openapi, FAREBOX_TRUSTED_PROXIES: '127.0.0.1' },
});
const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  upstream.close();
  removeFolder(folder);
});
beforeEach(() => upstream.forget());

/** Somebody who bought the smallest plan, and a key of theirs that is good for reading. */
async function buyer() {
  const visitor = await farebox.signUp();
  const { url, id } = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await payOnPage(url);
  await visitor.get(`/v1/checkout_sessions/${id}`);
  const key = await visitor.post('/v1/keys', { name: 'proxy', scopes: ['read'] });
  const { customer } = await visitor.get('/v1/me');
  return { secret: String(key['secret']), key_id: String(key['id']), customer_id: String(customer.id) };
}

/** An example with its addresses in place of those it comes with. */
function placed(file: string, ports: { farebox: number; own: number }): string {
  return readFileSync(join(examples, file), 'utf8')
    .replaceAll('localhost:4000', `127.0.0.1:${ports.farebox}`)
    .replaceAll('localhost:3000', `127.0.0.1:${upstream.port}`)
    .replaceAll('8080', String(ports.own));
}

const fareboxPort = Number(new URL(farebox.url).port);

async function startNginx(own: number, to = fareboxPort): Promise<void> {
  const file = join(folder, `nginx-${own}.conf`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${own}-${name};`,
  );
  const text = placed('nginx.conf', { farebox: to, own });
  writeFileSync(file, text.replace('http {', `http {\n  access_log off;\n  ${temporary.join('\n  ')}`));
  const settings = `daemon off; master_process off; pid ${folder}/${own}.pid;`;
  running.push(spawn('nginx', ['-p', folder, '-c', file, '-e', 'stderr', '-g', settings], { stdio: 'ignore' }));
  await answering(own);
}

async function startCaddy(own: number, to = fareboxPort): Promise<void> {
  const file = join(folder, `Caddyfile-${own}`);
  writeFileSync(file, placed('Caddyfile', { farebox: to, own }));
  const environment = { PATH: process.env['PATH'] ?? '', HOME: folder };
  running.push(
    spawn('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], { stdio: 'ignore', env: environment }),
  );
  await answering(own);
}

async function answering(port: number): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBeGreaterThan(0), {
    timeout: 20_000,
  });
}

function has(program: string, argument: string): boolean {
  const isThere = spawnSync(program, [argument]).status === 0;
  if (!isThere && process.env['CI'] === 'true') throw new Error(`CI needs ${program}.`);
  if (!isThere) process.stdout.write(`skipped: forward-auth of ${program} (it is not on this machine)\n`);
  return isThere;
}

const proxies = [
  { name: 'nginx', isThere: has('nginx', '-v'), start: startNginx, away: 503 },
  { name: 'Caddy', isThere: has('caddy', 'version'), start: startCaddy, away: 502 },
];

for (const { name, isThere, start, away } of proxies) {
  describe.skipIf(!isThere)(`behind ${name}`, () => {
    let url = '';
    let person: Awaited<ReturnType<typeof buyer>>;
    async function ask(path: string, init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {}) {
      if (url === '') {
        const own = await freePort();
        await start(own);
        url = `http://127.0.0.1:${own}`;
        person = await buyer();
        upstream.forget();
      }
      const headers = { 'x-api-key': person.secret, ...init.headers };
      const response = await fetch(`${url}${path}`, { ...init, headers });
      return { status: response.status, headers: response.headers, text: await response.text() };
    }

    test('a request that may pass reaches the API with who calls, and its caller learns what is left', async () => {
      const passed = await ask('/v1/forecast?cost=0&city=Oslo', {
        headers: {
          'farebox-customer': 'cust_other',
          'farebox-scopes': 'admin',
          'x-original-uri': '/',
          'x-forwarded-uri': '/',
        },
      });
      expect([passed.status, passed.text]).toEqual([200, 'ok']);
      expect(passed.headers.get('farebox-quota-remaining')).toBe('99999');
      expect(passed.headers.get('ratelimit')).toContain('"month";r=99999');
      expect(passed.headers.get('farebox-request-id')).toMatch(/^req_/);
      const head = upstream.requests[0]?.head ?? '';
      expect(head).toMatch(/^GET \/v1\/forecast\?cost=0&city=Oslo HTTP\/1\.1\r\n/);
      expect(head).toMatch(new RegExp(`^Farebox-Customer: ${person.customer_id}\r$`, 'im'));
      expect(head).toMatch(/^Farebox-Plan: starter\r$/im);
      expect(head).toMatch(new RegExp(`^Farebox-Key-Id: ${person.key_id}\r$`, 'im'));
      expect(head).toMatch(/^Farebox-Scopes: read\r$/im);
      expect(head).not.toMatch(/cust_other|admin/);
      expect(head).not.toContain(person.secret);
    });

    test('a body goes past Farebox to the API, and costs what the document says of its path', async () => {
      const sent = await ask('/v1/reports', {
        method: 'POST',
        body: 'a report',
        headers: { 'content-type': 'text/plain' },
      });
      expect([sent.status, sent.headers.get('farebox-quota-remaining')]).toEqual([200, '99994']);
      expect(upstream.requests.map(({ body }) => body)).toEqual(['a report']);
    });

    test('a refusal has the status and the body that Farebox gives it, and the API hears nothing', async () => {
      const bearer = { authorization: 'Bearer sky_test_nobody', 'x-api-key': '' };
      const unknown = await ask('/v1/forecast', { headers: bearer });
      expect([unknown.status, unknown.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(unknown.headers.get('content-type')).toBe('application/problem+json');
      expect(JSON.parse(unknown.text)).toMatchObject({
        status: 401,
        code: 'NOT_FOUND',
        title: 'The gate refused this request',
      });
      const scope = await ask('/v1/admin');
      expect([scope.status, JSON.parse(scope.text)]).toMatchObject([
        403,
        { code: 'INSUFFICIENT_SCOPE', request_id: expect.stringMatching(/^req_/) },
      ]);
      expect((await ask('/v1/once')).status).toBe(200);
      upstream.forget();
      const limited = await ask('/v1/once');
      expect([limited.status, JSON.parse(limited.text)]).toMatchObject([
        429,
        { code: 'RATE_LIMITED', limit: { name: 'GET /v1/once 1d' }, upgrade_url: `${farebox.url}/dashboard` },
      ]);
      expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(3600);
      expect(limited.headers.get('ratelimit')).toContain('"GET /v1/once 1d";r=0');
      expect(upstream.requests).toEqual([]);
    });

    test('a path with two meanings is refused, and another spelling of a path is that path', async () => {
      for (const path of ['/v1//admin', '/v1/open;a/admin', '/v1%2fadmin', '/v1/open%00']) {
        const refused = await ask(path);
        expect([path, refused.status]).toEqual([path, 400]);
      }
      expect((await ask('/v1/%61dmin')).status).toBe(403);
      expect(upstream.requests).toEqual([]);
    });

    test('while Farebox is away nothing passes', async () => {
      const own = await freePort();
      await start(own, await freePort());
      const response = await fetch(`http://127.0.0.1:${own}/v1/forecast`, { headers: { 'x-api-key': 'any' } });
      expect([response.status, upstream.requests]).toEqual([away, []]);
    });
  });
}

describe('what other proxies send, by their documentation', () => {
  const door = `${farebox.url}/v1/gate/forward-auth`;

  test('Traefik: GET with X-Forwarded-*', async () => {
    const { secret, customer_id } = await buyer();
    const ask = (method: string, uri: string, key: string) =>
      fetch(door, {
        headers: {
          'x-api-key': key,
          'x-forwarded-method': method,
          'x-forwarded-uri': uri,
          'x-forwarded-proto': 'https',
          'x-forwarded-host': 'api.example.com',
          'x-forwarded-for': '203.0.113.9',
          'accept-encoding': 'gzip',
        },
      });
    const passed = await ask('POST', '/v1/reports?a=b', secret);
    expect([passed.status, await passed.text(), passed.headers.get('farebox-quota-remaining')]).toEqual([
      200,
      '',
      '99995',
    ]);
    expect(passed.headers.get('farebox-customer')).toBe(customer_id);
    expect((await ask('GET', '/v1/admin', secret)).status).toBe(403);
    expect((await ask('GET', '/v1/../admin', secret)).status).toBe(400);
    expect((await ask('GET', '/v1/forecast', 'nobody')).status).toBe(401);
    const file = readFileSync(join(examples, 'traefik.yml'), 'utf8');
    expect(file).toContain('address: http://localhost:4000/v1/gate/forward-auth\n');
    for (const name of [header.customer, header.plan, header.keyId, header.scopes, header.requestId])
      expect(file).toContain(`          - ${name}\n`);
  });

  test('Envoy: the method of the request, without its body, at the path of path_override', async () => {
    const { secret, customer_id } = await buyer();
    const ask = (method: string, uri: string, key: string) =>
      fetch(door, {
        method,
        headers: {
          'x-api-key': key,
          'x-original-method': method,
          'x-original-uri': uri,
          'x-forwarded-for': '203.0.113.9',
          ...(method === 'GET' ? {} : { 'content-length': '0' }),
        },
      });
    const passed = await ask('POST', '/v1/reports?a=b', secret);
    expect([passed.status, await passed.text(), passed.headers.get('farebox-quota-remaining')]).toEqual([
      200,
      '',
      '99995',
    ]);
    expect(passed.headers.get('farebox-customer')).toBe(customer_id);
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'GET'])
      expect([method, (await ask(method, '/v1/forecast', secret)).status]).toEqual([method, 200]);
    expect((await ask('GET', '/v1/admin', secret)).status).toBe(403);
    expect((await ask('DELETE', '/v1//admin', secret)).status).toBe(400);
    const file = readFileSync(join(examples, 'envoy.yaml'), 'utf8');
    expect(file).toContain('path_override: /v1/gate/forward-auth\n');
    for (const name of [header.customer, header.plan, header.keyId, header.scopes, header.requestId])
      expect(file).toContain(`- remove: ${name.toLowerCase()}\n`);
  });
});
