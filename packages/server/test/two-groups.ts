import type { Plan, PlanUsage, PriceList } from '@farebox/core';
import exampleList from '../../../farebox.config.ts';
import type { TestApp } from './harness.ts';
import { type Visitor, payOnPage } from './visitor.ts';

const [example] = exampleList.plans;
if (example === undefined) throw new Error('the example list has plans');

function usageOf(meter_id: string, included: number, cents: string): PlanUsage[] {
  const overage = { usd: { type: 'per_unit' as const, unit_price_decimal: cents } };
  return [{ meter_id, included, quota: 'soft', interval: 'month', overage }];
}

function plan(id: string, group: string, amount_minor: number, more: Partial<Plan>): Plan {
  return {
    ...example,
    id,
    name: id
      .split('_')
      .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
      .join(' '),
    description: `${id}, of the group ${group}.`,
    highlighted: false,
    group,
    adds_to: [],
    customer: null,
    prices: [{ amount_minor, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
    seats: null,
    trial: null,
    usage: [],
    limits: [{ name: '1s', limit: 50, window_ms: 1000 }],
    features: { history: false, templates: false },
    ...more,
  };
}

/** Two things to buy, each in a small and a large plan: map tiles, and mails. */
export const twoGroups: PriceList = {
  ...exampleList,
  meters: [
    { id: 'tiles', name: 'Map tiles', unit: 'tile', aggregation: 'count' },
    { id: 'mails', name: 'Mails', unit: 'mail', aggregation: 'count' },
  ],
  features: [
    { id: 'history', name: 'Old maps', description: '', type: 'boolean' },
    { id: 'templates', name: 'Mail templates', description: '', type: 'boolean' },
  ],
  groups: [{ id: 'mail', name: 'Letters' }],
  plans: [
    plan('maps', 'maps', 2000, { usage: usageOf('tiles', 3, '25') }),
    plan('maps_pro', 'maps', 5000, {
      usage: usageOf('tiles', 10, '20'),
      features: { history: true, templates: false },
    }),
    plan('mail', 'mail', 1000, {
      usage: usageOf('mails', 2, '10'),
      limits: [{ name: '1s', limit: 2, window_ms: 1000 }],
    }),
    plan('mail_pro', 'mail', 3000, {
      usage: usageOf('mails', 100, '5'),
      trial: { days: 14, card: true },
      features: { history: false, templates: true },
    }),
  ],
};

/** Buys a plan on Stripe's page, and answers the subscription. */
export async function buy(visitor: Visitor, plan_id: string) {
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  const { state, subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  if (state !== 'complete') throw new Error(`The checkout of ${plan_id} is ${state}.`);
  return subscription;
}

/** Somebody with a plan of each group, and the key that came with the first. */
export async function buyerOfBoth(farebox: TestApp) {
  const visitor = await farebox.signUp();
  const maps = await buy(visitor, 'maps');
  const mail = await buy(visitor, 'mail');
  const { secret } = await visitor.post('/v1/keys/first');
  const { customer } = await visitor.get('/v1/me');
  return { visitor, maps, mail, secret: String(secret), id: String(customer.id) };
}
