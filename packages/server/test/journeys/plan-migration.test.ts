import { beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../command.ts';
import { dayMs, testApp } from '../harness.ts';
import { dearer, publishChanged } from '../published.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

// A journey of many calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const farebox = await testApp({ list: smallList(5), sandbox: { now: systemClock.now } });

interface Subscriber {
  visitor: Visitor;
  id: string;
  customer_id: string;
}

async function subscriber(plan_id: string, card?: string): Promise<Subscriber> {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url, card);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  return { visitor, id: subscription.id, customer_id: subscription.customer_id };
}

const { seller } = farebox;

async function migrate(plan: string, body: object) {
  const started = await seller.answer('POST', `/v1/plans/${plan}/migrations`, { per_second: 20, ...body });
  expect(started.status).toBe(201);
  await farebox.app.settle();
  return (await seller.answer('GET', `/v1/plans/${plan}/migrations/${started.json.id}`)).json;
}

const versionOf = async ({ visitor, id }: Subscriber) => (await visitor.get(`/v1/subscriptions/${id}`)).plan_version;

let grace: Subscriber;
let ada: Subscriber;
let leaving: Subscriber;

beforeAll(async () => {
  [grace, ada, leaving] = [await subscriber('pro'), await subscriber('pro'), await subscriber('pro')];
  await leaving.visitor.post(`/v1/subscriptions/${leaving.id}/cancel`);
  await publishChanged(farebox, 'pro', dearer(59_900));
});

test('who subscribed stays on the old version; the preview says whom a migration moves and what it is worth', async () => {
  expect(await versionOf(grace)).toBe(1);
  const { json } = await seller.answer('POST', '/v1/plans/pro/migrations/preview', {});
  expect(json).toMatchObject({ plan_id: 'pro', from_versions: [1], to_version: 2, total: 3, moves: 2 });
  expect(json.mrr).toEqual([{ currency: 'usd', now_minor: 149_700, moved_minor: 169_700 }]);
  const stays = json.customers.find((each: { customer_id: string }) => each.customer_id === leaving.customer_id);
  expect(stays).toMatchObject({ outcome: 'refuse', reason_code: 'cancellation_scheduled', moved_minor: null });
  expect((await seller.answer('GET', '/v1/plans/pro/migrations')).json.data).toEqual([]);
});

test('what cannot be a migration is refused, and nothing begins', async () => {
  const refusals: [string, object, number, string | undefined][] = [
    ['nope', {}, 404, 'id'],
    ['pro', { to_version: 9 }, 400, 'to_version'],
    ['pro', { from_versions: [9] }, 400, 'from_versions'],
    ['pro', { from_versions: [2] }, 400, 'from_versions'],
    ['pro', { when: 'later' }, 400, 'when'],
    ['pro', { per_second: 0 }, 400, 'per_second'],
    ['pro', { currency: 'eur' }, 409, undefined],
  ];
  for (const [plan, body, status, param] of refusals) {
    const answer = await seller.answer('POST', `/v1/plans/${plan}/migrations`, body);
    expect([answer.status, answer.json.param]).toEqual([status, param]);
  }
  expect((await grace.visitor.request('POST', '/v1/plans/pro/migrations', {})).status).toBe(403);
  expect((await seller.answer('GET', '/v1/plans/pro/migrations/pmig_x')).status).toBe(404);
  expect((await seller.answer('GET', '/v1/plans/pro/migrations')).json.data).toEqual([]);
});

test('moved now without proration: nothing is charged, the next invoice has the new price, usage is kept', async () => {
  const { secret } = await grace.visitor.post('/v1/keys/first');
  expect(await farebox.verify(secret)).toMatchObject({ quota: { used: 1 } });
  const migration = await migrate('pro', { when: 'now', customer_ids: [grace.customer_id] });
  expect(migration).toMatchObject({ state: 'done', counts: { total: 1, done: 1, remaining: 0 } });
  expect(await versionOf(grace)).toBe(2);
  expect(await versionOf(ada)).toBe(1);
  expect((await grace.visitor.get('/v1/invoices')).data).toHaveLength(1);
  expect(await farebox.verify(secret)).toMatchObject({ quota: { used: 2 } });
  expect((await grace.visitor.get('/v1/invoices/upcoming')).invoice.total_minor).toBe(59_900);
});

test('at the end of the period: arranged first, done when the period is over; who leaves says why', async () => {
  const migration = await migrate('pro', { when: 'period_end' });
  const counts = { total: 2, done: 0, scheduled: 1, failed: 1, skipped: 0, remaining: 0 };
  expect(migration).toMatchObject({ state: 'done', counts });
  expect(await ada.visitor.get(`/v1/subscriptions/${ada.id}`)).toMatchObject({
    plan_version: 1,
    scheduled_change: { plan_id: 'pro', price: { amount_minor: 59_900 } },
  });
  const path = `/v1/plans/pro/migrations/${migration.id}`;
  const failed = await seller.answer('GET', `${path}/customers?state=failed`);
  expect(failed.json.data).toEqual([
    {
      object: 'plan_migration_move',
      customer_id: leaving.customer_id,
      subscription_id: leaving.id,
      state: 'failed',
      attempt: 1,
      reason_code: 'cancellation_scheduled',
      reason: 'The subscription is to end. Undo the cancellation first.',
    },
  ]);

  await leaving.visitor.post(`/v1/subscriptions/${leaving.id}/resume`);
  expect((await seller.answer('POST', `${path}/retry`)).json).toMatchObject({ state: 'running' });
  await farebox.app.settle();
  expect((await seller.answer('GET', path)).json).toMatchObject({ state: 'done', counts: { scheduled: 2, failed: 0 } });
  expect((await seller.answer('POST', `${path}/retry`)).json).toMatchObject({ code: 'no_change' });

  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  expect((await seller.answer('GET', path)).json.counts).toMatchObject({ done: 2, scheduled: 0 });
  expect([await versionOf(ada), await versionOf(leaving)]).toEqual([2, 2]);
  const { data } = await ada.visitor.get('/v1/invoices');
  expect(data[0]).toMatchObject({ status: 'paid', total_minor: 59_900 });
});

test('a difference that cannot be collected leaves the old version and owes nothing; it can be tried again', async () => {
  const [poor, rich] = [await subscriber('enterprise'), await subscriber('enterprise')];
  await publishChanged(farebox, 'enterprise', dearer(600_000));
  await farebox.sandbox.clock.advance(10 * dayMs);
  farebox.sandbox.faults.add({ type: 'decline', decline_code: 'insufficient_funds', route: 'POST /v1/subscriptions' });
  const migration = await migrate('enterprise', { when: 'now', proration_behavior: 'always_invoice' });
  expect(migration.counts).toMatchObject({ total: 2, done: 1, failed: 1 });
  const path = `/v1/plans/enterprise/migrations/${migration.id}`;
  const [failed] = (await seller.answer('GET', `${path}/customers?state=failed`)).json.data;
  expect(failed).toMatchObject({ reason_code: 'payment_failed' });
  const both = [poor, rich];
  const refused = both.find(({ id }) => id === failed.subscription_id);
  if (refused === undefined) throw new Error('One of the two failed.');
  expect(await refused.visitor.get(`/v1/subscriptions/${refused.id}`)).toMatchObject({
    plan_version: 1,
    status: 'active',
    pending_until_at: null,
  });
  expect((await refused.visitor.get('/v1/invoices')).data[0].status).toBe('void');

  await seller.answer('POST', `${path}/retry`);
  await farebox.app.settle();
  expect((await seller.answer('GET', path)).json.counts).toMatchObject({ done: 2, failed: 0 });
  for (const each of both) {
    const paid = (await each.visitor.get('/v1/invoices')).data.filter(
      (invoice: { status: string; billing_reason: string }) =>
        invoice.status === 'paid' && invoice.billing_reason === 'subscription_update',
    );
    expect(paid).toHaveLength(1);
  }
});

test('one migration of a plan at a time; a canceled one moves nobody else and can be taken up again', async () => {
  const people = [await subscriber('starter'), await subscriber('starter'), await subscriber('starter')];
  await publishChanged(farebox, 'starter', dearer(12_900));
  const wish = { when: 'now', per_second: 1 };
  const answers = await Promise.all([1, 2, 3].map(() => seller.answer('POST', '/v1/plans/starter/migrations', wish)));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  expect(answers.flatMap(({ json }) => json.code ?? [])).toEqual(['migration_running', 'migration_running']);
  const { id } = answers.find(({ status }) => status === 201)?.json ?? {};
  const path = `/v1/plans/starter/migrations/${id}`;
  const canceled = await seller.answer('POST', `${path}/cancel`);
  expect(canceled.json.state).toBe('canceled');
  await farebox.app.settle();
  const after = (await seller.answer('GET', path)).json;
  expect(after.counts.remaining).toBeGreaterThan(0);
  expect(after.counts.done + after.counts.remaining).toBe(3);
  expect((await seller.answer('POST', `${path}/cancel`)).json).toMatchObject({ code: 'no_change' });
  await seller.answer('POST', `${path}/retry`);
  await farebox.app.settle();
  expect((await seller.answer('GET', path)).json).toMatchObject({ state: 'done', counts: { done: 3, remaining: 0 } });
  for (const each of people) expect(await versionOf(each)).toBe(2);
});

test('the command line previews, moves with its progress told, and says who stayed and why', async () => {
  await publishChanged(farebox, 'starter', dearer(14_900));
  const [someone] = (await seller.get('/v1/subscriptions?limit=100')).data.filter(
    (each: { plan_id: string }) => each.plan_id === 'starter',
  );
  await seller.post(`/v1/subscriptions/${someone.id}/cancel`);
  const environment = { DATABASE_URL: farebox.db.url };
  const dry = await runCommand(['migrate', 'starter', '--to', '3', '--when', 'now', '--dry-run'], environment);
  expect(dry.code).toBe(0);
  expect(dry.out).toContain('starter: 2 of 3 customers would move from version 1, 2 to 3.');
  expect(dry.out).toContain('MRR $387.00 → $427.00');
  expect(
    (await seller.get('/v1/plans/starter/versions')).data.map((each: { customers: number }) => each.customers),
  ).toEqual([0, 3, 0]);

  const run = await runCommand(['migrate', 'starter', '--to', '3', '--when', 'now', '--per-second', '20'], environment);
  expect(run.err).toBe('');
  expect(run.out).toContain('0 of 3 moved, 3 left');
  expect(run.out).toContain('2 of 3 moved, 1 failed');
  expect(run.out).toContain(`${someone.customer_id}  cancellation_scheduled: `);
  expect(run.code).toBe(2);
  expect(
    (await seller.get('/v1/plans/starter/versions')).data.map((each: { customers: number }) => each.customers),
  ).toEqual([2, 1, 0]);

  for (const [args, sentence] of [
    [['starter', '--to', 'x'], '--to takes a whole number'],
    [['starter', '--when', 'later'], '--when is now or period_end'],
    [['nope', '--to', '2'], 'There is no plan "nope"'],
    [['starter', 'pro'], 'Name one plan'],
  ] as const)
    expect(await runCommand(['migrate', ...args], environment)).toMatchObject({
      code: 1,
      err: expect.stringContaining(sentence),
    });
});
