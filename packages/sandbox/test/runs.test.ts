import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSandbox, type Sandbox, type SandboxOptions } from '../src/index.ts';
import { checks, DAY, goodCard, idOf, monthlyPrice, refusal, insideClient, subscriber } from './harness.ts';

const open: Sandbox[] = [];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runs-'));
});
afterEach(async () => {
  for (const sandbox of open.splice(0)) await sandbox.close();
  await rm(folder, { recursive: true });
});

async function make(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await createSandbox({ seed: 'runs', frozen: true, ...checks(), ...options });
  open.push(sandbox);
  return sandbox;
}

async function names(stripe: Stripe): Promise<(string | null | undefined)[]> {
  return (await stripe.customers.list()).data.map((each) => each.name);
}

describe('a key that names a run opens an account of its own', () => {
  test('state, events, idempotency keys and ids are apart; ordinary keys share one account', async () => {
    const sandbox = await make();
    const [one, two] = [insideClient(sandbox, 'sk_test_run_one'), insideClient(sandbox, 'sk_test_run_two')];
    const [a, b] = [insideClient(sandbox, 'sk_test_a'), insideClient(sandbox, 'rk_test_b')];
    const made = await one.customers.create({ name: 'One' }, { idempotencyKey: 'same' });
    const other = await two.customers.create({ name: 'Two' }, { idempotencyKey: 'same' });
    await a.customers.create({ name: 'Shared' }, { idempotencyKey: 'same' });
    expect([await names(one), await names(two), await names(a), await names(b)]).toEqual([
      ['One'],
      ['Two'],
      ['Shared'],
      ['Shared'],
    ]);
    expect(made.id).not.toBe(other.id);
    expect((await refusal(two.customers.retrieve(made.id))).code).toBe('resource_missing');
    expect((await one.events.list()).data).toHaveLength(1);
    expect(sandbox.runs()).toEqual(['one', 'two']);
    expect(await names(insideClient(sandbox, 'rk_test_run_ONE'))).toEqual(['One']);
  });

  test('clocks, test clocks, faults, webhooks and snapshots are apart', async () => {
    const sent: string[] = [];
    const sandbox = await make({ send: (url) => Promise.resolve(new Response(String(sent.push(url)))) });
    const one = insideClient(sandbox, 'sk_test_run_one');
    const two = insideClient(sandbox, 'sk_test_run_two');
    const run = await sandbox.run('one');
    await one.webhookEndpoints.create({ url: 'http://one.test/', enabled_events: ['customer.created'] });
    await two.webhookEndpoints.create({ url: 'http://two.test/', enabled_events: ['customer.created'] });
    await one.testHelpers.testClocks.create({ frozen_time: 1_800_000_000 });
    expect((await two.testHelpers.testClocks.list()).data).toEqual([]);
    const before = await run.snapshot();
    await one.customers.create({ name: 'One' });
    await run.webhooks.settled();
    expect(sent).toEqual(['http://one.test/']);
    const [start, elsewhere] = [sandbox.clock.now(), (await sandbox.run('two')).clock.now()];
    await run.clock.advance(40 * DAY);
    expect([sandbox.clock.now(), (await sandbox.run('two')).clock.now()]).toEqual([start, elsewhere]);
    run.faults.add({ type: 'rate_limit' });
    await two.customers.create({ name: 'Two' });
    expect((await refusal(one.customers.list())).statusCode).toBe(429);
    await run.restore(before);
    expect([await names(one), await names(two)]).toEqual([[], ['Two']]);
  });

  test('a renewal in one run bills nobody in another', async () => {
    const sandbox = await make();
    const one = insideClient(sandbox, 'sk_test_run_one');
    const two = insideClient(sandbox, 'sk_test_run_two');
    const first = (await subscriber(one)).subscription.id;
    const second = (await subscriber(two)).subscription.id;
    await (await sandbox.run('one')).clock.advance(33 * DAY);
    expect((await one.invoices.list({ subscription: first })).data).toHaveLength(2);
    expect((await two.invoices.list({ subscription: second })).data).toHaveLength(1);
  });

  test('the hosted page belongs to the run whose session it is', async () => {
    const sandbox = await make();
    const { url } = await sandbox.listen({ port: 0 });
    const one = insideClient(sandbox, 'sk_test_run_one');
    const session = await one.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: (await monthlyPrice(one)).id, quantity: 1 }],
      success_url: 'http://shop.test/done',
    });
    const body = new URLSearchParams(goodCard);
    const paid = await fetch(session.url ?? '', { method: 'POST', body, redirect: 'manual' });
    expect(paid.headers.get('location')).toBe('http://shop.test/done');
    expect((await one.checkout.sessions.retrieve(session.id)).status).toBe('complete');
    expect((await insideClient(sandbox, 'sk_test_x').subscriptions.list()).data).toEqual([]);
    expect((await fetch(`${url}/c/cs_test_x`)).status).toBe(404);
    const meter = await one.v2.billing.meterEventSession.create();
    const events = [{ event_name: 'none', payload: { stripe_customer_id: 'cus_x', value: '1' } }];
    await insideClient(sandbox, meter.authentication_token).v2.billing.meterEventStream.create({ events });
  });
});

test('a run keeps its state through a restart, and ending it leaves nothing behind', async () => {
  const file = join(folder, 'stripe.journal');
  const first = await createSandbox({ file });
  const made = await subscriber(insideClient(first, 'sk_test_run_ci_7'));
  await insideClient(first, 'sk_test_x').customers.create({ name: 'Shared' });
  await first.close();
  const again = await make({ file });
  expect(again.runs()).toEqual(['ci_7']);
  const kept = await insideClient(again, 'sk_test_run_ci_7').subscriptions.retrieve(made.subscription.id);
  expect(idOf(kept.customer)).toBe(made.customer.id);
  expect(await names(insideClient(again, 'sk_test_x'))).toEqual(['Shared']);
  expect(await again.endRun('ci_7')).toBe(true);
  expect(await again.endRun('ci_7')).toBe(false);
  expect(existsSync(`${file}.run-ci_7`)).toBe(false);
  expect(await names(insideClient(again, 'sk_test_run_ci_7'))).toEqual([]);
});

describe('the control room', () => {
  test('switches between runs, in a browser by a button and in a program by the key', async () => {
    const sandbox = await make();
    const { url } = await sandbox.listen({ port: 0 });
    await insideClient(sandbox, 'sk_test_run_one').customers.create({ name: 'Only in one' });
    expect(await (await fetch(`${url}/_sandbox`)).text()).not.toContain('Only in one');
    const chosen = await fetch(`${url}/_sandbox/runs`, {
      method: 'POST',
      body: new URLSearchParams({ run: 'one' }),
      redirect: 'manual',
    });
    const cookie = chosen.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(await (await fetch(`${url}/_sandbox`, { headers: { cookie } })).text()).toContain('Only in one');
    const state = (init: RequestInit): Promise<unknown> =>
      fetch(`${url}/_sandbox/state`, init).then((response) => response.json());
    expect(await state({ headers: { authorization: 'Bearer sk_test_run_one' } })).toMatchObject({
      run: 'one',
      runs: ['one'],
      counts: { customers: 1 },
    });
    expect(await state({})).toMatchObject({ run: '', counts: { customers: 0 } });
    const ended = await fetch(`${url}/_sandbox/runs/end`, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams({ run: 'one' }),
    });
    expect(await ended.json()).toEqual({ ended: 'one', runs: [] });
  });

  test('a name that cannot be one is refused', async () => {
    const sandbox = await make();
    await expect(sandbox.run('../etc')).rejects.toThrow('letters, digits');
    const asked = await sandbox.fetch(new Request('http://s.test/_sandbox?run=a%2Fb'));
    expect(asked.status).toBe(400);
    expect((await refusal(insideClient(sandbox, `sk_test_run_${'x'.repeat(41)}`).customers.list())).statusCode).toBe(
      429,
    );
  });
});

test('a run costs an account and no start: a hundred of them open within a second', async () => {
  const sandbox = await make();
  const start = performance.now();
  for (let i = 0; i < 100; i += 1) await sandbox.run(`r${i}`);
  expect(performance.now() - start).toBeLessThan(1_000);
});
