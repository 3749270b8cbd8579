import { expect, test } from 'vitest';
import { createPaced } from './paced.ts';

function recorded(run: (name: string) => Promise<void> = () => Promise.resolve(), rest = { times: 0, most_ms: 0 }) {
  const ran: string[] = [];
  const failed: string[] = [];
  let abreast = 0;
  const paced = createPaced({
    pace_ms: 5,
    rest,
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

test('it rests after each, so many times as long as it ran and not longer than is said, unless it is settled or closed', async () => {
  const began: number[] = [];
  const ended: number[] = [];
  const { paced } = recorded(
    async () => {
      began.push(performance.now());
      await new Promise((resolve) => setTimeout(resolve, 8));
      ended.push(performance.now());
    },
    { times: 9, most_ms: 60_000 },
  );
  paced.ask('a');
  paced.ask('b');
  await expect.poll(() => ended.length).toBe(2);
  const ran = (ended[0] ?? 0) - (began[0] ?? 0);
  expect((began[1] ?? 0) - (ended[0] ?? 0)).toBeGreaterThan(8 * ran);
  const { paced: slow, ran: names } = recorded(() => new Promise((resolve) => setTimeout(resolve, 5)), {
    times: 1e6,
    most_ms: 1e6,
  });
  for (const name of ['a', 'b', 'c']) slow.ask(name);
  await expect.poll(() => names).toEqual(['a']);
  await slow.settle();
  expect(names).toEqual(['a', 'b', 'c']);
  for (const name of ['a', 'b']) slow.ask(name);
  await expect.poll(() => names.length).toBe(4);
  await slow.close();
  expect(names).toHaveLength(4);
});

test('where runs are slow it rests no longer than is said', async () => {
  const { paced, ran } = recorded(() => new Promise((resolve) => setTimeout(resolve, 5)), { times: 1e6, most_ms: 1 });
  for (const name of ['a', 'b', 'c']) paced.ask(name);
  await expect.poll(() => ran).toEqual(['a', 'b', 'c']);
  await paced.close();
});
