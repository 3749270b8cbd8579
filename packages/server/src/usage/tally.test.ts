import type { Meter } from '@farebox/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { UsageRecord } from './events/event.ts';
import { createTally } from './tally.ts';

const start = Date.UTC(2027, 0, 15, 12, 0, 59, 200);
const meters: Meter[] = [
  { id: 'requests', name: 'Requests', unit: 'request', aggregation: 'count' },
  { id: 'size', name: 'Size', unit: 'byte', aggregation: 'max', events: ['uploads'] },
];

function usage(more: Partial<UsageRecord> = {}): UsageRecord {
  const base = { id: '', customer_id: 'cust_a', key_id: 'key_a', meter_id: 'requests', quantity: 1, endpoint: '' };
  return { ...base, occurred_at: start, ...more };
}

function tallyOf(capacity = Number.POSITIVE_INFINITY) {
  const events: UsageRecord[] = [];
  let named = 0;
  const tally = createTally({
    meters,
    push: (record) => events.length < capacity && events.push(record) > 0,
    createId: () => `req_${(named += 1)}`,
  });
  return { tally, events };
}

/** What bills and charts can tell apart. */
function sums(events: readonly UsageRecord[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { customer_id, key_id, meter_id, endpoint, occurred_at, quantity } of events) {
    const name = [customer_id, key_id, meter_id, endpoint, Math.floor(occurred_at / 1000)].join(' ');
    found[name] = (found[name] ?? 0) + quantity;
  }
  return found;
}

test('whatever comes in whatever order: the units of every second are those that came, in one event where nothing was written between', () => {
  const step = fc.record({
    key_id: fc.constantFrom('key_a', 'key_b', null),
    meter_id: fc.constantFrom('requests', 'uploads', 'former'),
    endpoint: fc.constantFrom('', '/v1/a', '/v1/b'),
    quantity: fc.integer({ min: 1, max: 3 }),
    wait_ms: fc.constantFrom(0, 1, 400, 999, 1000, -700),
    is_taken: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (story, takes) => {
      const { tally, events } = tallyOf();
      const came: UsageRecord[] = [];
      let at = start;
      let taken = 0;
      const frozen: { record: UsageRecord; as: UsageRecord }[] = [];
      for (const { wait_ms, is_taken, ...more } of story) {
        at += wait_ms;
        const one = usage({ ...more, occurred_at: at });
        came.push(one);
        expect(tally.add(one)).toBe(true);
        if (!takes || !is_taken) continue;
        const written = events.slice(taken, taken + 2);
        taken += written.length;
        tally.taken(written.length);
        frozen.push(...written.map((record) => ({ record, as: { ...record } })));
      }
      expect(sums(events)).toEqual(sums(came));
      for (const { record, as } of frozen) expect(record).toEqual(as);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    }),
  );
});

test('a busy key is one event a second, named by its first request', () => {
  const { tally, events } = tallyOf();
  for (let count = 0; count < 1000; count += 1) tally.add(usage({ id: `r${count}`, occurred_at: start + count }));
  expect(events.map(({ id, quantity }) => [id, quantity])).toEqual([
    ['r0', 800],
    ['r800', 200],
  ]);
});

test('what is being written is not added to', () => {
  const { tally, events } = tallyOf();
  tally.add(usage());
  tally.taken(1);
  tally.add(usage());
  expect(events.map(({ quantity }) => quantity)).toEqual([1, 1]);
});

test('a meter of the greatest gets each request for itself, and so does one that names a new endpoint each time after some', () => {
  const { tally, events } = tallyOf();
  for (const quantity of [3, 5]) tally.add(usage({ meter_id: 'uploads', quantity }));
  expect(events.map(({ quantity }) => quantity)).toEqual([3, 5]);
  const many = tallyOf();
  for (let count = 0; count < 200; count += 1) many.tally.add(usage({ endpoint: `/${count % 100}` }));
  expect(many.events.length).toBeGreaterThan(100);
  expect(many.events.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(200);
});

test('without room it is said, and what stands in the buffer can still grow', () => {
  const { tally, events } = tallyOf(1);
  expect(tally.add(usage())).toBe(true);
  expect(tally.add(usage({ key_id: 'key_b' }))).toBe(false);
  expect(tally.add(usage())).toBe(true);
  expect(events).toMatchObject([{ quantity: 2 }]);
});
