import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tablesFile, tablesOf } from '../../scripts/generate-tables.ts';
import { testDatabase } from '../../test/database.ts';

const db = await testDatabase();

test('tables.ts says what the migrations make', () => {
  expect(tablesOf(db.url)).toBe(readFileSync(tablesFile, 'utf8'));
});
