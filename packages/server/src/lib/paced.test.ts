import { expect, test } from 'vitest';
import { createPaced } from './paced.ts';

function recorded(run: (name: string) => Promise<void> = () => Promise.resolve()) {
  const ran: string[] = [];
  const failed: string[] = [];
  let abreast = 0;
  const paced = createPaced({
    pace_ms: 5,
    run: async (name) => {
      abreast += 1;
      expect(abreast).toBe(1);
      ran.push(name);
      try {
        await run(name);
      } finally {
        abreast -= 1;
      }
    },
    onError: (_error, name) => failed.push(name),
  });
  return { paced, ran, failed };
}

test('asked for many times before its time, a name runs once; names run one at a time', async () => {
  const { paced, ran } = recorded();
  for (let times = 0; times < 10; times += 1) for (const name of ['a', 'b', 'c']) paced.ask(name);
  await paced.settle();
  expect(ran.toSorted()).toEqual(['a', 'b', 'c']);
});

test('asked for while it runs, it runs once more', async () => {
  let isFirst = true;
  const { paced, ran } = recorded(async (name) => {
    if (isFirst) paced.ask(name);
    isFirst = false;
  });
  paced.ask('a');
  await expect.poll(() => ran).toEqual(['a', 'a']);
});

test('one that fails is told and keeps nobody from running', async () => {
  const { paced, ran, failed } = recorded(async (name) => {
    if (name === 'a') throw new Error('no');
  });
  paced.ask('a');
  paced.ask('b');
  await paced.settle();
  expect(failed).toEqual(['a']);
  expect(ran).toContain('b');
});

test('closed, it takes nothing more', async () => {
  const { paced, ran } = recorded();
  paced.ask('a');
  await paced.close();
  paced.ask('b');
  await paced.settle();
  expect(ran).toEqual([]);
});
