import type { Plan } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { dearer, publishChanged } from '../published.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

const small = smallList(5);
const [starter] = small.plans;
const [requests] = starter?.usage ?? [];
if (starter === undefined || requests === undefined) throw new Error('the example list has plans');

const month = (amount_minor: number) => [
  { amount_minor, currency: 'usd', interval: 'month' as const, setup_fee_minor: 0 },
];
/** Three more requests each, and one more a second, up to ten times. */
const block: Plan = {
  ...starter,
  id: 'block',
  name: 'Request block',
  group: null,
  prices: month(1000),
  seats: { minimum: 1, maximum: 10 },
  usage: [{ ...requests, included: 3, quota: 'hard', overage: null }],
  limits: [{ name: '1s', limit: 1, window_ms: 1000 }],
  features: { history: false },
};
/** For Starter alone, and once. */
const past: Plan = {
  ...block,
  id: 'past',
  name: 'The past',
  adds_to: ['starter'],
  prices: month(2000),
  seats: null,
  usage: [],
  limits: [],
  features: { history: true },
};
// A journey of many calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const farebox = await testApp({ list: { ...small, plans: [...small.plans, block, past] } });
const { seller } = farebox;

async function subscriber(plan_id: string) {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { secret } = await visitor.post('/v1/keys/first');
  return { visitor, secret, path: `/v1/subscriptions/${subscription.id}` };
}

type Line = { kind: string; amount_minor: number; quantity: number };
const linesOf = (invoice: { lines: Line[] }) =>
  invoice.lines.map(({ kind, amount_minor }) => [kind, amount_minor] as const).toSorted((a, b) => a[1] - b[1]);

test('an add-on costs what its preview said, to the cent, and counts with the next request', async () => {
  const { visitor, secret, path } = await subscriber('starter');
  expect(await farebox.verify(secret)).toMatchObject({ quota: { included: 5, used: 1 }, features: { history: false } });
  await farebox.sandbox.clock.advance(10 * dayMs);
  const preview = await visitor.post(`${path}/add_ons/preview`, { plan_id: 'block', quantity: 2 });
  expect(preview).toMatchObject({ effect: 'now', direction: 'upgrade', plan_name: 'Request block', quantity: 2 });
  expect(preview.recurring_minor).toBe(9900 + 2000);
  expect(preview.invoice.subtotal_minor).toBe(preview.proration.net_minor);
  const { proration_at } = preview;
  const changed = await visitor.post(`${path}/add_ons`, { plan_id: 'block', quantity: 2, proration_at });
  expect(changed).toMatchObject({
    effect: 'now',
    payment: null,
    subscription: { plan_id: 'starter', add_ons: [{ plan_id: 'block', quantity: 2, price: { amount_minor: 1000 } }] },
  });
  const { data } = await visitor.get('/v1/invoices');
  expect(data[0]).toMatchObject({ status: 'paid', total_minor: preview.invoice.total_minor });
  const after = await farebox.verify(secret);
  expect(after).toMatchObject({ plan_id: 'starter', quota: { included: 11, used: 2, kind: 'soft' } });
  expect(after.limits[0]).toMatchObject({ name: '1s', limit: 12 });
  expect((await visitor.get('/v1/usage/summary')).base_amount_minor).toBe(11_900);
  const checked = await visitor.post('/v1/entitlements/check', { feature_id: 'requests' });
  expect(checked).toMatchObject({ allowed: true, quota: { included: 11 } });
  expect((await seller.get('/v1/analytics/revenue')).currencies[0].mrr_minor).toBe(11_900);
});

test('what an add-on turns on is on, for the plans it goes with', async () => {
  const { visitor, secret, path } = await subscriber('starter');
  const changed = await visitor.post(`${path}/add_ons`, { plan_id: 'past' });
  expect(changed.subscription.add_ons).toMatchObject([{ plan_id: 'past', quantity: 1 }]);
  expect((await visitor.get('/v1/invoices')).data[0].total_minor).toBe(2000);
  expect(await farebox.verify(secret)).toMatchObject({ features: { history: true } });
  expect(await visitor.post('/v1/entitlements/check', { feature_id: 'history' })).toMatchObject({ allowed: true });
});

test('fewer waits for the end of the period, and the period is billed by what it ended with', async () => {
  const { visitor, secret, path } = await subscriber('starter');
  await visitor.post(`${path}/add_ons`, { plan_id: 'block', quantity: 2 });
  const refused = await visitor.answer('POST', `${path}/add_ons`, { plan_id: 'block', quantity: 1, when: 'now' });
  expect(refused.json).toMatchObject({ code: 'downgrade_at_period_end' });
  const preview = await visitor.post(`${path}/add_ons/preview`, { plan_id: 'block', quantity: 1 });
  expect(preview).toMatchObject({ effect: 'period_end', invoice: null, recurring_minor: 10_900 });
  const removed = await visitor.answer('DELETE', `${path}/add_ons/block`);
  expect(removed.json.subscription).toMatchObject({
    add_ons: [{ plan_id: 'block', quantity: 2 }],
    scheduled_change: { plan_id: 'starter', add_ons: [] },
  });
  const meanwhile = await visitor.answer('POST', `${path}/add_ons`, { plan_id: 'block', quantity: 3 });
  expect(meanwhile.json).toMatchObject({ code: 'change_scheduled' });
  await farebox.verify(secret, 10);
  await farebox.sandbox.clock.advance(2000);
  await farebox.verify(secret, 3);
  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  expect(await visitor.get(path)).toMatchObject({ plan_id: 'starter', add_ons: [], scheduled_change: null });
  const { data } = await visitor.get('/v1/invoices');
  // Thirteen calls, eleven of them included: two at 25 cents.
  expect(linesOf(data[0])).toEqual([
    ['overage', 50],
    ['base', 9900],
  ]);
  expect(await farebox.verify(secret)).toMatchObject({ quota: { included: 5, used: 1 } });
});

test('add-ons renew with the plan, go over to another plan, and are not dropped by one they do not go with', async () => {
  const { visitor, path } = await subscriber('starter');
  await visitor.post(`${path}/add_ons`, { plan_id: 'block', quantity: 3 });
  await visitor.post(`${path}/add_ons`, { plan_id: 'past' });
  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  const renewal = (await visitor.get('/v1/invoices')).data[0];
  expect(linesOf(renewal)).toEqual([
    ['base', 2000],
    ['base', 3000],
    ['base', 9900],
  ]);
  const stuck = await visitor.answer('POST', `${path}/change`, { plan_id: 'pro' });
  expect(stuck.json).toMatchObject({ code: 'add_on_not_available', param: 'plan_id' });
  await seller.post(`${path}/add_ons`, { plan_id: 'past', quantity: 0, when: 'now' });
  const preview = await visitor.post(`${path}/preview`, { plan_id: 'pro' });
  expect(preview.recurring_minor).toBe(49_900 + 3000);
  expect(preview.invoice.subtotal_minor).toBe(preview.proration.net_minor);
  const changed = await visitor.post(`${path}/change`, { plan_id: 'pro', proration_at: preview.proration_at });
  expect(changed.subscription).toMatchObject({ plan_id: 'pro', add_ons: [{ plan_id: 'block', quantity: 3 }] });
  const down = await visitor.post(`${path}/change`, { plan_id: 'starter' });
  expect(down.subscription.scheduled_change).toMatchObject({ plan_id: 'starter', add_ons: [{ quantity: 3 }] });
  await visitor.answer('DELETE', `${path}/scheduled_change`);
  expect(await visitor.get(path)).toMatchObject({ plan_id: 'pro', add_ons: [{ quantity: 3 }], scheduled_change: null });
});

test('a double click adds once; a refused card adds nothing', async () => {
  const { visitor, path } = await subscriber('pro');
  farebox.sandbox.faults.add({ type: 'decline', decline_code: 'insufficient_funds', route: 'POST /v1/subscriptions' });
  const poor = await visitor.answer('POST', `${path}/add_ons`, { plan_id: 'block', quantity: 4 });
  expect(poor).toMatchObject({ status: 402, json: { code: 'payment_failed' } });
  expect(await visitor.get(path)).toMatchObject({ add_ons: [], status: 'active' });
  const clicks = [1, 2, 3].map(() => visitor.request('POST', `${path}/add_ons`, { plan_id: 'block', quantity: 4 }));
  const statuses = (await Promise.all(clicks)).map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
  const paid = (await visitor.get('/v1/invoices')).data.filter(({ status }: { status: string }) => status === 'paid');
  expect(paid).toHaveLength(2);
});

test('who has an add-on stays on its version until moved; migrations of the plan leave add-ons as they are', async () => {
  const { visitor, path } = await subscriber('enterprise');
  await visitor.post(`${path}/add_ons`, { plan_id: 'block', quantity: 1 });
  await publishChanged(farebox, 'block', dearer(3000));
  await visitor.post(`${path}/add_ons`, { plan_id: 'block', quantity: 2 });
  expect((await visitor.get(path)).add_ons).toMatchObject([
    { plan_version: 1, quantity: 2, price: { amount_minor: 1000 } },
  ]);
  for (const when of ['now', 'period_end']) {
    if (when === 'period_end') await publishChanged(farebox, 'block', dearer(4000));
    const customer_ids = [(await visitor.get(path)).customer_id];
    const wish = { when, per_second: 20, customer_ids };
    const preview = await seller.post('/v1/plans/block/migrations/preview', wish);
    expect(preview).toMatchObject({ total: 1, moves: 1 });
    const started = await seller.post('/v1/plans/block/migrations', wish);
    await farebox.app.settle();
    const { counts } = await seller.get(`/v1/plans/block/migrations/${started.id}`);
    const { add_ons, scheduled_change } = await visitor.get(path);
    if (when === 'now') {
      expect(preview.mrr).toEqual([{ currency: 'usd', now_minor: 2000, moved_minor: 6000 }]);
      expect(counts).toMatchObject({ done: 1, scheduled: 0 });
      expect(add_ons).toMatchObject([{ plan_version: 2, quantity: 2, price: { amount_minor: 3000 } }]);
    } else {
      expect(counts).toMatchObject({ done: 0, scheduled: 1 });
      expect(scheduled_change.add_ons).toMatchObject([{ plan_version: 3, quantity: 2, price: { amount_minor: 4000 } }]);
      await visitor.answer('DELETE', `${path}/scheduled_change`);
    }
  }
  await publishChanged(farebox, 'enterprise', dearer(600_000));
  for (const when of ['period_end', 'now']) {
    const started = await seller.post('/v1/plans/enterprise/migrations', { when, per_second: 20 });
    await farebox.app.settle();
    const migration = await seller.get(`/v1/plans/enterprise/migrations/${started.id}`);
    expect(migration.counts).toMatchObject({ total: 1, failed: 0 });
    const { plan_version, add_ons, scheduled_change } = await visitor.get(path);
    expect(add_ons).toMatchObject([{ plan_id: 'block', quantity: 2 }]);
    if (when === 'now') expect(plan_version).toBe(2);
    else {
      expect(scheduled_change.add_ons).toMatchObject([{ plan_id: 'block', quantity: 2 }]);
      await visitor.answer('DELETE', `${path}/scheduled_change`);
    }
  }
});

test('the reconciliation finds an add-on that was changed at Stripe, and reads it', async () => {
  const { visitor, path } = await subscriber('pro');
  const changed = await visitor.post(`${path}/add_ons`, { plan_id: 'block', quantity: 1 });
  const { customer_id } = changed.subscription;
  const row = await farebox.db.kysely
    .selectFrom('subscription')
    .select('stripe_subscription_id')
    .where('customer_id', '=', customer_id)
    .executeTakeFirstOrThrow();
  expect((await farebox.app.stripe.reconcile({ repair: false })).found).toEqual([]);
  await farebox.db.kysely
    .updateTable('subscription')
    .set({ add_ons: '[]' })
    .where('customer_id', '=', customer_id)
    .execute();
  const { found } = await farebox.app.stripe.reconcile({ repair: true });
  expect(found).toMatchObject([{ kind: 'wrong_terms', object_id: row.stripe_subscription_id, repaired: true }]);
  expect((await visitor.get(path)).add_ons).toMatchObject([{ plan_id: 'block', quantity: 1 }]);
});

test('add-ons are bought with the plan in one checkout, and another choice closes it', async () => {
  const visitor = await farebox.signUp();
  const open = (add_ons: object[]) => visitor.post('/v1/checkout_sessions', { plan_id: 'starter', add_ons });
  const first = await open([{ plan_id: 'past' }]);
  expect(first.add_ons).toEqual([{ plan_id: 'past', quantity: 1 }]);
  const wanted = [
    { plan_id: 'past', quantity: 1 },
    { plan_id: 'block', quantity: 2 },
  ];
  const chosen = await open(wanted);
  expect((await open(wanted.toReversed())).id).toBe(chosen.id);
  expect((await visitor.get(`/v1/checkout_sessions/${first.id}`)).state).toBe('expired');
  await payOnPage(chosen.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${chosen.id}`);
  expect(subscription).toMatchObject({
    plan_id: 'starter',
    status: 'active',
    add_ons: [
      { plan_id: 'block', quantity: 2 },
      { plan_id: 'past', quantity: 1 },
    ],
  });
  const { data } = await visitor.get('/v1/invoices');
  expect(data).toMatchObject([{ status: 'paid', total_minor: 9900 + 2 * 1000 + 2000 }]);
  const { secret } = await visitor.post('/v1/keys/first');
  expect(await farebox.verify(secret)).toMatchObject({ quota: { included: 11, used: 1 }, features: { history: true } });
});

test('a checkout with what does not go with its plan is refused, naming it, and none is opened', async () => {
  const visitor = await farebox.signUp();
  const refusals: [object[], number, string][] = [
    [[{ plan_id: 'past' }], 409, 'add_on_not_available'],
    [[{ plan_id: 'starter' }], 409, 'add_on_not_available'],
    [[{ plan_id: 'nope' }], 404, 'plan_not_found'],
    [[{ plan_id: 'block', quantity: 11 }], 400, 'invalid_request'],
    [[{ plan_id: 'block' }, { plan_id: 'block' }], 400, 'invalid_request'],
  ];
  for (const [add_ons, status, code] of refusals)
    for (const path of ['/v1/checkout_sessions', '/v1/subscriptions'])
      expect(await visitor.answer('POST', path, { plan_id: 'pro', add_ons }), code).toMatchObject({
        status,
        json: { code },
      });
  const { customer } = await visitor.get('/v1/me');
  const opened = farebox.db.kysely.selectFrom('checkout_session').where('customer_id', '=', customer.id);
  expect(await opened.select('id').execute()).toEqual([]);
});

test('what is no add-on, or not so many, or somebody else’s, is refused and nothing changes', async () => {
  const { visitor, path } = await subscriber('pro');
  const stranger = await subscriber('pro');
  const refusals: [object, number, string][] = [
    [{ plan_id: 'block', quantity: 11 }, 400, 'invalid_request'],
    [{ plan_id: 'block', quantity: -1 }, 400, 'invalid_request'],
    [{ plan_id: 'past', quantity: 1 }, 409, 'add_on_not_available'],
    [{ plan_id: 'starter', quantity: 1 }, 409, 'add_on_not_available'],
    [{ plan_id: 'nope', quantity: 1 }, 404, 'plan_not_found'],
    [{ plan_id: 'block', quantity: 0 }, 409, 'no_change'],
  ];
  for (const [body, status, code] of refusals)
    expect(await visitor.answer('POST', `${path}/add_ons`, body), code).toMatchObject({ status, json: { code } });
  expect((await stranger.visitor.request('POST', `${path}/add_ons`, { plan_id: 'block' })).status).toBe(404);
  expect((await stranger.visitor.request('DELETE', `${path}/add_ons/block`)).status).toBe(404);
  const alone = await (await farebox.signUp()).answer('POST', '/v1/checkout_sessions', { plan_id: 'block' });
  expect(alone).toMatchObject({ status: 400, json: { code: 'invalid_request', param: 'plan_id' } });
  expect(await visitor.get(path)).toMatchObject({ add_ons: [] });
});
