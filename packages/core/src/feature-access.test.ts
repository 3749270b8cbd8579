import { expect, test } from 'vitest';
import { alertsOf, decideFeature, type QuotaUse } from './feature-access.ts';

const quota: QuotaUse = { meter_id: 'requests', kind: 'hard', included: 100, used: 90, remaining: 10, reset_at: 5_000 };

test.each([
  ['a feature that is on', 'granted', { enabled: true, quota: null }, 1, 'ALLOWED'],
  ['a feature that is off', 'granted', { enabled: false, quota: null }, 1, 'FEATURE_OFF'],
  ['as much as is left of a hard quota', 'granted', { enabled: true, quota }, 10, 'ALLOWED'],
  ['one unit more', 'granted', { enabled: true, quota }, 11, 'QUOTA_EXCEEDED'],
  [
    'more than is left of a soft quota',
    'granted',
    { enabled: true, quota: { ...quota, kind: 'soft' } },
    999,
    'ALLOWED',
  ],
  [
    'nothing at all, when nothing is left',
    'granted',
    { enabled: true, quota: { ...quota, remaining: 0 } },
    0,
    'ALLOWED',
  ],
  ['no subscription', 'inactive', { enabled: true, quota }, 1, 'SUBSCRIPTION_INACTIVE'],
  ['a payment that is owed for too long', 'past_due', { enabled: true, quota }, 1, 'PAYMENT_PAST_DUE'],
] as const)('%s', (_name, access, feature, quantity, code) => {
  expect(decideFeature(access, feature, quantity)).toBe(code);
});

const dayMs = 86_400_000;
const now = Date.UTC(2026, 5, 10);
const quiet = {
  past_due_since_at: null,
  blocked_at: null,
  action_required: false,
  cancel_at: null,
  trial_end_at: null,
  card: { exp_month: 12, exp_year: 2030 },
  next_payment_at: now + 20 * dayMs,
  quotas: [{ ...quota, used: 79 }],
};

test('a customer with whom all is well has no alert', () => {
  expect(alertsOf(quiet, now)).toEqual([]);
});

test.each([
  ['a payment is owed', { past_due_since_at: now, blocked_at: now + dayMs }, ['payment_past_due', now + dayMs]],
  ['the bank asks', { action_required: true }, ['payment_action_required', null]],
  ['four fifths of a quota', { quotas: [{ ...quota, used: 80 }] }, ['quota_near', 5_000]],
  ['all of a quota', { quotas: [{ ...quota, used: 100 }] }, ['quota_reached', 5_000]],
  ['it is to end', { cancel_at: now + dayMs }, ['cancellation_scheduled', now + dayMs]],
  ['the trial has three days left', { trial_end_at: now + 3 * dayMs }, ['trial_ending', now + 3 * dayMs]],
  [
    'the card is over before the next payment',
    { card: { exp_month: 6, exp_year: 2026 }, next_payment_at: Date.UTC(2026, 6, 1) },
    ['card_expiring', Date.UTC(2026, 6, 1)],
  ],
])('an alert: %s', (_name, facts, [code, at]) => {
  expect(alertsOf({ ...quiet, ...facts }, now)).toMatchObject([{ code, at }]);
});

test.each([
  ['a trial with more time', { trial_end_at: now + 3 * dayMs + 1 }],
  ['a trial that is over', { trial_end_at: now }],
  ['a quota of nothing that nobody uses', { quotas: [{ ...quota, included: 0, used: 0 }] }],
])('no alert: %s', (_name, facts) => {
  expect(alertsOf({ ...quiet, ...facts }, now)).toEqual([]);
});
