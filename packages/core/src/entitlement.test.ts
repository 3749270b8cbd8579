import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultDunning } from './dunning.ts';
import { type Access, type SubscriptionState, accessOf } from './entitlement.ts';

const end = Date.UTC(2027, 1, 28);
const grace = 3 * 86_400_000;
const policy = { grace_ms: grace, dunning: defaultDunning(3) };
const none = { grace_ms: 0, dunning: defaultDunning(0) };
const failed = end - 86_400_000;

function state(status: string, more: Partial<SubscriptionState> = {}): SubscriptionState {
  const past_due_since_at = status === 'past_due' ? failed : null;
  return { status, current_period_end_at: end, cancel_at: null, ended_at: null, past_due_since_at, ...more };
}

/** Instants around the two bounds of a status: the stored end, and that end plus grace. */
const instants = {
  'before the end': end - 1,
  'at the end': end,
  'within grace': end + grace - 1,
  'at the end of grace': end + grace,
  'long after': end + 400 * 86_400_000,
};
type When = keyof typeof instants;

const always = (access: Access): Record<When, Access> => ({
  'before the end': access,
  'at the end': access,
  'within grace': access,
  'at the end of grace': access,
  'long after': access,
});
const renewing: Record<When, Access> = {
  ...always('granted'),
  'at the end of grace': 'inactive',
  'long after': 'inactive',
};

/** The eight statuses of https://docs.stripe.com/api/subscriptions/object, and one that does not exist yet. */
const table: Record<string, Record<When, Access>> = {
  active: renewing,
  trialing: renewing,
  // The failure lies a day before the period's end, so its grace is over a day before `end + grace`.
  past_due: { ...always('past_due'), 'before the end': 'granted', 'at the end': 'granted' },
  unpaid: always('past_due'),
  paused: always('inactive'),
  incomplete: always('inactive'),
  incomplete_expired: always('inactive'),
  canceled: always('inactive'),
  invented: always('inactive'),
};

const cells = Object.entries(table).flatMap(([status, row]) =>
  Object.entries(instants).map(([when, now]) => [status, when, now, row[when as When]] as const),
);

describe('accessOf', () => {
  test.each(cells)('%s %s', (status, _when, now, access) => {
    expect(accessOf(state(status), now, policy)).toBe(access);
  });

  test('without grace, access ends with the period', () => {
    expect(accessOf(state('active'), end - 1, none)).toBe('granted');
    expect(accessOf(state('active'), end, none)).toBe('inactive');
    expect(accessOf(state('past_due'), failed, none)).toBe('past_due');
  });

  test('grace after a failed payment counts from the failure', () => {
    expect(accessOf(state('past_due'), failed + grace - 1, policy)).toBe('granted');
    expect(accessOf(state('past_due'), failed + grace, policy)).toBe('past_due');
    expect(accessOf(state('past_due', { past_due_since_at: null }), end + grace - 1, policy)).toBe('granted');
    expect(accessOf(state('past_due', { past_due_since_at: null }), end + grace, policy)).toBe('past_due');
  });

  test('a cancellation takes effect at its instant, without grace', () => {
    expect(accessOf(state('active', { cancel_at: end }), end - 1, policy)).toBe('granted');
    expect(accessOf(state('active', { cancel_at: end }), end, policy)).toBe('inactive');
    expect(accessOf(state('past_due', { cancel_at: failed }), failed, policy)).toBe('inactive');
  });

  test('an ended subscription gives nothing, whatever its status says', () => {
    for (const status of Object.keys(table)) {
      expect(accessOf(state(status, { ended_at: end - 10 }), end - 10, policy)).toBe('inactive');
    }
  });

  test('time alone never brings access back', () => {
    const at = fc.option(fc.integer({ min: end - grace * 3, max: end + grace * 3 }), { nil: null });
    const any = fc.record({
      status: fc.constantFrom(...Object.keys(table)),
      current_period_end_at: fc.constant(end),
      cancel_at: at,
      ended_at: at,
      past_due_since_at: at,
    });
    fc.assert(
      fc.property(
        any,
        fc.integer({ min: end - grace * 4, max: end + grace * 4 }),
        fc.nat(grace * 4),
        fc.nat(10),
        (stored, now, later, days) => {
          const allowed = { grace_ms: days * 86_400_000, dunning: defaultDunning(days) };
          if (accessOf(stored, now, allowed) !== 'granted')
            expect(accessOf(stored, now + later, allowed)).not.toBe('granted');
        },
      ),
    );
  });
});
