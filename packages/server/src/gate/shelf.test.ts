import { createHash } from 'node:crypto';
import { type Entry, type PricedPlan, joinParts } from '@farebox/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createShelf } from './shelf.ts';

const id = fc.stringMatching(/^[0-9A-Za-z]{30}$/);
const instant = fc.integer({ min: 0, max: 4_000_000_000_000 });
// What does not fit into the short form of a number is kept too.
const odd = fc.constantFrom(-1, 0.5, 2 ** 53, Number.MAX_VALUE);
const maybe = fc.option(fc.oneof(instant, odd));

const plan: fc.Arbitrary<PricedPlan> = fc.record({
  id: fc.constantFrom('free', 'pro'),
  name: fc.constant('Pro'),
  description: fc.constant(''),
  highlighted: fc.boolean(),
  group: fc.constant('main'),
  adds_to: fc.constant([]),
  customer: fc.constant(null),
  price: fc.constant({ amount_minor: 9900, currency: 'usd', interval: 'month', setup_fee_minor: 0 }),
  seats: fc.constant(null),
  trial: fc.constant(null),
  usage: fc.constant([]),
  limits: fc.array(fc.record({ name: fc.constant('1s'), limit: fc.nat(), window_ms: fc.constant(1000) }), {
    maxLength: 2,
  }),
  features: fc.constant({}),
});

const part = fc.record({
  subscription: fc.option(
    fc.record({
      status: fc.constantFrom('active', 'past_due', 'canceled', 'trialing'),
      billing_anchor_at: instant,
      current_period_start_at: instant,
      current_period_end_at: instant,
      cancel_at: maybe,
      ended_at: maybe,
      past_due_since_at: maybe,
    }),
  ),
  plan: fc.option(plan),
  plan_next: fc.option(fc.record({ from_at: instant, plan: fc.option(plan) })),
  spending: fc.option(
    fc.record({
      cap: fc.constant({ owner: 'customer' as const, amount_minor: 1000, currency: 'usd' }),
      billed: fc.dictionary(fc.constantFrom('2026-01', '2026-02'), fc.nat()),
    }),
  ),
  quota_used: fc.oneof(fc.nat(), odd),
  key_used: fc.nat(),
  quota_period_start_at: maybe,
  budget_period_start_at: maybe,
});

const entry: fc.Arbitrary<Entry> = fc
  .tuple(
    fc.record({
      key_id: fc.oneof(
        id.map((text) => `key_${text}`),
        fc.string(),
      ),
      customer_id: fc.oneof(
        id.map((text) => `cust_${text}`),
        fc.string({ maxLength: 20 }),
      ),
      livemode: fc.boolean(),
      scopes: fc.array(fc.constantFrom('read', 'write'), { maxLength: 2 }),
      allowed_cidrs: fc.array(fc.constant('10.0.0.0/8'), { maxLength: 1 }),
      expires_at: maybe,
      disabled_at: maybe,
      revoked_at: fc.option(instant),
      budget: fc.option(fc.record({ limit: fc.nat(), window: fc.constantFrom('1h', 'period') })),
    }),
    fc.array(part, { minLength: 1, maxLength: 4 }),
  )
  .map(([key, parts]) => joinParts(parts.map((each) => ({ ...key, ...each, parts: null, plan_takes: null })))!);

function digestOf(index: number): Buffer {
  return createHash('sha256').update(String(index)).digest();
}

describe('shelf', () => {
  test('an entry comes out as it was put, and what is shared is forgotten with the last one that has it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), entry), { maxLength: 30 }), (puts) => {
        const shelf = createShelf(100);
        const known = new Map<number, Entry>();
        for (const [index, each] of puts) {
          shelf.put(digestOf(index), each, index, { is_rehashed: false });
          known.set(index, each);
        }
        for (const [index, each] of known) {
          const row = shelf.find(digestOf(index));
          expect(shelf.entryOf(row)).toEqual(each);
          expect(shelf.open(row)).toMatchObject({ entry: each, mark: index, is_gone: false });
          expect(shelf.customerOf(row)).toBe(each.customer_id);
        }
        for (const index of known.keys()) shelf.remove(shelf.find(digestOf(index)));
        expect(shelf.size()).toBe(0);
        expect(shelf.stats()).toMatchObject({ shapes: 0, plans: 0, spendings: 0, in_use: 0 });
      }),
    );
  });

  test('who remembers an entry hears that it left, was replaced or made room', () => {
    const shelf = createShelf(2);
    const [one] = fc.sample(entry, { numRuns: 1, seed: 1 });
    const put = (index: number) => shelf.put(digestOf(index), { ...one!, revoked_at: null }, 0, { is_rehashed: false });
    const open = (index: number) => shelf.open(shelf.find(digestOf(index)));
    put(1);
    const first = open(1);
    expect(open(1)).toBe(first);
    put(1);
    expect(first.is_gone).toBe(true);
    const again = open(1);
    shelf.remove(shelf.find(digestOf(1)));
    expect(again.is_gone).toBe(true);
    put(1);
    put(2);
    const both = [open(1), open(2)];
    put(3);
    expect(shelf.size()).toBe(2);
    expect(both.filter(({ is_gone }) => is_gone)).toHaveLength(1);
    shelf.clear();
    expect(both.every(({ is_gone }) => is_gone)).toBe(true);
  });

  test('what is not in use makes room before what is', () => {
    const shelf = createShelf(50);
    const [one] = fc.sample(entry, { numRuns: 1, seed: 2 });
    for (let index = 0; index < 50; index += 1) shelf.put(digestOf(index), one!, 0, { is_rehashed: true });
    const busy = shelf.open(shelf.find(digestOf(7)));
    for (let index = 50; index < 5000; index += 1) shelf.put(digestOf(index), one!, 0, { is_rehashed: true });
    expect(shelf.size()).toBe(50);
    expect(busy.is_gone).toBe(false);
  });

  test('only the entries of who changed are due, and those that are revoked for good leave', () => {
    const shelf = createShelf(1000);
    const ids = fc.sample(id, { numRuns: 20, seed: 3 }).map((text) => `cust_${text}`);
    const customers = [...ids, 'cust_1', 'acme', ''];
    const [one] = fc.sample(entry, { numRuns: 1, seed: 4 });
    for (const [index, customer_id] of customers.entries())
      for (const key of [0, 1, 2]) {
        const each = { ...one!, parts: null, customer_id, revoked_at: key === 2 ? 1000 : null };
        shelf.put(digestOf(index * 3 + key), each, 0, { is_rehashed: true });
      }
    for (const [index, customer_id] of customers.entries()) {
      const due = shelf.due(new Set([customer_id]), 1000).map((digest) => digest.toString('hex'));
      expect(due.toSorted()).toEqual([0, 1].map((key) => digestOf(index * 3 + key).toString('hex')).toSorted());
    }
    expect(shelf.due(null, 1000)).toHaveLength(customers.length * 2);
    expect(shelf.size()).toBe(customers.length * 2);
  });

  test('whose entries are due is known after any number of them came, were replaced, left, made room or were thrown away', () => {
    const [one] = fc.sample(entry, { numRuns: 1, seed: 5 });
    const step = fc.record({
      index: fc.integer({ min: 0, max: 30 }),
      customer: fc.integer({ min: 0, max: 5 }),
      does: fc.constantFrom('put', 'put', 'put', 'remove', 'clear'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (story) => {
        // Fewer chains than customers.
        const shelf = createShelf(4);
        const all = Array.from({ length: 31 }, (_, index) => digestOf(index));
        for (const { index, customer, does } of story) {
          const row = shelf.find(digestOf(index));
          const each = { ...one!, parts: null, revoked_at: null, customer_id: `cust_${customer}` };
          if (does === 'put') shelf.put(digestOf(index), each, 0, { is_rehashed: true });
          else if (does === 'clear') shelf.clear();
          else if (row !== 0) shelf.remove(row);
          const held = all.filter((digest) => shelf.find(digest) !== 0);
          for (const id of [0, 1, 2, 3, 4, 5].map((number) => `cust_${number}`)) {
            const own = held.filter((digest) => shelf.customerOf(shelf.find(digest)) === id);
            const due = shelf.due(new Set([id]), 0);
            expect(due.map(String).toSorted()).toEqual(own.map(String).toSorted());
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
