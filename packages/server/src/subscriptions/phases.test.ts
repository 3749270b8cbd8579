import { expect, test } from 'vitest';
import { type PhaseRow, nextPhase } from './phases.ts';

const day = (of: number) => new Date(Date.UTC(2026, 0, of));
const last: PhaseRow = { from_at: day(1), plan_price_id: 'small', add_ons: [], billing_anchor_at: day(1) };
const read = (change: object = {}) => ({
  plan_price_id: 'small',
  add_ons: [],
  billing_anchor_at: day(1),
  current_period_start_at: day(1),
  stripe_created_at: day(1),
  ...change,
});

test('the first terms count from the start, also when the anchor lies before it or a trial after it', () => {
  expect(nextPhase(null, null, read(), day(3))).toEqual(last);
  const trial = read({ billing_anchor_at: day(15) });
  expect(nextPhase(null, null, trial, day(3))).toMatchObject({ from_at: day(1), billing_anchor_at: day(15) });
  const backdated = read({ billing_anchor_at: new Date(Date.UTC(2025, 11, 20)) });
  expect(nextPhase(null, null, backdated, day(3))?.from_at).toEqual(new Date(Date.UTC(2025, 11, 20)));
});

test('the same terms add nothing, however often they are read and whatever period it is', () => {
  const renewed = read({ current_period_start_at: day(32) });
  expect(nextPhase(last, read(), read(), day(3))).toBeNull();
  expect(nextPhase(last, read(), renewed, day(33))).toBeNull();
});

test('other terms within a period count from when they are seen; with a new period, from its start', () => {
  const larger = read({ plan_price_id: 'large' });
  expect(nextPhase(last, read(), larger, day(12))).toEqual({ ...last, plan_price_id: 'large', from_at: day(12) });
  const renewed = read({ plan_price_id: 'large', current_period_start_at: day(32) });
  expect(nextPhase(last, read(), renewed, day(40))?.from_at).toEqual(day(32));
});

test('a read by a clock that is behind never puts terms before those they follow', () => {
  const known = { ...last, from_at: day(20) };
  expect(nextPhase(known, read(), read({ plan_price_id: 'large' }), day(12))?.from_at).toEqual(day(20));
});

test('another number of an add-on is other terms; the same add-ons are the same terms', () => {
  const more = read({ add_ons: [{ plan_price_id: 'block', quantity: 2 }] });
  const known = { ...last, add_ons: [{ plan_price_id: 'block', quantity: 1 }] };
  expect(nextPhase(last, read(), more, day(12))).toMatchObject({ from_at: day(12), add_ons: more.add_ons });
  expect(nextPhase(known, read(), more, day(12))?.add_ons).toEqual(more.add_ons);
  expect(nextPhase({ ...known, add_ons: more.add_ons }, more, more, day(12))).toBeNull();
});
