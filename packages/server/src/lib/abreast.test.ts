import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { abreast } from './abreast.ts';

test('at most so many are under way, and all are done', async () => {
  let now = 0;
  let most = 0;
  const done: number[] = [];
  await abreast([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    now += 1;
    most = Math.max(most, now);
    await turn();
    now -= 1;
    done.push(item);
  });
  expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
});

test('after a failure nothing new begins, what had begun ends, and the failure is heard', async () => {
  const done: number[] = [];
  const all = abreast([1, 2, 3, 4, 5, 6], 2, async (item) => {
    await turn();
    if (item === 2) throw new Error('no');
    done.push(item);
  });
  await expect(all).rejects.toThrow('no');
  expect(done).not.toContain(6);
});
