import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { billedUnits } from './meter.ts';
import { type HourUnits, meteredMinor, unitsToSend } from './metered.ts';
import type { PricedUsage } from './priced-plan.ts';

const hour = (n: number) => n * 3_600_000;
const counted = (...quantities: string[]) => quantities.map((quantity, n) => ({ hour_at: hour(n), quantity }));

describe('what is sent to a meter', () => {
  test('is each hour once, and nothing of an hour that came to nothing', () => {
    expect(unitsToSend(counted('3', '0', '5'), [], null)).toEqual([
      { hour_at: hour(0), units: 3 },
      { hour_at: hour(2), units: 5 },
    ]);
    expect(unitsToSend(counted('3', '0', '5'), [{ hour_at: hour(0), units: 3 }], null)).toEqual([
      { hour_at: hour(2), units: 5 },
    ]);
  });

  test('of an hour that grew late is what it grew by', () => {
    const sent = [
      { hour_at: hour(0), units: 3 },
      { hour_at: hour(1), units: 5 },
    ];
    expect(unitsToSend(counted('10', '5'), sent, null)).toEqual([{ hour_at: hour(0), units: 7 }]);
  });

  test('adds parts of a unit up before it rounds', () => {
    const all = unitsToSend(counted('0.4', '0.4', '0.4', '0.4'), [], null);
    expect(all.reduce((sum, { units }) => sum + units, 0)).toBe(billedUnits('1.6'));
  });

  test('is less later where too much was sent, and never less than nothing', () => {
    const sent = [{ hour_at: hour(0), units: 9 }];
    expect(unitsToSend(counted('4'), sent, null)).toEqual([]);
    expect(unitsToSend(counted('4', '7'), sent, null)).toEqual([{ hour_at: hour(1), units: 2 }]);
  });

  test('ends where a spend cap ends', () => {
    expect(unitsToSend(counted('4', '7'), [], 6)).toEqual([
      { hour_at: hour(0), units: 4 },
      { hour_at: hour(1), units: 2 },
    ]);
  });

  test('comes to what is billed, however often usage grew, shrank and was sent between', () => {
    const quantity = fc.integer({ min: -300, max: 900 }).map((tenths) => String(tenths / 10));
    const states = fc.array(fc.array(quantity, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(states, fc.option(fc.nat(200)), (versions, most) => {
        const sent: HourUnits[] = [];
        let reached = 0;
        for (const version of versions) {
          const hours = counted(...version);
          const next = unitsToSend(hours, sent, most);
          expect(next.every(({ units }) => units > 0)).toBe(true);
          sent.push(...next);
          const sum = Math.round(version.reduce((total, each) => total + Number(each) * 10, 0)) / 10;
          const due = Math.min(billedUnits(String(sum)), most ?? Infinity);
          const all = sent.reduce((total, { units }) => total + units, 0);
          expect(all).toBeLessThanOrEqual(Math.max(due, reached));
          reached = all;
          // An hour below nothing may hold back what the ones before it had: only then is less sent than is due.
          if (version.every((each) => !each.startsWith('-'))) expect(all).toBe(Math.max(due, all));
          expect(unitsToSend(hours, sent, most)).toEqual([]);
        }
      }),
    );
  });
});

test('usage under two prices costs what each costs alone', () => {
  const usage = (unit_price_decimal: string): PricedUsage => ({
    meter_id: 'm',
    included: 10,
    quota: 'soft',
    interval: 'month',
    overage: { type: 'per_unit', unit_price_decimal },
  });
  expect(
    meteredMinor([
      { usage: usage('2'), units: 15 },
      { usage: usage('3'), units: 11 },
    ]),
  ).toBe(13);
});
