import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AlertFacts, type AlertedMeter, unitsToNextAlert, usageAlerts } from './usage-alert.ts';

const meter: AlertedMeter = {
  meter_id: 'requests',
  name: 'API requests',
  unit: 'request',
  used: 0,
  included: 1000,
  quota: 'soft',
  period_start_at: 1,
  warned_in: null,
  last_day: 0,
  days_before: [0, 0, 0, 0, 0, 0, 0],
};
const none: AlertFacts = { currency: 'usd', percents: [80], meters: [], spend_cap: null, credits: null };
const typesOf = (facts: Partial<AlertFacts>) => usageAlerts({ ...none, ...facts }).map(({ type }) => type);

test.each<[number, number, string[]]>([
  [799, 1000, []],
  [800, 1000, ['usage.threshold_reached']],
  [999, 1000, ['usage.threshold_reached']],
  [1000, 1000, ['quota.exceeded']],
  [5000, 1000, ['quota.exceeded']],
  [5000, 0, []],
])('%i used of %i included: %j', (used, included, types) => {
  expect(typesOf({ meters: [{ ...meter, used, included }] })).toEqual(types);
});

test.each<[number, number[], string | null]>([
  [49, [50, 90], null],
  [50, [50, 90], 'API requests: 50% of the included amount is used'],
  [89, [50, 90], 'API requests: 50% of the included amount is used'],
  [95, [50, 90], 'API requests: 90% of the included amount is used'],
  [99, [], null],
  [100, [], 'API requests: the included amount is used up'],
])('%i of 100 used is told at the parts %j: %s', (used, percents, title) => {
  const [alert] = usageAlerts({ ...none, percents, meters: [{ ...meter, used, included: 100 }] });
  expect(alert?.title ?? null).toBe(title);
});

test.each<[string, Partial<AlertedMeter>, string[]]>([
  ['nobody was warned', {}, []],
  ['warned in this period', { warned_in: 1 }, []],
  ['warned in a period before', { warned_in: 0 }, ['quota.reset']],
  ['warned before, and again nearly used', { warned_in: 0, used: 800 }, ['quota.reset', 'usage.threshold_reached']],
  ['warned before, and nothing is included any more', { warned_in: 0, included: 0 }, []],
])('that a quota begins anew: %s', (_name, changes, types) => {
  expect(typesOf({ meters: [{ ...meter, ...changes }] })).toEqual(types);
});

test('each part is told by a name of its own, so that each is told once', () => {
  const keyAt = (used: number) =>
    usageAlerts({ ...none, percents: [50, 80], meters: [{ ...meter, used, included: 100 }] })[0]?.key;
  expect(new Set([50, 60, 80, 90, 100, 110].map(keyAt)).size).toBe(3);
});

test.each<[number, number, string[]]>([
  [79, 100, []],
  [80, 100, ['spend_cap.warning']],
  [100, 100, ['spend_cap.reached']],
  [0, 0, []],
])('%i spent of a cap of %i: %j', (spent_minor, amount_minor, types) => {
  expect(typesOf({ spend_cap: { month: '2026-11', amount_minor, spent_minor } })).toEqual(types);
});

test.each<[number, number, string[]]>([
  [21, 100, []],
  [20, 100, ['credits.low']],
  [0, 100, ['credits.depleted']],
  [0, 0, []],
])('%i of %i credit left: %j', (available_minor, granted_minor, types) => {
  expect(typesOf({ credits: { period_start_at: 1, granted_minor, available_minor } })).toEqual(types);
});

test.each<[string, number, number[], string[]]>([
  ['three times is usual', 300, [100, 100, 100, 100, 100, 100, 100], []],
  ['more than three times is not', 301, [100, 100, 100, 100, 100, 100, 100], ['usage.anomaly']],
  ['a few units more are nobody’s trouble', 99, [1, 1, 1, 1, 1, 1, 1], []],
  ['of a customer who has just begun nothing is usual', 9000, [0, 0, 0, 0, 10, 10, 10], []],
  ['four days of seven are enough', 9000, [0, 0, 0, 10, 10, 10, 10], ['usage.anomaly']],
])('%s', (_name, last_day, days_before, types) => {
  expect(typesOf({ meters: [{ ...meter, last_day, days_before }] })).toEqual(types);
});

test('the same in the same period has the same name; another period, amount or threshold has another', () => {
  const key = (changes: Partial<AlertedMeter>) =>
    usageAlerts({ ...none, meters: [{ ...meter, used: 900, ...changes }] })[0]?.key;
  expect(key({ used: 950 })).toBe(key({}));
  const names = [
    key({}),
    key({ used: 1000 }),
    key({ period_start_at: 2 }),
    key({ included: 1100 }),
    key({ meter_id: 'bytes' }),
  ];
  expect(new Set(names).size).toBe(5);
});

test('words say what is used and what happens next', () => {
  expect(usageAlerts({ ...none, meters: [{ ...meter, used: 850, quota: 'hard' }] })[0]).toMatchObject({
    title: 'API requests: 80% of the included amount is used',
    sentence: '850 of the 1,000 requests included in this period are used. What goes beyond is refused.',
  });
  expect(
    usageAlerts({ ...none, spend_cap: { month: '2026-11', amount_minor: 5000, spent_minor: 5000 } })[0]?.sentence,
  ).toBe('$50.00 of the $50.00 that usage may cost in a month are spent. Requests that would cost more are refused.');
});

const units = fc.oneof(fc.nat(20), fc.nat(2000));
const facts = fc.record({
  meters: fc.array(
    fc.record({
      used: units,
      included: units,
      last_day: units,
      days_before: fc.array(units, { minLength: 7, maxLength: 7 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  percents: fc
    .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 4 })
    .map((all) => all.toSorted((a, b) => a - b)),
});

test('fewer units than are said, of whichever meters, bring nothing new; so many of one meter do', () => {
  fc.assert(
    fc.property(facts, fc.array(fc.nat(2000), { maxLength: 3 }), ({ meters, percents }, more) => {
      const before = meters.map((each, index) => ({ ...meter, ...each, meter_id: String(index) }));
      const next = unitsToNextAlert({ ...none, percents, meters: before });
      const keysAfter = (added: readonly number[]) => {
        const after = before.map((each, index) => {
          const plus = added[index] ?? 0;
          return { ...each, used: each.used + plus, last_day: each.last_day + plus };
        });
        return new Set(usageAlerts({ ...none, percents, meters: after }).map(({ key }) => key));
      };
      const now = keysAfter([]);
      if (more.reduce((sum, each) => sum + each, 0) < next)
        expect([...keysAfter(more)].filter((key) => !now.has(key))).toEqual([]);
      if (Number.isFinite(next)) {
        const reached = before.map((_, index) => keysAfter(before.map((__, at) => (at === index ? next : 0))));
        expect(reached.some((keys) => [...keys].some((key) => !now.has(key)))).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

test('where money decides, no number of units is far', () => {
  const far = { ...none, meters: [{ ...meter, used: 1 }] };
  expect(unitsToNextAlert(far)).toBe(799);
  expect(unitsToNextAlert({ ...far, spend_cap: { month: '2026-11', amount_minor: 500, spent_minor: 0 } })).toBe(0);
  expect(unitsToNextAlert({ ...far, credits: { period_start_at: 1, granted_minor: 5, available_minor: 5 } })).toBe(0);
});
