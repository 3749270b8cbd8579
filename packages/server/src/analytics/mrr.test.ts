import { intervals, monthlyMinor } from '@farebox/core';
import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createSubscribers, planOf } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import { createAnalytics } from './queries.ts';

const db = await testDatabase();
const clock = fakeClock(Date.UTC(2026, 2, 10));
const people = createSubscribers(db, clock);

const amount = fc.oneof(
  fc.nat(200),
  fc.nat(10_000_000),
  fc.nat(999_999_999_999),
  fc.integer({ min: -100_000, max: 0 }),
);
const price = fc.record({ amount_minor: amount, interval: fc.constantFrom(...intervals) });

test('the month’s share of a price is the same in a preview and in the database, for any amount and interval', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(price, { minLength: 200, maxLength: 200 }), async (prices) => {
      const { rows } = await sql<{ monthly: number }>`
        select monthly_minor(given.amount, given.every) as monthly
        from unnest(
          ${prices.map((each) => each.amount_minor)}::bigint[],
          ${prices.map((each) => each.interval)}::text[]
        ) with ordinality as given (amount, every, position)
        order by position
      `.execute(db.kysely);
      expect(rows.map((row) => row.monthly)).toEqual(
        prices.map((each) => monthlyMinor(each.amount_minor, each.interval)),
      );
    }),
    { numRuns: 50 },
  );
});

const bought = fc.record({
  amount_minor: fc.nat(100_000),
  interval: fc.constantFrom(...intervals),
  currency: fc.constantFrom('usd', 'eur'),
  quantity: fc.integer({ min: 1, max: 500 }),
  status: fc.constantFrom('active', 'past_due', 'trialing', 'paused', 'canceled'),
  percent_off: fc.option(fc.integer({ min: 1, max: 100 })),
});

test('what subscriptions come to a month is the sum that core counts: by quantity and interval, before discounts, of who pays', async () => {
  const all = fc.sample(bought, { numRuns: 60, seed: 7 });
  for (const [index, { amount_minor, interval, currency, quantity, status, percent_off }] of all.entries()) {
    const customer = await people.customer();
    const plan = planOf({
      id: `plan_${index}`,
      prices: [{ amount_minor, currency, interval, setup_fee_minor: 0 }],
      usage: [],
    });
    const id = await people.subscribe(customer, plan, { status });
    const percent_off_decimal = percent_off === null ? null : String(percent_off);
    const discounts =
      percent_off_decimal === null
        ? []
        : [{ name: 'Friends', percent_off_decimal, amount_off_minor: null, ends_at: null }];
    await db.kysely
      .updateTable('subscription')
      .set({ quantity, discounts: JSON.stringify(discounts) })
      .where('id', '=', id)
      .execute();
  }
  const counted = (currency: string) =>
    all
      .filter((each) => each.currency === currency && ['active', 'past_due'].includes(each.status))
      .reduce((sum, each) => sum + monthlyMinor(each.amount_minor * each.quantity, each.interval), 0);
  const { currencies } = await createAnalytics({ db, clock }).revenue();
  const found = Object.fromEntries(currencies.map(({ currency, mrr_minor }) => [currency, mrr_minor]));
  expect(found).toEqual({ usd: counted('usd'), eur: counted('eur') });
  for (const { mrr_minor, plans } of currencies)
    expect(plans.reduce((sum, plan) => sum + plan.mrr_minor, 0)).toBe(mrr_minor);
});
