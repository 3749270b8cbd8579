import fc from 'fast-check';
import {
  type Ask,
  type Blocks,
  type Carved,
  type Instant,
  type Take,
  type TakeResult,
  createBlocks,
} from '@farebox/core';
import { expect, test } from 'vitest';
import type { Counter } from '../ports.ts';
import { type Admitted, type MakeCounter, mostInAnyWindow, quota, start, window } from './stories.ts';

/** One that holds blocks, and spends them without asking. */
async function throughBlocks(counter: Counter, blocks: Blocks, takes: readonly Take[], cost: number, now: Instant) {
  const held = blocks.spend(takes, cost, now);
  if (held !== null) {
    if (blocks.isLate()) await renew(counter, blocks, takes, cost, now);
    return held;
  }
  const call = blocks.ask(takes, cost, now, 0);
  return blocks.answered(call, await carved(counter, call.asks, now)) ?? blocks.spend(takes, cost, now);
}

/** Before they end, while nobody waits for them. */
async function renew(counter: Counter, blocks: Blocks, takes: readonly Take[], cost: number, now: Instant) {
  const call = blocks.ask(takes, cost, now, 0);
  const asks = call.asks.map((ask) => ({ ...ask, need: 0 }));
  blocks.answered(call, await carved(counter, asks, now));
}

async function carved(counter: Counter, asks: readonly Ask[], now: Instant): Promise<Carved> {
  const answer = await counter.carve(asks, now);
  if (answer === null) throw new Error('this counter counts for all');
  return answer;
}

async function giveBack(counter: Counter, blocks: Blocks, now: Instant, all: boolean): Promise<void> {
  for (const asks of blocks.unspent(now, all)) await carved(counter, asks, now);
}

/** Whoever holds blocks, and whatever becomes of them. */
export function blockRules(make: MakeCounter): void {
  test('however many hold blocks, ask one by one beside them, give back or die: no limit is exceeded', async () => {
    const step = fc.record({
      who: fc.integer({ min: 0, max: 3 }),
      does: fc.constantFrom('asks', 'asks', 'asks', 'asks', 'gives back', 'dies'),
      wait_ms: fc.oneof(fc.constant(0), fc.constantFrom(1, 99, 100, 101, 1000), fc.integer({ min: 0, max: 300 })),
      cost: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 200 })),
        fc.array(step, { minLength: 1, maxLength: 80 }),
        async (limit, story) => {
          const counter = await make();
          const holders = [0, 1, 2].map(() => createBlocks());
          const takes = [window(limit, 1000), quota(limit * 3)];
          const log: Admitted[] = [];
          let now = start;
          for (const { who, does, wait_ms, cost } of story) {
            now += wait_ms;
            const blocks = holders[who];
            if (does === 'dies') holders[who % 3] = createBlocks();
            else if (does === 'gives back') {
              if (blocks !== undefined) await giveBack(counter, blocks, now, true);
            } else {
              const result =
                blocks === undefined
                  ? await counter.take(takes, cost, now)
                  : await throughBlocks(counter, blocks, takes, cost, now);
              if (result?.allowed === true) log.push({ at: now, cost });
            }
          }
          expect(mostInAnyWindow(log, 1000)).toBeLessThanOrEqual(limit);
          expect(log.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(limit * 3);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('what is given back is there again, whole: nothing is lost where nobody dies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 0, max: 400 })), { maxLength: 60 }),
        async (story) => {
          const counter = await make();
          const holders = [0, 1, 2].map(() => createBlocks());
          let [now, spent] = [start, 0];
          for (const [who, wait_ms] of story) {
            now += wait_ms;
            const result = await throughBlocks(counter, holders[who]!, [quota(1000)], 1, now);
            if (result?.allowed === true) spent += 1;
          }
          for (const blocks of holders) await giveBack(counter, blocks, now, true);
          expect(spent).toBe(story.length);
          expect(await counter.take([quota(1000)], 0, now)).toMatchObject({ used: [spent] });
        },
      ),
      { numRuns: 50 },
    );
  });
}

/** How long a block is good for, and counts. */
export function blockEndRules(make: MakeCounter): void {
  test.each([
    { hard: true, lasts_ms: 1000 },
    { hard: false, lasts_ms: 10_000 },
  ])(
    'a block of a quota lasts $lasts_ms ms where hard is $hard, however much of it is left',
    async ({ hard, lasts_ms }) => {
      const takes = [quota(1_000_000, { hard })];
      const blocks = createBlocks();
      const call = blocks.ask(takes, 1, start, 9);
      blocks.answered(call, await carved(await make(), call.asks, start));
      expect(blocks.spend(takes, 1, start + lasts_ms - 1)).toMatchObject({ allowed: true });
      expect(blocks.spend(takes, 1, start + lasts_ms)).toBeNull();
    },
  );

  test('against one who takes whatever there is, a block counts for as long as it may be spent and its window after it', async () => {
    const story = fc.record({
      limit: fc.integer({ min: 20, max: 120 }),
      asks: fc.array(fc.integer({ min: 0, max: 250 }), { minLength: 3, maxLength: 25 }),
      // The holder spends what it has from then on, the other takes from then on.
      spends_ms: fc.oneof(fc.nat(2000), fc.nat(20_000)),
      takes_ms: fc.oneof(fc.nat(2500), fc.nat(22_000)),
      steps: fc.array(fc.constantFrom(20, 33, 50, 99, 100, 700), { minLength: 40, maxLength: 90 }),
    });
    await fc.assert(
      fc.asyncProperty(story, async ({ limit, asks, spends_ms, takes_ms, steps }) => {
        const counter = await make();
        const holder = createBlocks();
        const takes = [window(limit, 1000)];
        const log: Admitted[] = [];
        const admit = (result: TakeResult | null): boolean => {
          if (result?.allowed === true) log.push({ at: now, cost: 1 });
          return result?.allowed === true;
        };
        let now = start;
        for (const wait_ms of asks) {
          now += wait_ms;
          admit(await throughBlocks(counter, holder, takes, 1, now));
        }
        const since = now;
        for (const wait_ms of steps) {
          now += wait_ms;
          if (now - since >= spends_ms) admit(holder.spend(takes, 1, now));
          while (now - since >= takes_ms && admit(await counter.take(takes, 1, now)));
        }
        expect(mostInAnyWindow(log, 1000)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 200 },
    );
  });
}

/** What is taken ahead, and had again in every window. */
export function shareRules(make: MakeCounter): void {
  test('a share is had in every window until it ends, with no call, and no more than it in one', async () => {
    const counter = await make();
    const takes = [window(400, 1000)];
    const blocks = createBlocks();
    const call = blocks.ask(takes, 1, start, 39);
    blocks.answered(call, await carved(counter, call.asks, start));
    const log: Admitted[] = [];
    let now = start;
    for (let spent = blocks.spend(takes, 1, now); now < start + 30_000; spent = blocks.spend(takes, 1, now)) {
      if (spent?.allowed === true) log.push({ at: now, cost: 1 });
      now += 5;
    }
    expect(mostInAnyWindow(log, 1000)).toBe(40);
    const last = log.at(-1)?.at ?? 0;
    expect(last).toBeGreaterThan(start + 9000);
    expect(last).toBeLessThanOrEqual(start + 20_000);
    // A window and its slot for 40.
    expect(log.length).toBeGreaterThan((40 * (last - start)) / 1200);
  });

  test('a share that goes back leaves what was spent of it within the last window', async () => {
    const counter = await make();
    const takes = [window(400, 1000)];
    const blocks = createBlocks();
    const call = blocks.ask(takes, 1, start, 39);
    blocks.answered(call, await carved(counter, call.asks, start));
    for (let count = 0; count < 30; count += 1) blocks.spend(takes, 1, start + count);
    for (let count = 0; count < 7; count += 1) blocks.spend(takes, 1, start + 5000);
    expect(await counter.take(takes, 0, start + 5000)).toMatchObject({ used: [40] });
    await giveBack(counter, blocks, start + 5100, true);
    expect(await counter.take(takes, 0, start + 5100)).toMatchObject({ used: [7] });
    expect(await counter.take(takes, 0, start + 6300)).toMatchObject({ used: [0] });
  });

  test('a quarter of a limit at most counts for longer than its window', async () => {
    const counter = await make();
    const ask = (need: number, want: number): Ask[] => [
      { take: window(160, 1000), need, want, back: null, is_fresh: false },
    ];
    for (const [want, granted] of [
      [12, 12],
      [30, 28],
      [160, 30],
    ] as const)
      expect(await carved(counter, ask(1, want), start)).toMatchObject({ parts: [{ granted }] });
    // The first two blocks are a quarter of it, the third is more.
    expect(await counter.take([window(160, 1000)], 0, start + 1100)).toMatchObject({ used: [40] });
    expect(await counter.take([window(160, 1000)], 0, start + 21_100)).toMatchObject({ used: [0] });
  });
}

/** What is given, and what is taken back. */
export function grantRules(make: MakeCounter): void {
  test('a customer that is asked for now and then, and uses little of its limits, has its blocks for more than a slot', async () => {
    const counter = await make();
    const soft = quota(1_000_000, { hard: false });
    const takes = [window(100, 1000), window(3000, 60_000), soft];
    const blocks = createBlocks();
    let calls = 0;
    const counted: Counter = {
      ...counter,
      carve(asks, now) {
        calls += 1;
        return counter.carve(asks, now);
      },
    };
    for (let count = 0; count < 300; count += 1) {
      const result = await throughBlocks(counted, blocks, takes, 1, start + count * 200);
      expect(result?.allowed).toBe(true);
    }
    // Of the window of a second each 200 ms are two slots.
    expect(calls).toBeLessThan(40);
    await giveBack(counter, blocks, start + 60_000, true);
    expect(await counter.take([soft], 0, start + 60_000)).toMatchObject({ used: [300] });
  });

  test('a block is at most a quarter of what is left, all that is wanted of a soft quota, and never less than needed', async () => {
    const counter = await make();
    const ask = (take: Take, need: number, want: number): Ask => ({ take, need, want, back: null, is_fresh: false });
    const soft = quota(10, { hard: false, id: 'cust_a:calls:1' });
    const first = await carved(counter, [ask(window(100, 1000), 1, 80), ask(soft, 1, 80)], start);
    expect(first).toMatchObject({ allowed: true, parts: [{ granted: 25 }, { granted: 80, used: 80 }] });
    expect(await carved(counter, [ask(window(100, 1000), 70, 80)], start)).toMatchObject({ parts: [{ granted: 70 }] });
    const refused = await carved(counter, [ask(window(100, 1000), 6, 6), ask(soft, 6, 6)], start);
    expect(refused).toMatchObject({ allowed: false, parts: [{ granted: 0 }, { granted: 0, used: 80 }] });
    expect(await counter.take([window(100, 1000), soft], 5, start)).toMatchObject({ allowed: true, used: [100, 85] });
  });

  test('what is left of a block of another slot or of another counter is not given to this one', async () => {
    const counter = await make();
    const take = window(10, 1000);
    const ask = (need: number, back: Ask['back']): Ask[] => [{ take, need, want: need, back, is_fresh: false }];
    const { parts } = await carved(counter, ask(10, null), start);
    const [part] = parts;
    if (part?.kind !== 'window') throw new Error('a window answers as one');
    const slot = Math.floor(start / 100);
    const wrong = [
      { units: 5, spent: 0, slot, epoch: 'of before' },
      { units: 5, spent: 0, slot: slot - 11, epoch: part.epoch },
      { units: 5, spent: 0, slot: slot + 1, epoch: part.epoch },
    ];
    for (const back of wrong) expect((await carved(counter, ask(1, back), start)).allowed).toBe(false);
    // A refusal gives back all the same.
    expect((await carved(counter, ask(7, { units: 5, spent: 0, slot, epoch: part.epoch }), start)).allowed).toBe(false);
    expect((await carved(counter, ask(5, null), start)).allowed).toBe(true);
  });
}
