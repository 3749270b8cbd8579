import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { copyDatabase, testDatabase } from '../database.ts';
import { makeFolder } from '../folder.ts';
import { type TestApp, startWatched } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 600_000 });

const list = smallList(5);
const folder = makeFolder('restore', 'open');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const first = await testDatabase();

/** The same Stripe each time: it is what went on while the database was lost. */
async function start(url: string): Promise<Awaited<ReturnType<typeof startWatched>>> {
  const database = openDatabase({ url, max: 8 });
  const whole = await startWatched({
    db: { ...database, url },
    list,
    sandbox: { file: join(folder, 'stripe') },
    log: 'silent',
  });
  return {
    ...whole,
    async close() {
      await whole.close();
      await database.close();
    },
  };
}

async function buy(visitor: Visitor, plan_id: string): Promise<string> {
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  return subscription.id;
}

async function keyOf(visitor: Visitor): Promise<string> {
  return (await visitor.post('/v1/keys/first')).secret;
}

test('a database that is lost and restored from an older copy is brought to what Stripe says, without a charge', async () => {
  const before = await start(first.url);
  const [ada, bob] = [await before.signUp(), await before.signUp()];
  await before.signUp();
  const adas = await buy(ada, 'starter');
  const bobs = await buy(bob, 'pro');
  const keys = [await keyOf(ada), await keyOf(bob)];
  await before.app.settle();
  await before.close();
  const copy = await copyDatabase(first.url);

  // What the copy knows nothing of.
  const lost = await start(first.url);
  const login = { password: 'a long enough password' };
  const again = async (whole: TestApp, of: string): Promise<Visitor> => {
    const visitor = whole.visitor();
    await visitor.post('/auth/sign-in/email', { ...login, email: of });
    return visitor;
  };
  const [adaThen, bobThen, cleoThen] = [
    await again(lost, 'grace1@example.com'),
    await again(lost, 'grace2@example.com'),
    await again(lost, 'grace3@example.com'),
  ];
  await adaThen.post(`/v1/subscriptions/${adas}/change`, { plan_id: 'pro' });
  await bobThen.post(`/v1/subscriptions/${bobs}/cancel`, { at: 'now' });
  await buy(cleoThen, 'starter');
  const newcomer = await lost.signUp('newcomer@example.com');
  await buy(newcomer, 'starter');
  await lost.app.settle();
  await lost.close();

  const restored = await start(copy);
  const charges = (await restored.stripe.charges.list({ limit: 100 })).data.length;
  // The start reads what Stripe tells of since; what no event is left of, the comparison finds.
  await restored.app.stripe.reconcile({ repair: true });
  await restored.app.settle();
  // Who came after the copy is named, for a person to decide; nothing else is left.
  const left = (await restored.app.stripe.reconcile({ repair: true })).found;
  expect(new Set(left.map(({ repair }) => repair))).toEqual(new Set([null]));
  expect(left.find(({ kind }) => kind === 'missing_customer')?.detail).toMatch(
    /names the customer cust_\w+, which is not here/,
  );
  expect((await restored.stripe.charges.list({ limit: 100 })).data).toHaveLength(charges);

  const [adaNow, cleoNow] = [await again(restored, 'grace1@example.com'), await again(restored, 'grace3@example.com')];
  expect((await adaNow.get('/v1/subscriptions')).data).toMatchObject([{ plan_id: 'pro', status: 'active' }]);
  expect((await adaNow.get('/v1/invoices')).data).toHaveLength(2);
  expect((await cleoNow.get('/v1/subscriptions')).data).toMatchObject([{ plan_id: 'starter', status: 'active' }]);
  expect(await restored.verify(keys[0] ?? '')).toMatchObject({ valid: true, plan_id: 'pro' });
  expect(await restored.verify(keys[1] ?? '')).toMatchObject({ valid: false, code: 'SUBSCRIPTION_INACTIVE' });
  await restored.close();
});
