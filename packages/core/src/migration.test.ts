import { expect, test } from 'vitest';
import {
  type MigrationFacts,
  type MigrationWish,
  decideMigration,
  migrationMrr,
  migrationProgressText,
} from './migration.ts';
import type { Plan } from './plan.ts';

const now = Date.UTC(2026, 5, 13);
const end = Date.UTC(2026, 6, 1);

const pro: Plan = {
  id: 'pro',
  name: 'Pro',
  description: '',
  highlighted: false,
  group: 'main',
  adds_to: [],
  customer: null,
  prices: [
    { amount_minor: 5900, currency: 'usd', interval: 'month', setup_fee_minor: 0 },
    { amount_minor: 60_000, currency: 'usd', interval: 'year', setup_fee_minor: 0 },
  ],
  seats: null,
  trial: null,
  usage: [],
  limits: [],
  features: {},
};

function facts(more: Partial<MigrationFacts> = {}, terms: Partial<MigrationFacts['terms']> = {}): MigrationFacts {
  return {
    status: 'active',
    plan_version: 1,
    base_plan_id: 'pro',
    group: 'main',
    terms: { plan_id: 'pro', amount_minor: 4900, currency: 'usd', interval: 'month', quantity: 1, ...terms },
    current_period_end_at: end,
    trial_end_at: null,
    cancel_at: null,
    ended_at: null,
    has_schedule: false,
    ...more,
  };
}

const wish: MigrationWish = { plan: pro, version: 3, from_versions: [1, 2], when: 'now' };

test('a subscriber keeps interval, currency and quantity, and gets the price of the version', () => {
  expect(decideMigration(facts(), wish, now)).toEqual({
    effect: 'move',
    when: 'now',
    at: now,
    terms: { plan_id: 'pro', amount_minor: 5900, currency: 'usd', interval: 'month', quantity: 1 },
  });
  const yearly = decideMigration(facts({}, { interval: 'year' }), { ...wish, when: 'period_end' }, now);
  expect(yearly).toMatchObject({ effect: 'move', when: 'period_end', at: end, terms: { amount_minor: 60_000 } });
  const seats = { minimum: 2, maximum: 5 };
  const perSeat = { ...wish, plan: { ...pro, seats } };
  expect(decideMigration(facts({}, { quantity: 5 }), perSeat, now)).toMatchObject({ terms: { quantity: 5 } });
});

test.each([
  [{ plan_version: 3 }, {}, 'already_moved'],
  [{ plan_version: 4 }, {}, 'left_version'],
  [{}, { plan_id: 'starter' }, 'left_version'],
  [{ status: 'canceled' }, {}, 'subscription_ended'],
  [{ ended_at: now }, {}, 'subscription_ended'],
] as const)('%o %o: there is nothing to move, and it says why', (state, terms, code) => {
  expect(decideMigration(facts(state, terms), wish, now)).toMatchObject({ effect: 'skip', code });
});

test.each([
  [{ status: 'incomplete' }, {}, 'subscription_incomplete'],
  [{ status: 'paused' }, {}, 'subscription_paused'],
  [{ status: 'past_due' }, {}, 'payment_past_due'],
  [{ status: 'unpaid' }, {}, 'payment_past_due'],
  [{ cancel_at: end }, {}, 'cancellation_scheduled'],
  [{ has_schedule: true }, {}, 'change_scheduled'],
  [{}, { interval: 'week' }, 'price_not_found'],
  [{}, { currency: 'eur' }, 'price_not_found'],
  [{}, { quantity: 2 }, 'seats_out_of_range'],
] as const)('%o %o: stays on its version, and it says why', (state, terms, code) => {
  expect(decideMigration(facts(state, terms), wish, now)).toMatchObject({ effect: 'refuse', code });
});

test('an add-on goes over where its version still goes with the plan', () => {
  const addOn = { ...wish, plan: { ...pro, id: 'block', group: null, adds_to: ['starter'] } };
  const held = (base_plan_id: string) => facts({ base_plan_id }, { plan_id: 'block' });
  expect(decideMigration(held('starter'), addOn, now)).toMatchObject({ effect: 'move', terms: { plan_id: 'block' } });
  expect(decideMigration(held('pro'), addOn, now)).toMatchObject({ effect: 'refuse', code: 'add_on_not_available' });
});

test('revenue moves with who moves, a year as twelve months; who stays, stays at what they pay', () => {
  const mrr = (of: MigrationFacts) => migrationMrr(of, decideMigration(of, wish, now));
  expect(mrr(facts())).toEqual({ currency: 'usd', now_minor: 4900, moved_minor: 5900 });
  const yearly = facts({}, { interval: 'year', amount_minor: 48_000 });
  expect(mrr(yearly)).toEqual({ currency: 'usd', now_minor: 4000, moved_minor: 5000 });
  expect(mrr(facts({ status: 'past_due' }))).toEqual({ currency: 'usd', now_minor: 4900, moved_minor: 4900 });
});

test('progress names only what there is', () => {
  const counts = { total: 40, done: 12, scheduled: 0, failed: 3, skipped: 0, remaining: 25 };
  expect(migrationProgressText(counts)).toBe('12 of 40 moved, 3 failed, 25 left');
  expect(migrationProgressText({ ...counts, done: 40, failed: 0, remaining: 0 })).toBe('40 of 40 moved');
  expect(migrationProgressText({ ...counts, done: 0, scheduled: 39, failed: 0, skipped: 1, remaining: 0 })).toBe(
    '0 of 40 moved, 39 at the end of their period, 1 no longer to be moved',
  );
});

test('nobody is moved into another group, where they may have a plan already', () => {
  const moved = decideMigration(facts(), { ...wish, plan: { ...pro, group: 'maps' } }, now);
  expect(moved).toMatchObject({ effect: 'refuse', code: 'group_mismatch' });
  const older = { ...wish, plan: { ...pro, group: 'maps' } };
  expect(decideMigration(facts({ group: 'maps' }), older, now).effect).toBe('move');
});
