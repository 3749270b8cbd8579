import { describe, expect, test } from 'vitest';
import { gateHeaders } from './headers.ts';
import type { Verification } from './wire.ts';

const now = Date.UTC(2027, 0, 15, 12);

function verification(more: Partial<Verification> = {}): Verification {
  return {
    valid: true,
    code: 'VALID',
    detail: 'The request may pass.',
    request_id: 'req_1',
    key_id: 'key_1',
    customer_id: 'cust_1',
    plan_id: 'starter',
    scopes: [],
    features: {},
    limits: [
      { name: '1s', limit: 10, remaining: 9, window_ms: 1000, reset_at: now + 400 },
      { name: '1m', limit: 300, remaining: 297, window_ms: 60_000, reset_at: now + 59_001 },
    ],
    quota: {
      meter_id: 'requests',
      kind: 'soft',
      included: 100_000,
      used: 58,
      remaining: 99_942,
      reset_at: now + 86_400_000,
    },
    cost_decimal: '0',
    currency: 'usd',
    retry_after_s: null,
    payment: null,
    ...more,
  };
}

describe('gateHeaders', () => {
  test('says every policy and what is left of each', () => {
    expect(gateHeaders(verification(), now)).toEqual({
      'RateLimit-Policy': '"1s";q=10;w=1, "1m";q=300;w=60, "month";q=100000',
      RateLimit: '"1s";r=9;t=1, "1m";r=297;t=60, "month";r=99942;t=86400',
      'X-RateLimit-Limit': '10',
      'X-RateLimit-Remaining': '9',
      'X-RateLimit-Reset': String(Math.ceil((now + 400) / 1000)),
      'Farebox-Quota-Remaining': '99942',
      'Farebox-Cost': '0 usd',
      'Farebox-Request-Id': 'req_1',
      'Farebox-Code': 'VALID',
    });
  });

  test('is a list of structured fields: strings with integer parameters (RFC 9651)', () => {
    const item = '"[ !#-\\[\\]-~]+"(;[a-z]+=\\d{1,15})+';
    const list = new RegExp(`^${item}(, ${item})*$`);
    const headers = gateHeaders(
      verification({
        limits: [{ name: '30d', limit: 999_999_999_999_999, remaining: 0, window_ms: 2_592_000_000, reset_at: now }],
      }),
      now,
    );
    expect(headers['RateLimit-Policy']).toMatch(list);
    expect(headers['RateLimit']).toMatch(list);
  });

  test.each([
    ['0.08', 'usd', '0.0008 usd'],
    ['0.16', 'usd', '0.0016 usd'],
    ['120', 'usd', '1.2 usd'],
    ['0.5', 'jpy', '0.5 jpy'],
    ['0', 'eur', '0 eur'],
  ])('a cost of %s is %s in major units: %s', (cost_decimal, currency, text) => {
    expect(gateHeaders(verification({ cost_decimal, currency }), now)['Farebox-Cost']).toBe(text);
  });

  test('a refusal says when to come back, at least a second later', () => {
    const refused = { valid: false, code: 'RATE_LIMITED' } as const;
    expect(gateHeaders(verification({ ...refused, retry_after_s: 0.2 }), now)['Retry-After']).toBe('1');
    expect(gateHeaders(verification({ ...refused, retry_after_s: 0 }), now)['Retry-After']).toBe('1');
    expect(gateHeaders(verification({ ...refused, retry_after_s: 41.1 }), now)['Retry-After']).toBe('42');
    expect(gateHeaders(verification(), now)).not.toHaveProperty('Retry-After');
  });

  test('what is overdrawn reads as nothing left, and the past as now', () => {
    const quota = {
      meter_id: 'requests',
      kind: 'soft',
      included: 10,
      used: 12,
      remaining: -2,
      reset_at: now - 5,
    } as const;
    const headers = gateHeaders(verification({ limits: [], quota }), now);
    expect(headers['RateLimit']).toBe('"month";r=0;t=0');
    expect(headers['Farebox-Quota-Remaining']).toBe('0');
    expect(headers).not.toHaveProperty('X-RateLimit-Limit');
  });

  test('the X-RateLimit headers speak of the tightest window; of equals, of the one that frees up last', () => {
    const limits = [
      { name: '1s', limit: 10, remaining: 0, window_ms: 1000, reset_at: now + 1000 },
      { name: '1m', limit: 300, remaining: 0, window_ms: 60_000, reset_at: now + 30_000 },
      { name: '1h', limit: 9000, remaining: 5, window_ms: 3_600_000, reset_at: now + 900_000 },
    ];
    expect(gateHeaders(verification({ limits }), now)).toMatchObject({
      'X-RateLimit-Limit': '300',
      'X-RateLimit-Remaining': '0',
    });
  });

  test('a yearly quota is called a year', () => {
    const quota = {
      meter_id: 'requests',
      kind: 'hard',
      included: 10,
      used: 1,
      remaining: 9,
      reset_at: now + 1000,
      interval: 'year',
    } as const;
    expect(gateHeaders(verification({ limits: [], quota }), now)['RateLimit-Policy']).toBe('"year";q=10');
  });

  test('an unknown key gets no limits and no cost', () => {
    const unknown = verification({ valid: false, code: 'NOT_FOUND', limits: [], quota: null, currency: null });
    expect(gateHeaders(unknown, now)).toEqual({ 'Farebox-Request-Id': 'req_1', 'Farebox-Code': 'NOT_FOUND' });
  });

  test('warns while a payment is owed, and of what comes next', () => {
    const since_at = Date.UTC(2027, 0, 10);
    const owed = { step: 'slow', rate_percent: 25, since_at, next: { step: 'block', at: now } } as const;
    expect(gateHeaders(verification({ payment: owed }), now)['Farebox-Payment']).toBe(
      'past_due; step=slow; since=2027-01-10T00:00:00.000Z; next=block; next_at=2027-01-15T12:00:00.000Z',
    );
    expect(gateHeaders(verification({ payment: { ...owed, next: null } }), now)['Farebox-Payment']).toBe(
      'past_due; step=slow; since=2027-01-10T00:00:00.000Z',
    );
    expect(gateHeaders(verification(), now)['Farebox-Payment']).toBeUndefined();
  });
});
