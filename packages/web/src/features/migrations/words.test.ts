import { expect, test } from 'vitest';
import { previewWords, settled } from './words.ts';

const counts = { total: 40, done: 12, scheduled: 0, failed: 3, skipped: 0, remaining: 25 };

test('who was looked at counts, whatever became of them', () => {
  expect(settled({ counts })).toBe(15);
});

test('a preview says who would move and what it is worth', () => {
  const preview = { object: 'plan_migration_preview' as const, to_version: 2, customers: [] };
  const mrr = [
    { currency: 'usd', now_minor: 99_800, moved_minor: 109_800 },
    { currency: 'eur', now_minor: 4900, moved_minor: 4900 },
  ];
  expect(previewWords({ ...preview, total: 3, moves: 2, mrr })).toEqual([
    '2 of 3 customers would move to version 2.',
    'Recurring revenue goes from $998.00 to $1,098.00 a month.',
    'Recurring revenue stays at €49.00 a month.',
  ]);
  expect(previewWords({ ...preview, total: 0, moves: 0, mrr: [] })).toEqual(['Nobody has an older version.']);
});
