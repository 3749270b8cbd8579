import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DunningStage, defaultDunning, dunningAt, dunningSteps, isReadScope, slowed, stageAt } from './dunning.ts';

const dayMs = 86_400_000;
const failed = Date.UTC(2027, 1, 1, 7, 30);
const policy: DunningStage[] = [
  { step: 'warn', after_days: 0, rate_percent: 100 },
  { step: 'slow', after_days: 3, rate_percent: 25 },
  { step: 'read_only', after_days: 7, rate_percent: 25 },
  { step: 'block', after_days: 14, rate_percent: 25 },
];

test.each([
  [-1, null, null],
  [0, 'warn', 3],
  [3 * dayMs - 1, 'warn', 3],
  [3 * dayMs, 'slow', 7],
  [7 * dayMs - 1, 'slow', 7],
  [7 * dayMs, 'read_only', 14],
  [14 * dayMs - 1, 'read_only', 14],
  [14 * dayMs, 'block', null],
  [400 * dayMs, 'block', null],
])('%i ms after the failure: %s', (after, step, next_days) => {
  const state = dunningAt(policy, failed, failed + after);
  expect(state?.step ?? null).toBe(step);
  expect(state?.next?.at ?? null).toBe(next_days === null ? null : failed + next_days * dayMs);
});

test('time alone never softens a step', () => {
  fc.assert(
    fc.property(fc.nat(30 * dayMs), fc.nat(30 * dayMs), (after, more) => {
      const hardness = (at: number) => {
        const stage = stageAt(policy, failed, failed + at);
        return stage === null ? -1 : dunningSteps.indexOf(stage.step);
      };
      expect(hardness(after + more)).toBeGreaterThanOrEqual(hardness(after));
    }),
  );
});

test('who names no policy gets a notice for the days of grace and then a stop', () => {
  expect(defaultDunning(7).map(({ step, after_days }) => [step, after_days])).toEqual([
    ['warn', 0],
    ['block', 7],
  ]);
  expect(stageAt(defaultDunning(0), failed, failed)?.step).toBe('block');
});

test('a slowed limit lets something through', () => {
  expect([slowed(100, 25), slowed(3, 25), slowed(1, 1), slowed(7, 50)]).toEqual([25, 1, 1, 3]);
});

test('reading is told by the scope’s name', () => {
  expect(['read', 'forecast:read', 'v1.forecast.read'].every(isReadScope)).toBe(true);
  expect([null, 'write', 'forecast:write', 'spread', 'thread:readonly'].some(isReadScope)).toBe(false);
});
