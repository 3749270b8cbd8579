import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DunningState, strictest } from './dunning.ts';
import { decideFeatureAmong } from './feature-access.ts';
import {
  type Sold,
  bestAccess,
  chooseBases,
  groupFaults,
  groupsOf,
  isLiveStatus,
  measuredElsewhere,
  mergeFeatures,
  namedGroups,
} from './group.ts';
import type { Feature, Plan } from './plan.ts';

const features: Feature[] = [
  { id: 'history', name: 'History', description: '', type: 'boolean' },
  { id: 'days_back', name: 'Days back', description: '', type: 'config', default: 7 },
];

function plan(id: string, group: string | null, more: Partial<Plan> & { meters?: string[] } = {}): Plan {
  const { meters = [], ...rest } = more;
  return {
    id,
    name: id,
    description: '',
    highlighted: false,
    group,
    adds_to: [],
    customer: null,
    prices: [{ amount_minor: 100, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
    seats: null,
    trial: null,
    usage: meters.map((meter_id) => ({ meter_id, included: 1, quota: 'hard', interval: 'month', overage: null })),
    limits: [{ name: '1s', limit: 5, window_ms: 1000 }],
    features: { history: false, days_back: 7 },
    ...rest,
  };
}

const faultsOf = (...plans: Plan[]) => groupFaults({ plans, features });

describe('what two groups of a list both claim', () => {
  test('a meter that both price is refused with a sentence that names both plans', () => {
    const [fault, ...more] = faultsOf(
      plan('maps_pro', 'maps', { meters: ['tiles'] }),
      plan('mail', 'mail', { meters: ['tiles'] }),
    );
    expect(more).toEqual([]);
    expect(fault?.path).toBe('plans.mail.usage.tiles');
    expect(fault?.message).toMatch(/"maps_pro" in the group "maps".*in one group only \("mail" is in "mail"\)/);
  });

  test('a feature that both set is refused, at its standard it is nobody’s', () => {
    const set = { history: true, days_back: 7 };
    expect(faultsOf(plan('a', 'one', { features: set }), plan('b', 'two'))).toEqual([]);
    const faults = faultsOf(plan('a', 'one', { features: set }), plan('b', 'two', { features: set }));
    expect(faults.map(({ path }) => path)).toEqual(['plans.b.features.history']);
    const days = { history: false, days_back: 30 };
    expect(faultsOf(plan('a', 'one', { features: days }), plan('b', 'two', { features: days })).length).toBe(1);
  });

  test('plans of one group share what they like, and windows of the same name are each group’s own', () => {
    const meters = ['tiles'];
    expect(faultsOf(plan('a', 'one', { meters }), plan('b', 'one', { meters }), plan('c', 'two'))).toEqual([]);
  });

  test('an add-on is of the groups of the plans it goes with', () => {
    const bases = [plan('maps', 'maps', { meters: ['tiles'] }), plan('mail', 'mail', { meters: ['mails'] })];
    const block = (adds_to: string[]) => plan('block', null, { adds_to, meters: ['tiles'] });
    expect(faultsOf(...bases, block(['maps']))).toEqual([]);
    expect(faultsOf(...bases, block(['mail'])).map(({ path }) => path)).toEqual(['plans.block.usage.tiles']);
    expect(faultsOf(...bases, block([])).map(({ path }) => path)).toEqual(['plans.block.usage.tiles']);
    const both = plan('both', null, { meters: ['calls'] });
    expect(faultsOf(...bases, both)[0]?.message).toContain('goes with plans of the groups "maps" and "mail"');
    expect(faultsOf(...bases, plan('seats', null))).toEqual([]);
  });

  test('groups come in the order of the list', () => {
    expect(groupsOf({ plans: [plan('a', 'two'), plan('b', null), plan('c', 'one'), plan('d', 'two')] })).toEqual([
      'two',
      'one',
    ]);
  });
});

describe('which of several subscriptions entitle', () => {
  const sold: fc.Arbitrary<Sold> = fc.record({
    id: fc.uuid(),
    group: fc.constantFrom('main', 'maps', 'mail'),
    status: fc.constantFrom(
      'active',
      'trialing',
      'past_due',
      'unpaid',
      'paused',
      'incomplete',
      'incomplete_expired',
      'canceled',
    ),
    created_at: fc.integer({ min: 0, max: 5 }),
    entitles_here: fc.boolean(),
  });
  const several = fc.uniqueArray(sold, { selector: ({ id }) => id, maxLength: 8 });

  test('one in each group, whatever the order they are read in; every other live one is a duplicate', () => {
    fc.assert(
      fc.property(several, fc.infiniteStream(fc.nat()), (seen, order) => {
        const shuffled = seen
          .map((one) => ({ one, at: order.next().value }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const choice = chooseBases(seen);
        expect(chooseBases(shuffled)).toEqual(choice);
        const live = seen.filter(({ status }) => isLiveStatus(status));
        expect([...choice.bases, ...choice.duplicates].toSorted()).toEqual(live.map(({ id }) => id).toSorted());
        const groups = choice.bases.map((id) => seen.find((each) => each.id === id)?.group);
        expect(new Set(groups)).toEqual(new Set(live.map(({ group }) => group)));
        expect(new Set(groups).size).toBe(groups.length);
      }),
    );
  });

  test('what is bought in another group changes nothing in one', () => {
    fc.assert(
      fc.property(several, (seen) => {
        const own = seen.filter(({ group }) => group === 'maps');
        const among = (ids: string[]) => ids.filter((id) => own.some((each) => each.id === id));
        const all = chooseBases(seen);
        expect({ bases: among(all.bases), duplicates: among(all.duplicates) }).toEqual(chooseBases(own));
      }),
    );
  });

  test('a paid one goes before an incomplete one, however old; then the oldest', () => {
    const seen = [
      { id: 'waiting', group: 'main', status: 'incomplete', created_at: 1, entitles_here: true },
      { id: 'second', group: 'main', status: 'active', created_at: 3, entitles_here: true },
      { id: 'first', group: 'main', status: 'past_due', created_at: 2, entitles_here: false },
      { id: 'gone', group: 'main', status: 'canceled', created_at: 1, entitles_here: true },
      { id: 'other', group: 'maps', status: 'active', created_at: 9, entitles_here: false },
    ];
    expect(chooseBases(seen)).toEqual({ bases: ['first', 'other'], duplicates: ['second', 'waiting'] });
  });

  test('of those of one second the one that entitles here stays, whatever their ids', () => {
    const same = { group: 'main', status: 'active', created_at: 1 };
    const one = (id: string, entitles_here: boolean): Sold => ({ ...same, id, entitles_here });
    expect(chooseBases([one('a', false), one('b', true)])).toEqual({ bases: ['b'], duplicates: ['a'] });
    expect(chooseBases([one('a', true), one('b', false)])).toEqual({ bases: ['a'], duplicates: ['b'] });
    expect(chooseBases([one('b', false), one('a', false)])).toEqual({ bases: ['a'], duplicates: ['b'] });
  });

  test('read again with what was chosen, the choice stays as it is', () => {
    fc.assert(
      fc.property(several, (seen) => {
        const { bases, duplicates } = chooseBases(seen);
        const again = chooseBases(seen.map((each) => ({ ...each, entitles_here: bases.includes(each.id) })));
        expect(new Set(again.bases)).toEqual(new Set(bases));
        expect(new Set(again.duplicates)).toEqual(new Set(duplicates));
      }),
    );
  });
});

describe('what several subscriptions grant together', () => {
  test('access is the best of them', () => {
    expect(bestAccess([])).toBe('inactive');
    expect(bestAccess(['inactive', 'past_due'])).toBe('past_due');
    expect(bestAccess(['past_due', 'granted', 'inactive'])).toBe('granted');
  });

  test('a feature that one sets counts over what the others have as standard, in any order', () => {
    const standard = { history: false, days_back: 7 };
    const a = { features: { history: true, days_back: 7 } };
    const b = { features: { history: false, days_back: 30 } };
    for (const plans of [
      [a, b],
      [b, a],
    ])
      expect(mergeFeatures(plans, standard)).toEqual({ history: true, days_back: 30 });
    expect(mergeFeatures([], standard)).toEqual({});
  });

  test('a feature is decided by the subscriptions whose plan has it', () => {
    const on = { enabled: true, quota: null };
    const off = { enabled: false, quota: null };
    const decided = (...held: Parameters<typeof decideFeatureAmong>[0]) => decideFeatureAmong(held, 1);
    expect(decided()).toBe('SUBSCRIPTION_INACTIVE');
    expect(decided({ access: 'granted', feature: off }, { access: 'granted', feature: on })).toBe('ALLOWED');
    expect(decided({ access: 'granted', feature: off }, { access: 'past_due', feature: on })).toBe('PAYMENT_PAST_DUE');
    expect(decided({ access: 'granted', feature: off }, { access: 'past_due', feature: off })).toBe('FEATURE_OFF');
    expect(decided({ access: 'inactive', feature: on }, { access: 'granted', feature: on })).toBe('ALLOWED');
  });

  test('of several that owe the one furthest along is told, and of equals the oldest debt', () => {
    const at = (step: DunningState['step'], since_at: number) => ({ step, since_at });
    expect(strictest([])).toBeNull();
    expect(strictest([at('warn', 1), at('read_only', 5), at('slow', 2)])).toEqual(at('read_only', 5));
    expect(strictest([at('slow', 5), at('slow', 2)])).toEqual(at('slow', 2));
  });
});

test('a meter that two groups have by old versions is billed by the older subscription, while that one runs', () => {
  const maps = { group: 'maps', from_at: 10, ended_at: null, meters: ['tiles', 'calls'] };
  const mail = { group: 'mail', from_at: 20, meters: ['mails', 'calls'] };
  expect(measuredElsewhere([maps], mail)).toEqual(['calls']);
  expect(measuredElsewhere([{ ...maps, ended_at: 20 }], mail)).toEqual([]);
  expect(measuredElsewhere([{ ...maps, ended_at: 21 }], mail)).toEqual(['calls']);
  // Another plan of the same group follows it and never runs beside it.
  expect(measuredElsewhere([{ ...maps, group: 'mail' }], mail)).toEqual([]);
  expect(measuredElsewhere([{ ...maps, from_at: 30 }], mail)).toEqual([]);
  expect(measuredElsewhere([], mail)).toEqual([]);
});

test('a group is called as the list says, or else by its id in words', () => {
  const plans = [plan('a', 'route_maps'), plan('b', 'mail'), plan('c', 'mail'), plan('d', null)];
  expect(namedGroups({ plans, groups: [{ id: 'mail', name: 'Letters' }] })).toEqual([
    { id: 'route_maps', name: 'Route maps' },
    { id: 'mail', name: 'Letters' },
  ]);
});
