import { expect, test } from 'vitest';
import { countWords, skippedOf } from './import-words.ts';

const none = { made: 0, linked: 0, known: 0, skipped: 0 };

test.each([
  [none, false, 'None'],
  [{ ...none, made: 1200, skipped: 2 }, false, '1,200 made, 2 skipped'],
  [{ made: 1, linked: 2, known: 3, skipped: 0 }, true, '1 would be made, 2 would be linked, 3 known'],
])('what became of them is said in words', (counts, isDry, words) => {
  expect(countWords(counts, isDry)).toBe(words);
});

test('customers and subscriptions that were left are counted together', () => {
  expect(skippedOf({ customers: { ...none, skipped: 2 }, subscriptions: { ...none, skipped: 3 } })).toBe(5);
});
