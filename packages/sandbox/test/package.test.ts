import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientOf } from './harness.ts';

/** The package as a stranger gets it: packed, installed where nothing of the repository is, without a network. */

const execute = promisify(execFile);
const root = new URL('../', import.meta.url).pathname;
const repository = join(root, '../..');
let home: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'sandbox-package-'));
  await execute('npm', ['pack', '--pack-destination', home], { cwd: root, timeout: 90_000 });
  const tarball = readdirSync(home).find((file) => file.endsWith('.tgz')) ?? '';
  await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  await execute('npm', ['install', '--offline', '--no-audit', '--no-fund', join(home, tarball)], { cwd: home });
}, 120_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(home, { recursive: true, force: true });
});

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** The installed program, until it listens or has ended. */
async function start(args: string[]): Promise<{ child: ChildProcess; port: number; ended: Promise<Ended> }> {
  const child = spawn(process.execPath, [join(home, 'node_modules/.bin/farebox-sandbox'), ...args], { cwd: home });
  children.push(child);
  const said = { out: '', err: '' };
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  const listening = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said.out += chunk.toString();
      if (said.out.includes('Control room')) resolve();
    });
  });
  await Promise.race([listening, ended]);
  return { child, port: Number(/127\.0\.0\.1:(\d+)/.exec(said.out)?.[1]), ended };
}

async function said(...args: string[]): Promise<Ended> {
  return await (
    await start(args)
  ).ended;
}

test('the program answers the official SDK, and ends when it is told to', async () => {
  const { child, port, ended } = await start(['--port', '0', '--name', 'Acme']);
  const stripe = clientOf(port);
  const product = await stripe.products.create({ name: 'Pro' });
  expect(await stripe.products.retrieve(product.id)).toMatchObject({ name: 'Pro' });
  expect(await (await fetch(`http://127.0.0.1:${port}/_sandbox`)).text()).toContain('Control room of Acme');
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test('it tells its version and its flags, and what is wrong with a call', async () => {
  expect(await said('--version')).toMatchObject({ code: 0, out: '0.1.0\n' });
  const help = await said('--help');
  expect(help.code).toBe(0);
  for (const flag of ['--port', '--file', '--seed', '--version']) expect(help.out).toContain(flag);
  for (const [args, text] of [
    [['--prot', '1'], "Unknown option '--prot'"],
    [['--port', '99999'], '--port 99999 is not a port'],
    [['--port'], "Option '--port <value>' argument missing"],
    [['--public-url', 'localhost'], '--public-url localhost is not an address'],
    [['--upcoming-days', '0'], '--upcoming-days 0 is no number of days'],
    [['scenery'], 'There is no command "scenery"'],
  ] as const) {
    const refused = await said(...args);
    expect(refused.err).toContain(text);
    expect(refused.err).toContain('--help');
    expect(refused.code).toBe(2);
  }
});

test('the scenarios come along', async () => {
  const played = await said('scenario', 'upgrade-mid-month');
  expect(played).toMatchObject({ code: 0, err: '' });
  expect(played.out).toContain('An upgrade in the middle of a month: 12 steps passed.');
  await writeFile(
    join(home, 'wrong.json'),
    JSON.stringify({ steps: [{ call: 'GET /v1/balance', expect: { object: 'x' } }] }),
  );
  const wrong = await said('scenario', 'wrong.json');
  expect(wrong.code).toBe(1);
  expect(wrong.out).toContain('✗ 1 steps[0].expect["object"]');
  expect((await said('scenario', 'none.json')).err).toContain('none.json');
});

test('a port and a journal that somebody else holds are refused by name', async () => {
  const file = join(home, 'stripe.journal');
  const { child, port, ended } = await start(['--port', '0', '--file', file]);
  const same_port = await said('--port', String(port));
  expect(same_port).toMatchObject({ code: 1, out: '' });
  expect(same_port.err).toContain(`Port ${port} is taken`);
  const same_file = await said('--port', '0', '--file', file);
  expect(same_file.err).toContain(`is in use by process ${child.pid}`);
  const no_folder = await said('--port', '0', '--file', join(home, 'none/stripe.journal'));
  expect(no_folder.err).toContain('none');
  child.kill('SIGTERM');
  await ended;
});

test('a program makes one in its own process, with a port or without', async () => {
  await writeFile(
    join(home, 'program.mjs'),
    `import { createSandbox } from '@farebox/sandbox';
     const sandbox = await createSandbox({ seed: 'one' });
     const headers = { authorization: 'Bearer sk_test_x' };
     const inside = await sandbox.fetch(new Request('http://sandbox/v1/customers', { method: 'POST', headers, body: new URLSearchParams({ name: 'Ada' }) }));
     const { id, name } = await inside.json();
     const { url } = await sandbox.listen({ port: 0 });
     const outside = await (await fetch(url + '/v1/customers/' + id, { headers })).json();
     await sandbox.clock.advance(86_400_000);
     await sandbox.close();
     console.log(JSON.stringify([name, outside.id === id]));`,
  );
  const { stdout } = await execute(process.execPath, ['program.mjs'], { cwd: home });
  expect(JSON.parse(stdout)).toEqual(['Ada', true]);
});

test('its types stand alone: a strict program compiles without the SDK', async () => {
  await writeFile(
    join(home, 'typed.ts'),
    `import { createSandbox, type Fault, type Sandbox } from '@farebox/sandbox';
     const sandbox: Sandbox = await createSandbox({ seed: 'one', onCommit: ({ changes }) => void changes.length });
     const fault: Fault = sandbox.faults.add({ type: 'disconnect', when: 'after' });
     sandbox.webhooks.chaos = { duplicate: 0.5 };
     // A wrong type must be seen: were the package untyped, this would compile.
     const wrong: number = fault.id;
     export { wrong };`,
  );
  symlinkSync(join(repository, 'node_modules/@types'), join(home, 'node_modules/@types'));
  const flags = '--noEmit --strict --target es2023 --module nodenext --types node typed.ts'.split(' ');
  const result = await execute(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), ...flags], {
    cwd: home,
  }).catch((cause: unknown) => cause as { stdout: string });
  expect(result.stdout.trim().split('\n')).toEqual([expect.stringMatching(/typed\.ts\(6,\d+\): error TS2322/)]);
});

test('few files hold what sources keep in two hundred, so that it listens at once', async () => {
  const files = readdirSync(join(home, 'node_modules/@farebox/sandbox/dist')).filter((file) => file.endsWith('.js'));
  expect(files.length).toBeLessThan(40);
  for (const file of files) {
    const text = readFileSync(join(home, 'node_modules/@farebox/sandbox/dist', file), 'utf8');
    // What Node 20, which the package is for, does not have.
    expect(text).not.toMatch(/Map\.groupBy\(|Object\.groupBy\(|withResolvers\(|Array\.fromAsync\(|Promise\.try\(/);
  }
  const started = performance.now();
  await start(['--port', '0']);
  // In kind, not by the clock of a busy machine; `npm run start-time` measures.
  expect(performance.now() - started).toBeLessThan(5_000);
});
