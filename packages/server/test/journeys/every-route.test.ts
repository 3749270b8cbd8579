import type { Coupon, Plan } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { promisedAnswers, seenAnswers, writesWithKey } from '../contract.ts';
import { dayMs, testApp } from '../harness.ts';
import { dearer, publishChanged } from '../published.ts';
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
const farebox = await testApp({ list: { ...small, plans: [...small.plans, tried, team], coupons: [launch] } });

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

async function operator(): Promise<Visitor> {
  const visitor = farebox.visitor();
  const token = await farebox.app.issueFirstRunToken();
  const password = 'an operator password';
  const email = 'op@seller.example';
  await call(visitor, 'POST', '/v1/operators/first_run', { token, name: 'Op', email, password });
  await call(visitor, 'POST', '/auth/sign-in/email', { email, password });
  return visitor;
}

async function catalogue(): Promise<void> {
  for (const path of ['/v1/plans', '/v1/plans/pro', '/v1/plans/pro/versions', '/v1/seller'])
    await call('seller', 'GET', path);
  const { price_list } = await call('seller', 'GET', '/v1/catalog/export');
  await call('seller', 'POST', '/v1/catalog/plan', { price_list });
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
  await call('seller', 'PATCH', `/v1/customers/${made['id']}`, { name: 'Acme Ltd' });
  const overrides = `/v1/customers/${made['id']}/overrides`;
  await call('seller', 'PUT', overrides, { limits: { '1s': 50 }, reason: 'agreed by phone' });
  await call('seller', 'GET', overrides);
  await call('seller', 'DELETE', overrides);
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
  const passed = await fetch(`${farebox.url}/v1/gate/forward-auth`, { headers: { 'x-api-key': secret } });
  expect(passed.status).toBe(200);
  await call(visitor, 'GET', '/v1/usage/summary');
  await call(visitor, 'GET', '/v1/usage');
  const live = await visitor.request('GET', '/v1/usage/live');
  await live.body?.cancel();
  await call(visitor, 'GET', '/v1/invoices/upcoming');
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
  await call(visitor, 'GET', `/v1/customers/${customer.id}/balance`);

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
  await call(visitor, 'GET', path);
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

async function administration(visitor: Visitor): Promise<void> {
  for (const path of ['overview', 'stripe_health', 'charges', 'reconciliation'])
    await call(visitor, 'GET', `/v1/admin/${path}`);
  await call('seller', 'GET', '/v1/analytics/revenue');
  await call(visitor, 'POST', '/v1/admin/reconciliation/run');
  const { data } = await call(visitor, 'GET', '/v1/admin/stripe_events');
  await call(visitor, 'POST', `/v1/admin/stripe_events/${data[0].id}/replay`);
  await call(visitor, 'POST', '/v1/admin/stripe_events/replay_parked');
  await call(visitor, 'POST', '/v1/admin/stripe_events/backfill');
  await call(visitor, 'POST', '/v1/test/clock/advance', { hours: 1 });
  for (const path of ['/healthz', '/readyz', '/openapi.json']) await call(visitor, 'GET', path);
}

test('every success that the document promises is answered so, and every write is done once under its key', async () => {
  await people();
  const op = await operator();
  await catalogue();
  await migrations();
  await customers();
  await keysAndUsage();
  await subscriptionLife();
  await invoicesAndCards();
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
