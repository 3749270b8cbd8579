import { describe, expect, test } from 'vitest';
import type { Interval, Plan } from './plan.ts';
import { atPrice } from './priced-plan.ts';
import { type BilledPeriod, rehearsalTotals, rehearsalWindow, rehearseTerms, underCaps } from './rehearsal.ts';

const on = (month: number, day: number) => Date.UTC(2026, month - 1, day);

function plan(changes: Partial<Plan> = {}): Plan {
  return {
    id: 'pro',
    name: 'Pro',
    description: '',
    highlighted: false,
    group: 'main',
    adds_to: [],
    customer: null,
    prices: [{ amount_minor: 10_000, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
    seats: null,
    trial: null,
    usage: [],
    limits: [],
    features: {},
    ...changes,
  };
}

const month = { currency: 'usd', interval: 'month' } as const;
const held = { plan: atPrice(plan(), month), quantity: 1, add_ons: [] };

describe('what a plan file makes of what somebody has', () => {
  test('is its plan of the same name, currency and interval', () => {
    const dearer = plan({ prices: [{ amount_minor: 12_000, currency: 'usd', interval: 'month', setup_fee_minor: 0 }] });
    const { terms, kept } = rehearseTerms(held, { plans: [dearer] });
    expect([terms.plan.price.amount_minor, kept]).toEqual([12_000, []]);
  });

  test.each([
    ['plan_not_found', []],
    [
      'price_not_found',
      [plan({ prices: [{ amount_minor: 1, currency: 'eur', interval: 'month', setup_fee_minor: 0 }] })],
    ],
    ['group_mismatch', [plan({ group: 'other' })]],
    ['seats_out_of_range', [plan({ seats: { minimum: 3, maximum: null } })]],
  ] as const)('is what they have where it cannot be had: %s', (code, plans) => {
    const { terms, kept } = rehearseTerms(held, { plans });
    expect(terms).toEqual(held);
    expect(kept).toMatchObject([{ plan_id: 'pro', code }]);
  });

  test('is taken for each add-on by itself', () => {
    const addOn = plan({ id: 'block', group: null });
    const with_block = { ...held, add_ons: [{ plan: atPrice(addOn, month), quantity: 2 }] };
    const cheaper = { ...addOn, prices: [{ ...addOn.prices[0]!, amount_minor: 1 }], seats: { minimum: 1, maximum: 9 } };
    const { terms, kept } = rehearseTerms(with_block, { plans: [cheaper] });
    expect(terms.add_ons).toMatchObject([{ quantity: 2, plan: { price: { amount_minor: 1 } } }]);
    expect(kept).toMatchObject([{ plan_id: 'pro' }]);
  });
});

describe('the last period of a meter', () => {
  const period = (start_at: number, end_at: number): BilledPeriod => ({
    start_at,
    end_at,
    quantity: 10,
    billed_minor: 5,
    shortfall_minor: 0,
  });
  const window = (billed: BilledPeriod[], before: Interval | null, after: Interval | null, until = on(3, 1)) =>
    rehearsalWindow({ billed, before, after, billing_anchor_at: on(1, 1), begun_at: on(1, 1), until });
  const months = [period(on(1, 1), on(2, 1)), period(on(2, 1), on(3, 1))];

  test('is the one that was billed last, as it was counted then', () => {
    expect(window(months, 'month', 'month')).toEqual({
      start_at: on(2, 1),
      end_at: on(3, 1),
      interval: 'month',
      billed: [months[1]],
      parts: [{ start_at: on(2, 1), end_at: on(3, 1), quantity: 10 }],
    });
  });

  test('is cut where the plan file bills it more often, and the parts tile it', () => {
    const found = window(months, 'month', 'day');
    expect([found?.interval, found?.parts.length]).toEqual(['month', 28]);
    expect(found?.parts.map(({ start_at }) => start_at).slice(1)).toEqual(
      found?.parts.map(({ end_at }) => end_at).slice(0, -1),
    );
    expect([found?.parts[0]?.start_at, found?.parts.at(-1)?.end_at]).toEqual([on(2, 1), on(3, 1)]);
  });

  test('is the longer one where the plan file bills it less often, with all that was billed in it', () => {
    const days = Array.from({ length: 70 }, (_, at) => period(on(1, 1 + at), on(1, 2 + at)));
    const found = window(days, 'day', 'month', on(1, 71));
    expect([found?.start_at, found?.end_at, found?.billed.length]).toEqual([on(2, 1), on(3, 1), 28]);
    expect(found?.parts).toEqual([{ start_at: on(2, 1), end_at: on(3, 1), quantity: null }]);
  });

  test('of a meter the plan file does not price costs nothing; of one that is new it is counted', () => {
    expect(window(months, 'month', null)).toMatchObject({ billed: [months[1]], parts: [] });
    expect(window([], null, 'month')).toMatchObject({ billed: [], parts: [{ start_at: on(2, 1), quantity: null }] });
  });

  test('is none before one is over', () => {
    expect(window([], null, 'month', on(1, 1))).toBeNull();
    expect(window([], null, null)).toBeNull();
  });
});

test('a spend cap is over all usage of a month, in the order in which its periods ended', () => {
  const caps = [{ owner: 'customer' as const, from_at: 0, amount_minor: 100, currency: 'usd' }];
  const charges = [
    { end_at: on(3, 20), amount_minor: 80 },
    { end_at: on(3, 10), amount_minor: 30 },
    { end_at: on(4, 10), amount_minor: 500 },
  ];
  expect(underCaps(charges, { currency: 'usd', caps, spent: { '2026-03': 10 } })).toEqual([60, 30, 100]);
  expect(underCaps(charges, { currency: 'eur', caps, spent: {} })).toEqual([80, 30, 500]);
});

test('totals count who would pay more, more than a fifth more, and less, by currency', () => {
  const cost = (now: number, rehearsed: number, currency = 'usd') => ({
    currency,
    now: { base_minor: now, usage_minor: 0 },
    rehearsed: { base_minor: now, usage_minor: rehearsed - now },
  });
  const totals = rehearsalTotals([
    cost(100, 120),
    cost(100, 121),
    cost(0, 1),
    cost(50, 50),
    cost(9, 3),
    cost(1, 1, 'eur'),
  ]);
  expect(totals).toMatchObject([
    { currency: 'eur', customers: 1, more: 0, less: 0 },
    {
      currency: 'usd',
      customers: 5,
      more: 3,
      much_more: 2,
      less: 1,
      now: { base_minor: 259 },
      rehearsed: { usage_minor: 36 },
    },
  ]);
});
