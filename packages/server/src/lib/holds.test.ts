import { expect, test } from 'vitest';
import { holds } from './holds.ts';

const at = '2026-01-31T10:20:30Z';
const stored = { id: 'x', status: 'open', at: new Date(at), card: { brand: 'visa', last4: '4242' }, of: [1, 2] };

test('the same values change nothing, whatever the order of their names', () => {
  expect(holds(stored, {})).toBe(true);
  expect(holds(stored, { at: new Date(at), card: { last4: '4242', brand: 'visa' }, of: [1, 2], status: 'open' })).toBe(
    true,
  );
});

test.each([
  { status: 'paid' },
  { at: new Date('2026-01-31T10:20:31Z') },
  { at: null },
  { card: { brand: 'visa', last4: '4242', more: 1 } },
  { card: null },
  { of: [2, 1] },
  { unknown: null },
])('another value is a change: %o', (values) => expect(holds(stored, values)).toBe(false));
