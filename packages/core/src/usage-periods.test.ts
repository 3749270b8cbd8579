import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Phase, termsAt, usagePeriods } from './usage-periods.ts';
import { nthPeriod } from './period.ts';

const at = (month: number, day: number) => Date.UTC(2026, month - 1, day);
const monthly = (from_at: number, terms_id: string, anchor = from_at): Phase => ({
  from_at,
  terms_id,
  billing_anchor_at: anchor,
  interval: 'month',
});

describe('usagePeriods', () => {
  test('months from the anchor to the start of the current period', () => {
    expect(usagePeriods([monthly(at(1, 31), 'starter')], at(3, 31))).toEqual([
      { start_at: at(1, 31), end_at: at(2, 28), terms_id: 'starter' },
      { start_at: at(2, 28), end_at: at(3, 31), terms_id: 'starter' },
    ]);
    expect(usagePeriods([monthly(at(1, 31), 'starter')], at(1, 31))).toEqual([]);
  });

  test('a change within a period does not divide it: it is priced by the plan it ended on', () => {
    const phases = [monthly(at(1, 1), 'starter'), monthly(at(1, 20), 'pro', at(1, 1))];
    expect(usagePeriods(phases, at(2, 1))).toEqual([{ start_at: at(1, 1), end_at: at(2, 1), terms_id: 'pro' }]);
  });

  test('a change at the boundary leaves the period before it on its own plan', () => {
    const phases = [monthly(at(1, 1), 'pro'), monthly(at(2, 1), 'starter', at(1, 1))];
    expect(usagePeriods(phases, at(3, 1))).toEqual([
      { start_at: at(1, 1), end_at: at(2, 1), terms_id: 'pro' },
      { start_at: at(2, 1), end_at: at(3, 1), terms_id: 'starter' },
    ]);
  });

  test('another anchor closes what was begun, and an end closes the period it falls in', () => {
    const yearly: Phase = {
      from_at: at(2, 10),
      terms_id: 'pro_year',
      billing_anchor_at: at(2, 10),
      interval: 'year',
    };
    expect(usagePeriods([monthly(at(1, 1), 'pro'), yearly], at(6, 1))).toEqual([
      { start_at: at(1, 1), end_at: at(2, 1), terms_id: 'pro' },
      { start_at: at(2, 1), end_at: at(2, 10), terms_id: 'pro' },
      { start_at: at(2, 10), end_at: at(6, 1), terms_id: 'pro_year' },
    ]);
  });

  test('a trial, which lies before the anchor, is not billed', () => {
    const trial = monthly(at(1, 1), 'pro', at(1, 15));
    expect(usagePeriods([trial], at(1, 15))).toEqual([]);
    expect(usagePeriods([trial], at(2, 15))).toHaveLength(1);
  });

  test('for any history the periods tile the time from the first anchor on, without gap or overlap', () => {
    const step = fc.record({
      days: fc.integer({ min: 1, max: 200 }),
      plan: fc.constantFrom('a', 'b', 'c'),
      interval: fc.constantFrom('month' as const, 'year' as const),
      isReset: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), fc.integer({ min: 1, max: 400 }), (steps, tail) => {
        const phases: Phase[] = [monthly(at(1, 31), 'a')];
        for (const { days, plan, interval, isReset } of steps) {
          const last = phases.at(-1) ?? monthly(0, 'a');
          const from_at = last.from_at + days * 86_400_000;
          const resets = isReset || interval !== last.interval;
          phases.push({
            from_at,
            terms_id: plan,
            interval,
            billing_anchor_at: resets ? from_at : last.billing_anchor_at,
          });
        }
        const until = (phases.at(-1)?.from_at ?? 0) + tail * 86_400_000;
        const periods = usagePeriods(phases, until, 10_000);
        expect(periods[0]?.start_at).toBe(at(1, 31));
        expect(periods.at(-1)?.end_at).toBe(until);
        for (const [index, period] of periods.entries()) {
          expect(period.end_at).toBeGreaterThan(period.start_at);
          if (index > 0) expect(period.start_at).toBe(periods[index - 1]?.end_at);
          expect(period.terms_id).toBe(termsAt(phases, period.end_at - 1).terms_id);
        }
        expect(usagePeriods(phases, until, 3)).toEqual(periods.slice(-3));
      }),
    );
  });

  test('periods of an unbroken subscription are the anchor’s own', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 1, max: 20 }), (day, count) => {
        const anchor = day * 86_400_000;
        const periods = usagePeriods([monthly(anchor, 'a')], nthPeriod(anchor, 'month', count).start_at);
        expect(periods.map(({ start_at, end_at }) => [start_at, end_at])).toEqual(
          Array.from({ length: count }, (_, index) => {
            const { start_at, end_at } = nthPeriod(anchor, 'month', index);
            return [start_at, end_at];
          }),
        );
      }),
    );
  });
});
