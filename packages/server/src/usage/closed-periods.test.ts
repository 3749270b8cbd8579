import type { Plan, PricedPlan } from '@farebox/core';
import { atPrice } from '@farebox/core';
import { expect, test } from 'vitest';
import { planOf } from '../../test/subscribers.ts';
import { type PricedPhase, type ReportableSubscription, closedPeriods, usageDueAt } from './report.ts';

const on = (month: number, day: number) => new Date(Date.UTC(2026, month - 1, day));

function priced(id: string): PricedPlan {
  const plan: Plan = planOf({ id });
  const [price] = plan.prices;
  if (price === undefined) throw new Error('the plan has a price');
  return atPrice(plan, price);
}

function phase(from_at: Date, id: string, anchor = from_at): PricedPhase {
  return { from_at, terms_id: id, price_ids: new Map(), billing_anchor_at: anchor, plan: priced(id) };
}

function subscription(more: Partial<ReportableSubscription> = {}): ReportableSubscription {
  return {
    id: 'subs_1',
    customer_id: 'cust_1',
    status: 'active',
    current_period_start_at: on(3, 1),
    current_period_end_at: on(4, 1),
    ended_at: null,
    paused_at: null,
    ...more,
  };
}

const closed = (row: ReportableSubscription, phases: PricedPhase[], now = on(3, 10)) =>
  closedPeriods(row, phases, 'requests', now.getTime()).map((period) => [
    new Date(period.start_at).toISOString().slice(0, 10),
    new Date(period.end_at).toISOString().slice(0, 10),
    period.terms_id,
  ]);

test('what Stripe closed is billed, each period by the plan it ended on', () => {
  const phases = [phase(on(1, 1), 'starter'), phase(on(1, 20), 'pro', on(1, 1)), phase(on(3, 1), 'starter', on(1, 1))];
  expect(closed(subscription(), phases)).toEqual([
    ['2026-01-01', '2026-02-01', 'pro'],
    ['2026-02-01', '2026-03-01', 'pro'],
  ]);
  expect(closed(subscription({ current_period_start_at: on(1, 1) }), [phase(on(1, 1), 'pro')], on(1, 5))).toEqual([]);
});

test('the end of a subscription closes the period it falls in, and so does a pause', () => {
  const phases = [phase(on(2, 1), 'pro')];
  for (const over of [
    { ended_at: on(3, 10), status: 'canceled' },
    { paused_at: on(3, 10), status: 'paused' },
  ])
    expect(closed(subscription(over), phases, on(5, 1))).toEqual([
      ['2026-02-01', '2026-03-01', 'pro'],
      ['2026-03-01', '2026-03-10', 'pro'],
    ]);
});

test('a late read closes nothing that Stripe has not', () => {
  expect(closed(subscription(), [phase(on(2, 1), 'pro')], on(6, 15))).toEqual([['2026-02-01', '2026-03-01', 'pro']]);
});

test('a long absence is bounded', () => {
  const row = subscription({ current_period_start_at: on(1, 1), current_period_end_at: on(2, 1) });
  expect(closed(row, [phase(new Date(Date.UTC(2015, 0, 1)), 'pro')], on(1, 5))).toHaveLength(40);
});

test('the months of a year are due by the clock, until the year itself ends; of a monthly plan nothing is', () => {
  const year = { current_period_start_at: on(1, 31), current_period_end_at: new Date(Date.UTC(2027, 0, 31)) };
  const due = (row: ReportableSubscription, now: Date) => {
    const at = usageDueAt(row, [phase(on(1, 31), 'pro')], now.getTime());
    return at === null ? null : new Date(at).toISOString().slice(0, 10);
  };
  expect(due(subscription(year), on(2, 1))).toBe('2026-02-28');
  expect(due(subscription(year), on(2, 28))).toBe('2026-03-31');
  expect(due(subscription(year), new Date(Date.UTC(2027, 0, 5)))).toBeNull();
  expect(due(subscription({ ...year, status: 'canceled', ended_at: on(2, 10) }), on(2, 20))).toBeNull();
  expect(due(subscription({ ...year, status: 'trialing' }), on(2, 1))).toBeNull();
  expect(
    due(subscription({ current_period_start_at: on(1, 31), current_period_end_at: on(2, 28) }), on(2, 1)),
  ).toBeNull();
});
