import { expect, test } from 'vitest';
import { definePlans } from './define-plans.ts';
import { type OverridesFrom, overrideFaults, overridesAt, withOverrides } from './overrides.ts';
import { atPrice } from './priced-plan.ts';

const list = definePlans({
  seller: {
    name: 'Skycast',
    tagline: 'Weather.',
    description: 'A weather API.',
    support_email: 'help@skycast.example',
    key_prefix: 'sky',
    api_url: 'https://api.skycast.example',
  },
  currency: 'usd',
  meters: { requests: { name: 'Requests', unit: 'request' }, tiles: { name: 'Map tiles', unit: 'tile' } },
  features: {
    history: { name: 'History', description: 'Back to 1979.' },
    regions: { name: 'Regions', description: 'How many.', default: 1 },
    tile_maps: { name: 'Maps', description: 'Tiles.', meter: 'tiles' },
  },
  plans: {
    pro: {
      name: 'Pro',
      description: 'For business.',
      price: { month: '99' },
      usage: { requests: { included: 1000, overage: { unit_price: '0.001' } }, tiles: { included: 10 } },
      limits: [{ limit: 10, window: '1s' }],
    },
  },
});
const [pro] = list.plans;
if (pro === undefined) throw new Error('The list has a plan.');
const plan = atPrice(pro, { currency: 'usd', interval: 'month' });

test('what is named is replaced and the rest kept; a soft quota without a price to bill stays hard', () => {
  expect(withOverrides(plan, null)).toEqual(plan);
  const changed = withOverrides(plan, {
    included: { requests: 5 },
    quota: { requests: 'hard', tiles: 'soft' },
    limits: { '1s': 99 },
    features: { history: true },
  });
  expect(changed.usage.map(({ included, quota }) => [included, quota])).toEqual([
    [5, 'hard'],
    [10, 'hard'],
  ]);
  expect(changed.limits).toEqual([{ name: '1s', limit: 99, window_ms: 1000 }]);
  expect(changed.features).toMatchObject({ history: true, regions: 1 });
});

test('a price of usage counts in its currency, and lets a quota be soft', () => {
  const price = { type: 'per_unit', unit_price_decimal: '0.05' } as const;
  const overrides = { overage: { tiles: { usd: price } }, quota: { tiles: 'soft' as const } };
  expect(withOverrides(plan, overrides).usage[1]).toMatchObject({ overage: price, quota: 'soft' });
  const inEuro = { overage: { tiles: { eur: price } }, quota: { tiles: 'soft' as const } };
  expect(withOverrides(plan, inEuro).usage[1]).toMatchObject({ overage: null, quota: 'hard' });
});

test('the newest counts from its instant to its end, and an ended one brings no older one back', () => {
  const more = { limits: { '1s': 20 } };
  const most = { limits: { '1s': 30 } };
  const history: OverridesFrom[] = [
    { from_at: 100, expires_at: null, content: more },
    { from_at: 200, expires_at: 300, content: most },
    { from_at: 400, expires_at: null, content: null },
  ];
  expect([99, 100, 199].map((at) => overridesAt(history, at))).toEqual([null, more, more]);
  expect([200, 299, 300, 399, 400, 500].map((at) => overridesAt(history, at))).toEqual([
    most,
    most,
    null,
    null,
    null,
    null,
  ]);
  expect(overridesAt([], 100)).toBeNull();
});

test('every fault is said, with its place', () => {
  const faults = overrideFaults(
    {
      included: { request: 5 },
      quota: { tile: 'soft' },
      limits: { '1h': 5 },
      features: { history: 3, regions: 'two', tile_maps: true, unknown: true },
      overage: {
        requests: {
          usd: {
            type: 'graduated',
            tiers: [
              { up_to: 10, unit_price_decimal: '1' },
              { up_to: 10, unit_price_decimal: '1' },
            ],
          },
        },
      },
    },
    list,
    [],
  );
  expect(faults.map(({ path }) => path)).toEqual([
    'included.request',
    'quota.tile',
    'limits.1h',
    'features.history',
    'features.regions',
    'features.tile_maps',
    'features.unknown',
    'overage.requests.usd',
  ]);
  const older = [{ group: 'main', limits: [{ name: '1h', limit: 5, window_ms: 3_600_000 }] }];
  expect(overrideFaults({ limits: { '1h': 5 }, features: { history: true, regions: 2 } }, list, older)).toEqual([]);
});

test('a window of one group alone is meant where its name says so', () => {
  const maps = { ...plan, group: 'maps' };
  const both = { limits: { '1s': 5, 'maps.1s': 7 } };
  expect(withOverrides(plan, both).limits[0]?.limit).toBe(5);
  expect(withOverrides(maps, both).limits[0]?.limit).toBe(7);
  expect(overrideFaults(both, list, [{ ...maps, limits: maps.limits }])).toEqual([]);
  expect(overrideFaults({ limits: { 'mail.1s': 5 } }, list, [maps]).map(({ path }) => path)).toEqual([
    'limits.mail.1s',
  ]);
  expect(overrideFaults({ limits: { 'main.1s': 5 } }, list, []).map(({ path }) => path)).toEqual(['limits.main.1s']);
});
