import fc from 'fast-check';
import { expect, test } from 'vitest';
import example from '../../../farebox.config.ts';
import { definePlans } from './define-plans.ts';
import type { CouponInput, OverageInput, PlanInput, PlanUsageInput, PriceListInput } from './plan-file.ts';
import { toPlanFile } from './plan-source.ts';
import { describePlan, diffPlans } from './plan-words.ts';

const text = fc.string({ minLength: 1, maxLength: 30 }).filter((value) => value.trim() !== '');
const whole = fc.integer({ min: 0, max: 900_000 }).map(String);
const above = fc.integer({ min: 1, max: 900_000 }).map(String);
const unit = fc.integer({ min: 0, max: 999_999 }).map((digits) => `0.${String(digits).padStart(6, '0')}`);

/** Amounts of a plan are all in dollars, or all in dollars and euros. */
type Many = (amount: fc.Arbitrary<string>) => fc.Arbitrary<string | Record<string, string>>;
const inOne: Many = (amount) => amount;
const inTwo: Many = (amount) => fc.record({ usd: amount, eur: amount });

function overage(many: Many): fc.Arbitrary<OverageInput> {
  const tiers = fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: 1, max: 1e6 }), { maxLength: 3 }),
      fc.array(many(unit), { minLength: 4, maxLength: 4 }),
    )
    .map(([bounds, prices]) =>
      [...bounds.toSorted((a, b) => a - b), null].map((up_to, index) => ({ up_to, unit_price: prices[index] ?? '0' })),
    );
  return fc.oneof(
    fc.record({ unit_price: many(unit) }),
    fc.record({ package_price: many(unit), package_size: fc.integer({ min: 1, max: 5000 }) }),
    tiers.map((list) => ({ tiers: list })),
    tiers.map((list) => ({ volume: list })),
  );
}

function usage(many: Many): fc.Arbitrary<PlanUsageInput> {
  const included = fc.integer({ min: 0, max: 1e9 });
  return fc.oneof(
    fc.record(
      { included, overage: overage(many), minimum: many(above), per: fc.constantFrom('day', 'month') },
      { requiredKeys: ['overage'] },
    ),
    fc.record({ included, quota: fc.constant('hard' as const) }, { requiredKeys: ['included'] }),
  );
}

/** A meter is priced, and a feature set, in one group only. */
function inItsGroup(plan: PlanInput): PlanInput {
  if (plan.group !== 'maps') return { ...plan, ...(plan.usage ? { usage: without(plan.usage, 'tiles') } : {}) };
  const { features: _, ...rest } = plan;
  return { ...rest, ...(plan.usage ? { usage: without(plan.usage, 'requests') } : {}) };
}

function without(usage: Record<string, PlanUsageInput>, meter: string): Record<string, PlanUsageInput> {
  return Object.fromEntries(Object.entries(usage).filter(([id]) => id !== meter));
}

function plan(many: Many): fc.Arbitrary<PlanInput> {
  const any: fc.Arbitrary<PlanInput> = fc.record(
    {
      name: text,
      description: text,
      price: fc.record({ month: many(whole), year: many(whole) }),
      setup_fee: many(whole),
      seats: fc.constantFrom({}, { minimum: 2 }, { minimum: 2, maximum: 9 }),
      trial: fc.constantFrom({ days: 14 }, { days: 30, card: false }),
      customer: text,
      group: fc.constantFrom('main', 'maps'),
      usage: fc.record({ requests: usage(many), tiles: usage(many) }, { requiredKeys: [] }),
      limits: fc.constantFrom(
        [],
        [
          { limit: 5, window: '1s' },
          { limit: 100, window: '10m' },
        ],
        [{ limit: 5, window: '1s', burst: 20, offline: 'closed' as const }],
      ),
      concurrency: fc.constantFrom({ limit: 3 }, { limit: 8, expires: '90s' }),
      keys: fc.integer({ min: 1, max: 100 }),
      features: fc.record({ history: fc.boolean(), days_back: fc.integer() }, { requiredKeys: [] }),
    },
    { requiredKeys: ['name', 'description', 'price'] },
  );
  return fc.tuple(any, many(above), fc.boolean()).map(([made, least, has]) => {
    const own = inItsGroup(made);
    const priced = Object.values(own.usage ?? {}).filter(({ overage }) => overage !== undefined);
    const fits = priced.length > 0 && priced.every(({ minimum, per }) => minimum === undefined && per !== 'day');
    return has && fits ? { ...own, minimum: least } : own;
  });
}

const coupon: fc.Arbitrary<CouponInput> = fc.record(
  {
    name: text.map((value) => value.slice(0, 40)),
    percent_off: fc.constantFrom('20', '12.5', '100'),
    duration: fc.oneof(
      fc.constantFrom('once' as const, 'forever' as const),
      fc.record({ months: fc.integer({ min: 1, max: 36 }) }),
    ),
    plans: fc.constant(['a']),
    max_redemptions: fc.integer({ min: 1, max: 99 }),
    redeem_until: fc.constant('2027-12-31'),
    codes: fc.constantFrom({}, { LAUNCH20: { first_purchase: true, expires: '2027-01-31' } }),
  },
  { requiredKeys: ['name', 'percent_off', 'duration'] },
);

const lists: fc.Arbitrary<PriceListInput> = fc.record(
  {
    seller: fc.constant({
      name: 'Tidewatch',
      tagline: 'Tides for every harbour',
      description: 'Tide tables as an API.',
      support_email: 'help@tidewatch.example',
      key_prefix: 'tide',
      api_url: 'https://api.tidewatch.example',
    }),
    currency: fc.constant('usd'),
    meters: fc.constant({
      requests: { name: 'Requests', unit: 'request' },
      tiles: { name: 'Tiles', unit: 'tile', aggregation: 'sum' as const },
      people: {
        name: 'People',
        unit: 'person',
        aggregation: 'unique' as const,
        events: ['requests', 'tile.drawn'],
        value: 'user',
        filters: { status: ['200', '201'], endpoint: ['/v1/tiles'] },
        group_by: ['region'],
      },
    }),
    features: fc.constant({
      history: { name: 'History', description: 'The past.' },
      days_back: { name: 'Days back', description: 'How far.', default: 7 },
      maps: { name: 'Maps', description: 'Tiles.', meter: 'tiles' },
    }),
    plans: fc.record({
      a: plan(inOne),
      b: plan(inTwo),
      more: fc.constant({ name: 'More', description: 'On top.', add_on: ['a'], price: { month: '5' } }),
    }),
    top_ups: fc.record(
      {
        packs: fc.constant(['10', '50']),
        minimum: fc.constantFrom('5', '10'),
        maximum: fc.constantFrom('50', '500'),
        expires_after_days: fc.integer({ min: 1, max: 400 }),
      },
      { requiredKeys: ['packs'] },
    ),
    taxes: fc.record({ automatic: fc.boolean(), tax_ids: fc.boolean() }, { requiredKeys: [] }),
    coupons: fc.record({ launch: coupon }),
    dunning: fc.constant([
      { step: 'warn' as const, after_days: 0 },
      { step: 'slow' as const, after_days: 2, rate: '40%' },
    ]),
  },
  { requiredKeys: ['seller', 'currency', 'plans', 'meters', 'features'] },
);

test('what is written out is read back to the same list', () => {
  expect(definePlans(toPlanFile(example))).toEqual(example);
  fc.assert(
    fc.property(lists, (input) => {
      const list = definePlans(input);
      expect(definePlans(toPlanFile(list))).toEqual(list);
    }),
    { numRuns: 500 },
  );
});

test('every difference between two plans is said, and only that', () => {
  const [starter, pro] = example.plans;
  if (starter === undefined || pro === undefined) throw new Error('The example has plans.');
  expect(diffPlans(pro, pro)).toEqual([]);
  expect(diffPlans(starter, { ...starter, trial: { days: 14, card: false }, usage: [] })).toEqual([
    { path: 'trial', before: null, after: '14 days, without a card' },
    { path: 'usage.requests.included', before: '100,000 a month', after: null },
    { path: 'usage.requests.quota', before: 'soft', after: null },
    { path: 'usage.requests.overage.usd', before: '$0.0012 each', after: null },
  ]);
  expect(describePlan(pro)).toContainEqual([
    'usage.requests.overage.usd',
    'each by its tier: to 1,000,000 $0.0008, to 5,000,000 $0.0006, beyond $0.0005',
  ]);
  fc.assert(
    fc.property(lists, (input) => {
      const [a, b] = definePlans(input).plans;
      if (a === undefined || b === undefined) throw new Error('There are plans.');
      const apart = diffPlans(a, b);
      expect(apart.every((line) => line.before !== line.after)).toBe(true);
      expect(
        diffPlans(b, a)
          .map((line) => line.path)
          .toSorted(),
      ).toEqual(apart.map((line) => line.path).toSorted());
    }),
    { numRuns: 200 },
  );
});
