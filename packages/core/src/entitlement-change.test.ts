import { expect, test } from 'vitest';
import { type ToldEntitlement, entitlementChanges } from './entitlement-change.ts';

const on = (more: Partial<ToldEntitlement> = {}) => ({ enabled: true, value: null, included: null, ...more });
const off = { enabled: false, value: null, included: null };

test.each<[string, ToldEntitlement | null, ToldEntitlement | null, string | null]>([
  ['comes', null, on(), 'granted'],
  ['is turned on', off, on(), 'granted'],
  ['stays', on({ value: 7 }), on({ value: 7 }), null],
  ['is set to something else', on({ value: 7 }), on({ value: 30 }), 'changed'],
  ['includes more', on({ included: 5 }), on({ included: 9 }), 'changed'],
  ['is turned off', on({ included: 5 }), { ...off, included: 5 }, 'revoked'],
  ['leaves the price list', on(), null, 'revoked'],
  ['is off and would include more', { ...off, included: 5 }, { ...off, included: 9 }, null],
  ['was never there', null, off, null],
])('a feature that %s', (_, before, after, expected) => {
  const found = entitlementChanges(before === null ? {} : { f: before }, after === null ? {} : { f: after });
  expect(found.map(({ change }) => change)).toEqual(expected === null ? [] : [`entitlement.${expected}`]);
});
