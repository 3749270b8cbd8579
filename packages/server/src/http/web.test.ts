import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll, expect, test } from 'vitest';
import type { AppEnv } from './principal.ts';
import { createSecurityHeaders } from './security-headers.ts';
import { createWeb } from './web.ts';

const dir = mkdtempSync(join(tmpdir(), 'fb-web-'));
afterAll(() => rmSync(dir, { recursive: true }));
mkdirSync(join(dir, 'app/assets'), { recursive: true });
writeFileSync(join(dir, 'app/index.html'), '<script src="/assets/a-1.js" nonce="__CSP_NONCE__"></script>');
writeFileSync(join(dir, 'app/assets/a-1.js'), 'export {};');
writeFileSync(join(dir, 'secret.txt'), 'outside');
writeFileSync(
  join(dir, 'landing.js'),
  'export const landingStyle = "body{}"; export const renderLanding = (props) => `<style>body{}</style>${props.who}`;',
);

const app = new Hono<AppEnv>();
app.use(createSecurityHeaders({ https: false }));
app.use(async (c, next) => {
  c.set('principal', { type: 'anonymous' });
  await next();
});
const pages = ['/sign-in', '/admin', '/admin/*'];
app.route(
  '/',
  await createWeb({
    dir,
    pages,
    landing: async ({ principal, query }) => ({ who: `${principal.type} ${query.get('plan')}` }),
  }),
);

test('the landing page is rendered for the visit and lets in the style it has', async () => {
  const response = await app.request('/?plan=pro');
  expect(await response.text()).toBe('<style>body{}</style>anonymous pro');
  expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
  expect(response.headers.get('content-security-policy')).toContain("style-src 'self' 'sha256-");
  expect(response.headers.get('content-security-policy')).not.toContain("style-src 'self' 'unsafe-inline'");
});

test('the application answers on its pages and below them, with a nonce of its own each time', async () => {
  const seen = new Set<string>();
  for (const path of ['/sign-in', '/admin', '/admin/customers/cust_1']) {
    const response = await app.request(path);
    const nonce = /nonce="([^"]+)"/.exec(await response.text())?.[1] ?? '';
    expect(response.headers.get('content-security-policy')).toContain(`style-src 'self' 'nonce-${nonce}'`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    seen.add(nonce);
  }
  expect(seen.size).toBe(3);
});

test('assets are kept for ever and recognised by their tag', async () => {
  const response = await app.request('/assets/a-1.js');
  expect([response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual([
    'text/javascript; charset=utf-8',
    'public, max-age=31536000, immutable',
  ]);
  const etag = response.headers.get('etag') ?? '';
  const again = await app.request('/assets/a-1.js', { headers: { 'if-none-match': etag } });
  expect([again.status, await again.text()]).toEqual([304, '']);
});

test.each([
  '/assets/../../secret.txt',
  '/assets/%2e%2e/%2e%2e/secret.txt',
  '/..%2f..%2fsecret.txt',
  '/secret.txt',
  '/index.html',
  '/assets/',
  '/sign-in/x',
])('%s is nowhere', async (path) => {
  expect((await app.request(path)).status).toBe(404);
});

test('a folder without a build is refused at the start', async () => {
  await expect(createWeb({ dir: join(dir, 'app'), pages: [], landing: async () => ({}) })).rejects.toThrow();
});
