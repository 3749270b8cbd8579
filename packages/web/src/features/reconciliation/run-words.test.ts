import { expect, test } from 'vitest';
import { kindWords, runWords } from './run-words.ts';

const one = { kind: 'stale_status', customer_id: null, object_id: 'sub_1', detail: 'It differs.', repair: 'sync' };

test.each([
  [[], 'All agrees', '1,200 objects of Stripe compared: nothing differs.'],
  [[{ ...one, repaired: true }], 'Put right', '1,200 objects of Stripe compared: 1 put right.'],
  [
    [
      { ...one, repaired: true },
      { ...one, repaired: false },
    ],
    'To decide',
    '1,200 objects of Stripe compared: 1 put right, 1 for you to decide.',
  ],
])('a run is told in a sentence', (found, label, sentence) => {
  expect(runWords({ checked: 1200, found })).toMatchObject({ label, sentence });
});

test('a kind is told in words', () => {
  expect(kindWords({ kind: 'usage_not_billed' })).toBe('Usage not billed');
});
