import { expect, test } from 'vitest';
import { type AddOnWish, addOnMisfit, addOnQuantityFault, decideAddOn } from './add-on.ts';
import type { SubscriptionFacts } from './change.ts';
import type { Plan } from './plan.ts';

const now = Date.UTC(2026, 5, 13);
const end = Date.UTC(2026, 6, 1);

const block: Plan = {
  id: 'block',
  name: 'Block',
  description: '',
  highlighted: false,
  group: null,
  adds_to: ['pro'],
  customer: null,
  prices: [{ amount_minor: 1000, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
  seats: { minimum: 1, maximum: 10 },
  trial: null,
  usage: [],
  limits: [],
  features: {},
};

function decide(held: number, wish: Partial<AddOnWish>, state: Partial<SubscriptionFacts> = {}) {
  const facts: SubscriptionFacts = {
    status: 'active',
    terms: { plan_id: 'pro', amount_minor: 9900, currency: 'usd', interval: 'month', quantity: 1 },
    current_period_end_at: end,
    trial_end_at: null,
    cancel_at: null,
    ended_at: null,
    has_schedule: false,
    ...state,
  };
  const terms = held === 0 ? [] : [{ plan: block, quantity: held }];
  return decideAddOn(facts, terms, { plan: block, quantity: 1, by: 'customer', ...wish }, now);
}

test('more counts at once, fewer and none when the period ends', () => {
  expect(decide(0, { quantity: 2 })).toEqual({ effect: 'change_now', amount_minor: 1000, before: 0 });
  const later = { effect: 'change_at_period_end', amount_minor: 1000, before: 2, at: end };
  expect(decide(2, { quantity: 1 })).toEqual(later);
  expect(decide(2, { quantity: 0 })).toEqual(later);
  expect(decide(2, { quantity: 3, when: 'period_end' })).toEqual(later);
  expect(decide(2, { quantity: 0, when: 'now', by: 'seller' })).toMatchObject({ effect: 'change_now' });
  expect(decide(2, { quantity: 0, when: 'now' }, { status: 'trialing' })).toMatchObject({ effect: 'change_now' });
});

const starter = { plan_id: 'starter', amount_minor: 1, currency: 'usd', interval: 'month' as const, quantity: 1 };

test.each([
  [1, { quantity: 1 }, {}, 'no_change'],
  [0, { quantity: 0 }, {}, 'no_change'],
  [2, { quantity: 1, when: 'now' }, {}, 'downgrade_at_period_end'],
  [0, { quantity: 1 }, { has_schedule: true }, 'change_scheduled'],
  [0, { quantity: 1 }, { status: 'past_due' }, 'payment_past_due'],
  [0, { quantity: 1 }, { cancel_at: end }, 'cancellation_scheduled'],
  [0, { quantity: 1 }, { status: 'canceled' }, 'subscription_ended'],
  [0, { quantity: 1 }, { terms: starter }, 'add_on_not_available'],
] as const)('with %i: %o %o is refused', (held, wish, state, code) => {
  expect(decide(held, wish, state)).toMatchObject({ effect: 'refuse', code });
});

test('what does not fit any more can still be removed', () => {
  expect(decide(2, { quantity: 0 }, { terms: starter })).toMatchObject({ effect: 'change_at_period_end' });
});

test('an add-on goes with the plans it names, in their currency and interval, so often as it is sold', () => {
  const base = { plan_id: 'pro', currency: 'usd', interval: 'month' as const };
  expect(addOnMisfit(block, base)).toBeNull();
  expect(addOnMisfit({ ...block, adds_to: [] }, { ...base, plan_id: 'any' })).toBeNull();
  expect(addOnMisfit(block, { ...base, plan_id: 'starter' })).toContain('goes with pro');
  expect(addOnMisfit(block, { ...base, currency: 'eur' })).toContain('has no price in eur');
  expect(addOnMisfit(block, { ...base, interval: 'year' })).toContain('by the year');
  expect(addOnMisfit({ ...block, group: 'main' }, base)).toContain('no add-on');
  expect([0, 1, 10, 11].map((quantity) => addOnQuantityFault(block, quantity) === null)).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect([1, 2].map((quantity) => addOnQuantityFault({ seats: null }, quantity))).toEqual([null, 'It is sold once.']);
});
