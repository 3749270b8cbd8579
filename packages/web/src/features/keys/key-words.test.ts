import { describe, expect, test } from 'vitest';
import type { ApiKey } from '../../lib/wire.ts';
import { waitingFirstKey } from './key-words.ts';

function key(id: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    object: 'api_key',
    id,
    name: id,
    start: 'sky_test_abcd',
    scopes: [],
    allowed_cidrs: [],
    livemode: false,
    status: 'active',
    revealable: false,
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
