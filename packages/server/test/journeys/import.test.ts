import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../command.ts';
import list from '../fixtures/import.config.ts';
import { makeFolder } from '../folder.ts';
import { fillForeignAccount } from '../foreign-account.ts';
import { dayMs, testApp } from '../harness.ts';

vi.setConfig({ testTimeout: 600_000 });

const farebox = await testApp({ list, sandbox: { now: systemClock.now } });
const { app, db, sandbox, stripe } = farebox;
const folder = makeFolder('import', 'open');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const account = await fillForeignAccount(stripe);
const token = await app.issueFirstRunToken();
const operator = farebox.visitor();
const login = { email: 'op@example.com', password: 'an operator password' };
await operator.post('/v1/operators/first_run', { token, name: 'Op', ...login });
await operator.post('/auth/sign-in/email', login);

const path = '/v1/admin/stripe_imports';

async function imported(wish: { dry_run: boolean; choices?: Record<string, string> }) {
  const { id } = await operator.post(path, wish);
  await app.queue.idle();
  const row = await operator.get(`${path}/${id}`);
  const items: { object_id: string; outcome: string; customer_id: string; reason: string }[] = [];
  let cursor = '';
  do {
    const page = await operator.get(`${path}/${id}/items?limit=100${cursor}`);
    items.push(...page.data);
    cursor = page.next_cursor === null ? '' : `&starting_after=${page.next_cursor}`;
  } while (cursor !== '');
  const of = (object: string) => {
    const found = items.find((item) => item.object_id === object);
    if (found === undefined) throw new Error(`${object} is not among the ${items.length} of ${id}`);
    return found;
  };
  return { row, of };
}

async function localOf(stripeCustomer: string) {
  return await db.kysely
    .selectFrom('customer')
    .selectAll()
    .where('stripe_customer_id', '=', stripeCustomer)
    .executeTakeFirst();
}

test('products that are not sold here become plans to be pasted; what no plan can have is named with the reason', async () => {
  const { plan_ids, source, skipped } = await operator.get('/v1/admin/plan_proposal');
  expect(plan_ids).toEqual(['team']);
  expect(source).toContain("team: { name: 'Team', description: 'Team', price: { month: '20' }, seats: {} }");
  expect(skipped).toEqual([
    {
      object_id: account.prices.fortnight,
      name: 'Hobby',
      reason: 'It is paid every 2 weeks: a plan is paid by the day, week, month, quarter or year.',
    },
  ]);
});

test('a dry run says what would be made, with a reason for what would not, and makes nothing', async () => {
  const before = await stripe.events.list({ limit: 1 });
  const { row, of } = await imported({ dry_run: true });
  expect(row).toMatchObject({
    state: 'done',
    dry_run: true,
    customers: { made: 7, linked: 0, known: 0, skipped: 2 },
    subscriptions: { made: 3, known: 0, skipped: 4 },
  });
  const { subscriptions, customers } = account;
  expect(of(customers.nameless).reason).toMatch(/no e-mail address/);
  expect(of(customers.foreign).reason).toMatch(/another Farebox, inst_another/);
  expect(of(subscriptions.cleo).reason).toMatch(/not sold at .* 29900 usd by the month: choose it/);
  expect(of(subscriptions.danAgain).reason).toMatch(/one subscription of the group "main" here, and sub_/);
  expect(of(subscriptions.seats).reason).toMatch(/No plan is called "Team"/);
  expect(of(subscriptions.fortnight).reason).toMatch(/every 2 weeks/);
  expect(await localOf(customers.ada)).toBeUndefined();
  expect((await stripe.events.list({ limit: 1 })).data[0]?.id).toBe(before.data[0]?.id);
});

test('an import is refused beside another, for a plan that is not sold, and to whoever is no operator', async () => {
  const unknown = await operator.request('POST', path, { choices: { [account.prices.old]: 'gold' } });
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: 'plan_not_found', param: 'choices' }]);
  const visitor = await farebox.signUp();
  expect((await visitor.request('POST', path, {})).status).toBe(403);
  await db.pool.query(
    `insert into stripe_import values ('simp_other', true, '{}', 'test', 'running', null, null, now() + interval '1 day', now(), null)`,
  );
  const second = await operator.request('POST', path, {});
  expect([second.status, await second.json()]).toMatchObject([409, { code: 'import_running' }]);
  await db.pool.query("update stripe_import set state = 'done' where id = 'simp_other'");
});

test('killed in its middle it goes on where it was, charges nobody, mails nobody, and changes only metadata at Stripe', async () => {
  // Enough to be in the middle of.
  for (let made = 0; made < 100; made += 1) await stripe.customers.create({ email: `many${made}@example.com` });
  await sandbox.webhooks.settled();
  await app.settle();
  const [last] = (await stripe.events.list({ limit: 1 })).data;
  const charges = (await stripe.charges.list({ limit: 100 })).data.length;
  const environment = {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: db.url,
    FAREBOX_DATA_DIR: folder,
    FAREBOX_SECRET: 'a secret of the tests, long enough',
    FAREBOX_CONFIG: 'packages/server/test/fixtures/import.config.ts',
    PORT: String(farebox.stripe_port - 1),
  };
  const choice = `${account.prices.old}=pro`;
  const child = spawn(
    process.execPath,
    ['--conditions=farebox', 'packages/server/src/main.ts', 'import', 'stripe', '--plan', choice],
    { cwd: join(import.meta.dirname, '../../../..'), env: environment, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  child.stderr.pipe(process.stderr);
  const taken = async () => {
    const { rows } = await db.pool.query<{ n: string }>(
      `select count(*) as n from stripe_import_item i join stripe_import s on s.id = i.import_id where not s.dry_run`,
    );
    return Number(rows[0]?.n ?? 0);
  };
  await expect.poll(taken, { timeout: 60_000, interval: 10 }).toBeGreaterThan(10);
  child.kill('SIGKILL');
  const [cut] = (await operator.get(path)).data;
  expect(cut).toMatchObject({ state: 'running', dry_run: false });

  const resumed = await runCommand(['import', 'stripe', '--plan', choice], environment);
  expect([resumed.code, resumed.err]).toEqual([2, expect.stringContaining(`Going on with ${cut.id}`)]);
  expect(resumed.out).toContain('Customers: 107 made, 0 linked, 0 known, 2 skipped.');
  expect(resumed.out).toContain('Subscriptions: 4 made, 0 linked, 0 known, 3 skipped.');
  await sandbox.webhooks.settled();
  await app.settle();

  // What happened at Stripe since: nothing but names on customers and subscriptions.
  const events = await stripe.events
    .list({ limit: 100, ending_before: last?.id ?? '' })
    .autoPagingToArray({ limit: 1000 });
  for (const { type, data } of events) {
    expect(['customer.updated', 'customer.subscription.updated']).toContain(type);
    expect(Object.keys(data.previous_attributes ?? {})).toEqual(['metadata']);
  }
  expect((await stripe.charges.list({ limit: 100 })).data).toHaveLength(charges);
  expect(await db.kysely.selectFrom('notice').select('kind').where('kind', '!=', 'verify_address').execute()).toEqual(
    [],
  );
  const { rows } = await db.pool.query('select stripe_customer_id from customer where imported_at is not null');
  expect(rows).toHaveLength(107);
});

test('who was taken over is let in by the plan it pays for, at the price it pays, and is billed its usage', async () => {
  const { customers, subscriptions } = account;
  const ada = await localOf(customers.ada);
  const listed = await farebox.seller.get(`/v1/subscriptions?customer_id=${ada?.id}`);
  expect(listed.data).toMatchObject([{ plan_id: 'pro', status: 'active', price: { amount_minor: 49_900 } }]);
  const cleo = await localOf(customers.cleo);
  const kept = await farebox.seller.get(`/v1/subscriptions?customer_id=${cleo?.id}`);
  expect(kept.data).toMatchObject([{ plan_id: 'pro', price: { amount_minor: 29_900, interval: 'month' } }]);
  const { secret } = await farebox.seller.post('/v1/keys', { customer_id: ada?.id, name: 'Production' });
  for (let call = 0; call < 8; call += 1)
    expect(await farebox.verify(secret)).toMatchObject({ valid: true, plan_id: 'pro' });

  await sandbox.clock.advance(32 * dayMs);
  await app.settle();
  const [invoice] = (await farebox.seller.get(`/v1/invoices?customer_id=${ada?.id}`)).data;
  expect(invoice).toMatchObject({ status: 'paid', total_minor: 49_900 + 60 });
  expect(invoice.lines.map((line: { kind: string }) => line.kind).toSorted()).toEqual(['base', 'overage', 'overage']);
  expect((await stripe.subscriptions.retrieve(subscriptions.ada)).metadata['farebox_customer']).toBe(ada?.id);
  // Of everything that is here and at Stripe nothing differs.
  expect((await operator.get('/v1/admin/reconciliation')).found).toEqual([]);
  // What the price list sells is what it sold.
  const versions = await farebox.seller.get('/v1/plans/pro/versions');
  expect(versions.data.filter((version: { on_sale: boolean }) => version.on_sale)).toHaveLength(1);
});

test('a second run finds everything as it is and does nothing', async () => {
  const [last] = (await stripe.events.list({ limit: 1 })).data;
  const { row } = await imported({ dry_run: false });
  expect(row).toMatchObject({
    state: 'done',
    customers: { made: 0, linked: 0, known: 107, skipped: 2 },
    subscriptions: { made: 0, known: 4, skipped: 3 },
  });
  expect((await stripe.events.list({ limit: 1 })).data[0]?.id).toBe(last?.id);
});

test('an address ties a customer at Stripe to one here only when it is confirmed, and one’s alone on both sides', async () => {
  const external = await farebox.seller.post('/v1/customers', { name: 'Ivy', email: 'Ivy@Example.com' });
  const twin = await farebox.seller.post('/v1/customers', { name: 'Jo', email: 'jo@example.com' });
  const unconfirmed = await farebox.signUp('kim@example.com');
  const make = async (email: string) => (await stripe.customers.create({ email, name: 'X' })).id;
  const [ivy, jo, joAgain, kim] = [
    await make('ivy@example.com'),
    await make('jo@example.com'),
    await make('jo@example.com'),
    await make('kim@example.com'),
  ];
  const { of } = await imported({ dry_run: false });
  expect(of(ivy)).toMatchObject({ outcome: 'linked', customer_id: external.id });
  for (const each of [jo, joAgain])
    expect(of(each)).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining(twin.id) });
  const { customer } = await unconfirmed.get('/v1/me');
  expect(of(kim).outcome).toBe('made');
  expect(of(kim).customer_id).not.toBe(customer.id);
});

test('who pays since before Farebox came signs up, shows that the address is theirs, and finds what they pay for', async () => {
  const mia = await farebox.signUp('mia@example.com');
  const bob = await farebox.signUp('bob@example.com');
  // Somebody types the address of another, who opens the letter in a browser of their own.
  const impostor = await farebox.signUp('cleo@example.com');
  await app.queue.idle();
  expect((await bob.get('/v1/subscriptions')).data).toEqual([]);
  const letters = [
    ['mia@example.com', mia],
    ['bob@example.com', bob],
    ['cleo@example.com', farebox.visitor()],
  ] as const;
  for (const [email, browser] of letters) {
    const link = await linkTo(email, /http:\S+\/auth\/verify-email\?token=[\w.-]+/);
    const opened = await browser.request('GET', link.pathname + link.search);
    expect(opened.headers.get('location')).toBe('/verify');
  }
  expect((await bob.get('/v1/subscriptions')).data).toMatchObject([{ plan_id: 'pro', price: { interval: 'year' } }]);
  expect((await bob.get('/v1/me')).customer.id).toBe((await localOf(account.customers.bob))?.id);
  expect((await mia.get('/v1/subscriptions')).data).toEqual([]);
  expect((await impostor.get('/v1/me')).user.email_verified).toBe(true);
  expect((await impostor.get('/v1/subscriptions')).data).toEqual([]);

  // With a password that only the mailbox gives, the owner is in and the impostor out.
  const owner = farebox.visitor();
  await owner.post('/auth/request-password-reset', { email: 'cleo@example.com' });
  await app.queue.idle();
  const { hash } = await linkTo('cleo@example.com', /http:\S+\/reset-password#token=\w+/);
  const token = hash.slice('#token='.length);
  await owner.post('/auth/reset-password', { token, new_password: 'a newer long password' });
  await owner.post('/auth/sign-in/email', { email: 'cleo@example.com', password: 'a newer long password' });
  expect((await owner.get('/v1/subscriptions')).data).toMatchObject([{ price: { amount_minor: 29_900 } }]);
  expect((await impostor.request('GET', '/v1/me')).status).toBe(401);
});

async function linkTo(recipient: string, shape: RegExp): Promise<URL> {
  const mails = await db.kysely.selectFrom('inbox_mail').select('text').where('recipient', '=', recipient).execute();
  return new URL(mails.map(({ text }) => shape.exec(text)?.[0]).find((link) => link !== undefined) ?? '');
}
