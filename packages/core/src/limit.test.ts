import { defaultDunning } from './dunning.ts';
import { describe, expect, test } from 'vitest';
import { type GateKey, partFor, quotaOf, refuse } from './limit.ts';
import type { PricedPlan } from './priced-plan.ts';

const day = 86_400_000;
const grace = 3 * day;
const policy = { grace_ms: grace, dunning: defaultDunning(3) };
const now = Date.UTC(2027, 2, 10, 12);
const anyone = '203.0.113.7';

const plan: PricedPlan = {
  id: 'pro',
  name: 'Pro',
  description: 'For products.',
  highlighted: false,
  group: 'main',
  adds_to: [],
  customer: null,
  price: { amount_minor: 49_900, currency: 'usd', interval: 'month', setup_fee_minor: 0 },
  seats: null,
  trial: null,
  usage: [
    { meter_id: 'requests', included: 1000, quota: 'hard', interval: 'month', overage: null },
    { meter_id: 'tiles', included: 5, quota: 'hard', interval: 'month', overage: null },
  ],
  limits: [{ name: '1s', limit: 10, window_ms: 1000 }],
  features: {},
};

function entry(more: Partial<GateKey> = {}, subscription: Partial<GateKey['subscription'] & object> = {}): GateKey {
  return {
    key_id: 'key_1',
    customer_id: 'cust_1',
    livemode: false,
    scopes: [],
    allowed_cidrs: [],
    expires_at: null,
    disabled_at: null,
    revoked_at: null,
    subscription: {
      status: 'active',
      billing_anchor_at: Date.UTC(2027, 0, 31),
      current_period_start_at: Date.UTC(2027, 1, 28),
      current_period_end_at: Date.UTC(2027, 2, 31),
      cancel_at: null,
      ended_at: null,
      past_due_since_at: null,
      ...subscription,
    },
    plan,
    budget: null,
    quota_used: 0,
    key_used: 0,
    ...more,
  };
}

describe('refuse', () => {
  test('lets a good key through', () => {
    expect(refuse(entry(), anyone, null, now, policy)).toBeNull();
  });

  test.each([
    ['REVOKED', entry({ revoked_at: now })],
    ['DISABLED', entry({ disabled_at: now })],
    ['EXPIRED', entry({ expires_at: now })],
    ['FORBIDDEN_IP', entry({ allowed_cidrs: ['198.51.100.0/24'] })],
    ['SUBSCRIPTION_INACTIVE', entry({ subscription: null })],
    ['SUBSCRIPTION_INACTIVE', entry({ plan: null })],
    ['SUBSCRIPTION_INACTIVE', entry({}, { status: 'canceled' })],
    ['SUBSCRIPTION_INACTIVE', entry({}, { current_period_end_at: now - grace })],
    ['PAYMENT_PAST_DUE', entry({}, { status: 'past_due', past_due_since_at: now - grace })],
    ['PAYMENT_PAST_DUE', entry({}, { status: 'unpaid' })],
  ] as const)('%s, with a sentence that says what to do', (code, bad) => {
    const refusal = refuse(bad, anyone, null, now, policy);
    expect(refusal?.code).toBe(code);
    expect(refusal?.detail).toMatch(/^[A-Z].*\.$/);
  });

  test.each([
    ['an expiry to come', entry({ expires_at: now + 1 })],
    ['a revocation to come', entry({ revoked_at: now + 1 })],
    ['an address on the list', entry({ allowed_cidrs: ['198.51.100.0/24', '203.0.113.0/24'] })],
    ['past due within grace', entry({}, { status: 'past_due', past_due_since_at: now - grace + 1 })],
    ['a trial', entry({}, { status: 'trialing' })],
  ])('%s passes', (_what, good) => {
    expect(refuse(good, anyone, null, now, policy)).toBeNull();
  });

  test('a key with scopes does those and nothing else; one without does everything', () => {
    expect(refuse(entry({ scopes: ['read'] }), null, 'read', now, policy)).toBeNull();
    expect(refuse(entry({ scopes: ['read'] }), null, 'write', now, policy)?.code).toBe('INSUFFICIENT_SCOPE');
    expect(refuse(entry({ scopes: ['read'] }), null, null, now, policy)).toBeNull();
    expect(refuse(entry({ scopes: [] }), null, 'write', now, policy)).toBeNull();
  });

  test('an allowlist refuses a request whose address is not known', () => {
    expect(refuse(entry({ allowed_cidrs: ['0.0.0.0/0'] }), null, null, now, policy)?.code).toBe('FORBIDDEN_IP');
  });

  test('says the first reason in a fixed order', () => {
    const reasons: [string, Partial<GateKey>][] = [
      ['REVOKED', { revoked_at: 1 }],
      ['DISABLED', { disabled_at: 1 }],
      ['EXPIRED', { expires_at: 1 }],
      ['FORBIDDEN_IP', { allowed_cidrs: ['198.51.100.1'] }],
      ['INSUFFICIENT_SCOPE', { scopes: ['read'] }],
      ['SUBSCRIPTION_INACTIVE', { subscription: null }],
    ];
    for (const [index, [code]] of reasons.entries()) {
      const all: Partial<GateKey> = Object.assign({}, ...reasons.slice(index).map(([, fault]) => fault));
      expect(refuse(entry(all), '203.0.113.7', 'write', now, policy)?.code).toBe(code);
    }
  });
});

describe('quotaOf', () => {
  test('is the first meter of the plan, in the billing period that holds now', () => {
    const quota = quotaOf(entry(), now);
    expect(quota?.usage.meter_id).toBe('requests');
    expect(quota?.period).toEqual({ index: 1, start_at: Date.UTC(2027, 1, 28), end_at: Date.UTC(2027, 2, 31) });
  });

  test('turns over by the clock alone, at the anchor day', () => {
    expect(quotaOf(entry(), Date.UTC(2027, 2, 31) - 1)?.period.index).toBe(1);
    expect(quotaOf(entry(), Date.UTC(2027, 2, 31))?.period.index).toBe(2);
  });

  test('lasts as long as the plan says, whatever the price is billed by', () => {
    const price = { ...plan.price, interval: 'year' as const };
    expect(quotaOf(entry({ plan: { ...plan, price } }), now)?.period.end_at).toBe(Date.UTC(2027, 2, 31));
    const usage = plan.usage.map((part) => ({ ...part, interval: 'year' as const }));
    expect(quotaOf(entry({ plan: { ...plan, price, usage } }), now)?.period.end_at).toBe(Date.UTC(2028, 0, 31));
  });

  test('is null without a plan, a subscription or a metered amount', () => {
    expect(quotaOf(entry({ plan: null }), now)).toBeNull();
    expect(quotaOf(entry({ subscription: null }), now)).toBeNull();
    expect(quotaOf(entry({ plan: { ...plan, usage: [] } }), now)).toBeNull();
  });
});

test('while a payment is owed, the policy decides what passes: first all, then what reads, then nothing', () => {
  const stages = [
    { step: 'warn', after_days: 0, rate_percent: 100 },
    { step: 'slow', after_days: 1, rate_percent: 10 },
    { step: 'read_only', after_days: 2, rate_percent: 10 },
    { step: 'block', after_days: 3, rate_percent: 10 },
  ] as const;
  const owed = (days: number) => entry({}, { status: 'past_due', past_due_since_at: now - days * day });
  const answers = (days: number) =>
    ['forecast:read', 'forecast:write', null].map(
      (scope) => refuse(owed(days), null, scope, now, { grace_ms: 0, dunning: stages })?.code ?? 'passes',
    );
  expect(answers(0)).toEqual(['passes', 'passes', 'passes']);
  expect(answers(1)).toEqual(['passes', 'passes', 'passes']);
  expect(answers(2)).toEqual(['passes', 'PAYMENT_PAST_DUE', 'PAYMENT_PAST_DUE']);
  expect(answers(3)).toEqual(['PAYMENT_PAST_DUE', 'PAYMENT_PAST_DUE', 'PAYMENT_PAST_DUE']);
});

describe('the part of a key that a request is for', () => {
  const mail: PricedPlan = {
    ...plan,
    id: 'mail',
    group: 'mail',
    usage: [{ meter_id: 'mails', included: 9, quota: 'hard', interval: 'month', overage: null }],
  };
  const maps = entry();
  const mails = entry({ plan: mail });
  const ended = { status: 'canceled' };

  test('is the one that measures what the request names; one that nobody measures is nobody’s', () => {
    expect(partFor([maps, mails], 'mails', now, policy)).toBe(mails);
    expect(partFor([maps, mails], 'requests', now, policy)).toBe(maps);
    expect(partFor([maps, mails], 'faxes', now, policy)).toBeNull();
    // Also one that has ended: the request is refused and not counted as something else.
    const over = entry({ plan: mail }, ended);
    expect(partFor([maps, over], 'mails', now, policy)).toBe(over);
  });

  test('is the first that gives access where the request names nothing', () => {
    expect(partFor([maps, mails], null, now, policy)).toBe(maps);
    expect(partFor([entry({}, ended), mails], null, now, policy)).toBe(mails);
    const owing = entry({ plan: mail }, { status: 'unpaid' });
    expect(partFor([entry({}, ended), owing], null, now, policy)).toBe(owing);
    const never = entry({ subscription: null, plan: null });
    expect(partFor([never], null, now, policy)).toBe(never);
  });
});
