import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { contract } from '../scripts/contract.ts';

test('the contract is what the installed SDK says', () => {
  const file = new URL('../src/contract/contract.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(contract()));
});
