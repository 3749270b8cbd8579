import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { definePlans } from './define-plans.ts';
import { PlanFaults } from './faults.ts';
import type { PlanInput, PriceListInput } from './plan-file.ts';

const seller = {
  name: 'Tidewatch',
  tagline: 'Tides for every harbour',
  description: 'Tide tables as an API.',
  support_email: 'help@tidewatch.example',
  key_prefix: 'tide',
  api_url: 'https://api.tidewatch.example',
};
const basic = {
  name: 'Basic',
  description: 'To begin with.',
  price: { month: '99' },
} satisfies PlanInput;
const small = { seller, currency: 'usd', plans: { basic } } satisfies PriceListInput;

/** The input is wrong on purpose, as JavaScript lets it be. Any error but `PlanFaults` fails the test. */
function refusalOf(input: unknown): PlanFaults | null {
  try {
    definePlans(input as PriceListInput);
    return null;
  } catch (error) {
    if (error instanceof PlanFaults) return error;
    throw error;
  }
}

function faultsOf(input: unknown): Record<string, string> {
  return Object.fromEntries(refusalOf(input)?.faults.map((fault) => [fault.path, fault.message]) ?? []);
}

/** A list whose one plan has these fields besides. */
function withPlan(fields: Record<string, unknown>, file: Record<string, unknown> = {}): unknown {
  const meters = { requests: { name: 'Requests', unit: 'request' } };
  const features = { moon: { name: 'Moon phases', description: 'For every night.' } };
  return { ...small, meters, features, ...file, plans: { basic: { ...basic, ...fields } } };
}

/** A list whose one meter has these fields besides. */
function withMeter(fields: Record<string, unknown>): unknown {
  return withPlan({}, { meters: { requests: { name: 'Requests', unit: 'request', ...fields } } });
}

function withOverage(overage: unknown, file: Record<string, unknown> = {}): unknown {
  return withPlan({ usage: { requests: { included: 100, overage } } }, file);
}

describe('definePlans', () => {
  test('fills in every default', () => {
    expect(definePlans(withPlan({}) as PriceListInput)).toEqual({
      seller: { ...seller, example_path: '/' },
      currency: 'usd',
      meters: [{ id: 'requests', name: 'Requests', unit: 'request', aggregation: 'count' }],
      features: [{ id: 'moon', name: 'Moon phases', description: 'For every night.', type: 'boolean' }],
      plans: [
        {
          id: 'basic',
          name: 'Basic',
          description: 'To begin with.',
          highlighted: false,
          group: 'main',
          adds_to: [],
          customer: null,
          prices: [{ amount_minor: 9900, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
          seats: null,
          trial: null,
          usage: [],
          limits: [],
          features: { moon: false },
        },
      ],
      dunning: null,
      coupons: [],
      taxes: { automatic: false, tax_ids: false },
      top_ups: null,
    });
  });

  test('a list without meters and features is a list', () => {
    expect(definePlans(small)).toMatchObject({ meters: [], features: [] });
  });

  test('amounts come out in minor units, windows in milliseconds', () => {
    const limits = ['1s', '90s', '5m', '2h', '31d'].map((window, index) => ({ limit: index + 1, window }));
    const overage = {
      tiers: [
        { up_to: 10, unit_price: '0.0008' },
        { up_to: null, unit_price: '0.0005' },
      ],
    };
    const [plan] = definePlans(
      withPlan({ limits, usage: { requests: { included: 5, overage } }, features: { moon: true } }) as PriceListInput,
    ).plans;
    expect(plan?.limits).toEqual([
      { name: '1s', limit: 1, window_ms: 1000 },
      { name: '90s', limit: 2, window_ms: 90_000 },
      { name: '5m', limit: 3, window_ms: 300_000 },
      { name: '2h', limit: 4, window_ms: 7_200_000 },
      { name: '31d', limit: 5, window_ms: 2_678_400_000 },
    ]);
    expect(plan?.usage).toEqual([
      {
        meter_id: 'requests',
        included: 5,
        quota: 'soft',
        interval: 'month',
        overage: {
          usd: {
            type: 'graduated',
            tiers: [
              { up_to: 10, unit_price_decimal: '0.08' },
              { up_to: null, unit_price_decimal: '0.05' },
            ],
          },
        },
      },
    ]);
    expect(plan?.features).toEqual({ moon: true });
  });

  test('an included amount without overage is a hard quota', () => {
    const [plan] = definePlans(withPlan({ usage: { requests: { included: 5 } } }) as PriceListInput).plans;
    expect(plan?.usage).toEqual([
      { meter_id: 'requests', included: 5, quota: 'hard', interval: 'month', overage: null },
    ]);
  });

  test('a free plan and a yearly one are plans', () => {
    expect(faultsOf(withPlan({ price: { month: '0' } }))).toEqual({});
    expect(faultsOf(withPlan({ price: { year: '990.50' } }))).toEqual({});
  });
});

describe('one fault, named by its path', () => {
  test.each<[string, RegExp, unknown]>([
    ['seller', /missing/, { ...small, seller: undefined }],
    ['seller.name', /missing/, { ...small, seller: { ...seller, name: undefined } }],
    ['seller.name', /empty/, { ...small, seller: { ...seller, name: ' ' } }],
    ['seller.name', /longer/, { ...small, seller: { ...seller, name: 'x'.repeat(61) } }],
    ['seller.tagline', /text/, { ...small, seller: { ...seller, tagline: 7 } }],
    ['seller.support_email', /email/, { ...small, seller: { ...seller, support_email: 'help' } }],
    ['seller.key_prefix', /2 to 12/, { ...small, seller: { ...seller, key_prefix: 'Sky' } }],
    ['seller.key_prefix', /2 to 12/, { ...small, seller: { ...seller, key_prefix: 's' } }],
    ['seller.key_prefix', /2 to 12/, { ...small, seller: { ...seller, key_prefix: 'sky_cast' } }],
    ['seller.key_prefix', /2 to 12/, { ...small, seller: { ...seller, key_prefix: 'thirteenchars' } }],
    ['seller.api_url', /http/, { ...small, seller: { ...seller, api_url: 'api.tidewatch.example' } }],
    ['seller.example_path', /begins with/, { ...small, seller: { ...seller, example_path: 'v1/forecast' } }],
    ['seller.colour', /not known.*name, tagline/, { ...small, seller: { ...seller, colour: 'red' } }],
    ['currency', /missing/, { ...small, currency: undefined }],
    ['currency', /'usd'/, { ...small, currency: 'USD' }],
    ['currency', /Stripe/, { ...small, currency: 'btc' }],
    ['plan', /not known/, { ...small, plan: {} }],
    ['plans', /missing/, { ...small, plans: undefined }],
    ['plans', /object/, { ...small, plans: [basic] }],
    ['plans', /empty/, { ...small, plans: {} }],
    ['plans.Basic', /not an id/, { ...small, plans: { Basic: basic } }],
    ['plans.basic', /missing/, { ...small, plans: { basic: undefined } }],
    ['plans.basic', /object/, { ...small, plans: { basic: 'Basic' } }],
    ['plans.basic.name', /missing/, withPlan({ name: undefined })],
    ['plans.basic.description', /missing/, withPlan({ description: undefined })],
    ['plans.basic.trail', /not known/, withPlan({ trail: 14 })],
    ['plans.basic.highlighted', /true or false/, withPlan({ highlighted: 'yes' })],
    [
      'plans.pro.highlighted',
      /"basic" is already/,
      { ...small, plans: { basic: { ...basic, highlighted: true }, pro: { ...basic, highlighted: true } } },
    ],
    ['plans.basic.price', /object/, withPlan({ price: '99' })],
    ['plans.basic.price', /empty/, withPlan({ price: {} })],
    ['plans.basic.price.month', /'99'/, withPlan({ price: { month: 99 } })],
    ['plans.basic.price.month', /2 digits/, withPlan({ price: { month: '99.999' } })],
    ['plans.basic.price.month', /negative/, withPlan({ price: { month: '-1' } })],
    ['plans.basic.price.month', /decimal/, withPlan({ price: { month: '$99' } })],
    ['plans.basic.price.month', /decimal/, withPlan({ price: { month: '1e3' } })],
    ['plans.basic.price.month', /no digits/, withPlan({ price: { month: '99.5' } }, { currency: 'jpy' })],
    ['plans.basic.price.month', /fit/, withPlan({ price: { month: '999999999999999' } })],
    ['plans.basic.price.decade', /not known.*day, week, month, quarter, year/, withPlan({ price: { decade: '99' } })],
    ['meters.requests.unit', /missing/, withPlan({}, { meters: { requests: { name: 'Requests' } } })],
    [
      'meters.requests.aggregation',
      /'count' or 'sum' or 'max' or 'last' or 'unique' or 'average'/,
      withPlan({}, { meters: { requests: { name: 'R', unit: 'r', aggregation: 'median' } } }),
    ],
    ['meters.requests.value', /missing.*told apart/, withMeter({ aggregation: 'unique' })],
    ['meters.requests.value', /'count' counts events/, withMeter({ value: 'bytes' })],
    ['meters.requests.value', /name of a property/, withMeter({ aggregation: 'sum', value: '$.bytes' })],
    ['meters.requests.events', /empty: leave it out/, withMeter({ events: [] })],
    ['meters.requests.events[1]', /twice/, withMeter({ events: ['a', 'a'] })],
    ['meters.requests.events[0]', /type of events/, withMeter({ events: ['a b'] })],
    ['meters.requests.filters.status', /no event would fit/, withMeter({ filters: { status: [] } })],
    ['meters.requests.filters.status[0]', /text.*values/, withMeter({ filters: { status: [200] } })],
    ['meters.requests.filters.a b', /name of a dimension/, withMeter({ filters: { 'a b': ['1'] } })],
    ['meters.requests.group_by', /more than 5/, withMeter({ group_by: ['a', 'b', 'c', 'd', 'e', 'f'] })],
    ['meters.requests.group_by[0]', /always kept apart/, withMeter({ group_by: ['endpoint'] })],
    ['meters.requests.group_by[1]', /twice/, withMeter({ group_by: ['a', 'a'] })],
    ['meters', /object/, withPlan({}, { meters: ['requests'] })],
    ['features.moon.description', /missing/, withPlan({}, { features: { moon: { name: 'Moon' } } })],
    ['plans.basic.features.sun', /no feature "sun".*moon/, withPlan({ features: { sun: true } })],
    ['plans.basic.features.moon', /true or false/, withPlan({ features: { moon: 1 } })],
    ['plans.basic.usage.tiles', /no meter "tiles".*requests/, withPlan({ usage: { tiles: { included: 1 } } })],
    ['plans.basic.usage.requests.included', /missing/, withPlan({ usage: { requests: {} } })],
    ['plans.basic.usage.requests.included', /not negative/, withPlan({ usage: { requests: { included: -1 } } })],
    ['plans.basic.usage.requests.included', /whole/, withPlan({ usage: { requests: { included: 1.5 } } })],
    ['plans.basic.usage.requests.included', /whole/, withPlan({ usage: { requests: { included: '100' } } })],
    [
      'plans.basic.usage.requests.quota',
      /'soft' or 'hard'/,
      withPlan({ usage: { requests: { included: 1, quota: 'none' } } }),
    ],
    [
      'plans.basic.usage.requests.overage',
      /hard quota/,
      withPlan({ usage: { requests: { included: 1, quota: 'hard', overage: { unit_price: '1' } } } }),
    ],
    [
      'plans.basic.usage.requests.overage',
      /soft quota/,
      withPlan({ usage: { requests: { included: 1, quota: 'soft' } } }),
    ],
    ['plans.basic.usage.requests.overage', /either/, withOverage({})],
    [
      'plans.basic.usage.requests.overage',
      /either/,
      withOverage({ unit_price: '1', tiers: [{ up_to: null, unit_price: '1' }] }),
    ],
    ['plans.basic.usage.requests.overage.flat', /not known/, withOverage({ unit_price: '1', flat: '2' })],
    ['plans.basic.usage.requests.overage.unit_price', /'0.0012'/, withOverage({ unit_price: 0.0012 })],
    ['plans.basic.usage.requests.overage.unit_price', /negative/, withOverage({ unit_price: '-0.1' })],
    ['plans.basic.usage.requests.overage.unit_price', /12 places/, withOverage({ unit_price: '0.000000000000001' })],
    ['plans.basic.usage.requests.overage.unit_price', /zero/, withOverage({ unit_price: '0.5' }, { currency: 'isk' })],
    ['plans.basic.usage.requests.overage.tiers', /empty/, withOverage({ tiers: [] })],
    ['plans.basic.usage.requests.overage.tiers', /list/, withOverage({ tiers: {} })],
    [
      'plans.basic.usage.requests.overage.tiers[0].up_to',
      /must be open/,
      withOverage({ tiers: [{ up_to: 5, unit_price: '1' }] }),
    ],
    [
      'plans.basic.usage.requests.overage.tiers[0].up_to',
      /only the last/,
      withOverage({
        tiers: [
          { up_to: null, unit_price: '1' },
          { up_to: null, unit_price: '1' },
        ],
      }),
    ],
    [
      'plans.basic.usage.requests.overage.tiers[1].up_to',
      /ends at 5/,
      withOverage({
        tiers: [
          { up_to: 5, unit_price: '1' },
          { up_to: 5, unit_price: '1' },
          { up_to: null, unit_price: '1' },
        ],
      }),
    ],
    [
      'plans.basic.usage.requests.overage.tiers[1].up_to',
      /ends at 5/,
      withOverage({
        tiers: [
          { up_to: 5, unit_price: '1' },
          { up_to: 3, unit_price: '1' },
          { up_to: null, unit_price: '1' },
        ],
      }),
    ],
    [
      'plans.basic.usage.requests.overage.tiers[0].up_to',
      /positive/,
      withOverage({
        tiers: [
          { up_to: 0, unit_price: '1' },
          { up_to: null, unit_price: '1' },
        ],
      }),
    ],
    ['plans.basic.usage.requests.overage.tiers[0].up_to', /missing/, withOverage({ tiers: [{ unit_price: '1' }] })],
    ['plans.basic.usage.requests.overage.tiers[0].unit_price', /missing/, withOverage({ tiers: [{ up_to: null }] })],
    ['plans.basic.limits', /list/, withPlan({ limits: { limit: 1, window: '1s' } })],
    ['plans.basic.limits[0].limit', /positive/, withPlan({ limits: [{ limit: 0, window: '1s' }] })],
    ['plans.basic.limits[0].limit', /positive/, withPlan({ limits: [{ limit: 2.5, window: '1s' }] })],
    [
      'plans.basic.limits[0].limit',
      /positive/,
      withPlan({ limits: [{ limit: Number.POSITIVE_INFINITY, window: '1s' }] }),
    ],
    ['plans.basic.limits[0].limit', /positive/, withPlan({ limits: [{ limit: 1e15, window: '1s' }] })],
    ['plans.basic.limits[0].window', /missing/, withPlan({ limits: [{ limit: 1 }] })],
    ['plans.basic.limits[0].window', /'1s'/, withPlan({ limits: [{ limit: 1, window: '1 second' }] })],
    ['plans.basic.limits[0].window', /'1s'/, withPlan({ limits: [{ limit: 1, window: '0s' }] })],
    ['plans.basic.limits[0].window', /'1s'/, withPlan({ limits: [{ limit: 1, window: '100ms' }] })],
    ['plans.basic.limits[0].window', /'1s'/, withPlan({ limits: [{ limit: 1, window: 1000 }] })],
    ['plans.basic.limits[0].window', /31 days/, withPlan({ limits: [{ limit: 1, window: '32d' }] })],
    [
      'plans.basic.limits[1].window',
      /'60s'/,
      withPlan({
        limits: [
          { limit: 1, window: '60s' },
          { limit: 2, window: '1m' },
        ],
      }),
    ],
    ['plans.basic.limits[0].burst', /positive/, withPlan({ limits: [{ limit: 1, window: '1s', burst: 0 }] })],
    ['plans.basic.limits[0].burst', /too large/, withPlan({ limits: [{ limit: 1, window: '31d', burst: 1e9 }] })],
    [
      'plans.basic.limits[0].offline',
      /open_capped/,
      withPlan({ limits: [{ limit: 1, window: '1s', offline: 'open' }] }),
    ],
    ['plans.basic.limits[0].peak', /not known/, withPlan({ limits: [{ limit: 1, window: '1s', peak: 2 }] })],
    ['plans.basic.keys', /positive/, withPlan({ keys: 0 })],
    ['plans.basic.concurrency.limit', /missing/, withPlan({ concurrency: {} })],
    ['plans.basic.concurrency.expires', /an hour/, withPlan({ concurrency: { limit: 1, expires: '2h' } })],
  ])('%s: %s', (path, message, input) => {
    const faults = faultsOf(input);
    expect(Object.keys(faults)).toEqual([path]);
    expect(faults[path]).toMatch(message);
  });
});

describe('every fault at once', () => {
  test('in the order of the file, numbered, each with its path', () => {
    const input = {
      seller: { ...seller, key_prefix: '-', nmae: 'x' },
      currency: 'usd',
      meters: { requests: { unit: 'request' } },
      plans: {
        basic: { ...basic, price: { month: 99 }, limits: [{ limit: -1, window: 'fast' }] },
        pro: {
          name: 'Pro',
          price: { month: '1.999', never: '1' },
          usage: { tiles: { included: -5, quota: 'hard', overage: { tiers: [] } } },
        },
      },
    };
    const expected = [
      'seller.nmae',
      'seller.key_prefix',
      'meters.requests.name',
      'plans.basic.price.month',
      'plans.basic.limits[0].window',
      'plans.basic.limits[0].limit',
      'plans.pro.description',
      'plans.pro.price.never',
      'plans.pro.price.month',
      'plans.pro.usage.tiles',
      'plans.pro.usage.tiles.overage',
      'plans.pro.usage.tiles.overage.tiers',
      'plans.pro.usage.tiles.included',
    ];
    expect(Object.keys(faultsOf(input))).toEqual(expected);
    expect(refusalOf(input)?.message).toMatch(
      /^The price list has 13 faults:\n1\. seller\.nmae: is not known here; .*\n2\. seller\.key_prefix: .*\n(.*\n){10}13\. plans\.pro\.usage\.tiles\.included: .*$/,
    );
  });

  test('an unknown currency does not hide what is wrong with an amount', () => {
    expect(
      Object.keys(
        faultsOf({
          ...small,
          currency: 'xyz',
          plans: { basic: { ...basic, price: { month: 99 } } },
        }),
      ),
    ).toEqual(['currency', 'plans.basic.price.month']);
  });

  test('whatever is given, the answer is a list or a list of faults, never another error', () => {
    const json = fc.jsonValue();
    const shaped = fc.record(
      {
        seller: json,
        currency: fc.oneof(json, fc.constant('usd')),
        meters: json,
        plans: fc.dictionary(fc.string(), json),
      },
      { requiredKeys: [] },
    );
    const plan = fc.record(
      { name: json, price: json, usage: json, limits: fc.array(json), features: json },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(json, shaped, plan.map(withPlan)), (input) => {
        expect(typeof faultsOf(input)).toBe('object');
      }),
      { numRuns: 1000 },
    );
  });
});
