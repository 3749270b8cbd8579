import { expect, test } from 'vitest';
import { GroupCommitFull, createGroupCommit } from './group-commit.ts';

/** A group whose writes wait to be let go. */
function held(options: { in_flight?: number; worth?: number; most?: number; capacity?: number } = {}) {
  const writes: { items: number[]; end(error?: Error): void }[] = [];
  const group = createGroupCommit<number, string>({
    in_flight: 1,
    most: 10,
    capacity: 100,
    ...options,
    isOwnFault: (error) => error instanceof RangeError,
    write: async (items) =>
      await new Promise((resolve, reject) => {
        const end = (error?: Error) => (error === undefined ? resolve(items.map((item) => `r${item}`)) : reject(error));
        writes.push({ items, end });
      }),
  });
  return { group, writes };
}

const written = async (writes: unknown[], count: number) => await expect.poll(() => writes.length).toBe(count);

test('who comes while a write runs shares the next one, and each hears of its own items', async () => {
  const { group, writes } = held();
  const first = group.submit([1]);
  await written(writes, 1);
  const others = [group.submit([2, 3]), group.submit([4])];
  writes[0]?.end();
  await written(writes, 2);
  writes[1]?.end();
  expect(await first).toEqual(['r1']);
  expect(await Promise.all(others)).toEqual([['r2', 'r3'], ['r4']]);
  expect(writes.map(({ items }) => items)).toEqual([[1], [2, 3, 4]]);
});

test('a write has at most so many items, one caller’s are never divided, and so many writes run at once', async () => {
  const { group, writes } = held({ in_flight: 2, most: 3 });
  const all = [[1, 2], [3, 4], [5], [6, 7, 8, 9]].map((items) => group.submit(items));
  await written(writes, 2);
  expect(writes.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  writes[0]?.end();
  await written(writes, 3);
  expect(writes[2]?.items).toEqual([6, 7, 8, 9]);
  for (const { end } of writes) end();
  await Promise.all(all);
});

test('beside another write, few wait for its end, and many have one of their own', async () => {
  const { group, writes } = held({ in_flight: 3, worth: 3 });
  const first = group.submit([1]);
  await written(writes, 1);
  const few = group.submit([2, 3]);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(writes).toHaveLength(1);
  const many = group.submit([4]);
  await written(writes, 2);
  const last = group.submit([5]);
  writes[0]?.end();
  expect(await first).toEqual(['r1']);
  writes[1]?.end();
  await written(writes, 3);
  writes[2]?.end();
  expect(await Promise.all([few, many, last])).toEqual([['r2', 'r3'], ['r4'], ['r5']]);
  expect(writes.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [5]]);
});

test('a failure is heard by all who shared it; a fault of one caller’s items by that one alone', async () => {
  const { group, writes } = held();
  const shared = [group.submit([1]), group.submit([2])];
  await written(writes, 1);
  writes[0]?.end(new Error('the database is away'));
  for (const each of shared) await expect(each).rejects.toThrow('away');
  const [good, bad] = [group.submit([3]), group.submit([4])];
  await written(writes, 2);
  writes[1]?.end(new RangeError('4 is wrong'));
  await written(writes, 3);
  writes[2]?.end();
  await written(writes, 4);
  writes[3]?.end(new RangeError('4 is wrong'));
  expect(await good).toEqual(['r3']);
  await expect(bad).rejects.toThrow('4 is wrong');
});

test('past its capacity a caller is refused; idle waits for what is left', async () => {
  const { group, writes } = held({ capacity: 2 });
  const taken = [group.submit([1])];
  await written(writes, 1);
  taken.push(group.submit([2]), group.submit([3]));
  await expect(group.submit([4])).rejects.toThrow(GroupCommitFull);
  expect(group.queued()).toBe(2);
  let isIdle = false;
  const idle = group.idle().then(() => (isIdle = true));
  writes[0]?.end();
  await written(writes, 2);
  expect(isIdle).toBe(false);
  writes[1]?.end();
  await Promise.all([...taken, idle]);
  expect(isIdle).toBe(true);
});
