import { expect, test } from 'vitest';
import type { Dunning } from '../../lib/wire-state.ts';
import { alertSentence, dunningCourse } from './state-words.ts';

const dunning: Dunning = {
  group: 'main',
  step: 'slow',
  rate_percent: 25,
  since_at: '2026-03-10T00:00:00.000Z',
  steps: [
    { step: 'warn', rate_percent: 100, at: '2026-03-10T00:00:00.000Z' },
    { step: 'slow', rate_percent: 25, at: '2026-03-13T00:00:00.000Z' },
    { step: 'block', rate_percent: 25, at: '2026-03-24T00:00:00.000Z' },
  ],
};

test('the course says what was, what is and what comes when', () => {
  expect(dunningCourse(dunning, Date.UTC(2026, 2, 14))).toEqual([
    { step: 'warn', when: '10 Mar 2026', words: 'Everything works; answers carry a warning.', state: 'past' },
    { step: 'slow', when: '13 Mar 2026', words: "Rate limits fall to 25 % of the plan's.", state: 'now' },
    { step: 'block', when: '24 Mar 2026', words: 'No request passes.', state: 'next' },
  ]);
});

test('a card that ends is told with the day, and what has its own place is not told twice', () => {
  const alert = { group: 'main', detail: '', at: '2026-07-01T00:00:00.000Z', meter_id: null };
  expect(alertSentence({ ...alert, code: 'card_expiring' }, null)?.text).toContain('1 Jul 2026');
  expect(alertSentence({ ...alert, code: 'payment_past_due' }, null)).toBeNull();
  expect(alertSentence({ ...alert, code: 'trial_ending' }, 'Maps')?.title).toBe(
    'Your trial of Maps ends on 1 Jul 2026.',
  );
  expect(alertSentence({ ...alert, code: 'trial_ending' }, null)?.title).toBe('Your trial ends on 1 Jul 2026.');
});
