import { expect, test } from 'vitest';
import { planOf } from '../../../test/subscribers.ts';
import { type Catalogue, type LocalMatch, decideCustomer } from './decide.ts';
import type { ForeignCustomer, ForeignPrice, ForeignSubscription } from './facts.ts';

const price: ForeignPrice = {
  stripe_price_id: 'price_1',
  stripe_product_id: 'prod_1',
  currency: 'usd',
  interval: 'month',
  amount_minor: 9900,
  obstacle: null,
  created_at: new Date(0),
};
const subscription: ForeignSubscription = {
  stripe_subscription_id: 'sub_1',
  status: 'active',
  quantity: 1,
  installation_id: null,
  price,
  items: 1,
  has_schedule: false,
  created_at: new Date(0),
};
const customer: ForeignCustomer = {
  stripe_customer_id: 'cus_1',
  name: 'Ada',
  email: 'ada@example.com',
  installation_id: null,
  customer_id: null,
  subscriptions: [subscription],
};
const nobody: LocalMatch = { matched_by: null, customer_id: null, live: [], conflict: null };
const catalogue: Catalogue = {
  installation_id: 'inst_ours',
  plans: [planOf({ id: 'pro', name: 'Pro' }), planOf({ id: 'extra', name: 'Extra', group: null })],
  product_names: new Map([['prod_1', 'Pro']]),
  choices: {},
  isKnownPrice: () => false,
};

const of = (more: Partial<ForeignSubscription>, choices = {}) =>
  decideCustomer({ ...customer, subscriptions: [{ ...subscription, ...more }] }, nobody, { ...catalogue, choices })
    .subscriptions[0];

test('a subscription at a price that is sold is taken, on its plan at that price', () => {
  const decision = decideCustomer(customer, nobody, catalogue);
  expect(decision).toMatchObject({ outcome: 'made', subscriptions: [{ outcome: 'made', reason: null }] });
  expect(decision.subscriptions[0]?.terms?.plan.prices).toEqual([
    { amount_minor: 9900, currency: 'usd', interval: 'month', setup_fee_minor: 0 },
  ]);
});

test.each<[string, Partial<ForeignSubscription>, Record<string, string>, RegExp | null]>([
  ['nothing was paid yet', { status: 'incomplete' }, {}, /incomplete/],
  ['several items', { price: null, items: 3 }, {}, /3 items/],
  ['a schedule', { has_schedule: true }, {}, /schedule/],
  ['another Farebox', { installation_id: 'inst_theirs' }, {}, /another Farebox, inst_theirs/],
  ['a price no plan can have', { price: { ...price, obstacle: 'Who pays chooses.' } }, {}, /Who pays chooses/],
  ['an unknown product', { price: { ...price, stripe_product_id: 'prod_9' } }, {}, /No plan is called "prod_9"/],
  ['an add-on', {}, { price_1: 'extra' }, /add-on/],
  ['several of what has no seats', { quantity: 3 }, {}, /for 3 of the plan "Pro"/],
  ['another amount', { price: { ...price, amount_minor: 7900 } }, {}, /not sold at price_1's 7900 usd/],
  ['another amount, chosen', { price: { ...price, amount_minor: 7900 } }, { price_1: 'pro' }, null],
  ['chosen by its product', { price: { ...price, amount_minor: 7900 } }, { prod_1: 'pro' }, null],
  ['a currency without overage', { price: { ...price, currency: 'eur' } }, { price_1: 'pro' }, /no price in eur/],
  ['a shorter interval than the quota', { price: { ...price, interval: 'week' } }, { price_1: 'pro' }, /by the month/],
])('a subscription: %s', (_, more, choices, reason) => {
  const decision = of(more, choices);
  expect(decision?.outcome).toBe(reason === null ? 'made' : 'skipped');
  if (reason !== null) expect(decision?.reason).toMatch(reason);
});

test('a customer has one subscription: the oldest that can be taken, or the one it has here', () => {
  const two = [subscription, { ...subscription, stripe_subscription_id: 'sub_2' }];
  const decided = (match: LocalMatch) =>
    decideCustomer({ ...customer, subscriptions: two }, match, catalogue).subscriptions.map(({ outcome }) => outcome);
  expect(decided(nobody)).toEqual(['made', 'skipped']);
  const known: LocalMatch = { ...nobody, matched_by: 'stripe_id', customer_id: 'cust_1' };
  expect(decided({ ...known, live: [{ group: 'main', stripe_subscription_id: 'sub_2' }] })).toEqual([
    'skipped',
    'known',
  ]);
  expect(decided({ ...known, live: [{ group: 'main', stripe_subscription_id: 'sub_elsewhere' }] })).toEqual([
    'skipped',
    'skipped',
  ]);
});

test('a customer: matched, or skipped with the reason', () => {
  const outcome = (found: Partial<ForeignCustomer>, match: Partial<LocalMatch> = {}) => {
    const decision = decideCustomer({ ...customer, ...found }, { ...nobody, ...match }, catalogue);
    return [decision.outcome, decision.reason];
  };
  expect(outcome({}, { matched_by: 'stripe_id', customer_id: 'cust_1' })).toEqual(['known', null]);
  expect(outcome({}, { matched_by: 'email', customer_id: 'cust_1' })).toEqual(['linked', null]);
  expect(outcome({ email: null })).toEqual(['skipped', expect.stringContaining('no e-mail address')]);
  expect(outcome({ installation_id: 'inst_theirs' })[0]).toBe('skipped');
  expect(outcome({ installation_id: 'inst_ours' })[0]).toBe('made');
  expect(outcome({}, { conflict: 'Two have it.' })).toEqual(['skipped', 'Two have it.']);
});
