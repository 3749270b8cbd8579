import { expect, test } from 'vitest';
import { tokenIn } from './fragment-token.ts';

test.each([
  ['#token=abc', 'abc'],
  ['#abc', 'abc'],
  ['#next=1&token=abc', 'abc'],
  ['#next=1', ''],
  ['#', ''],
  ['', ''],
])('the token in %j is %j', (hash, token) => {
  expect(tokenIn(hash)).toBe(token);
});
