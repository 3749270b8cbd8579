import fc from 'fast-check';
import type { Take } from '@farebox/core';
import { describe, expect, test } from 'vitest';
import { blockEndRules, blockRules, grantRules, shareRules } from './block-rules.ts';
import { type Admitted, type MakeCounter, farEnd, mostInAnyWindow, quota, start, window } from './stories.ts';

function bucket(limit: number, burst: number, id = 'cust_a:1s', window_ms = 1000): Take {
  return { kind: 'bucket', id, limit, window_ms, burst };
}

function place(lease: string, limit = 2): Take {
  return { kind: 'places', id: 'cust_a:places', limit, ttl_ms: 60_000, lease };
}

/** Steps of a caller: how long it waits, what it asks for. The waits favour the boundaries of slots and windows. */
const steps = (window_ms: number) =>
  fc.array(
    fc.record({
      wait_ms: fc.oneof(
        fc.constant(0),
        fc.integer({ min: 0, max: window_ms * 2 }),
        fc.constantFrom(1, window_ms / 10, window_ms / 10 - 1, window_ms - 1, window_ms, window_ms + 1),
      ),
      cost: fc.integer({ min: 0, max: 4 }),
    }),
    { minLength: 1, maxLength: 80 },
  );

/** What every counter must do, whatever it keeps its counts in. */
export function counterConformance(name: string, make: MakeCounter): void {
  describe(`${name} counter: windows`, () => windowRules(make));
  describe(`${name} counter: several limits`, () => jointRules(make));
  describe(`${name} counter: quotas`, () => quotaRules(make));
  describe(`${name} counter: bursts`, () => burstRules(make));
  describe(`${name} counter: blocks`, () => {
    blockRules(make);
    blockEndRules(make);
    grantRules(make);
    shareRules(make);
  });
  describe(`${name} counter: requests at the same time`, () => placeRules(make));
}

function windowRules(make: MakeCounter): void {
  test('no window of the length, wherever it starts, holds more than the limit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(1000, 60_000).chain((window_ms) => fc.tuple(fc.constant(window_ms), steps(window_ms))),
        async (limit, [window_ms, asked]) => {
          const counter = await make();
          const log: Admitted[] = [];
          let now = start;
          for (const { wait_ms, cost } of asked) {
            now += wait_ms;
            const result = await counter.take([window(limit, window_ms)], cost, now);
            if (result.allowed) log.push({ at: now, cost });
          }
          expect(mostInAnyWindow(log, window_ms)).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a limit that changes mid-window keeps what was used', async () => {
    const counter = await make();
    for (let count = 0; count < 8; count += 1) await counter.take([window(10, 1000)], 1, start + count);
    expect(await counter.take([window(5, 1000)], 1, start + 10)).toMatchObject({ allowed: false, used: [8] });
    expect(await counter.take([window(20, 1000)], 12, start + 11)).toMatchObject({ allowed: true, used: [20] });
    expect(await counter.take([window(20, 1000)], 1, start + 12)).toMatchObject({ allowed: false, used: [20] });
  });

  test('over changing limits, no admission leaves a window above the limit it was asked with', async () => {
    const limits = fc.array(fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 0, max: 400 })), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(limits, async (asked) => {
        const counter = await make();
        const log: Admitted[] = [];
        let now = start;
        for (const [limit, wait_ms] of asked) {
          now += wait_ms;
          const result = await counter.take([window(limit, 1000)], 1, now);
          if (!result.allowed) continue;
          log.push({ at: now, cost: 1 });
          expect(log.filter(({ at }) => at > now - 1000).length).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a denial consumes nothing: cost above the limit, then cost 1 passes', async () => {
    const counter = await make();
    expect(await counter.take([window(10, 1000)], 11, start)).toMatchObject({ allowed: false, denied: 0, used: [0] });
    expect(await counter.take([window(10, 1000)], 1, start)).toMatchObject({ allowed: true, denied: -1, used: [1] });
    await counter.take([window(10, 1000)], 9, start);
    for (let count = 0; count < 50; count += 1) await counter.take([window(10, 1000)], 1, start + count);
    expect(await counter.take([window(10, 1000)], 10, start + 1100)).toMatchObject({ allowed: true, used: [10] });
  });

  test('what a refusal calls the earliest instant is one: one millisecond before it is refused, at it passes', async () => {
    await fc.assert(
      fc.asyncProperty(steps(1000), fc.integer({ min: 1, max: 10 }), async (asked, limit) => {
        const counter = await make();
        let now = start;
        for (const { wait_ms, cost } of asked) {
          now += wait_ms;
          const result = await counter.take([window(limit, 1000)], cost, now);
          if (result.allowed || cost > limit) continue;
          const free_at = result.reset_at[0]!;
          expect(free_at).toBeGreaterThan(now);
          expect(free_at).toBeLessThanOrEqual(now + 1100);
          expect((await counter.take([window(limit, 1000)], cost, free_at - 1)).allowed).toBe(false);
          expect((await counter.take([window(limit, 1000)], cost, free_at)).allowed).toBe(true);
          now = free_at;
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a window that had its limit is whole again at the latest a tenth of its length late', async () => {
    const counter = await make();
    const last = start + 437;
    expect((await counter.take([window(3, 1000)], 3, last)).allowed).toBe(true);
    expect((await counter.take([window(3, 1000)], 1, last + 999)).allowed).toBe(false);
    expect((await counter.take([window(3, 1000)], 3, last + 1100)).allowed).toBe(true);
  });

  test('a clock that steps back grants nothing', async () => {
    const counter = await make();
    await counter.take([window(3, 1000)], 3, start);
    for (const back of [1, 500, 5000, 300_000]) {
      expect((await counter.take([window(3, 1000)], 1, start - back)).allowed).toBe(false);
    }
  });

  test('customers do not share a window', async () => {
    const counter = await make();
    await counter.take([window(1, 1000, 'cust_a:1s')], 1, start);
    expect((await counter.take([window(1, 1000, 'cust_b:1s')], 1, start)).allowed).toBe(true);
  });
}

function jointRules(make: MakeCounter): void {
  test('every limit takes or none: what one window refuses costs the others nothing', async () => {
    const counter = await make();
    const takes = [window(2, 1000), window(100, 60_000), quota(1000)];
    await counter.take(takes, 2, start);
    for (let count = 0; count < 20; count += 1) {
      expect(await counter.take(takes, 1, start + count)).toMatchObject({ allowed: false, denied: 0, used: [2, 2, 2] });
    }
    expect(await counter.take(takes, 1, start + 1100)).toMatchObject({ allowed: true, used: [1, 3, 3] });
  });

  test('of several limits that refuse, the one that frees up last is named', async () => {
    const counter = await make();
    const takes = [window(2, 1000), window(2, 60_000)];
    await counter.take(takes, 2, start);
    const result = await counter.take(takes, 1, start);
    expect(result.denied).toBe(1);
    expect(result.reset_at[1]).toBeGreaterThan(result.reset_at[0]!);
  });

  test('a hard quota that is used up outlasts every window', async () => {
    const counter = await make();
    const takes = [window(2, 1000), quota(2)];
    await counter.take(takes, 2, start);
    expect(await counter.take(takes, 1, start)).toMatchObject({ allowed: false, denied: 1 });
  });
}

function quotaRules(make: MakeCounter): void {
  test('a hard quota admits exactly its limit, starting from what the database says', async () => {
    const counter = await make();
    let admitted = 0;
    for (let count = 0; count < 500; count += 1) {
      if ((await counter.take([quota(100, { seed: 40 })], 1, start + count * 1000)).allowed) admitted += 1;
    }
    expect(admitted).toBe(60);
  });

  test('a hard quota refuses a cost it has no room for and still admits a smaller one', async () => {
    const counter = await make();
    await counter.take([quota(10)], 8, start);
    expect(await counter.take([quota(10)], 3, start)).toMatchObject({
      allowed: false,
      denied: 0,
      used: [8],
      reset_at: [farEnd],
    });
    expect(await counter.take([quota(10)], 2, start)).toMatchObject({ allowed: true, used: [10] });
  });

  test('a soft quota counts and never refuses', async () => {
    const counter = await make();
    expect(await counter.take([quota(5, { hard: false })], 50, start)).toMatchObject({ allowed: true, used: [50] });
    expect(await counter.take([quota(5, { hard: false })], 1, start)).toMatchObject({ allowed: true, used: [51] });
  });

  test('a seed read before some of the usage was written does not take it back', async () => {
    const counter = await make();
    await counter.take([quota(10, { seed: 2 })], 5, start);
    expect(await counter.take([quota(10, { seed: 4 })], 1, start)).toMatchObject({ used: [8] });
  });

  test('the next period starts with its own count', async () => {
    const counter = await make();
    await counter.take([quota(5, { id: 'cust_a:requests:1' })], 5, start);
    expect((await counter.take([quota(5, { id: 'cust_a:requests:2' })], 5, start)).allowed).toBe(true);
  });

  test('500 concurrent callers on 100 left admit exactly 100', async () => {
    const counter = await make();
    const results = await Promise.all(Array.from({ length: 500 }, async () => counter.take([quota(100)], 1, start)));
    expect(results.filter((result) => result.allowed)).toHaveLength(100);
  });
}

function burstRules(make: MakeCounter): void {
  test('the burst passes at once, then one unit at a time, and a refusal says when', async () => {
    const counter = await make();
    for (const left of [2, 1, 0])
      expect(await counter.take([bucket(10, 3)], 1, start)).toMatchObject({ allowed: true, used: [3 - left] });
    expect(await counter.take([bucket(10, 3)], 1, start)).toMatchObject({
      allowed: false,
      denied: 0,
      used: [3],
      reset_at: [start + 100],
    });
    expect((await counter.take([bucket(10, 3)], 1, start + 99)).allowed).toBe(false);
    expect((await counter.take([bucket(10, 3)], 1, start + 100)).allowed).toBe(true);
    expect((await counter.take([bucket(10, 3)], 3, start + 400)).allowed).toBe(true);
  });

  test('no time of any length admits more than the burst and what flows out in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        steps(1000),
        async (limit, burst, asked) => {
          const counter = await make();
          const log: Admitted[] = [];
          let now = start;
          for (const { wait_ms, cost } of asked) {
            now += wait_ms;
            const result = await counter.take([bucket(limit, burst)], cost, now);
            if (result.allowed) log.push({ at: now, cost });
          }
          for (const [from, first] of log.entries()) {
            let sum = 0;
            for (const { at, cost } of log.slice(from)) {
              sum += cost;
              expect(sum * 1000).toBeLessThanOrEqual(burst * 1000 + (at - first.at) * limit);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('a limit that gets a burst, or loses it, goes on from what was used', async () => {
    const counter = await make();
    await counter.take([window(10, 1000, 'cust_a:1s')], 8, start);
    expect(await counter.take([bucket(10, 9)], 1, start)).toMatchObject({ allowed: true, used: [9] });
    expect((await counter.take([bucket(10, 9)], 1, start)).allowed).toBe(false);
    expect(await counter.take([window(10, 1000, 'cust_a:1s')], 1, start)).toMatchObject({ allowed: true, used: [10] });
    expect((await counter.take([window(10, 1000, 'cust_a:1s')], 1, start)).allowed).toBe(false);
  });

  test('more than the burst never passes and takes nothing', async () => {
    const counter = await make();
    expect(await counter.take([bucket(10, 3)], 4, start)).toMatchObject({ allowed: false, used: [0] });
    expect((await counter.take([bucket(10, 3)], 3, start)).allowed).toBe(true);
  });
}

function placeRules(make: MakeCounter): void {
  test('as many as there are places; one that is given back is free at once, also twice', async () => {
    const counter = await make();
    expect(await counter.take([place('a')], 5, start)).toMatchObject({ allowed: true, used: [1] });
    expect(await counter.take([place('b')], 1, start + 10)).toMatchObject({ allowed: true, used: [2] });
    expect(await counter.take([place('c')], 1, start + 20)).toMatchObject({
      allowed: false,
      denied: 0,
      used: [2],
      reset_at: [start + 60_000],
    });
    await counter.release('cust_a:places', 'a');
    await counter.release('cust_a:places', 'a');
    expect((await counter.take([place('c')], 1, start + 30)).allowed).toBe(true);
    expect((await counter.take([place('d')], 1, start + 30)).allowed).toBe(false);
  });

  test('a place nobody gives back runs out', async () => {
    const counter = await make();
    await counter.take([place('a', 1)], 1, start);
    expect((await counter.take([place('b', 1)], 1, start + 59_999)).allowed).toBe(false);
    expect((await counter.take([place('b', 1)], 1, start + 60_000)).allowed).toBe(true);
  });

  test('a request that another limit refuses has no place, and one without a place takes from no limit', async () => {
    const counter = await make();
    const asked = (lease: string) => [window(3, 1000), place(lease, 2)];
    for (const lease of ['a', 'b']) expect((await counter.take(asked(lease), 1, start)).allowed).toBe(true);
    expect(await counter.take(asked('c'), 1, start)).toMatchObject({ allowed: false, denied: 1, used: [2, 2] });
    await counter.release('cust_a:places', 'b');
    expect(await counter.take(asked('d'), 2, start)).toMatchObject({ allowed: false, denied: 0, used: [2, 1] });
    expect((await counter.take(asked('d'), 1, start)).allowed).toBe(true);
  });

  test('500 at once have 100 places', async () => {
    const counter = await make();
    const results = await Promise.all(
      Array.from({ length: 500 }, async (_, index) => counter.take([place(`r${index}`, 100)], 1, start)),
    );
    expect(results.filter((result) => result.allowed)).toHaveLength(100);
  });
}
