import { expect, test } from 'vitest';
import { createKept } from './kept.ts';

test('an answer is asked for once, one that is not there yet again, and no more are held than fit', async () => {
  const kept = createKept<string | null>(2);
  const asked: string[] = [];
  const there = new Set(['a', 'b', 'c']);
  const ask = (key: string) =>
    kept(key, () => {
      asked.push(key);
      return Promise.resolve(there.has(key) ? key.toUpperCase() : null);
    });

  expect([await ask('a'), await ask('a'), await ask('later')]).toEqual(['A', 'A', null]);
  there.add('later');
  expect([await ask('later'), await ask('b'), await ask('later'), await ask('a')]).toEqual([
    'LATER',
    'B',
    'LATER',
    'A',
  ]);
  expect(asked).toEqual(['a', 'later', 'later', 'b', 'a']);
});
