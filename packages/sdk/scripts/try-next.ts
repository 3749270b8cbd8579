// Builds and starts a program of Next.js with the SDK in it, and asks it. Next.js is 340 MB and no dependency of this repository: it is
// installed in a temporary folder, from the package registry. `node --conditions=farebox packages/sdk/scripts/try-next.ts`
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { deepStrictEqual } from 'node:assert';

const packages = ['next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1'];
const folder = mkdtempSync(join(tmpdir(), 'farebox-next-'));
const root = join(import.meta.dirname, '../../..');

const farebox = `import { createFarebox } from "@farebox/sdk";
export const farebox = createFarebox({ url: process.env.FAREBOX_URL, secret_key: 'fbx_sk_test_0123456789' });`;

const files: Record<string, string> = {
  'package.json': '{ "name": "tried", "private": true }',
  'jsconfig.json': JSON.stringify({
    compilerOptions: {
      paths: {
        '@farebox/core': ['./farebox/core/index.ts'],
        '@farebox/sdk': ['./farebox/sdk/index.ts'],
        '@farebox/sdk/*': ['./farebox/sdk/*.ts'],
      },
    },
  }),
  'farebox.js': farebox,
  'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }',
  'app/route/[city]/route.js': `import { protect } from "@farebox/sdk/next";
import { farebox } from '../../../farebox.js';
export const GET = protect(farebox, async (request, { params }, { customer_id }) =>
  Response.json({ city: (await params).city, customer_id }), { cost: 3 });`,
  'app/behind/route.js': `export const GET = (request) => Response.json({
  customer_id: request.headers.get('farebox-customer'), scopes: request.headers.get('farebox-scopes') });`,
  'proxy.js': `import { NextResponse } from 'next/server';
import { gate } from "@farebox/sdk/next";
import { farebox } from './farebox.js';
export const proxy = gate(farebox, NextResponse, { scope: 'read' });
export const config = { matcher: '/behind' };`,
};

/** A Farebox that knows one key, and what it was asked. */
const asked: Record<string, unknown>[] = [];
const answer = (request: IncomingMessage, response: ServerResponse, body: string): void => {
  const release = request.url?.includes('/leases/') === true;
  const question: Record<string, unknown> = release ? { released: request.url } : JSON.parse(body);
  asked.push(question);
  const valid = question['key'] === 'good';
  response.setHeader('content-type', 'application/json').setHeader('RateLimit', '"1s";r=9;t=1');
  const of = {
    key_id: 'key_1',
    customer_id: 'cust_1',
    plan_id: 'pro',
    scopes: [],
    features: {},
    limits: [],
    quota: null,
  };
  const rest = { cost_decimal: '0', currency: null, retry_after_s: null, payment: null, request_id: 'req_1' };
  const lease = question['lease'] === true ? { id: 'cust_1.req_1', expires_at: '2030-01-01T00:00:00Z' } : null;
  response.end(
    JSON.stringify({ valid, code: valid ? 'VALID' : 'NOT_FOUND', detail: 'Unknown.', ...of, ...rest, lease }),
  );
};

async function main(): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  for (const name of ['core', 'sdk'])
    cpSync(join(root, 'packages', name, 'src'), join(folder, 'farebox', name), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    });
  execFileSync('npm', ['install', ...packages, '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  const next = join(folder, 'node_modules/next/dist/bin/next');
  const server = createServer((request, response) => {
    void text(request).then((body) => answer(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    NEXT_TELEMETRY_DISABLED: '1',
    FAREBOX_URL: `http://127.0.0.1:${port}`,
  };
  execFileSync(process.execPath, [next, 'build'], { cwd: folder, stdio: 'inherit', env });
  const child = spawn(process.execPath, [next, 'start', '-p', '0', '-H', '127.0.0.1'], { cwd: folder, env });
  try {
    await ask(await addressOf(child));
    console.log('The SDK works under Next.js: route handlers and proxy.');
  } finally {
    child.kill('SIGKILL');
    server.close();
  }
}

async function addressOf(child: ChildProcess): Promise<string> {
  let printed = '';
  for await (const chunk of child.stdout ?? []) {
    printed += String(chunk);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
    if (url !== undefined && /Ready/.test(printed)) return url;
  }
  throw new Error(`Next.js ended: ${printed}`);
}

async function ask(url: string): Promise<void> {
  const get = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(`${url}${path}`, { headers });
    const body: unknown = await response.json();
    const { status } = response;
    return { status, limit: response.headers.get('ratelimit'), type: response.headers.get('content-type'), body };
  };
  const [limit, type] = ['"1s";r=9;t=1', 'application/json'];
  deepStrictEqual(await get('/route/Oslo?a=b', { 'x-api-key': 'good' }), {
    status: 200,
    limit,
    type,
    body: { city: 'Oslo', customer_id: 'cust_1' },
  });
  const route = { key: 'good', ip: null, cost: 3, method: 'GET', path: '/route/Oslo', lease: true };
  deepStrictEqual(asked, [route, { released: '/v1/gate/leases/cust_1.req_1/release' }]);
  deepStrictEqual(
    await get('/behind', { authorization: 'Bearer good', 'farebox-customer': 'cust_2', 'farebox-scopes': 'all' }),
    {
      status: 200,
      limit,
      type,
      body: { customer_id: 'cust_1', scopes: null },
    },
  );
  deepStrictEqual(asked.at(-1), { key: 'good', ip: null, scope: 'read', method: 'GET', path: '/behind' });
  for (const path of ['/route/Oslo', '/behind']) {
    const refused = await get(path, { 'x-api-key': 'bad' });
    deepStrictEqual([refused.status, refused.type], [401, 'application/problem+json']);
  }
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
