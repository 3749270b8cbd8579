import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Coupon, Plan } from '@farebox/core';
import { afterAll, expect, test, vi } from 'vitest';
import { promisedAnswers, seenAnswers, writesWithKey } from '../contract.ts';
import { makeFolder, removeFolder } from '../folder.ts';
import { dayMs, testApp } from '../harness.ts';
import { createScanner } from '../keys.ts';
import { dearer, publishChanged } from '../published.ts';
import { startReceiver } from '../receiver.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 300_000 });

const launch: Coupon = {
  id: 'launch',
  name: 'Launch offer',
  percent_off_decimal: '20',
  amounts_off: null,
  duration: 'repeating',
  months: 3,
  plans: [],
  max_redemptions: null,
  redeem_until_on: null,
  codes: [{ code: 'LAUNCH20', max_redemptions: null, expires_on: null, first_purchase: false }],
};
const small = smallList(5);
const [starter] = small.plans;
if (starter === undefined) throw new Error('the example list has plans');
const tried: Plan = { ...starter, id: 'tried', name: 'Tried', trial: { days: 14, card: false } };
const team: Plan = { ...starter, id: 'team', name: 'Team', seats: { minimum: 1, maximum: null } };
const folder = makeFolder('scanner', 'closed');
afterAll(() => removeFolder(folder));
const scanner = createScanner('scanner 1');
const leak_keys = join(folder, 'leak-keys.json');
const public_key = { key_identifier: 'scanner 1', key: scanner.key.key.export({ type: 'spki', format: 'pem' }) };
writeFileSync(leak_keys, JSON.stringify({ public_keys: [public_key] }));
const block: Plan = { ...starter, id: 'block', name: 'Block', group: null };
const farebox = await testApp({
  list: { ...small, plans: [...small.plans, tried, team, block], coupons: [launch] },
  environment: { FAREBOX_LEAK_KEYS: leak_keys },
});

const repeated = new Set<string>();
let keys = 0;

type Caller = Visitor | 'seller';
// Answers are held against the document; here only a few fields of them lead on.
// oxlint-disable-next-line typescript/no-explicit-any
type Body = Record<string, any>;

async function send(as: Caller, method: string, path: string, body?: unknown, key?: string): Promise<Response> {
  const named: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  if (as !== 'seller') return await as.request(method, path, body, named);
  const headers = { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json', ...named };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return await fetch(`${farebox.url}${path}`, { method, headers, redirect: 'manual', ...sent });
}

/** A success. A write that takes an `Idempotency-Key` is sent twice under one: the second gets the first answer, byte for byte. */
async function call(as: Caller, method: string, path: string, body?: unknown): Promise<Body> {
  const operation = writesWithKey().find((write) => write.matches(method, path))?.operation;
  const key = operation === undefined ? undefined : `write-${(keys += 1)}`;
  const first = await send(as, method, path, body, key);
  const text = await first.text();
  if (first.status >= 400) throw new Error(`${method} ${path} answered ${first.status}: ${text}`);
  if (operation !== undefined) {
    const again = await send(as, method, path, body, key);
    const replay = [again.status, again.headers.get('idempotency-replayed'), await again.text()];
    expect(replay, operation).toEqual([first.status, 'true', text]);
    repeated.add(operation);
  }
  return /json/.test(first.headers.get('content-type') ?? '') ? JSON.parse(text) : {};
}

async function mailTo(recipient: string, subject: RegExp): Promise<string> {
  await farebox.app.queue.idle();
  const mails = await farebox.db.kysely
    .selectFrom('inbox_mail')
    .select(['subject', 'text'])
    .where('recipient', '=', recipient)
    .execute();
  return mails.find((mail) => subject.test(mail.subject))?.text ?? '';
}

async function buy(visitor: Visitor, plan_id: string): Promise<string> {
  const checkout = await call(visitor, 'POST', '/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout['url']);
  const { subscription } = await call(visitor, 'GET', `/v1/checkout_sessions/${checkout['id']}`);
  return `/v1/subscriptions/${subscription.id}`;
}

async function addCard(visitor: Visitor, number: string): Promise<string> {
  const { url } = await call(visitor, 'POST', '/v1/payment_methods/setup');
  await payOnPage(url, number);
  const { data } = await call(visitor, 'GET', '/v1/payment_methods');
  return data[0].id;
}

async function people(): Promise<void> {
  const email = 'ada@example.com';
  const visitor = await farebox.signUp(email);
  await call(visitor, 'POST', '/auth/send-verification-email', { email });
  const link = /http\S+\/auth\/verify-email\?\S+/.exec(await mailTo(email, /confirm|verify/i))?.[0] ?? '';
  const confirmed = await visitor.request('GET', link.replace(farebox.url, ''));
  expect([confirmed.status, link]).toEqual([302, expect.stringContaining('token=')]);
  await call(visitor, 'POST', '/auth/request-password-reset', { email });
  const token = /#token=(\w+)/.exec(await mailTo(email, /password/))?.[1] ?? '';
  await call(visitor, 'POST', '/auth/reset-password', { token, new_password: 'another long password' });
  await call(visitor, 'POST', '/auth/sign-in/email', { email, password: 'another long password' });
  await call(visitor, 'GET', '/v1/me');
  await call(visitor, 'POST', '/auth/sign-out');
}

async function catalogue(): Promise<void> {
  for (const path of ['plans', 'plans/pro', 'plans/pro/versions', 'seller', 'features', 'meters'])
    await call('seller', 'GET', `/v1/${path}`);
  const { price_list } = await call('seller', 'GET', '/v1/catalog/export');
  await call('seller', 'POST', '/v1/catalog/plan', { price_list });
  await call('seller', 'POST', '/v1/catalog/rehearse', { price_list });
}

async function addOns(): Promise<void> {
  const visitor = await farebox.signUp();
  const path = await buy(visitor, 'starter');
  await call(visitor, 'POST', `${path}/add_ons/preview`, { plan_id: 'block' });
  await call(visitor, 'POST', `${path}/add_ons`, { plan_id: 'block' });
  await call(visitor, 'DELETE', `${path}/add_ons/block`);
}

async function migrations(): Promise<void> {
  const visitor = await farebox.signUp();
  const subscription = (await buy(visitor, 'team')).split('/').at(-1) ?? '';
  await publishChanged(farebox, 'team', dearer(12_900));
  const path = '/v1/plans/team/migrations';
  await call('seller', 'POST', `${path}/preview`, {});
  // Whoever would move the subscriber waits for its turn, until the migration is canceled.
  const id = await farebox.db.withLock(`subscription:${subscription}`, async () => {
    const started = await call('seller', 'POST', path, { when: 'now' });
    await call('seller', 'POST', `${path}/${started['id']}/cancel`);
    return started['id'];
  });
  await farebox.app.settle();
  await call('seller', 'POST', `${path}/${id}/retry`);
  await farebox.app.settle();
  await call('seller', 'GET', path);
  expect(await call('seller', 'GET', `${path}/${id}`)).toMatchObject({ state: 'done', counts: { total: 1, done: 1 } });
  expect((await call('seller', 'GET', `${path}/${id}/customers`))['data']).toHaveLength(1);
}

async function customers(): Promise<void> {
  const wish = { external_id: 'acme', name: 'Acme', email: 'billing@acme.example' };
  const made = await call('seller', 'POST', '/v1/customers', wish);
  expect(await call('seller', 'POST', '/v1/customers', { ...wish, name: 'Acme Inc' })).toMatchObject({
    id: made['id'],
  });
  await call('seller', 'GET', '/v1/customers');
  await call('seller', 'GET', `/v1/customers/${made['id']}`);
  const path = `/v1/customers/${made['id']}`;
  await call('seller', 'PATCH', path, { name: 'Acme Ltd', time_zone: 'Asia/Kolkata' });
  await call('seller', 'GET', `${path}/state`);
  await call('seller', 'GET', `${path}/entitlements`);
  await call('seller', 'POST', '/v1/entitlements/check', { customer_id: made['id'], feature_id: 'history' });
  await call('seller', 'PUT', `${path}/overrides`, { limits: { '1s': 50 }, reason: 'agreed by phone' });
  await call('seller', 'GET', `${path}/overrides`);
  await call('seller', 'DELETE', `${path}/overrides`);
  await call('seller', 'DELETE', path);
}

async function foreignKeys(): Promise<void> {
  const customer = (await call('seller', 'POST', '/v1/customers', { name: 'Old', email: 'old@example.com' }))['id'];
  const hash = createHash('sha256').update('a key of another system').digest('hex');
  const keys = [{ hash, customer }];
  await call('seller', 'POST', '/v1/keys/import', { algorithm: 'sha256', entropy_bits: 128, keys });
  await call('seller', 'GET', '/v1/key_import');
  const report = JSON.stringify([{ token: 'sky_test_somewhere', type: 'sky_key' }]);
  const told = await fetch(`${farebox.url}/v1/keys/leaks`, {
    method: 'POST',
    headers: scanner.signed(report),
    body: report,
  });
  expect([told.status, await told.text()]).toMatchObject([200, expect.stringContaining('positive')]);
}

/** What @farebox/sdk asks for to decide by itself. */
async function decidedElsewhere(key: string): Promise<void> {
  const listening = await send('seller', 'GET', '/v1/gate/changes');
  expect(listening.status).toBe(200);
  const reader = listening.body?.pipeThrough(new TextDecoderStream()).getReader();
  const { counter } = JSON.parse((await reader?.read())?.value?.split('\n')[0] ?? '{}');
  await reader?.cancel();
  const { entries } = await call('seller', 'POST', '/v1/gate/entries', { keys: [key, 'nobody'] });
  expect(entries[1]).toEqual({ outcome: 'read', parts: [] });
  const { parts } = entries[0];
  const [{ customer_id, key_id, plan, quota_period_start_at }] = parts;
  const window = plan.limits.map((limit: Body) => ({ id: `${customer_id}:${limit['name']}`, limit: limit['limit'] }));
  const quota = { id: `${customer_id}:requests:${quota_period_start_at}`, limit: plan.usage[0].included };
  const limits = [...window, quota];
  const asked = { key, cost: 1, limits: limits.map((limit, index) => (index === 0 ? { ...limit, want: 4 } : limit)) };
  const requests = [asked, { ...asked, key: 'nobody' }];
  const { answers } = await call('seller', 'POST', '/v1/gate/blocks', { counter, requests });
  expect(answers).toMatchObject([{ outcome: 'carved', allowed: true }, { outcome: 'changed' }]);
  const other = await call('seller', 'POST', '/v1/gate/blocks', { counter: 'of before', requests: [asked] });
  expect(other['answers']).toMatchObject([{ outcome: 'other_counter', parts: [] }]);
  const { granted: units, epoch, slot } = answers[0].parts[0];
  const back = { kind: 'window', ...limits[0], window_ms: plan.limits[0].window_ms, units, slot, epoch };
  await call('seller', 'POST', '/v1/gate/blocks/return', { blocks: [back] });
  const event = { id: 'req_elsewhere', customer_id, key_id, meter: 'requests', quantity: 1, endpoint: '' };
  const events = [{ ...event, occurred_at: '2026-01-01T00:00:00.000Z' }];
  await call('seller', 'POST', '/v1/gate/usage', { id: 'a batch of one', counter, events });
}

async function keysAndUsage(): Promise<void> {
  const visitor = await farebox.signUp();
  await buy(visitor, 'pro');
  const { secret } = await call(visitor, 'POST', '/v1/keys/first');
  await call(visitor, 'GET', '/v1/keys');
  const key = await call(visitor, 'POST', '/v1/keys', { name: 'Second' });
  await call(visitor, 'GET', `/v1/keys/${key['id']}`);
  await call(visitor, 'PATCH', `/v1/keys/${key['id']}`, { name: 'Other' });
  await call(visitor, 'POST', `/v1/keys/${key['id']}/rotate`, { grace_seconds: 60 });
  await call(visitor, 'POST', `/v1/keys/${key['id']}/revoke`);
  await call(visitor, 'GET', '/v1/key_pattern');
  for (let used = 0; used < 8; used += 1) await call('seller', 'POST', '/v1/keys/verify', { key: secret });
  await call('seller', 'POST', '/v1/gate/leases/cust_1.req_1/release');
  await decidedElsewhere(secret);
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const passed = await fetch(`${farebox.url}/v1/gate/forward-auth`, { method, headers: { 'x-api-key': secret } });
    expect([method, passed.status]).toEqual([method, 200]);
  }
  await call('seller', 'GET', '/v1/answers');
  await call(visitor, 'GET', '/v1/usage/summary');
  await call(visitor, 'GET', '/v1/usage');
  const live = await visitor.request('GET', '/v1/usage/live');
  await live.body?.cancel();
  await call(visitor, 'GET', '/v1/invoices/upcoming');
}

async function usageEvents(): Promise<void> {
  const visitor = await farebox.signUp();
  const { customer } = await call(visitor, 'GET', '/v1/me');
  const event = { id: 'first', type: 'requests', customer_id: customer.id };
  const sent = await call('seller', 'POST', '/v1/usage/events', [event, event, { ...event, type: 'unheard' }]);
  expect(sent).toMatchObject({ accepted: 1, duplicates: 1, rejected: 1 });
  expect((await call(visitor, 'GET', '/v1/usage/events'))['data']).toHaveLength(1);
  await call(visitor, 'GET', '/v1/usage/events/first');
  await call('seller', 'POST', '/v1/usage/corrections', {
    customer_id: customer.id,
    event_id: 'first',
    quantity: 2,
    reason: 'two of them',
  });
  await call('seller', 'POST', '/v1/usage/events/first/void', { customer_id: customer.id, reason: 'none at all' });
  await call('seller', 'GET', '/v1/usage/closing_report?from=2020-01-01T00:00:00Z&to=2040-01-01T00:00:00Z');
  expect((await call(visitor, 'GET', '/v1/usage/corrections'))['data']).toHaveLength(2);
  expect((await call(visitor, 'GET', '/v1/usage/rejections'))['data']).toMatchObject([{ code: 'unknown_type' }]);
  const file = await visitor.request('GET', '/v1/usage/export?from=2020-01-01T00:00:00Z&to=2040-01-01T00:00:00Z');
  expect([file.status, (await file.text()).split('\r\n').length]).toEqual([200, 3]);
}

async function subscriptionLife(): Promise<void> {
  const visitor = await farebox.signUp();
  const { customer } = await call(visitor, 'GET', '/v1/me');
  await addCard(visitor, '4242424242424242');
  const { subscription } = await call(visitor, 'POST', '/v1/subscriptions', { plan_id: 'team', seats: 1 });
  const path = `/v1/subscriptions/${subscription.id}`;
  await call(visitor, 'GET', '/v1/subscriptions?expand[]=customer');
  await call(visitor, 'GET', path);
  await call(visitor, 'PATCH', `${path}/seats`, { seats: 3 });
  await call('seller', 'POST', `${path}/coupons`, { code: 'LAUNCH20' });
  await call(visitor, 'POST', `${path}/preview`, { plan_id: 'pro' });
  await call(visitor, 'POST', `${path}/change`, { plan_id: 'pro' });
  await call(visitor, 'POST', `${path}/change`, { plan_id: 'starter' });
  await call(visitor, 'DELETE', `${path}/scheduled_change`);
  await call(visitor, 'POST', `${path}/cancel`, { reason: 'other' });
  await call(visitor, 'POST', `${path}/resume`);
  await call(visitor, 'POST', `${path}/pause`);
  await call(visitor, 'POST', `${path}/unpause`);
  await call(visitor, 'POST', `/v1/customers/${customer.id}/portal_sessions`, { provider: 'stripe' });
  const portal = await call('seller', 'POST', `/v1/customers/${customer.id}/portal_sessions`, {});
  await call(farebox.visitor(), 'POST', '/auth/portal', { token: new URL(portal.url).hash.slice('#token='.length) });
  await call(visitor, 'GET', `/v1/customers/${customer.id}/balance`);
  const grant = { name: 'Launch credit', amount_minor: 2500 };
  const given = await call('seller', 'POST', `/v1/customers/${customer.id}/grants`, grant);
  await call(visitor, 'GET', `/v1/customers/${customer.id}/grants`);
  await call(visitor, 'PUT', `/v1/customers/${customer.id}/spend_cap`, { amount_minor: 100_000 });
  await call('seller', 'GET', `/v1/customers/${customer.id}/spend_cap`);
  await call(visitor, 'PUT', `/v1/customers/${customer.id}/usage_alerts`, { percents: [50, 90] });
  await call('seller', 'GET', `/v1/customers/${customer.id}/usage_alerts`);
  await call(visitor, 'GET', `/v1/customers/${customer.id}/credits`);
  const work = await call('seller', 'POST', '/v1/gate/reserve', { customer_id: customer.id, amount_minor: 100 });
  await call('seller', 'POST', `/v1/gate/reservations/${work['id']}/settle`, { amount_minor: 60 });
  await call('seller', 'GET', `/v1/gate/reservations/${work['id']}`);
  await call(visitor, 'GET', `/v1/customers/${customer.id}/reservations`);
  await call('seller', 'POST', `/v1/customers/${customer.id}/grants/${given.id}/void`, {});
  await call(visitor, 'GET', `/v1/customers/${customer.id}/ledger`);
  const auto = { threshold_minor: 500, amount_minor: 1000, monthly_limit_minor: 5000 };
  await call(visitor, 'PUT', `/v1/customers/${customer.id}/auto_top_up`, auto);
  await call('seller', 'GET', `/v1/customers/${customer.id}/auto_top_up`);
  await call(visitor, 'DELETE', `/v1/customers/${customer.id}/auto_top_up`);
  const bought = await call(visitor, 'POST', `/v1/customers/${customer.id}/top_ups`, { amount_minor: 1000 });
  await payOnPage(bought['url']);
  await call(visitor, 'GET', `/v1/customers/${customer.id}/top_ups/${bought['id']}`);
  await call(visitor, 'GET', `/v1/customers/${customer.id}/top_ups`);

  const second = await farebox.signUp();
  await addCard(second, '4242424242424242');
  const { subscription: trial } = await call(second, 'POST', '/v1/subscriptions', { plan_id: 'tried' });
  await call('seller', 'POST', `/v1/subscriptions/${trial.id}/trial`, { end_at: 'now' });
}

async function invoicesAndCards(): Promise<void> {
  const visitor = await farebox.signUp();
  await buy(visitor, 'starter');
  const { data: keysOf } = await call(visitor, 'GET', '/v1/keys');
  await call(visitor, 'POST', `/v1/keys/${keysOf[0].id}/reveal`);
  const { data } = await call(visitor, 'GET', '/v1/invoices?expand[]=customer');
  const path = `/v1/invoices/${data[0].id}`;
  const { lines } = await call(visitor, 'GET', path);
  await call(visitor, 'GET', `${path}/lines/${lines[0].id}/explain`);
  expect((await visitor.request('GET', `${path}/pdf`)).status).toBe(302);
  await call('seller', 'POST', `${path}/refund`, { amount_minor: 900 });
  await call(visitor, 'GET', `${path}/credit_notes`);

  const bad = await addCard(visitor, '4000000000000341');
  await call(visitor, 'POST', `/v1/payment_methods/${bad}/default`);
  await farebox.sandbox.clock.advance(31 * dayMs + 7_200_000);
  await farebox.app.settle();
  const owed = `/v1/invoices/${(await call(visitor, 'GET', '/v1/invoices'))['data'][0].id}`;
  await call('seller', 'POST', `${owed}/credit_notes`, { amount_minor: 100 });
  const good = await addCard(visitor, '4242424242424242');
  await call(visitor, 'POST', `/v1/payment_methods/${good}/default`);
  await call(visitor, 'POST', `${owed}/retry`);
  await call(visitor, 'DELETE', `/v1/payment_methods/${bad}`);
}

async function webhooks(): Promise<void> {
  const receiver = await startReceiver();
  const made = await call('seller', 'POST', '/v1/webhook_endpoints', { url: receiver.url, event_types: ['*'] });
  const path = `/v1/webhook_endpoints/${made['id']}`;
  await call('seller', 'GET', '/v1/webhook_endpoints');
  await call('seller', 'GET', path);
  await call('seller', 'PATCH', path, { description: 'Books' });
  await call('seller', 'POST', `${path}/rotate_secret`, { overlap_seconds: 60 });
  const { id, event_id } = await call('seller', 'POST', `${path}/test`);
  await call('seller', 'GET', '/v1/events');
  await call('seller', 'GET', `/v1/events/${event_id}`);
  await call('seller', 'GET', '/v1/webhook_deliveries');
  await call('seller', 'POST', `/v1/webhook_deliveries/${id}/retry`);
  await farebox.app.settle();
  await call('seller', 'DELETE', path);
  await receiver.close();
}

async function administration(visitor: Visitor): Promise<void> {
  for (const path of ['overview', 'stripe_health', 'charges', 'reconciliation'])
    await call(visitor, 'GET', `/v1/admin/${path}`);
  await call('seller', 'GET', '/v1/analytics/revenue');
  await call(visitor, 'POST', '/v1/admin/reconciliation/run');
  await call(visitor, 'GET', '/v1/admin/reconciliation/runs');
  const { data } = await call(visitor, 'GET', '/v1/admin/stripe_events');
  await call(visitor, 'POST', `/v1/admin/stripe_events/${data[0].id}/replay`);
  await call(visitor, 'POST', '/v1/admin/stripe_events/replay_parked');
  await call(visitor, 'POST', '/v1/admin/stripe_events/backfill');
  await call(visitor, 'GET', '/v1/admin/plan_proposal');
  const imports = '/v1/admin/stripe_imports';
  const { id } = await call(visitor, 'POST', imports, {});
  await farebox.app.queue.idle();
  await call(visitor, 'GET', `${imports}/${id}`);
  await call(visitor, 'GET', `${imports}/${id}/items`);
  await call(visitor, 'GET', imports);
  await call(visitor, 'POST', '/v1/test/clock/advance', { hours: 1 });
  for (const path of ['/healthz', '/readyz', '/openapi.json']) await call(visitor, 'GET', path);
}

test('every success that the document promises is answered so, and every write is done once under its key', async () => {
  await people();
  const op = await farebox.operator();
  await catalogue();
  await addOns();
  await migrations();
  await customers();
  await foreignKeys();
  await keysAndUsage();
  await usageEvents();
  await subscriptionLife();
  await invoicesAndCards();
  await webhooks();
  await administration(op);
  const successes = promisedAnswers().flatMap(({ operation, statuses }) =>
    statuses.filter((status) => status < 400).map((status) => `${operation} ${status}`),
  );
  expect(
    successes.filter((answer) => !seenAnswers().has(answer)),
    'successes that no step here leads to: add one',
  ).toEqual([]);
  expect([...repeated].toSorted()).toEqual(
    writesWithKey()
      .map(({ operation }) => operation)
      .toSorted(),
  );
});
