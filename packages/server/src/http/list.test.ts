import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listQuery, toList } from './list.ts';

const row = fc.record({
  created_at: fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
  id: fc.stringMatching(/^[a-z]{2,5}_[0-9A-Za-z]{1,30}$/),
});

test('the cursor of a page reads back as the last row of that page', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 20 }), (rows) => {
      const page = toList(
        rows,
        rows.length - 1,
        (one) => one.id,
        (one) => one,
      );
      const last = rows.at(-2);
      expect(page.data).toEqual(rows.slice(0, -1).map((one) => one.id));
      expect(listQuery.parse({ starting_after: page.next_cursor }).starting_after).toEqual(last);
    }),
  );
});

test('no text makes a cursor that is not an instant and an id', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const result = listQuery.safeParse({ starting_after: text });
      if (!result.success) return;
      expect(result.data.starting_after?.created_at.getTime()).not.toBeNaN();
      expect(result.data.starting_after?.id).toMatch(/^[\w-]+$/);
    }),
  );
});

test('the last page says that it is the last', () => {
  expect(
    toList(
      [{ created_at: new Date(0), id: 'a' }],
      1,
      (one) => one.id,
      (one) => one,
    ),
  ).toEqual({
    object: 'list',
    data: ['a'],
    has_more: false,
    next_cursor: null,
  });
});
