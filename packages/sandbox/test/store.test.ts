import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testNow } from '../../../test/test-start.ts';
import { createSandbox } from '../src/index.ts';
import { bench, clientOf, DAY, receiver, subscriber } from './harness.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  file = join(folder, 'journal');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a journal of the version before test clocks and chaos goes on', async () => {
  const first = await bench({ file });
  const { subscription } = await subscriber(first.stripe);
  const hook = await receiver();
  await first.stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['invoice.paid'] });
  await first.close();
  const older = readFileSync(file, 'utf8').replaceAll(/"(test_clock|clock|chaos|old_secret)":null,?/g, '');
  writeFileSync(file, older.replaceAll(',}', '}'));

  const second = await bench({ file });
  await second.sandbox.clock.advance(32 * DAY);
  const invoices = await second.stripe.invoices.list({ subscription: subscription.id });
  expect(invoices.data.map((invoice) => invoice.status)).toEqual(['paid', 'paid']);
  expect(hook.types()).toEqual(['invoice.paid']);
  await second.close();
  await hook.close();
});

test('everything survives a restart: objects, clock, due work, keys and ids', async () => {
  const first = await bench({ file });
  const { subscription, customer } = await subscriber(first.stripe);
  await first.sandbox.clock.advance(5 * DAY);
  const kept = await first.stripe.products.create({ name: 'once' }, { idempotencyKey: 'k' });
  const now = first.sandbox.clock.now();
  await first.close();

  const second = await bench({ file, seed: 'ignored: the journal has its own' });
  expect(second.sandbox.clock.now() - now).toBeLessThan(10_000);
  expect(second.sandbox.clock.now()).toBeGreaterThanOrEqual(now);
  expect((await second.stripe.products.create({ name: 'once' }, { idempotencyKey: 'k' })).id).toBe(kept.id);
  expect(await second.stripe.customers.retrieve(customer.id)).toMatchObject({ email: 'ada@example.com' });
  const { ran } = await second.sandbox.clock.advance(30 * DAY);
  expect(ran.map((each) => each.split(' ')[0])).toEqual(['cycle', 'finalize']);
  const invoices = await second.stripe.invoices.list({ subscription: subscription.id });
  expect(invoices.data.map((invoice) => invoice.status)).toEqual(['paid', 'paid']);
  expect(new Set(invoices.data.map((invoice) => invoice.id)).size).toBe(2);
  await second.close();
});

test('a process killed at any byte of its last commit loses that commit and nothing else', async () => {
  const first = await bench({ file });
  await first.stripe.customers.create({ name: 'kept' });
  const whole = readFileSync(file).length;
  await first.stripe.customers.create({ name: 'last' });
  const bytes = readFileSync(file);
  await first.close();
  const cuts = [whole, whole + 1, Math.floor((whole + bytes.length) / 2), bytes.length - 1, bytes.length];
  for (const [index, cut] of cuts.entries()) {
    const torn = join(folder, `torn-${index}`);
    writeFileSync(torn, bytes.subarray(0, cut));
    const again = await bench({ file: torn });
    const names = (await again.stripe.customers.list()).data.map((customer) => customer.name);
    expect(names).toEqual(cut === bytes.length ? ['last', 'kept'] : ['kept']);
    await again.stripe.customers.create({ name: 'after' });
    await again.close();
    const third = await bench({ file: torn });
    expect((await third.stripe.customers.list()).data[0]?.name).toBe('after');
    await third.close();
  }
});

test('damage before the last line is reported, not skipped', async () => {
  const first = await bench({ file });
  await first.stripe.customers.create({});
  await first.close();
  const damaged = join(folder, 'damaged');
  copyFileSync(file, damaged);
  appendFileSync(damaged, 'not json\n[]\n');
  await expect(createSandbox({ file: damaged })).rejects.toThrow(/damaged at line/);
  writeFileSync(damaged, 'something else\n');
  await expect(createSandbox({ file: damaged })).rejects.toThrow(/is not a journal/);
});

test('what webhooks were not delivered is delivered after the next start', async () => {
  const hook = await receiver();
  const first = await bench({ file });
  await first.stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['*'] });
  await hook.close();
  await first.stripe.customers.create({ name: 'Ada' });
  await first.sandbox.webhooks.settled();
  await first.close();
  const later = await receiver();
  const second = await createSandbox({ file, now: testNow, send: (_url, init) => fetch(later.url, init) });
  await second.webhooks.settled();
  expect(later.types()).toEqual(['customer.created']);
  await second.close();
  await later.close();
});

test('an opened journal of many objects answers within 300 ms', async () => {
  const first = await bench({ file });
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 25 }, () => first.stripe.customers.create({ name: 'x'.repeat(100) })));
  }
  await first.close();
  const took: number[] = [];
  for (let opening = 0; opening < 3; opening += 1) {
    const start = process.cpuUsage();
    const again = await createSandbox({ file });
    const { user, system } = process.cpuUsage(start);
    took.push((user + system) / 1_000);
    await again.close();
  }
  // The work and not the wait, and the best of three: the machine may be busy with something else.
  expect(Math.min(...took)).toBeLessThan(300);
});

interface Running {
  child: ChildProcess;
  port: number;
  output(): string;
}

async function run(args: string[]): Promise<Running> {
  const bin = new URL('../src/bin.js', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--conditions=farebox', bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await expect
    .poll(() => /http:\/\/127\.0\.0\.1:\d+\n/.test(output) || child.exitCode !== null, { timeout: 50_000 })
    .toBe(true);
  return { child, port: Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1]), output: () => output };
}

test('the program keeps what it answered through kill -9, refuses a taken port and file, and ends cleanly', async () => {
  const first = await run(['--port', '0', '--file', file]);
  const customer = await clientOf(first.port).customers.create({ name: 'Ada' });
  const same_file = await run(['--port', '0', '--file', file]);
  expect(same_file.output()).toContain(`is in use by process ${first.child.pid}`);
  const same_port = await run(['--port', String(first.port)]);
  expect(same_port.output()).toContain(`Port ${first.port} is taken by another program.`);
  const killed = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await killed;
  const second = await run(['--port', '0', '--file', file]);
  expect(await clientOf(second.port).customers.retrieve(customer.id)).toMatchObject({ name: 'Ada' });
  const ended = once(second.child, 'exit');
  second.child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

test('a process killed in the middle of an advance has billed every period once, and goes on where it stood', async () => {
  let running = await run(['--port', '0', '--file', file]);
  const { subscription } = await subscriber(clientOf(running.port));
  const until = (subscription.items.data[0]?.current_period_start ?? 0) * 1000 + 500 * DAY;
  for (const wait of [15, 40, 80]) {
    const advance = fetch(`http://127.0.0.1:${running.port}/_sandbox/clock/advance`, {
      method: 'POST',
      body: new URLSearchParams({ days: '120' }),
      redirect: 'manual',
    }).catch(() => null);
    // Any moment will do: what is asserted holds whenever the process dies.
    await new Promise((resolve) => setTimeout(resolve, wait));
    const killed = once(running.child, 'exit');
    running.child.kill('SIGKILL');
    await Promise.all([killed, advance]);
    running = await run(['--port', '0', '--file', file]);
  }
  const ended = once(running.child, 'exit');
  running.child.kill('SIGTERM');
  await ended;
  const sandbox = await createSandbox({ file });
  await sandbox.clock.advanceTo(Math.max(until, sandbox.clock.now()));
  const { port } = await sandbox.listen({ port: 0 });
  const invoices = (await clientOf(port).invoices.list({ limit: 100 })).data;
  const starts = invoices.map((invoice) => invoice.lines.data[0]?.period.start);
  expect(new Set(starts).size).toBe(invoices.length);
  expect(invoices.length).toBeGreaterThanOrEqual(17);
  expect(new Set(invoices.map((invoice) => invoice.number)).size).toBe(invoices.length);
  expect(new Set(invoices.map((invoice) => invoice.status))).toEqual(new Set(['paid']));
  await sandbox.close();
});
