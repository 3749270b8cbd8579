import { expect, test } from 'vitest';
import type { ApiKey } from '../../lib/wire.ts';
import { draftOf, emptyDraft, wishOf } from './key-draft.ts';

const now = Date.UTC(2026, 2, 10, 15, 30);
const key: ApiKey = {
  object: 'api_key',
  id: 'key_1',
  name: 'CI',
  start: 'sky_test_abcd',
  scopes: ['read', 'orders:write'],
  allowed_cidrs: ['203.0.113.0/24', '2001:db8::/32'],
  budget: { limit: 500, window: 'period' },
  livemode: false,
  status: 'active',
  revealable: false,
  former_until_at: null,
  last_used_at: null,
  expires_at: '2026-03-20T09:00:00.000Z',
  created_at: '2026-03-01T00:00:00.000Z',
};

test('a new key asks for what was filled in and for nothing else', () => {
  expect(wishOf({ ...emptyDraft, name: ' CI ' }, now)).toEqual({ name: 'CI' });
  expect(
    wishOf(
      { ...emptyDraft, name: 'CI', scopes: ' read,  write', addresses: '203.0.113.7\n\n10.0.0.0/8', budget_limit: '9' },
      now,
    ),
  ).toEqual({
    name: 'CI',
    scopes: ['read', 'write'],
    allowed_cidrs: ['203.0.113.7', '10.0.0.0/8'],
    budget: { limit: 9, window: '1d' },
  });
});

test('it expires so many days from now, or when its last day is over', () => {
  expect(wishOf({ ...emptyDraft, expires: '30' }, now).expires_at).toBe('2026-04-09T15:30:00.000Z');
  const on = { ...emptyDraft, expires: 'on', last_on: '2026-12-31' };
  expect(wishOf(on, now).expires_at).toBe('2027-01-01T00:00:00.000Z');
});

test('of a key that is there only what was changed is asked for', () => {
  const before = draftOf(key);
  expect(before).toMatchObject({ expires: 'on', last_on: '2026-03-20', budget_limit: '500', budget_window: 'period' });
  expect(wishOf(before, now, before)).toEqual({});
  expect(wishOf({ ...before, name: 'Deploy', budget_limit: '' }, now, before)).toEqual({
    name: 'Deploy',
    budget: null,
  });
  expect(wishOf({ ...before, expires: 'never' }, now, before)).toEqual({ expires_at: null });
  expect(wishOf({ ...before, scopes: '' }, now, before)).toEqual({ scopes: [] });
});
