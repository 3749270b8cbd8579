import { describe, expect, test } from 'vitest';
import example from '../../../farebox.config.ts';
import { diffCatalog, diffCoupons, planHash } from './catalog.ts';
import type { Coupon, Plan, PriceList } from './plan.ts';

const list: PriceList = example;
const [starter, pro, enterprise] = list.plans as [Plan, Plan, Plan];

describe('planHash', () => {
  test('does not depend on the order of fields', () => {
    const { id, ...rest } = starter;
    const prices = [{ setup_fee_minor: 0, interval: 'month' as const, currency: 'usd', amount_minor: 9900 }];
    const reversed: Plan = { ...rest, prices, id };
    expect(planHash(reversed)).toBe(planHash(starter));
  });

  test('survives JSON, as a database stores it', () => {
    const stored: Plan = JSON.parse(JSON.stringify(pro));
    expect(planHash(stored)).toBe(planHash(pro));
    expect(planHash(pro)).toMatch(/^[0-9a-f]{32}$/);
  });

  test('changes with anything a customer can notice', () => {
    const changes: Plan[] = [
      { ...starter, name: 'Start' },
      { ...starter, highlighted: true },
      { ...starter, prices: starter.prices.map((price) => ({ ...price, amount_minor: 9901 })) },
      { ...starter, prices: starter.prices.map((price) => ({ ...price, interval: 'year' as const })) },
      { ...starter, trial: { days: 14, card: true } },
      { ...starter, seats: { minimum: 1, maximum: null } },
      { ...starter, group: 'other' },
      { ...starter, usage: [] },
      { ...starter, limits: starter.limits.toReversed() },
      { ...starter, features: { history: true } },
      pro,
      enterprise,
    ];
    expect(new Set([starter, ...changes].map(planHash)).size).toBe(changes.length + 1);
  });

  test('stays the same from release to release: stored hashes are compared with it', () => {
    const plan: Plan = {
      id: 'a',
      name: 'Ä€𝄞',
      description: '"',
      highlighted: false,
      group: 'main',
      adds_to: [],
      customer: null,
      prices: [{ amount_minor: 1, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
      seats: null,
      trial: null,
      usage: [],
      limits: [],
      features: {},
    };
    expect(planHash(plan)).toBe('da6dc2dec348b2c7463e285db174d6a9');
  });
});

describe('diffCatalog', () => {
  const stored = (plan: Plan, version: number, on_sale = true, last_version = version) => ({
    last_version,
    plan_id: plan.id,
    version,
    content: plan,
    on_sale,
  });

  test('an empty catalogue gets version 1 of every plan, in the order of the list', () => {
    expect(diffCatalog([], list)).toEqual(
      list.plans.map((plan) => ({
        type: 'publish_version',
        plan,
        before: null,
        version: 1,
        content_hash: planHash(plan),
      })),
    );
  });

  test('only what changed gets a new version; what left is archived', () => {
    const gone = stored({ ...starter, id: 'hobby' }, 3);
    const longGone = stored({ ...starter, id: 'beta' }, 1, false);
    const changed = { ...starter, description: 'Other words.' };
    expect(
      diffCatalog([stored(changed, 4), stored(pro, 2), gone, longGone], { ...list, plans: [starter, pro, enterprise] }),
    ).toEqual([
      { type: 'publish_version', plan: starter, before: changed, version: 5, content_hash: planHash(starter) },
      { type: 'unchanged', plan: pro, version: 2 },
      { type: 'publish_version', plan: enterprise, before: null, version: 1, content_hash: planHash(enterprise) },
      { type: 'archive_plan', plan: gone.content, version: 3 },
    ]);
  });

  test('a plan that comes back as it was is restored, one that comes back changed is a new version', () => {
    const [back] = diffCatalog([stored(pro, 2, false)], { ...list, plans: [pro] });
    expect(back).toEqual({ type: 'restore_version', plan: pro, version: 2 });
    const [changed] = diffCatalog([stored(pro, 2, false)], { ...list, plans: [{ ...pro, name: 'Pro+' }] });
    expect(changed).toMatchObject({ type: 'publish_version', version: 3 });
  });

  test('applied, it leaves nothing to do', () => {
    const applied = list.plans.map((plan) => stored(plan, 1));
    expect(diffCatalog(applied, list).every((change) => change.type === 'unchanged')).toBe(true);
  });
});

describe('diffCoupons', () => {
  const launch: Coupon = {
    id: 'launch',
    name: 'Launch',
    percent_off_decimal: '20',
    amounts_off: null,
    duration: 'once',
    months: null,
    plans: [],
    max_redemptions: null,
    redeem_until_on: null,
    codes: [],
  };
  const stored = (content: Coupon, current = true) => ({ version: 3, content, current });

  test.each([
    [
      'a new one',
      [],
      [launch],
      [{ type: 'publish_coupon', coupon: launch, version: 1, content_hash: planHash(launch) }],
    ],
    ['one that stands', [stored(launch)], [launch], [{ type: 'unchanged', coupon: launch }]],
    ['one that changed', [stored({ ...launch, name: 'Old' })], [launch], [{ type: 'publish_coupon', version: 4 }]],
    ['one that comes back', [stored(launch, false)], [launch], [{ type: 'publish_coupon', version: 4 }]],
    ['one that left', [stored(launch)], [], [{ type: 'archive_coupon', coupon: launch }]],
    ['one that left long ago', [stored(launch, false)], [], []],
  ])('%s', (_, current, listed, changes) => {
    const found = diffCoupons(current, listed);
    expect(found).toHaveLength(changes.length);
    expect(found).toMatchObject(changes);
  });
});
