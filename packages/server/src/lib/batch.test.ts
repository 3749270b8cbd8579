import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBatch } from './batch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function sink(options: { size?: number; full?: number; age_ms?: number; busy_ms?: number; capacity?: number } = {}) {
  const writes: { items: number[]; id: string }[] = [];
  const errors: unknown[] = [];
  const state = { broken: false };
  const batch = createBatch<number>({
    size: 3,
    age_ms: 100,
    capacity: 10,
    ...options,
    flush: async (items, id) => {
      await Promise.resolve();
      writes.push({ items: [...items], id });
      if (state.broken) throw new Error('the database is away');
    },
    onError: (error) => errors.push(error),
  });
  return { batch, writes, errors, state, items: () => writes.map((write) => write.items) };
}

test('a full batch is written at once, a part of one when it is old enough', async () => {
  const { batch, items } = sink();
  for (const item of [1, 2, 3, 4]) batch.push(item);
  await vi.advanceTimersByTimeAsync(0);
  expect(items()).toEqual([[1, 2, 3]]);
  await vi.advanceTimersByTimeAsync(100);
  expect(items()).toEqual([[1, 2, 3], [4]]);
  expect(batch.pending()).toBe(0);
});

test('flush resolves when everything pushed before it is written', async () => {
  const { batch, items } = sink();
  for (const item of [1, 2, 3, 4, 5]) batch.push(item);
  await Promise.all([batch.flush(), batch.flush()]);
  expect(items().flat()).toEqual([1, 2, 3, 4, 5]);
});

test('a failed write keeps its items and comes again unchanged under the same id', async () => {
  const { batch, writes, errors, state } = sink();
  state.broken = true;
  for (const item of [1, 2, 3, 4]) batch.push(item);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(errors.length).toBeGreaterThan(0);
  expect(batch.failing()).toBeInstanceOf(Error);
  expect(batch.pending()).toBe(4);
  state.broken = false;
  const tries = writes.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(new Set(writes.slice(0, tries + 1).map((write) => `${write.id}:${write.items.join()}`)).size).toBe(1);
  expect(writes.slice(tries).map((write) => write.items)).toEqual([[1, 2, 3], [4]]);
  expect(batch.failing()).toBeNull();
});

test('a flush that fails tells its caller, and the items are written later all the same', async () => {
  const { batch, items, state } = sink();
  state.broken = true;
  batch.push(1);
  await expect(batch.flush()).rejects.toThrow('away');
  state.broken = false;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(items().at(-1)).toEqual([1]);
  expect(batch.pending()).toBe(0);
});

test('beyond the capacity items are refused and counted, never more kept', async () => {
  const { batch, state } = sink({ capacity: 4 });
  state.broken = true;
  expect([1, 2, 3, 4, 5, 6].map((item) => batch.push(item))).toEqual([true, true, true, true, false, false]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(batch.push(7)).toBe(false);
  expect([batch.pending(), batch.dropped()]).toEqual([4, 3]);
});

test('close writes what is left and takes nothing more', async () => {
  const { batch, items } = sink();
  batch.push(1);
  await batch.close();
  expect(items()).toEqual([[1]]);
  expect(batch.push(2)).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});

test('while much comes, what comes is written more seldom: the next write takes more of it', async () => {
  const { batch, items } = sink({ size: 2, full: 100, age_ms: 100, busy_ms: 400, capacity: 100 });
  for (const item of [1, 2, 3]) batch.push(item);
  await vi.advanceTimersByTimeAsync(99);
  expect(items()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(items()).toEqual([[1, 2], [3]]);
  batch.push(4);
  await vi.advanceTimersByTimeAsync(399);
  expect(items()).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  batch.push(5);
  await vi.advanceTimersByTimeAsync(100);
  expect(items().slice(2)).toEqual([[4], [5]]);
});
