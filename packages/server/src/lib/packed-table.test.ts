import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Row, createPackedTable } from './packed-table.ts';

function bodyOf(table: ReturnType<typeof createPackedTable>, row: Row, length: number): string {
  const at = table.bodyOf(row);
  return table.chunkOf(row).toString('utf8', at, at + length);
}

test('rows are found, replaced and removed as in a map, whatever their keys and lengths', () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 300 }),
    length: fc.integer({ min: 0, max: 40 }),
    removes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 2000, minLength: 500 }), (story) => {
      const table = createPackedTable();
      const known = new Map<string, string>();
      for (const [index, { key, length, removes }] of story.entries()) {
        // Some of a byte, so that many begin alike.
        const name = key % 7 === 0 ? String.fromCharCode(key % 50) : `key ${key}`;
        const row = table.find(Buffer.from(name));
        expect(row !== 0).toBe(known.has(name));
        if (removes) {
          if (row !== 0) table.remove(row);
          known.delete(name);
        } else {
          const text = String(index).padEnd(length, '.');
          table.put(Buffer.from(name), Buffer.from(text), text.length);
          known.set(name, text);
        }
      }
      expect(table.size()).toBe(known.size);
      const seen = new Map<string, string>();
      table.scan((row) => {
        const name = table.keyOf(row).toString();
        seen.set(name, bodyOf(table, row, known.get(name)?.length ?? 0));
      });
      expect(seen).toEqual(known);
      // A hand goes round all of them.
      const passed = new Set(Array.from({ length: table.size() }, () => table.next()));
      expect(passed.size).toBe(known.size);
    }),
    { numRuns: 30 },
  );
});

test('a hundred thousand rows cost what is in them and little more, and those that leave make room for others', () => {
  const table = createPackedTable();
  const body = Buffer.alloc(100);
  const many = 100_000;
  const keyOf = (index: number) => Buffer.from(`cust_${String(index).padStart(27, '0')}`);
  for (let index = 0; index < many; index += 1) table.put(keyOf(index), body, body.length);
  expect(table.bytes() / many).toBeLessThan(150);
  const before = table.bytes();
  for (let round = 0; round < 3; round += 1)
    for (let index = 0; index < many; index += 1) {
      const row = table.find(keyOf(index + round * many));
      expect(row).not.toBe(0);
      table.remove(row);
      table.put(keyOf(index + (round + 1) * many), body, body.length);
    }
  expect(table.size()).toBe(many);
  expect(table.bytes()).toBe(before);
});
