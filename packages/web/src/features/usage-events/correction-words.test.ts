import { expect, test } from 'vitest';
import { countedWords, effectWords, uncountedWords } from './correction-words.ts';

const event = {
  id: 'a',
  type: 'requests',
  source: '',
  customer_id: 'cust_1',
  quantity: 5,
  properties: {},
  occurred_at: '',
  counted_at: '',
  received_at: '',
  meters: [],
  corrections: [],
};

test('an event says what it counts as, or why it does not', () => {
  const counted = { meter_id: 'requests', amount: '5', reason: null };
  const left = { meter_id: 'errors', amount: null, reason: 'status: 200 is not one of 500' };
  expect(countedWords({ ...event, meters: [counted, left] })).toBe('requests 5');
  expect(countedWords({ ...event, meters: [left] })).toBe('status: 200 is not one of 500');
  expect(uncountedWords({ ...event, meters: [counted, left] })).toEqual([
    'errors did not count it: status: 200 is not one of 500',
  ]);
  expect(uncountedWords({ ...event, meters: [left] })).toEqual([]);
});

test.each([
  [[], 'Nothing was billed of it yet: it costs nothing.'],
  [[{ line_minor: -40, credited_minor: 0, currency: 'usd' }], '$0.40 less on the next invoice.'],
  [[{ line_minor: 40, credited_minor: 0, currency: 'usd' }], '$0.40 more on the next invoice.'],
  [
    [{ line_minor: -15, credited_minor: -45, currency: 'usd' }],
    '$0.15 less on the next invoice, $0.45 back to the credit.',
  ],
])('what became of the bill: %j', (adjustments, words) => {
  expect(effectWords({ id: 'ucor_1', kind: 'void', adjustments })).toBe(words);
});
