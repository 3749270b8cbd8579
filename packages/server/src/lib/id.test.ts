import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createId, createRequestId } from './id.ts';

test('an id is its prefix and thirty characters that need no escaping', () => {
  expect(createId('cust', 1_767_225_600_000)).toMatch(/^cust_[0-9A-Za-z]{30}$/);
});

test('ids sort bytewise by the time they were made', () => {
  fc.assert(
    fc.property(fc.nat({ max: 4_102_444_800_000 }), fc.integer({ min: 1, max: 1e12 }), (at, later) => {
      expect(createId('x', at) < createId('x', at + later)).toBe(true);
    }),
  );
});

test('ids of one millisecond differ', () => {
  expect(new Set(Array.from({ length: 5_000 }, () => createId('x', 1))).size).toBe(5_000);
});

test('an instant outside the range is a fault', () => {
  for (const at of [-1, 0.5, Number.NaN, 62 ** 8]) expect(() => createId('x', at)).toThrow('instant');
});

test('ids of requests are of the same form, sort by the time, and differ within a millisecond', () => {
  const made = Array.from({ length: 10_000 }, () => createRequestId(1_767_225_600_000));
  expect(new Set(made).size).toBe(made.length);
  for (const id of made.slice(0, 10)) expect(id).toMatch(/^req_[0-9A-Za-z]{30}$/);
  expect(createRequestId(1_767_225_600_001) > made[9999]!).toBe(true);
  expect(made.toSorted()).toEqual(made);
});
