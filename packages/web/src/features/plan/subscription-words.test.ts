import { describe, expect, test } from 'vitest';
import { isLive, statusWords } from './subscription-words.ts';

const active = {
  status: 'active',
  current_period_end_at: '2026-12-23T10:00:00Z',
  cancel_at: null,
  ended_at: null,
};

describe('a subscription in words', () => {
  test('an active one says when it renews', () => {
    expect(statusWords(active)).toMatchObject({ tone: 'good', label: 'Active', sentence: 'Renews on 23 Dec 2026' });
  });

  test('a cancelled one says how long keys work, and does not say that it renews', () => {
    const words = statusWords({ ...active, cancel_at: '2026-12-23T10:00:00Z' });
    expect(words).toMatchObject({ tone: 'warn', label: 'Ends 23 Dec 2026' });
    expect(words.sentence).not.toContain('Renews');
  });

  test('a failed payment is louder than a planned end', () => {
    expect(statusWords({ ...active, status: 'past_due', cancel_at: '2026-12-23T10:00:00Z' }).tone).toBe('bad');
  });

  test('only an ended one makes room for another', () => {
    expect(isLive({ status: 'canceled' })).toBe(false);
    expect(isLive({ status: 'incomplete_expired' })).toBe(false);
    expect(
      ['active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete'].every((status) => isLive({ status })),
    ).toBe(true);
  });
});
