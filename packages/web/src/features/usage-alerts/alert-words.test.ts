import { expect, test } from 'vitest';
import { alertWords, percentsOf } from './alert-words.ts';

test.each<[number[] | null, number[], string]>([
  [null, [80], 'At 80%, and when all is used, as the plan says.'],
  [[50, 80, 95], [50, 80, 95], 'At 50%, 80% and 95%, and when all is used.'],
  [[], [], 'When all is used.'],
])('%j is told as a sentence', (percents, in_force, words) => {
  expect(alertWords({ customer_id: 'cust_1', percents, in_force })).toBe(words);
});

test('what is typed is a rising list, or it is said why not', () => {
  expect(percentsOf('80%, 50 80')).toEqual([50, 80]);
  expect(percentsOf(' ')).toEqual([]);
  for (const text of ['0', '100', '12.5', 'half']) expect(() => percentsOf(text)).toThrow('from 1 to 99');
});
