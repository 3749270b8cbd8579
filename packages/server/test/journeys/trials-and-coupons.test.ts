import type { Coupon, Plan, PriceList } from '@farebox/core';
import { expect, test } from 'vitest';
import exampleList from '../../../../farebox.config.ts';
import { createPlans } from '../../src/plans/service.ts';
import { dayMs, testApp } from '../harness.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

const launch: Coupon = {
  id: 'launch',
  name: 'Launch offer',
  percent_off_decimal: '20',
  amounts_off: null,
  duration: 'repeating',
  months: 3,
  plans: ['pro'],
  max_redemptions: null,
  redeem_until_on: null,
  codes: [{ code: 'LAUNCH20', max_redemptions: null, expires_on: '2099-12-31', first_purchase: false }],
};

/** Starter with a trial and no card, Pro with a trial and a card. */
const list: PriceList = {
  ...exampleList,
  plans: exampleList.plans.map((plan): Plan => ({
    ...plan,
    trial: plan.id === 'enterprise' ? null : { days: 14, card: plan.id === 'pro' },
  })),
  coupons: [launch],
};
const farebox = await testApp({ list });

async function subscription(visitor: Visitor) {
  return (await visitor.get('/v1/subscriptions')).data[0];
}

async function invoices(visitor: Visitor): Promise<number[]> {
  await farebox.app.settle();
  const { data } = await visitor.get('/v1/invoices');
  return data.map((invoice: { total_minor: number }) => invoice.total_minor).toReversed();
}

async function advance(days: number): Promise<void> {
  await farebox.sandbox.clock.advance(days * dayMs);
  await farebox.app.settle();
}

async function publish(coupons: Coupon[]): Promise<void> {
  const clock = { now: () => farebox.sandbox.clock.now() };
  await createPlans({
    db: farebox.db,
    clock,
    queue: farebox.app.queue,
    list: { ...list, coupons },
    told: farebox.app.planTold,
  }).publish();
  await farebox.app.queue.idle();
}

test('a trial needs no card where the plan says so, and ends with nothing charged when none was given', async () => {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await fetch(checkout.url, { method: 'POST', body: new URLSearchParams(), redirect: 'manual' });
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  expect(await subscription(visitor)).toMatchObject({ plan_id: 'starter', status: 'trialing' });
  expect((await visitor.get('/v1/keys')).data).toHaveLength(1);
  await advance(15);
  expect(await subscription(visitor)).toMatchObject({ status: 'canceled' });
  expect(await invoices(visitor)).toEqual([0]);

  // There is one per customer: the next plan is paid from the first day.
  const again = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(again.url);
  await visitor.get(`/v1/checkout_sessions/${again.id}`);
  expect(await subscription(visitor)).toMatchObject({ plan_id: 'pro', status: 'active', trial_end_at: null });
  expect(await invoices(visitor)).toEqual([0, 49_900]);
});

test('a trial with a card is paid when it ends; a code counts from then on, for as long as it says', async () => {
  const visitor = await farebox.signUp();
  const wish = { plan_id: 'pro', promotion_code: 'launch20' };
  const checkout = await visitor.post('/v1/checkout_sessions', wish);
  expect((await visitor.post('/v1/checkout_sessions', wish)).id).toBe(checkout.id);
  await payOnPage(checkout.url);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  expect(await subscription(visitor)).toMatchObject({
    status: 'trialing',
    discounts: [{ name: 'Launch offer', percent_off_decimal: '20' }],
  });
  await advance(15);
  expect(await subscription(visitor)).toMatchObject({ status: 'active' });
  expect(await invoices(visitor)).toEqual([0, 39_920]);
});

test('without a checkout the same trial and the same code count', async () => {
  const visitor = await farebox.signUp();
  await visitor.post('/v1/subscriptions', { plan_id: 'starter' });
  expect(await subscription(visitor)).toMatchObject({ plan_id: 'starter', status: 'trialing' });

  const second = await farebox.signUp();
  const wish = { plan_id: 'pro', promotion_code: 'LAUNCH20' };
  const refused = await second.request('POST', '/v1/subscriptions', wish);
  expect(await refused.json()).toMatchObject({ code: 'payment_method_required' });
  const { email } = (await second.get('/v1/me')).customer;
  const [customer] = (await farebox.stripe.customers.list({ email })).data;
  await farebox.stripe.paymentMethods.attach('pm_card_visa', { customer: customer?.id ?? '' });
  await second.post('/v1/subscriptions', wish);
  expect(await subscription(second)).toMatchObject({ status: 'trialing', discounts: [{ name: 'Launch offer' }] });
});

test('a code that is over is refused, and one that was replaced works no more; who has it keeps it', async () => {
  const visitor = await farebox.signUp();
  const refused = await visitor.request('POST', '/v1/checkout_sessions', { plan_id: 'pro', promotion_code: 'NOPE' });
  expect([refused.status, await refused.json()]).toMatchObject([
    409,
    { code: 'coupon_invalid', param: 'promotion_code' },
  ]);

  await publish([{ ...launch, percent_off_decimal: '50', codes: [{ ...launch.codes[0]!, max_redemptions: 1 }] }]);
  const { data } = await farebox.stripe.promotionCodes.list({ code: 'LAUNCH20' });
  const standing = data.map(({ active, max_redemptions }) => ({ active, max_redemptions }));
  expect(standing).toContainEqual({ active: false, max_redemptions: null });
  expect(standing).toContainEqual({ active: true, max_redemptions: 1 });
  expect(standing).toHaveLength(2);
  const [old] = (await farebox.stripe.subscriptions.list({ limit: 100, status: 'active' })).data.filter(
    (found) => found.discounts.length > 0,
  );
  expect(old).toBeDefined();

  await publish([]);
  const { data: active } = await farebox.stripe.promotionCodes.list({ code: 'LAUNCH20', active: true });
  expect(active).toEqual([]);
  const gone = await visitor.request('POST', '/v1/checkout_sessions', { plan_id: 'pro', promotion_code: 'LAUNCH20' });
  expect(gone.status).toBe(409);
});
