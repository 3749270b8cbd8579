import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiKey, decide, fareboxServer, secretKey } from './farebox-server.ts';

/** The packages as a stranger gets them: packed, installed where nothing of the repository is, without a network. */
const execute = promisify(execFile);
const root = new URL('../', import.meta.url).pathname;
const repository = join(root, '../..');
let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'farebox-sdk-'));
  for (const folder of [root, join(root, '../core')])
    await execute('npm', ['pack', '--pack-destination', home], { cwd: folder, timeout: 90_000 });
  const tarballs = readdirSync(home).filter((file) => file.endsWith('.tgz'));
  write('package.json', JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  await execute(
    'npm',
    ['install', '--offline', '--no-audit', '--no-fund', ...tarballs.map((each) => join(home, each))],
    {
      cwd: home,
    },
  );
}, 120_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(join(home, name), text);
}

test('an API in plain Node is protected with nothing else installed', async () => {
  const server = await fareboxServer((_, response) => decide(response, 'VALID'));
  write(
    'api.js',
    `import { createServer } from 'node:http';
     import { createFarebox } from '@farebox/sdk';
     import { protect } from '@farebox/sdk/node';
     const farebox = createFarebox({ url: process.argv[2], secret_key: '${secretKey}' });
     const api = createServer(protect(farebox, (request, response, { customer_id }) => response.end('Hello, ' + customer_id)));
     api.listen(0, '127.0.0.1', async () => {
       const ask = (key) => fetch('http://127.0.0.1:' + api.address().port, { headers: { 'x-api-key': key } });
       console.log(await (await ask('${apiKey}')).text());
       process.exit(0);
     });`,
  );
  expect((await execute(process.execPath, ['api.js', server.url], { cwd: home })).stdout).toBe('Hello, cust_1\n');
});

test('every export is there, and a strict compiler reads its types alone', async () => {
  write(
    'types.ts',
    `import { type Verification, createFarebox, verifyWebhook } from '@farebox/sdk';
     import { gate as express } from '@farebox/sdk/express';
     import { gate as fastify } from '@farebox/sdk/fastify';
     import { gate as hono } from '@farebox/sdk/hono';
     import { gate as next } from '@farebox/sdk/next';
     import { protect } from '@farebox/sdk/node';
     const farebox = createFarebox({ url: 'http://127.0.0.1:4000', secret_key: '${secretKey}' });
     const decided: Promise<Verification> = farebox.verify({ key: 'k', cost: 2 });
     const made: Promise<{ id: string }> = farebox.api('POST /v1/customers', { body: { name: 'Ada', email: 'a@example.com' } });
     export const all: unknown[] = [decided, made, express, fastify, hono, next, protect, verifyWebhook];`,
  );
  const strict = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck', 'false'];
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  const types = ['--typeRoots', join(repository, 'node_modules/@types'), '--types', 'node'];
  const compile = async (file: string) =>
    await execute(process.execPath, [tsc, ...strict, ...types, file], { cwd: home });
  expect((await compile('types.ts')).stdout).toBe('');
  write(
    'wrong.ts',
    `import type { Operations } from '@farebox/sdk'; export type None = Operations['GET /v1/nothing'];`,
  );
  await expect(compile('wrong.ts')).rejects.toMatchObject({ stdout: expect.stringContaining('GET /v1/nothing') });
  write(
    'modules.js',
    `for (const name of ['', '/express', '/fastify', '/hono', '/next', '/node'])
       console.log(Object.keys(await import('@farebox/sdk' + name)).length > 0);`,
  );
  expect((await execute(process.execPath, ['modules.js'], { cwd: home })).stdout).toBe('true\n'.repeat(6));
});
