import { type Instant, type Take, createTakeResult } from '@farebox/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { counterConformance } from './conformance.ts';
import { createMemoryCounter } from './memory.ts';

counterConformance('memory', () => createMemoryCounter());
// The same rules where every decision has to make room for itself.
counterConformance('memory (three places)', () => createMemoryCounter({ max_ids: 3 }));
// And where what is not asked for at once is kept as bytes.
counterConformance('memory (three objects)', () => createMemoryCounter({ max_objects: 3 }));

const start: Instant = Date.UTC(2026, 5, 1);
const end = start + 86_400_000;

function window(id: string, limit = 10): Take {
  return { kind: 'window', id, limit, window_ms: 1000 };
}

function quota(id: string, seed = 0): Take {
  return {
    kind: 'quota',
    id,
    limit: 10,
    hard: true,
    seed,
    period_end_at: end,
    of: { meter_id: 'requests', key_id: null, start_at: start },
  };
}

describe('memory counter: its size', () => {
  test('never exceeds the cap, whatever number of identities comes', () => {
    const counter = createMemoryCounter({ max_ids: 1000 });
    for (let count = 0; count < 100_000; count += 1) {
      counter.take([window(`cust_${count}:1s`), quota(`cust_${count}:requests:1`)], 1, start);
    }
    expect(counter.stats()).toMatchObject({
      windows: 1000,
      quotas: 1000,
      evicted_windows: 99_000,
      evicted_quotas: 99_000,
    });
  });

  test('what no longer counts makes room first', () => {
    const counter = createMemoryCounter({ max_ids: 100 });
    for (let count = 0; count < 100; count += 1) counter.take([window(`cust_${count}:1s`)], 1, start);
    for (let count = 100; count < 200; count += 1) counter.take([window(`cust_${count}:1s`)], 1, start + 5000);
    expect(counter.stats()).toMatchObject({ windows: 100, evicted_windows: 0 });
  });

  test('a customer who keeps calling keeps its window while strangers pass through', () => {
    const counter = createMemoryCounter({ max_ids: 64 });
    let admitted = 0;
    for (let count = 0; count < 5000; count += 1) {
      if (counter.take([window('cust_busy:1s')], 1, start).allowed) admitted += 1;
      counter.take([window(`cust_${count}:1s`)], 1, start);
    }
    expect(admitted).toBe(10);
  });

  test('a forgotten quota says so at once and starts again from the seed it is given, so it never grants', () => {
    const forgotten = new Set<string>();
    const written = new Map<string, number>();
    const counter = createMemoryCounter({ max_ids: 4, onQuotaEvicted: (id) => forgotten.add(id) });
    const admitted = new Map<string, number>();
    for (let round = 0; round < 40; round += 1) {
      for (let customer = 0; customer < 20; customer += 1) {
        const id = `cust_${customer}:requests:1`;
        if (forgotten.delete(id)) written.set(id, admitted.get(id) ?? 0);
        if (counter.take([quota(id, written.get(id) ?? 0)], 1, start).allowed)
          admitted.set(id, (admitted.get(id) ?? 0) + 1);
      }
    }
    expect([...admitted.values()]).toEqual(Array.from({ length: 20 }, () => 10));
    expect(counter.stats().evicted_quotas).toBeGreaterThan(0);
  });

  test('a window of another length under the same name starts from what was used', () => {
    const counter = createMemoryCounter();
    counter.take([window('cust_a:burst')], 7, start);
    const longer: Take = { kind: 'window', id: 'cust_a:burst', limit: 10, window_ms: 60_000 };
    expect(counter.take([longer], 4, start + 10)).toMatchObject({ allowed: false, used: [7] });
    expect(counter.take([longer], 3, start + 10)).toMatchObject({ allowed: true, used: [10] });
  });
});

test('a take that is asked again and again decides as one that is made anew, also where its counter made room or another took its place', () => {
  const step = fc.record({
    customer: fc.integer({ min: 0, max: 3 }),
    kind: fc.constantFrom('second', 'other length', 'burst'),
    cost: fc.integer({ min: 0, max: 3 }),
    wait_ms: fc.constantFrom(0, 1, 99, 500, 3000),
    counter: fc.integer({ min: 0, max: 1 }),
  });
  const takesOf = (customer: number, kind: string): Take[] => {
    const id = `cust_${customer}:1s`;
    const short: Take =
      kind === 'burst'
        ? { kind: 'bucket', id, limit: 10, window_ms: 1000, burst: 12 }
        : { kind: 'window', id, limit: 10, window_ms: kind === 'second' ? 1000 : 3000 };
    return [short, quota(`cust_${customer}:requests:1`)];
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 2, max: 5 }), (story, max_ids) => {
      const anew = [0, 1].map(() => createMemoryCounter({ max_ids }));
      const again = [0, 1].map(() => createMemoryCounter({ max_ids }));
      const known = new Map<string, Take[]>();
      const room = createTakeResult();
      let now = start;
      for (const { customer, kind, cost, wait_ms, counter } of story) {
        now += wait_ms;
        const name = `${customer} ${kind}`;
        const takes = known.get(name) ?? takesOf(customer, kind);
        known.set(name, takes);
        const expected = anew[counter]?.take(takesOf(customer, kind), cost, now);
        expect(again[counter]?.take(takes, cost, now, room)).toEqual(expected);
      }
    }),
  );
});

test('what is kept as bytes while nobody asks for it decides as if it had been asked for all the time', () => {
  const step = fc.record({
    customer: fc.integer({ min: 0, max: 5 }),
    which: fc.integer({ min: 0, max: 2 }),
    cost: fc.constantFrom(0, 1, 2, 3, 0.5),
    wait_ms: fc.constantFrom(0, 1, 99, 500, 3000, 70_000),
    release: fc.boolean(),
  });
  const takesOf = (customer: string, which: number, lease: string): Take[] => {
    const all: Take[] = [
      window(`${customer}:1s`),
      { kind: 'window', id: `${customer}:1m`, limit: 12, window_ms: 60_000 },
      { kind: 'bucket', id: `${customer}:burst`, limit: 10, window_ms: 1000, burst: 12 },
      { kind: 'places', id: `${customer}:places`, limit: 2, ttl_ms: 2000, lease },
      quota(`${customer}:requests:${start}`),
      // The budget of a key, by the name of a key.
      { ...window(`${customer}:key_${'0'.repeat(30)}`), limit: 4 },
    ];
    return all.slice(which, which + 4);
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (story, max_objects) => {
      const all = createMemoryCounter();
      const few = createMemoryCounter({ max_objects });
      const known = new Map<string, Take[]>();
      let now = start;
      for (const [index, { customer, which, cost, wait_ms, release }] of story.entries()) {
        now += wait_ms;
        const id = customer % 2 === 0 ? `cust_${customer}` : `cust_${String(customer).padStart(30, '0')}`;
        const takes = known.get(`${id} ${which}`) ?? takesOf(id, which, `lease_${index}`);
        known.set(`${id} ${which}`, takes);
        const expected = all.take(takesOf(id, which, `lease_${index}`), cost, now);
        expect(
          few.take(
            takes.map((take) => (take.kind === 'places' ? { ...take, lease: `lease_${index}` } : take)),
            cost,
            now,
          ),
        ).toEqual(expected);
        if (release) for (const each of [all, few]) each.release(`${id}:places`, `lease_${index}`);
      }
      expect(few.stats().evicted_windows + few.stats().evicted_quotas).toBe(0);
    }),
    { numRuns: 300 },
  );
});
