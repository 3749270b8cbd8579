import type { Meter, PlanUsage, Price } from '@farebox/core';
import { describe, expect, test } from 'vitest';
import {
  addOnPriceWords,
  byGroup,
  chooseWords,
  featuresBeside,
  groupName,
  includedWords,
  limitWords,
  namesWords,
  overageWords,
  planMinimumWords,
  priceNotes,
} from './plan-words.ts';

const requests: Meter = { id: 'requests', name: 'API requests', unit: 'request', aggregation: 'count' };
const base: PlanUsage = {
  meter_id: 'requests',
  included: 1_000_000,
  quota: 'soft',
  interval: 'month',
  overage: null,
};

describe('what else there is to a price', () => {
  const month: Price = { amount_minor: 49_900, currency: 'usd', interval: 'month', setup_fee_minor: 0 };
  const year: Price = { amount_minor: 499_000, currency: 'usd', interval: 'year', setup_fee_minor: 5000 };

  test('nothing, where a plan has one price and no more', () => {
    expect(priceNotes({ prices: [month], trial: null, seats: null }, month)).toEqual([]);
    expect(chooseWords({ name: 'Pro', trial: null })).toBe('Choose Pro');
  });

  test('the trial, the other interval, the fee and the seats', () => {
    const trial = { days: 14, card: false };
    const plan = { prices: [month, year], trial, seats: { minimum: 2, maximum: 10 } };
    expect(priceNotes(plan, year)).toEqual([
      '14 days free, no card needed',
      'or $499 a month',
      '$50 once at the start',
      'Each seat, 2 to 10',
    ]);
    expect(chooseWords({ name: 'Pro', trial })).toBe('Try Pro free');
  });
});

describe('a plan in plain words', () => {
  test('the included amount names the meter and the interval', () => {
    expect(includedWords(base, requests)).toBe('1,000,000 API requests a month');
  });

  test('a flat overage is one sentence with the exact unit price', () => {
    const usage: PlanUsage = { ...base, overage: { usd: { type: 'per_unit', unit_price_decimal: '0.12' } } };
    expect(overageWords(usage, requests, 'usd')).toEqual(['Then $0.0012 per extra request']);
  });

  test('graduated tiers are told by their size, not by their upper bound', () => {
    const tiers = [
      { up_to: 1_000_000, unit_price_decimal: '0.08' },
      { up_to: 3_000_000, unit_price_decimal: '0.06' },
      { up_to: null, unit_price_decimal: '0.05' },
    ];
    expect(overageWords({ ...base, overage: { usd: { type: 'graduated', tiers } } }, requests, 'usd')).toEqual([
      'First 1,000,000 extra: $0.0008 each',
      'Next 2,000,000: $0.0006 each',
      'Every further request: $0.0005 each',
    ]);
  });

  test('a hard quota says that it refuses', () => {
    expect(overageWords({ ...base, quota: 'hard' }, requests, 'usd')).toEqual([
      'No overage: requests past the included amount are refused until the next period',
    ]);
  });

  test('a window is told in its largest whole unit', () => {
    expect(limitWords({ name: '1s', limit: 10, window_ms: 1_000 })).toBe('10 per second');
    expect(limitWords({ name: '1m', limit: 300, window_ms: 60_000 })).toBe('300 per minute');
    expect(limitWords({ name: '10s', limit: 50, window_ms: 10_000 })).toBe('50 per 10 seconds');
    expect(limitWords({ name: '24h', limit: 5_000, window_ms: 86_400_000 })).toBe('5,000 per day');
  });
});

describe('groups of plans', () => {
  const feature = (id: string, enabled: boolean) => ({
    id,
    name: id,
    description: '',
    type: 'boolean' as const,
    enabled,
    value: null,
  });
  const plans = [
    { group: 'route_maps', features: [feature('history', true), feature('templates', false)] },
    { group: 'mail', features: [feature('history', false), feature('templates', true)] },
  ];

  test('stand in the order of the list, under words', () => {
    expect(byGroup(plans).map(([group]) => groupName([], group))).toEqual(['Route maps', 'Mail']);
    const named = [{ id: 'mail', name: 'Letters' }];
    expect(byGroup(plans).map(([group]) => groupName(named, group))).toEqual(['Route maps', 'Letters']);
    expect(namesWords([{ plan_name: 'Maps' }, { plan_name: 'Mail' }])).toBe('Maps and Mail');
  });

  test('of several, a plan says only what its own group has; of one, everything', () => {
    const [maps, mail] = plans;
    if (maps === undefined || mail === undefined) throw new Error('there are two');
    const names = (plan: typeof maps, all: typeof plans) =>
      featuresBeside(plan, all, plan.features).map(({ id }) => id);
    expect(names(maps, plans)).toEqual(['history']);
    expect(names(mail, plans)).toEqual(['templates']);
    expect(names(maps, [maps])).toEqual(['history', 'templates']);
  });
});

test('a minimum of a whole plan is a line in its currency', () => {
  const minimum = { interval: 'month' as const, amounts_minor: { usd: 50_000 } };
  expect(planMinimumWords({ minimum }, 'usd')).toEqual(['All usage together: at least $500 a month']);
  expect(planMinimumWords({ minimum }, 'eur')).toEqual([]);
  expect(planMinimumWords({}, 'usd')).toEqual([]);
});

test('an add-on says what is paid once', () => {
  const price = { amount_minor: 1000, currency: 'usd', interval: 'month' as const, setup_fee_minor: 2500 };
  expect(addOnPriceWords(price)).toBe('$10 a month, $25 once at the start');
  expect(addOnPriceWords({ ...price, setup_fee_minor: 0 })).toBe('$10 a month');
});
