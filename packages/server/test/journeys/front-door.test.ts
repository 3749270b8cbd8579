import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { makeFolder, removeFolder } from '../folder.ts';
import { freePort } from '../free-port.ts';
import { type Program, startProgram } from '../program.ts';

/** `npm start` as a newcomer meets it, on the embedded database, in a folder that only its owner may enter. */
const folder = makeFolder('door', 'closed');
const data = join(folder, 'data');
const port = await freePort(12);
let program: Program = await startProgram({
  port,
  data_dir: data,
  environment: { FAREBOX_UPSTREAM: `http://localhost:${port}`, FAREBOX_PROXY_PORT: String(port + 11) },
});
const key = keyOf(program);

afterAll(async () => {
  await program.interrupt();
  removeFolder(folder, data);
});

test('says where everything is, gives a one-time token and a key that works, and shows no password', async () => {
  const printed = program.output();
  for (const place of ['/', '/dashboard', '/admin', '/_inbox']) expect(printed).toContain(`${program.url}${place}`);
  expect(printed).toContain(`${program.stripe_url}/_sandbox`);
  expect(printed).toMatch(/fbx_first_[0-9A-Za-z]{20,}/);
  expect(printed.match(/^ +curl /gm)).toHaveLength(3);
  expect(printed).not.toMatch(/password/i);
  expect(await forecast()).toMatchObject({ status: 200, quota: '99999', cost: '0 usd', retry: null });
});

test('where an upstream is named, a proxy before it is part of the program', async () => {
  const ask = (headers: Record<string, string>) => fetch(`http://localhost:${port + 11}/healthz`, { headers });
  expect((await ask({})).status).toBe(401);
  expect((await ask({ 'x-api-key': key })).status).toBe(200);
});

test('the eleventh call in a second is refused with Retry-After', async () => {
  // Bursts, since on a busy machine eleven calls in a row take longer than the second they are counted in.
  await expect
    .poll(
      async () => {
        const burst = await Promise.all(Array.from({ length: 30 }, forecast));
        return Number(burst.find((answer) => answer.status === 429)?.retry ?? 0);
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThanOrEqual(1);
});

test('a second start on the same folder is refused with who holds it', async () => {
  const other = await freePort(11);
  await expect(startProgram({ port: other, data_dir: data })).rejects.toThrow(
    new RegExp(`Another Farebox \\(process ${program.pid}, since .*, at ${program.url}\\) is using`),
  );
});

test('a taken port is named, with what to do', async () => {
  await expect(startProgram({ port, data_dir: join(folder, 'elsewhere') })).rejects.toThrow(
    new RegExp(`Port ${port} \\(Farebox\\) is taken.*PORT=`, 's'),
  );
});

test('the price list can be compared while the program runs', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=farebox', 'packages/server/src/main.ts', 'diff'],
    { env: { PATH: process.env['PATH'] ?? '', FAREBOX_DATA_DIR: data } },
  );
  expect(stdout).toBe('No change: 3 plans are as published.\n');
});

test('Ctrl-C ends it cleanly and the next start finds everything as it was', async () => {
  expect(await program.interrupt()).toBe(0);
  program = await startProgram({ port, data_dir: data });
  expect(keyOf(program)).toBe(key);
  expect((await forecast()).status).toBe(200);
});

test('kill -9 leaves nothing that stops the next start', async () => {
  await program.kill();
  program = await startProgram({ port, data_dir: data });
  expect((await forecast()).status).toBe(200);
});

test('an environment with faults is refused with all of them', async () => {
  mkdirSync(join(folder, 'faulty'));
  const environment = { DATABASE_URL: 'mysql://nowhere', STRIPE_SECRET_KEY: 'pk_test_public' };
  await expect(startProgram({ port, data_dir: join(folder, 'faulty'), environment })).rejects.toThrow(
    /The environment has 3 faults:.*DATABASE_URL.*STRIPE_SECRET_KEY.*STRIPE_WEBHOOK_SECRET/s,
  );
});

test('a database that does not answer is said in a sentence, without a stack and without the password', async () => {
  const environment = { DATABASE_URL: `postgres://farebox:hush@127.0.0.1:${await freePort()}/farebox` };
  const refused = startProgram({ port: await freePort(11), data_dir: join(folder, 'faulty'), environment });
  await expect(refused).rejects.toThrow(/The database of DATABASE_URL does not answer: connect ECONNREFUSED/);
  await expect(refused).rejects.not.toThrow(/hush|\n\s+at .*boot\.ts/);
});

function keyOf(running: Program): string {
  return /KEY=(sky_test_[0-9A-Za-z]{36})/.exec(running.output())?.[1] ?? '';
}

async function forecast() {
  const response = await fetch(`http://localhost:${port + 10}/v1/forecast?city=Oslo`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const { headers } = response;
  await response.arrayBuffer();
  return {
    status: response.status,
    quota: headers.get('farebox-quota-remaining'),
    cost: headers.get('farebox-cost'),
    retry: headers.get('retry-after'),
  };
}
