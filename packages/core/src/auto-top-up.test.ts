import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AutoTopUpFacts,
  type AutoTopUpState,
  afterFailedTopUp,
  decideAutoTopUp,
  mostTopUpAttempts,
} from './auto-top-up.ts';

const state: AutoTopUpState = {
  threshold_minor: 500,
  amount_minor: 2000,
  monthly_limit_minor: 5000,
  failures: 0,
  retry_at: null,
  pause_reason: null,
};
const facts: AutoTopUpFacts = { available_minor: 499, is_open: false, month_minor: 0 };

test.each<[string, Partial<AutoTopUpState>, Partial<AutoTopUpFacts>, string]>([
  ['less than the threshold is left', {}, {}, 'buy'],
  ['the threshold is left', {}, { available_minor: 500 }, 'enough'],
  ['one is open', {}, { is_open: true }, 'open'],
  ['one fits under the limit to the cent', {}, { month_minor: 3000 }, 'buy'],
  ['one more would pass the limit', {}, { month_minor: 3001 }, 'limit_reached'],
  ['it waits after a failure', { failures: 1, retry_at: 1001 }, {}, 'waiting'],
  ['the wait is over', { failures: 1, retry_at: 1000 }, {}, 'buy'],
  ['it is paused', { pause_reason: 'declined' }, {}, 'paused'],
  ['paused counts before all else', { pause_reason: 'no_card' }, { is_open: true, month_minor: 9999 }, 'paused'],
])('%s', (_, change, known, decision) => {
  expect(decideAutoTopUp({ ...state, ...change }, { ...facts, ...known }, 1000)).toBe(decision);
});

test('a declined card is tried three times, an hour and a day apart, and then not again', () => {
  const first = afterFailedTopUp(0, 'declined', 0);
  expect(first).toEqual({ failures: 1, retry_at: 3_600_000, pause_reason: null });
  const second = afterFailedTopUp(first.failures, 'declined', 0);
  expect(second).toEqual({ failures: 2, retry_at: 86_400_000, pause_reason: null });
  expect(afterFailedTopUp(second.failures, 'declined', 0)).toMatchObject({ failures: 3, pause_reason: 'declined' });
  expect(mostTopUpAttempts).toBe(3);
});

test.each(['authentication_required', 'no_card', 'refused'] as const)('%s is not tried again', (failure) => {
  expect(afterFailedTopUp(0, failure, 0)).toEqual({ failures: 1, retry_at: null, pause_reason: failure });
});

test('whatever is used and however payments end, a month never buys more than its limit, and a shortfall is tried three times', () => {
  const step = fc.record({ use: fc.nat({ max: 3000 }), pays: fc.boolean(), wait: fc.nat({ max: 40 * 3_600_000 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let current = state;
      let available_minor = 0;
      let month_minor = 0;
      let now = 0;
      let failed = 0;
      for (const { use, pays, wait } of steps) {
        now += wait;
        available_minor = Math.max(0, available_minor - use);
        if (decideAutoTopUp(current, { available_minor, is_open: false, month_minor }, now) !== 'buy') continue;
        expect(available_minor).toBeLessThan(current.threshold_minor);
        failed = pays ? 0 : failed + 1;
        if (pays) {
          available_minor += current.amount_minor;
          month_minor += current.amount_minor;
          current = { ...current, failures: 0, retry_at: null };
        } else current = { ...current, ...afterFailedTopUp(current.failures, 'declined', now) };
        expect(month_minor).toBeLessThanOrEqual(current.monthly_limit_minor);
        expect(failed).toBeLessThanOrEqual(mostTopUpAttempts);
      }
    }),
  );
});
