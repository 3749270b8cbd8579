import { canonicalPath } from '@farebox/core';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { proxyWorld } from '../../test/proxy-world.ts';
import { sendRaw, startRawUpstream, statusesOf } from '../../test/raw-upstream.ts';

const world = await proxyWorld();
const upstream = await startRawUpstream();
afterAll(() => upstream.close());
const openapi = {
  paths: {
    '/v1/open': { get: {} },
    '/v1/admin': { get: { 'x-farebox-scope': 'admin', 'x-farebox-cost': 50 } },
    '/v1/files/{name}': { get: { 'x-farebox-cost': 2 } },
  },
};
const { port } = await world.proxyTo(upstream.url, { openapi });
const reader = await world.keyOn({}, { scopes: ['read'] });
const admin = await world.keyOn({}, { scopes: ['admin'] });
beforeEach(() => upstream.forget());

async function ask(target: string, secret: string): Promise<number[]> {
  return statusesOf(await sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: api.example\r\nX-Api-Key: ${secret}\r\n\r\n`));
}

/** Ways to write a step up, or a step nowhere. */
const steps = [
  '..',
  '%2e%2e',
  '%2E%2E',
  '.%2e',
  '%2e.',
  '%252e%252e',
  '..%00',
  '..%0a',
  '..;',
  '..;x=y',
  '..%3b',
  '..%20',
  '..%09',
  '.',
  '%2e',
  '%2E',
  '.;a',
  '%c0%ae%c0%ae',
  '%e0%80%ae%e0%80%ae',
  '%uff0e%uff0e',
  '\xff',
  '%',
  '%2',
  '%zz',
  '%%32e',
];
/** Ways to write a separator. */
const separators = [
  '//',
  '///',
  '%2f',
  '%2F',
  '%252f',
  '\\',
  '%5c',
  '%5C',
  '%255c',
  '/%2f',
  '%2f/',
  '/\\',
  ';/',
  '%3b/',
  '/;/',
  '%00/',
  '%c0%af',
  '%u2215',
];

/** Overlong and lone bytes are no UTF-8; an API that decodes them does as it likes, and the path is still the same for all. */
const escapes = /^(?:%c0%ae%c0%ae|%e0%80%ae%e0%80%ae|%c0%af|\.\.%20)$/;

const refused = [
  ...steps.filter((step) => !escapes.test(step)).map((step) => `/v1/open/${step}/admin`),
  ...steps.filter((step) => !escapes.test(step)).map((step) => `/${step}/v1/admin`),
  ...steps.filter((step) => !escapes.test(step)).map((step) => `/v1/open/${step}`),
  ...separators.filter((one) => !escapes.test(one)).map((one) => `/v1${one}admin`),
  ...separators.filter((one) => !escapes.test(one)).map((one) => `${one}v1/admin`),
  ...separators.filter((one) => !escapes.test(one)).map((one) => `/v1/open${one}`),
  'v1/admin',
  '*',
  '?a=b',
  '#',
  '/v1/open#/../admin',
  '/v1/open?a=b#c',
  '/v1/open?a=\xe9',
  'http://api.example/v1/admin',
  'http://127.0.0.1:9/v1/admin',
  'https://api.example/v1/admin',
  'HTTP://API.EXAMPLE/v1/admin',
  'file:///etc/passwd',
  'api.example:80',
  '//api.example/v1/admin',
  '/http://api.example/v1/admin',
  '/v1/admin%23',
  '/v1/admin%3f',
  '/v1/admin%3Fx=y',
  '/v1/admin;jsessionid=1',
  '/v1;a=b/admin',
  '/v1/admin%0d%0aX-A:%20b',
  '/v1/admin%0a',
  '/v1/admin%7f',
  '/v1/admin\x7f',
  '/v1/admin%25',
  '/v1/%2561dmin',
  '/\xc3\xa9',
  `/${'a'.repeat(4096)}`,
].filter((target, index, all) => all.indexOf(target) === index);

/** What is asked for, what the API sees. */
const forwarded: [target: string, seen: string][] = [
  ['/', '/'],
  ['/v1/open', '/v1/open'],
  ['/v1/open/', '/v1/open/'],
  ['/v1/open?a=b', '/v1/open?a=b'],
  ['/v1/open?', '/v1/open?'],
  ['/v1/open?a=b&a=c', '/v1/open?a=b&a=c'],
  ['/v1/open?path=../../etc', '/v1/open?path=../../etc'],
  ['/v1/open?u=http://a/b?c;d%2f%00', '/v1/open?u=http://a/b?c;d%2f%00'],
  ['/v1/open?a[0]={"x":1}|2\\3', '/v1/open?a[0]={"x":1}|2\\3'],
  ['/v1/op%65n', '/v1/open'],
  ['/%76%31/open', '/v1/open'],
  ['/v1/files/a%20b', '/v1/files/a%20b'],
  ['/v1/files/caf%c3%a9', '/v1/files/caf%C3%A9'],
  ['/v1/files/%7euser', '/v1/files/~user'],
  ['/v1/files/a.b-c_d~e', '/v1/files/a.b-c_d~e'],
  ['/v1/files/...', '/v1/files/...'],
  ['/v1/files/..a', '/v1/files/..a'],
  ['/v1/files/.hidden', '/v1/files/.hidden'],
  ["/v1/files/a:b@c!$&'()*+,=", "/v1/files/a:b@c!$&'()*+,="],
  ['/v1/files/%c0%ae%c0%ae', '/v1/files/%C0%AE%C0%AE'],
  ['/v1/files/%c0%af', '/v1/files/%C0%AF'],
  ['/v1/files/..%20', '/v1/files/..%20'],
  ['/V1/OPEN', '/V1/OPEN'],
];

/** Ways to write the path of `/v1/admin` that are one with it: what it needs and costs is asked of each. */
const same = [
  '/v1/admin',
  '/v1/%61dmin',
  '/v1/%61%64%6d%69%6e',
  '/%761/admin',
  '/v%31/admin',
  '/v1/admin?x=/v1/open',
  '/v1/adm%69n?',
];

describe(`of ${refused.length + forwarded.length + same.length} paths`, () => {
  test('there are enough of them', () => {
    expect(refused.length).toBeGreaterThanOrEqual(120);
  });

  test.each(refused)('%j is refused, and the API hears nothing', { timeout: 3000 }, async (target) => {
    expect(await ask(target, admin.secret)).toEqual([400]);
    expect([upstream.requests, upstream.faults]).toEqual([[], []]);
  });

  test.each(forwarded)('%j is forwarded as %j', { timeout: 3000 }, async (target, seen) => {
    expect(await ask(target, admin.secret)).toEqual([200]);
    expect(upstream.faults).toEqual([]);
    expect(upstream.requests.map(({ head }) => head.split('\r\n')[0])).toEqual([`GET ${seen} HTTP/1.1`]);
    expect(canonicalPath(seen)).toBe(seen.split('?')[0]);
  });

  test.each(same)('%j needs the scope of /v1/admin and costs as much', { timeout: 3000 }, async (target) => {
    expect(await ask(target, reader.secret)).toEqual([403]);
    expect(upstream.requests).toEqual([]);
    expect(await ask(target, admin.secret)).toEqual([200]);
    expect(upstream.requests.map(({ head }) => head.split(/[ ?]/)[1])).toEqual(['/v1/admin']);
  });

  test('what was counted is what was forwarded', async () => {
    const used = await world.usageOf(admin.customer_id);
    const ofAdmin = used.filter(({ endpoint }) => endpoint === 'GET /v1/admin');
    expect(ofAdmin.map(({ quantity }) => quantity)).toEqual(same.map(() => 50));
    expect(used.filter(({ endpoint }) => endpoint === 'GET /v1/open').length).toBe(
      forwarded.filter(([, seen]) => seen.split('?')[0] === '/v1/open').length,
    );
    expect(used.length).toBe(same.length + forwarded.length);
  });
});
