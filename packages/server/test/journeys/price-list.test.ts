import type { Plan, PriceList } from '@farebox/core';
import { expect, test } from 'vitest';
import { createPlans } from '../../src/plans/service.ts';
import { testApp } from '../harness.ts';
import { payOnPage } from '../visitor.ts';

const farebox = await testApp();

/** The same program, started again with another price list. */
async function restartWith(change: (plan: Plan) => Plan | null): Promise<{ published: string[]; archived: string[] }> {
  const plans = farebox.list.plans.flatMap((plan) => change(plan) ?? []);
  const list: PriceList = { ...farebox.list, plans };
  const clock = { now: () => farebox.sandbox.clock.now() };
  const result = await createPlans({
    db: farebox.db,
    clock,
    queue: farebox.app.queue,
    list,
    told: farebox.app.planTold,
  }).publish();
  await farebox.app.queue.idle();
  return result;
}

async function pricesAtStripe(): Promise<{ key: string | null; amount: number | null }[]> {
  const { data } = await farebox.stripe.prices.list({ limit: 100 });
  return data
    .map((price) => ({ key: price.lookup_key?.replace(/^inst_[^:]+:/, '') ?? null, amount: price.unit_amount }))
    .toSorted((a, b) => String(a.key).localeCompare(String(b.key)));
}

const asSold = [
  { key: 'enterprise:1:usd:month', amount: 500_000 },
  { key: 'pro:1:usd:month', amount: 49_900 },
  { key: 'starter:1:usd:month', amount: 9_900 },
];

test('the price list is at Stripe once: a price per plan version, found by its lookup key', async () => {
  expect(await pricesAtStripe()).toEqual(asSold);
  expect(await restartWith((plan) => plan)).toEqual({ published: [], archived: [] });
  expect(await pricesAtStripe()).toEqual(asSold);
});

test('a push whose answers were lost finds what it made', async () => {
  const pushed = () =>
    farebox.db.kysely.selectFrom('plan_price').select(['id', 'stripe_price_id']).orderBy('id').execute();
  const before = await pushed();
  await farebox.db.kysely.updateTable('plan_price').set({ stripe_price_id: null }).execute();
  await farebox.db.kysely.updateTable('plan_version').set({ stripe_product_id: null }).execute();
  await restartWith((plan) => plan);
  expect(await pushed()).toEqual(before);
  expect(await pricesAtStripe()).toEqual(asSold);
});

test('a changed price is a new version for new customers; who subscribed stays on the old one', async () => {
  const early = await farebox.signUp();
  const checkout = await early.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url);
  await early.get(`/v1/checkout_sessions/${checkout.id}`);
  const raise = (plan: Plan) =>
    plan.id === 'pro' ? { ...plan, prices: plan.prices.map((price) => ({ ...price, amount_minor: 59_900 })) } : plan;
  expect(await restartWith(raise)).toEqual({ published: ['pro version 2'], archived: [] });
  expect(await pricesAtStripe()).toEqual([
    ...asSold.slice(0, 2),
    { key: 'pro:2:usd:month', amount: 59_900 },
    ...asSold.slice(2),
  ]);

  const late = await farebox.signUp();
  const dearer = await late.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(dearer.url);
  await late.get(`/v1/checkout_sessions/${dearer.id}`);
  const versionOf = async (visitor: typeof early) => (await visitor.get('/v1/subscriptions')).data[0].plan_version;
  expect([await versionOf(early), await versionOf(late)]).toEqual([1, 2]);
  await farebox.sandbox.clock.advance(32 * 86_400_000);
  await farebox.app.settle();
  const renewals = [(await early.get('/v1/invoices')).data[0], (await late.get('/v1/invoices')).data[0]];
  expect(renewals.map((invoice) => invoice.total_minor)).toEqual([49_900, 59_900]);
});

test('a plan that left the list is not sold any more, and comes back as it was', async () => {
  expect(await restartWith((plan) => (plan.id === 'starter' ? null : plan))).toMatchObject({ archived: ['starter'] });
  const visitor = await farebox.signUp();
  const refused = await visitor.request('POST', '/v1/checkout_sessions', { plan_id: 'starter' });
  expect(refused.status).toBe(404);
  expect(await refused.json()).toMatchObject({ code: 'plan_not_found', param: 'plan_id' });
  await restartWith((plan) => plan);
  expect((await visitor.request('POST', '/v1/checkout_sessions', { plan_id: 'starter' })).status).toBe(201);
});

test('a custom plan is its customer’s alone: on no public page, and nobody else can buy it', async () => {
  const [owner, other] = [await farebox.signUp(), await farebox.signUp()];
  const { customer } = await owner.get('/v1/me');
  const custom = await restartWith((plan) => (plan.id === 'enterprise' ? { ...plan, customer: customer.id } : plan));
  expect(custom.published).toContain('enterprise version 2');

  const idsFor = async (visitor: typeof owner) =>
    (await visitor.get('/v1/plans')).data.map((plan: { id: string }) => plan.id);
  expect(await idsFor(farebox.visitor())).toEqual(['starter', 'pro']);
  expect(await idsFor(other)).toEqual(['starter', 'pro']);
  expect(await idsFor(owner)).toEqual(['starter', 'pro', 'enterprise']);
  expect(await (await fetch(farebox.url)).text()).not.toContain('Enterprise');

  const refused = await other.request('POST', '/v1/checkout_sessions', { plan_id: 'enterprise' });
  expect(refused.status).toBe(404);
  expect(await refused.json()).toMatchObject({
    code: 'plan_not_found',
    param: 'plan_id',
    detail: 'There is no plan "enterprise". Plans on sale: starter, pro.',
  });
  const checkout = await owner.post('/v1/checkout_sessions', { plan_id: 'enterprise' });
  await payOnPage(checkout.url);
  expect((await owner.get(`/v1/checkout_sessions/${checkout.id}`)).subscription.plan_id).toBe('enterprise');
});
