import { describe, expect, test } from 'vitest';
import type { ApiKey } from '../../lib/wire.ts';
import { keyActions, keyFacts, waitingFirstKey, windowChoices } from './key-words.ts';

function key(id: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    object: 'api_key',
    id,
    name: id,
    start: 'sky_test_abcd',
    scopes: [],
    allowed_cidrs: [],
    budget: null,
    livemode: false,
    status: 'active',
    revealable: false,
    former_until_at: null,
    last_used_at: null,
    expires_at: null,
    created_at: '2026-11-01T00:00:00Z',
    ...more,
  };
}

describe('the first key that waits to be shown', () => {
  test('is the one the server says can be revealed', () => {
    expect(waitingFirstKey([key('second'), key('first', { revealable: true })])?.id).toBe('first');
  });

  test('is none when it was shown, or revoked before that', () => {
    expect(waitingFirstKey([key('first')])).toBeNull();
    expect(waitingFirstKey([key('first', { revealable: true, status: 'revoked' })])).toBeNull();
    expect(waitingFirstKey([])).toBeNull();
  });
});

test('an operator changes and stops a key and never sees its secret; a revoked key is left alone', () => {
  expect(keyActions(key('a', { revealable: true }), true)).toEqual(['reveal', 'rotate', 'edit', 'disable', 'revoke']);
  expect(keyActions(key('a', { revealable: true }), false)).toEqual(['edit', 'disable', 'revoke']);
  expect(keyActions(key('a', { status: 'disabled' }), true)).toEqual(['rotate', 'edit', 'enable', 'revoke']);
  expect(keyActions(key('a', { status: 'expired' }), false)).toEqual(['edit', 'revoke']);
  expect(keyActions(key('a', { status: 'revoked' }), true)).toEqual([]);
});

test('what is special about a key stands in a line', () => {
  expect(keyFacts(key('a'))).toBe('');
  expect(
    keyFacts(
      key('a', {
        scopes: ['read', 'write'],
        budget: { limit: 5000, window: 'period' },
        allowed_cidrs: ['203.0.113.0/24', '10.0.0.0/8'],
        expires_at: '2026-12-31T00:00:00Z',
        former_until_at: '2026-12-01T10:30:00Z',
      }),
    ),
  ).toBe(
    'read, write · 5,000 a billing period · from 203.0.113.0/24 and 1 more · expires 31 Dec 2026 · old secret until 1 Dec, 10:30 UTC',
  );
  expect(windowChoices('5m').at(-1)).toEqual({ value: '5m', label: 'per 5m' });
});
