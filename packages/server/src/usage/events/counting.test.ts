import { type Meter, type MeteredEvent, measure } from '@farebox/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCounting } from './counting.ts';

const type = fc.constantFrom('a', 'b', 'c', 'constructor');
const meter: fc.Arbitrary<Meter> = fc.record(
  {
    id: fc.constantFrom('a', 'b', 'm', 'n'),
    name: fc.constant('Meter'),
    unit: fc.constant('unit'),
    aggregation: fc.constantFrom('count', 'sum', 'max', 'last', 'unique', 'average'),
    events: fc.array(type, { minLength: 1, maxLength: 3 }),
    filters: fc.constant<Record<string, string[]>>({ status: ['200'] }),
    value: fc.constantFrom('bytes', 'user'),
  },
  { requiredKeys: ['id', 'name', 'unit', 'aggregation'] },
);
const event = fc.record({
  type,
  quantity: fc.nat(1000),
  occurred_at: fc.constant(0),
  key_id: fc.constant(null),
  endpoint: fc.constant(''),
  properties: fc.record(
    { status: fc.constantFrom('200', 200, '500'), bytes: fc.oneof(fc.integer(), fc.string()), user: fc.string() },
    { requiredKeys: [] },
  ),
});

test('an event counts by those meters, and as much, as each of all meters says by itself', () => {
  fc.assert(
    fc.property(fc.uniqueArray(meter, { selector: ({ id }) => id, maxLength: 4 }), event, (meters, given) => {
      const one: MeteredEvent = given;
      const expected = meters.flatMap((each) => {
        const measured = measure(each, one);
        return measured.counted ? [[each.id, measured.amount]] : [];
      });
      expect(Object.entries(createCounting(meters)(one))).toEqual(expected);
    }),
  );
});
