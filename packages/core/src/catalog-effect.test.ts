import { describe, expect, test } from 'vitest';
import example from '../../../farebox.config.ts';
import type { CatalogChange } from './catalog.ts';
import { type Subscribers, effectOf, monthlyMinor, stripeEffectsOf } from './catalog-effect.ts';
import type { Plan } from './plan.ts';

const [, pro] = example.plans as [Plan, Plan];
const dearer: Plan = {
  ...pro,
  prices: [
    { amount_minor: 59_900, currency: 'usd', interval: 'month', setup_fee_minor: 5000 },
    { amount_minor: 599_000, currency: 'usd', interval: 'year', setup_fee_minor: 5000 },
  ],
};
const published: CatalogChange = {
  type: 'publish_version',
  plan: dearer,
  before: pro,
  version: 2,
  content_hash: '',
};

function group(more: Partial<Subscribers> = {}): Subscribers {
  return {
    plan_id: 'pro',
    version: 1,
    currency: 'usd',
    interval: 'month',
    quantity: 3,
    customers: 3,
    mrr_minor: 3 * 49_900,
    ...more,
  };
}

test.each([
  ['month', 1000, 1000],
  ['quarter', 1000, 333],
  ['year', 1000, 83],
  ['week', 1200, 5200],
  ['day', 1200, 36_500],
] as const)("the month's share of %s at %i is %i", (interval, amount, monthly) => {
  expect(monthlyMinor(amount, interval)).toBe(monthly);
});

describe('whom a change touches', () => {
  test('who has the plan, at any version, with what they would pay on the new one', () => {
    const yearly = group({ version: 1, interval: 'year', quantity: 2, customers: 1, mrr_minor: 10 });
    expect(effectOf(published, [group(), yearly, group({ plan_id: 'starter' })])).toEqual({
      customers: 4,
      mrr: [{ currency: 'usd', now_minor: 149_710, moved_minor: 3 * 59_900 + 99_833 }],
      cannot_move: 0,
    });
  });

  test('who pays in a currency the new version lacks keeps what it pays, and is counted', () => {
    const euro = group({ currency: 'eur', customers: 2, mrr_minor: 700 });
    expect(effectOf(published, [euro])).toEqual({
      customers: 2,
      mrr: [{ currency: 'eur', now_minor: 700, moved_minor: 700 }],
      cannot_move: 2,
    });
  });

  test('a plan that leaves the list moves nobody', () => {
    expect(effectOf({ type: 'archive_plan', plan: pro, version: 1 }, [group()])).toMatchObject({
      mrr: [{ now_minor: 149_700, moved_minor: 149_700 }],
      cannot_move: 0,
    });
  });
});

describe('what a push does at Stripe', () => {
  test('a new version has a price for each price and each fee; the product is renamed only when it is', () => {
    const keys = stripeEffectsOf(published).map((effect) => `${effect.type} ${effect.key}`);
    expect(keys).toEqual([
      'create_price pro:2:usd:month',
      'create_price pro:2:usd:month:setup',
      'create_price pro:2:usd:year',
      'create_price pro:2:usd:year:setup',
    ]);
    const renamed = stripeEffectsOf({ ...published, plan: { ...dearer, name: 'Pro+' } });
    expect(renamed[0]).toEqual({ type: 'update_product', key: 'pro', amount: null });
    expect(stripeEffectsOf({ ...published, before: null })[0]?.type).toBe('create_product');
  });

  test('nothing else does anything there', () => {
    expect(stripeEffectsOf({ type: 'archive_plan', plan: pro, version: 1 })).toEqual([]);
    expect(stripeEffectsOf({ type: 'unchanged', plan: pro, version: 1 })).toEqual([]);
  });
});
