import { expect, test } from 'vitest';
import type { CustomerOverrides } from '../../lib/wire.ts';
import { overridesWish } from './wish.ts';

const before: CustomerOverrides = {
  object: 'customer_overrides',
  customer_id: 'cust_1',
  in_force: false,
  overrides: null,
  effective: [
    {
      group: 'main',
      plan_id: 'pro',
      usage: [{ meter_id: 'requests', included: 1000, quota: 'soft' }],
      limits: [
        { name: '1s', limit: 10, window_ms: 1000 },
        { name: '1m', limit: 300, window_ms: 60_000 },
      ],
      features: { history: false, regions: 1, support: 'mail' },
    },
  ],
  history: [],
};

test('an empty field is as the plan says; the rest is of the kind the plan has', () => {
  const fields = {
    'limit.1s': '20',
    'limit.1m': '',
    'included.requests': '5000',
    'quota.requests': '',
    'feature.history': 'on',
    'feature.regions': '4',
    'feature.support': '',
    expires_on: '2026-12-01',
    reason: ' a launch ',
  };
  expect(overridesWish(fields, before)).toEqual({
    limits: { '1s': 20 },
    included: { requests: 5000 },
    quota: {},
    overage: {},
    features: { history: true, regions: 4 },
    expires_at: '2026-12-01T00:00:00.000Z',
    reason: 'a launch',
  });
});

test('what is not in the form stays: prices of usage are set over the API', () => {
  const change = {
    included: {},
    quota: {},
    limits: {},
    features: {},
    expires_at: null,
    reason: '',
    actor: '',
    from_at: '',
  };
  const overage = { requests: { usd: { type: 'per_unit', unit_price_decimal: '1' } } };
  const priced = { ...before, overrides: { ...change, overage } };
  expect(overridesWish({ reason: 'x' }, priced)).toMatchObject({ overage, expires_at: null, limits: {} });
});

test('of several plans a window is called by its group, and a meter by itself', () => {
  const mails = { meter_id: 'mails', included: 5, quota: 'hard' as const };
  const mail = { group: 'mail', plan_id: 'mail', usage: [mails], features: { history: false, templates: true } };
  const both = {
    ...before,
    effective: [...before.effective, { ...mail, limits: [{ name: '1s', limit: 2, window_ms: 1000 }] }],
  };
  const fields = { 'limit.mail.1s': '9', 'limit.main.1m': '600', 'included.mails': '50', 'feature.templates': 'off' };
  expect(overridesWish({ ...fields, reason: 'x' }, both)).toMatchObject({
    limits: { 'mail.1s': 9, 'main.1m': 600 },
    included: { mails: 50 },
    features: { templates: false },
  });
});
