import { type Farebox, FareboxUnavailable, createFarebox } from '@farebox/sdk';
import type { PriceList } from '@farebox/core';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import exampleList from '../../../../farebox.config.ts';
import { testDatabase } from '../database.ts';
import { type TestApp, startWatched, testApp } from '../harness.ts';
import { hasRedis, startRedis } from '../redis-server.ts';
import { createRelay } from '../relay.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

/** The seller's API decides by itself: what holds when several do so at once, and when the line between is bad. */
vi.setConfig({ testTimeout: 60_000 });

const included = 400;
const list: PriceList = {
  ...exampleList,
  plans: exampleList.plans.map((plan) => ({
    ...plan,
    limits: plan.id === 'starter' ? [] : [{ name: '1s', limit: 40, window_ms: 1000 }],
    usage: plan.usage.map((usage) => ({ ...usage, included, quota: 'hard' as const })),
  })),
};
const farebox = await testApp({ list });
const redis = hasRedis('several that decide by themselves over Redis') ? await startRedis() : null;
afterAll(() => redis?.kill());
const restarts = await Promise.all(
  ['at once', 'when all was told'].map(async (asked) => ({ asked, db: await testDatabase() })),
);
const overRedis = await Promise.all(
  (redis === null ? [] : ['exact', 'leased']).map(async (mode) => ({
    mode,
    app: await testApp({ list, environment: { REDIS_URL: redis?.url ?? '', FAREBOX_COUNTER: mode } }),
  })),
);

interface Buyer {
  visitor: Visitor;
  key: string;
  key_id: string;
  customer_id: string;
}

async function buyer(plan_id: string, app: TestApp = farebox): Promise<Buyer> {
  const visitor = await app.signUp(`${plan_id}-${(buyers += 1)}@example.com`);
  const { url, id } = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(url);
  await visitor.get(`/v1/checkout_sessions/${id}`);
  await app.sandbox.webhooks.settled();
  await app.app.settle();
  const { secret: key, id: key_id } = await visitor.post('/v1/keys', { name: 'local' });
  const { customer } = await visitor.get('/v1/me');
  return { visitor, key, key_id, customer_id: customer.id };
}
let buyers = 0;

/** One more process of the seller's that decides by itself. */
async function local(url = farebox.url, options: object = {}, secret_key = farebox.secret_key): Promise<Farebox> {
  const made = createFarebox({ url, secret_key, mode: 'local', ...options });
  onTestFinished(() => made.close());
  await expect.poll(() => made.local()?.current, { timeout: 5000 }).toBe(true);
  return made;
}

async function usedBy({ customer_id }: Buyer, app: TestApp = farebox): Promise<number> {
  await app.app.settle();
  const { rows } = await app.db.pool.query<{ sum: string | null }>(
    'select sum(quantity) from usage_event where customer_id = $1',
    [customer_id],
  );
  return Number(rows[0]?.sum ?? 0);
}

/** Everybody asks in turns until each was refused so often that nothing is left; answers how much was let through. */
async function exhaust(ask: (() => Promise<number>)[], rounds: number): Promise<number> {
  let sum = 0;
  for (let round = 0; round < rounds; round += 1)
    for (const units of await Promise.all(ask.map(async (one) => await one()))) sum += units;
  return sum;
}

/** Nothing passed where Farebox could not decide. */
const asking =
  (who: Farebox, { key }: Buyer, cost: number) =>
  async () => {
    try {
      return (await who.verify({ key, cost })).valid ? cost : 0;
    } catch (error) {
      if (error instanceof FareboxUnavailable) return 0;
      throw error;
    }
  };

/** On a busy machine Redis answers too late for some, and what those took is counted and lost; in Farebox itself nothing is. */
async function sharedStory(app: TestApp, mayLose: boolean): Promise<void> {
  const ada = await buyer('starter', app);
  const three = await Promise.all([1, 2, 3].map(async () => await local(app.url, {}, app.secret_key)));
  const oneByOne = createFarebox({ url: app.url, secret_key: app.secret_key });
  const everybody = [...three.map((one, index) => asking(one, ada, index + 1)), asking(oneByOne, ada, 1)];
  const together = await exhaust(everybody, 120);
  expect(together).toBeLessThanOrEqual(included);
  for (const one of three) {
    await one.close();
    expect(one.local()).toMatchObject({ current: false, pending_usage: 0, dropped_usage: 0 });
  }
  expect(await usedBy(ada, app)).toBe(together);
  // What they held and did not spend is there again: all of it can be used, and not one unit more.
  const alone = await exhaust([asking(oneByOne, ada, 1)], included - together + 5);
  const all = together + alone;
  expect(all).toBeLessThanOrEqual(included);
  expect(all).toBeGreaterThanOrEqual(mayLose ? included / 2 : included);
  expect(await usedBy(ada, app)).toBe(all);
}

describe('several at once never pass a limit, and together can use all of it', () => {
  test('units counted in Farebox', async () => {
    await sharedStory(farebox, false);
  });

  test.each(overRedis)('units counted in Redis, $mode', async ({ app }) => {
    await sharedStory(app, true);
  });

  test('no second holds more than its window lets through', async () => {
    const ada = await buyer('pro');
    const three = await Promise.all([1, 2, 3].map(async () => await local()));
    const log: { from: number; until: number }[] = [];
    const ends = performance.now() + 3500;
    await Promise.all(
      [...three, ...three].map(async (one) => {
        while (performance.now() < ends) {
          const from = performance.now();
          if ((await one.verify({ key: ada.key })).valid) log.push({ from, until: performance.now() });
        }
      }),
    );
    // Decided somewhere between its two instants: those that lie wholly in a second are no more than the limit.
    for (const { from } of log)
      expect(log.filter((one) => one.from >= from && one.until < from + 1000).length).toBeLessThanOrEqual(40);
    expect(log.length).toBeGreaterThan(60);
    for (const one of three) expect(one.local()?.decided).toBeGreaterThan(one.local()?.asked ?? 0);
    // However slow the machine is: so many at once are more than a second has.
    const ask = async (one: Farebox) => (await one.verify({ key: ada.key })).valid;
    const many = await Promise.all(
      Array.from({ length: 70 }, () => three)
        .flat()
        .map(ask),
    );
    expect(many).toContain(false);
    await farebox.app.settle();
    const { data } = await ada.visitor.get('/v1/events?type=rate_limit.exceeded');
    const told = data.map((event: { data: { object: object } }) => event.data.object);
    expect(told[0]).toMatchObject({
      customer_id: ada.customer_id,
      key_id: ada.key_id,
      kind: 'window',
      name: '1s',
      limit: 40,
    });
    expect(new Set(told.map(({ hour_at }: { hour_at: string }) => hour_at)).size).toBe(told.length);
  });
});

describe('what is asked for at once goes together', () => {
  test('keys and units of many customers come with a call each, and every one is answered by itself', async () => {
    const many = await Promise.all(Array.from({ length: 6 }, async () => await buyer('starter')));
    const [first, revoked] = many;
    if (first === undefined || revoked === undefined) throw new Error('there are six');
    await revoked.visitor.post(`/v1/keys/${revoked.key_id}/revoke`, {});
    const one = await local();
    const ask = async (keys: string[], cost: number) =>
      (await Promise.all(keys.map(async (key) => await one.verify({ key, cost })))).map(({ code }) => code);
    const keys = many.map(({ key }) => key);
    const codes = ['VALID', 'REVOKED', 'VALID', 'VALID', 'VALID', 'VALID', 'NOT_FOUND'];
    expect(await ask([...keys, `${first.key.slice(0, -1)}${first.key.endsWith('0') ? 1 : 0}`], 1)).toEqual(codes);
    // Of usage there may be one more.
    expect(one.local()?.calls).toBeLessThanOrEqual(3);
    expect(one.local()).toMatchObject({ decided: 7, asked: 0 });
    // What one of them has no room for takes nothing from the others.
    const other = createFarebox({ url: farebox.url, secret_key: farebox.secret_key });
    // The units that the first process holds of its quota come back to it after a second.
    await expect.poll(async () => (await other.verify({ key: first.key, cost: included - 2 })).valid).toBe(true);
    await expect.poll(() => usedBy(first)).toBe(included - 1);
    expect((await ask(keys, 5)).slice(0, 3)).toEqual(['QUOTA_EXCEEDED', 'REVOKED', 'VALID']);
    await one.close();
    for (const [index, each] of many.entries()) expect(await usedBy(each)).toBe([included - 1, 0][index] ?? 6);
  });
});

describe('what changes counts within a second', () => {
  const codeOf = async (one: Farebox, { key }: Buyer) => (await one.verify({ key })).code;

  test.each(['up', 'hanging', 'cut'])('a revoked key stops, with the line %s', async (line) => {
    const ada = await buyer('starter');
    const own = await createRelay(farebox.url);
    onTestFinished(() => own.close());
    const one = await local(own.url);
    for (let count = 0; count < 20; count += 1) expect(await codeOf(one, ada)).toBe('VALID');
    expect(one.local()?.decided).toBeGreaterThan(10);
    if (line === 'hanging') own.hang(/gate\/changes/);
    await ada.visitor.post(`/v1/keys/${ada.key_id}/revoke`, {});
    if (line === 'cut') own.cut();
    const said = line === 'cut' ? /REVOKED|away/ : /REVOKED/;
    const outcome = async () => {
      try {
        return await codeOf(one, ada);
      } catch (error) {
        return error instanceof FareboxUnavailable ? 'away' : String(error);
      }
    };
    await expect.poll(outcome, { timeout: 1000, interval: 10 }).toMatch(said);
    own.mend();
    own.go();
    await expect.poll(outcome, { timeout: 5000 }).toBe('REVOKED');
  });

  test('also where calls and changes are of different processes', async () => {
    const ada = await buyer('starter');
    const other = await startWatched({ db: farebox.db, list });
    onTestFinished(() => other.close());
    const own = await createRelay(farebox.url, other.url);
    onTestFinished(() => own.close());
    const one = await local(own.url);
    for (let round = 0; round < 6; round += 1) {
      const { secret: key, id } = await ada.visitor.post('/v1/keys', { name: `round ${round}` });
      await expect.poll(() => codeOf(one, { ...ada, key }), { timeout: 2000 }).toBe('VALID');
      await ada.visitor.post(`/v1/keys/${id}/revoke`, {});
      await expect.poll(() => codeOf(one, { ...ada, key }), { timeout: 1000, interval: 10 }).toBe('REVOKED');
      // Not for a moment: it stays so, whichever process is asked.
      for (let count = 0; count < 20; count += 1) expect(await codeOf(one, { ...ada, key })).toBe('REVOKED');
    }
  });

  test('so does another plan, and a customer that comes back', async () => {
    const ada = await buyer('starter');
    const one = await local();
    expect((await one.verify({ key: ada.key })).plan_id).toBe('starter');
    const { data } = await ada.visitor.get('/v1/subscriptions');
    await ada.visitor.post(`/v1/subscriptions/${data[0].id}/change`, { plan_id: 'pro' });
    const planOf = async () => (await one.verify({ key: ada.key })).plan_id;
    await expect.poll(planOf, { timeout: 1000, interval: 10 }).toBe('pro');
    expect((await one.verify({ key: ada.key })).limits).toMatchObject([{ name: '1s', limit: 40 }]);
    expect(one.local()?.decided).toBeGreaterThan(1);
  });

  test('a key that nobody knew is known as soon as it is made', async () => {
    const ada = await buyer('starter');
    const one = await local();
    const made = await ada.visitor.post('/v1/keys', { name: 'new' });
    expect(await codeOf(one, { ...ada, key: made['secret'] })).toBe('VALID');
    expect(await codeOf(one, { ...ada, key: `${ada.key.slice(0, -1)}${ada.key.endsWith('0') ? 1 : 0}` })).toBe(
      'NOT_FOUND',
    );
  });
});

describe('while Farebox is away', () => {
  test.each(['refuse', 'allow'] as const)(
    'units in hand are spent, then %s; after that all goes on',
    async (on_unavailable) => {
      const ada = await buyer('starter');
      const own = await createRelay(farebox.url);
      onTestFinished(() => own.close());
      const one = await local(own.url, { on_unavailable });
      let counted = 0;
      for (; counted < 60; counted += 1) expect((await one.verify({ key: ada.key })).valid).toBe(true);
      own.cut();
      const outcome = async () => {
        try {
          const { valid, customer_id } = await one.verify({ key: ada.key });
          if (valid && customer_id === ada.customer_id) counted += 1;
          return customer_id === null ? 'unchecked' : 'counted';
        } catch (error) {
          return error instanceof FareboxUnavailable ? 'refused' : String(error);
        }
      };
      expect(await outcome()).toBe('counted');
      await expect.poll(outcome, { timeout: 2000 }).toBe(on_unavailable === 'refuse' ? 'refused' : 'unchecked');
      expect(one.local()?.pending_usage).toBeGreaterThan(0);
      own.mend();
      await expect.poll(() => one.local()?.current, { timeout: 10_000 }).toBe(true);
      expect(await outcome()).toBe('counted');
      await one.close();
      expect(await usedBy(ada)).toBe(counted);
    },
  );

  test.each(restarts)(
    'that was stopped and started again: usage that waited is counted, and the limit holds, asked $asked',
    async ({ asked, db }) => {
      const first = await startWatched({ db, list });
      const ada = await buyer('starter', first);
      const own = await createRelay(first.url);
      onTestFinished(() => own.close());
      const one = await local(own.url, {}, first.secret_key);
      let passed = 0;
      for (; passed < 150; passed += 1) expect((await one.verify({ key: ada.key })).valid).toBe(true);
      own.cut();
      await first.close();
      const second = await startWatched({ db, list });
      onTestFinished(() => second.close());
      own.lead(second.url);
      if (asked === 'when all was told') await expect.poll(() => one.local()?.current, { timeout: 5000 }).toBe(false);
      own.mend();
      if (asked === 'when all was told')
        await expect.poll(() => one.local(), { timeout: 10_000 }).toMatchObject({ current: true, pending_usage: 0 });
      // Asked at once, it has blocks of the first in hand, and perhaps has not heard yet that there is a second.
      passed += await exhaust([asking(one, ada, 1)], included + 20);
      expect(passed).toBe(included);
      await one.close();
      expect(await usedBy(ada, second)).toBe(included);
    },
  );

  test('a batch of usage whose answer was lost is sent again and counts once', async () => {
    const ada = await buyer('starter');
    const own = await createRelay(farebox.url);
    onTestFinished(() => own.close());
    const one = await local(own.url);
    own.loseAnswers(/gate\/usage/, 3);
    for (let count = 0; count < 30; count += 1) expect((await one.verify({ key: ada.key })).valid).toBe(true);
    await expect.poll(() => own.lost(), { timeout: 10_000 }).toBe(3);
    await one.close();
    expect(await usedBy(ada)).toBe(30);
  });

  test('units whose carving was not answered are lost, and never two of them made of one', async () => {
    const ada = await buyer('starter');
    const own = await createRelay(farebox.url);
    onTestFinished(() => own.close());
    const one = await local(own.url);
    own.loseAnswers(/gate\/blocks/, 8);
    let passed = 0;
    for (let count = 0; count < included + 50; count += 1) {
      try {
        if ((await one.verify({ key: ada.key })).valid) passed += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(FareboxUnavailable);
      }
    }
    expect(own.lost()).toBe(8);
    expect(passed).toBeLessThanOrEqual(included);
    expect(passed).toBeGreaterThan(included / 2);
    await one.close();
    expect(await usedBy(ada)).toBe(passed);
  });
});
