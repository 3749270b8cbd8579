import { describe, expect, test } from 'vitest';
import type { CheckoutSession, Subscription } from '../../lib/wire.ts';
import { paymentStep } from './payment-step.ts';

const open: CheckoutSession = {
  object: 'checkout_session',
  id: 'chks_1',
  state: 'open',
  url: 'https://pay.example/1',
  plan_id: 'pro',
  expires_at: '2026-11-23T12:00:00Z',
  subscription: null,
};
const subscription = { id: 'subs_1' } as Subscription;

describe('where a purchase stands', () => {
  test('it is paid only when the subscription is there', () => {
    expect(paymentStep({ ...open, state: 'complete' }, 0)).toBe('preparing');
    expect(paymentStep({ ...open, state: 'complete', subscription }, 0)).toBe('paid');
  });

  test('an open checkout is waited for, then told as unpaid', () => {
    expect(paymentStep(open, 19_000)).toBe('waiting');
    expect(paymentStep(open, 20_000)).toBe('unpaid');
  });

  test('a payment whose subscription stays away is told as slow, never as unpaid', () => {
    expect(paymentStep({ ...open, state: 'complete' }, 60_000)).toBe('slow');
  });

  test('an expired checkout is said at once', () => {
    expect(paymentStep({ ...open, state: 'expired' }, 0)).toBe('expired');
  });
});
