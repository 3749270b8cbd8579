import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { planOf } from '../../test/subscribers.ts';
import { sliceApp, testSecretKey as bearer } from '../../test/slice-app.ts';
import { insertVersion, versionById } from '../plans/store.ts';

const db = await testDatabase();

describe('customers', () => {
  test('an external_id makes one customer, however often it is sent', async () => {
    const { send } = sliceApp(db);
    const json = { external_id: 'crm-7', name: 'Acme', email: 'pay@acme.example' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => await send('POST', '/v1/customers', { bearer, json, origin: null })),
    );
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([
      ...Array<number>(19).fill(200),
      201,
    ]);
    expect(new Set(answers.map((answer) => answer.json.id)).size).toBe(1);
    const renamed = await send('POST', '/v1/customers', { bearer, json: { ...json, name: 'Acme Ltd' } });
    expect(renamed.json).toMatchObject({
      id: answers[0]!.json.id,
      name: 'Acme Ltd',
      external_id: 'crm-7',
      subscriptions: [],
    });
  });

  test('pages run from the newest to the oldest, each customer once, also when several are of one instant', async () => {
    const { send, clock } = sliceApp(db);
    const made: string[] = [];
    for (let index = 0; index < 25; index += 1) {
      if (index % 3 === 0) clock.advance(1);
      const json = { name: `Paging ${index}`, email: `paging${index}@example.com` };
      made.push((await send('POST', '/v1/customers', { bearer, json })).json.id);
    }
    const seen: { id: string; created_at: string }[] = [];
    let path: string | null = '/v1/customers?limit=7&query=Paging';
    while (path !== null) {
      const { json } = await send('GET', path, { bearer });
      seen.push(...json.data);
      expect(json.has_more).toBe(json.next_cursor !== null);
      path = json.has_more ? `/v1/customers?limit=7&query=Paging&starting_after=${json.next_cursor}` : null;
    }
    expect(seen.map((customer) => customer.id).toSorted()).toEqual(made.toSorted());
    const order = seen.map((customer) => `${customer.created_at} ${customer.id}`);
    expect(order).toEqual(order.toSorted().toReversed());
  });

  test('a search takes signs as they are', async () => {
    const { send } = sliceApp(db);
    await send('POST', '/v1/customers', { bearer, json: { name: '100% _real_ \\ co', email: 'percent@example.com' } });
    const found = async (query: string) =>
      (await send('GET', `/v1/customers?query=${encodeURIComponent(query)}`, { bearer })).json.data.length;
    expect(await found('0% _real_ \\')).toBe(1);
    expect(await found('%_%_%_no')).toBe(0);
    expect(await found("'; drop table customer; --")).toBe(0);
  });

  test('the first Stripe customer stays, from any number of writers', async () => {
    const { customers } = sliceApp(db);
    const { customer } = await customers.upsert({ name: 'Linked', email: 'linked@example.com' });
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => await customers.linkStripe(null, customer.id, `cus_race${index}`)),
    );
    expect(answers.filter(Boolean)).toEqual([true]);
    expect((await customers.byStripeId(null, `cus_race${answers.indexOf(true)}`))?.id).toBe(customer.id);
  });

  test('a read of Stripe never moves the time of the last read back', async () => {
    const { customers } = sliceApp(db);
    const { customer } = await customers.upsert({ name: 'Read', email: 'read@example.com' });
    const mark = (at: number) => db.transaction(async (tx) => await customers.markSynced(tx, customer.id, at));
    expect([await mark(2000), await mark(1000), await mark(2000)]).toEqual([true, false, true]);
    expect((await customers.find(null, customer.id))?.stripe_synced_at?.getTime()).toBe(2000);
  });

  test('stale are those at Stripe that were not read lately', async () => {
    const { customers } = sliceApp(db);
    const ids: string[] = [];
    for (const [stripe, synced] of [
      [true, null],
      [true, 1000],
      [true, 3000],
      [false, null],
    ] as const) {
      const { customer } = await customers.upsert({ name: 'Stale', email: 'stale@example.com' });
      ids.push(customer.id);
      if (stripe) await customers.linkStripe(null, customer.id, `cus_${customer.id}`);
      if (synced !== null) await db.transaction(async (tx) => await customers.markSynced(tx, customer.id, synced));
    }
    expect((await customers.staleOf(ids, new Date(2000))).toSorted()).toEqual(ids.slice(0, 2).toSorted());
    expect(await customers.staleOf([], new Date(2000))).toEqual([]);
  });

  test('the subscription of a customer is the live one', async () => {
    const { customers, send } = sliceApp(db);
    const { customer } = await customers.upsert({ name: 'Subscribed', email: 'subscribed@example.com' });
    await subscribe(customer.id, 'pro', 'active', 49_900);
    const { json } = await send('GET', `/v1/customers/${customer.id}`, { bearer });
    expect(json.subscriptions).toEqual([
      {
        group: 'main',
        plan_id: 'pro',
        plan_name: 'Pro',
        status: 'active',
        current_period_end_at: '2026-04-01T00:00:00.000Z',
      },
    ]);
  });
});

describe('who sees which customer', () => {
  test('a customer sees itself; another one is as absent as none', async () => {
    const { send, signUp } = sliceApp(db);
    const mine = await signUp('mine@example.com');
    const other = await signUp('other@example.com');
    const own_id = (await send('GET', '/v1/me', { cookie: mine })).json.customer.id;
    const other_id = (await send('GET', '/v1/me', { cookie: other })).json.customer.id;
    expect((await send('GET', `/v1/customers/${own_id}`, { cookie: mine })).json.id).toBe(own_id);
    const foreign = await send('GET', `/v1/customers/${other_id}`, { cookie: mine });
    const absent = await send('GET', '/v1/customers/cust_0000000000000000000000000000000', { cookie: mine });
    expect(foreign.status).toBe(404);
    expect(foreign.text.replace(foreign.json.request_id, '')).toBe(absent.text.replace(absent.json.request_id, ''));
    expect(headersOf(foreign.response)).toEqual(headersOf(absent.response));
  });

  test.each([
    ['GET', '/v1/customers', { anonymous: 401, customer: 403, operator: 200, seller: 200 }],
    ['POST', '/v1/customers', { anonymous: 401, customer: 403, operator: 403, seller: 201 }],
    ['PATCH', '/v1/customers/cust_x', { anonymous: 401, customer: 403, operator: 404, seller: 404 }],
    ['GET', '/v1/admin/overview', { anonymous: 401, customer: 403, operator: 200, seller: 403 }],
    ['GET', '/v1/analytics/revenue', { anonymous: 401, customer: 403, operator: 200, seller: 200 }],
    ['GET', '/v1/me', { anonymous: 401, customer: 200, operator: 200, seller: 403 }],
  ] as const)('%s %s is open to whom it is meant for', async (method, path, expected) => {
    const { send, signUp, signInOperator } = sliceApp(db);
    await db.kysely.deleteFrom('operator').execute();
    const slug = `${method}${path}`.replaceAll(/\W/g, '').toLowerCase();
    const callers = {
      anonymous: {},
      customer: { cookie: await signUp(`${slug}@example.com`) },
      operator: { cookie: await signInOperator(`${slug}@seller.example`) },
      seller: { bearer },
    };
    const json = method === 'POST' ? { name: 'New', email: 'new@example.com' } : { name: 'New' };
    const seen: Record<string, number> = {};
    for (const [caller, credential] of Object.entries(callers)) {
      seen[caller] = (await send(method, path, { ...credential, ...(method === 'GET' ? {} : { json }) })).status;
    }
    expect(seen).toEqual(expected);
  });

  test('a refused change changes nothing, and no field but name and email can be sent', async () => {
    const { send, signUp } = sliceApp(db);
    const cookie = await signUp('fixed@example.com');
    const { id } = (await send('GET', '/v1/me', { cookie })).json.customer;
    const before = await db.kysely.selectFrom('customer').selectAll().where('id', '=', id).executeTakeFirst();
    expect((await send('PATCH', `/v1/customers/${id}`, { cookie, json: { name: 'Changed' } })).status).toBe(403);
    for (const field of [
      'id',
      'external_id',
      'stripe_customer_id',
      'created_at',
      'customer_id',
      'subscription',
      'object',
    ]) {
      const answer = await send('PATCH', `/v1/customers/${id}`, { bearer, json: { name: 'Changed', [field]: 'x' } });
      expect([answer.status, answer.json.param]).toEqual([400, field]);
    }
    expect(await db.kysely.selectFrom('customer').selectAll().where('id', '=', id).executeTakeFirst()).toEqual(before);
    const changed = await send('PATCH', `/v1/customers/${id}`, { bearer, json: { name: 'Changed' } });
    expect(changed.json).toMatchObject({ id, name: 'Changed', email: 'fixed@example.com' });
  });
});

describe('the seller’s numbers', () => {
  test('recurring revenue counts paying subscriptions, a year as twelve months', async () => {
    const { customers, send, clock } = sliceApp(db);
    await db.kysely.deleteFrom('subscription').execute();
    const amounts = [
      ['pro', 'active', 49_900],
      ['pro', 'past_due', 49_900],
      ['yearly', 'active', 120_000],
      ['pro', 'trialing', 49_900],
      ['pro', 'canceled', 49_900],
    ] as const;
    for (const [plan, status, amount] of amounts) {
      const { customer } = await customers.upsert({ name: 'Payer', email: 'payer@example.com' });
      await subscribe(customer.id, plan, status, amount);
    }
    const hours = [0, 23, 30].map((ago) => new Date(clock.now() - ago * 3_600_000));
    for (const hour_at of hours) {
      await db.kysely
        .insertInto('usage_hour')
        .values({ customer_id: 'cust_x', meter_id: 'requests', hour_at, quantity: 1000 })
        .execute();
    }
    const revenue = await send('GET', '/v1/analytics/revenue', { bearer });
    expect(revenue.json.currencies).toEqual([
      {
        currency: 'usd',
        mrr_minor: 109_800,
        arr_minor: 1_317_600,
        subscriptions: 3,
        plans: [
          { plan_id: 'pro', plan_name: 'Pro', subscriptions: 3, mrr_minor: 99_800 },
          { plan_id: 'yearly', plan_name: 'Yearly', subscriptions: 1, mrr_minor: 10_000 },
        ],
      },
    ]);
    await db.kysely.deleteFrom('operator').execute();
    const { signInOperator } = sliceApp(db);
    const overview = await send('GET', '/v1/admin/overview', {
      cookie: await signInOperator('numbers@seller.example'),
    });
    expect(overview.json).toMatchObject({
      live_subscriptions: 4,
      mrr: [{ currency: 'usd', mrr_minor: 109_800, subscriptions: 3 }],
      requests_24h: 2000,
      stripe_events: { received: 0, done: 0, ignored: 0, parked: 0 },
      plans: [
        { plan_id: 'pro', plan_name: 'Pro', subscriptions: 3 },
        { plan_id: 'yearly', plan_name: 'Yearly', subscriptions: 1 },
      ],
    });
  });
});

let serial = 0;

async function subscribe(customer_id: string, plan_id: string, status: string, amount_minor: number): Promise<void> {
  serial += 1;
  const at = new Date('2026-03-01T00:00:00Z');
  const plan_version_id = `planv_${plan_id}`;
  const interval = plan_id === 'yearly' ? 'year' : 'month';
  const name = plan_id === 'yearly' ? 'Yearly' : 'Pro';
  const price = { amount_minor, currency: 'usd', interval, setup_fee_minor: 0 } as const;
  if ((await versionById(db.kysely, plan_version_id)) === null) {
    const content = planOf({ id: plan_id, name, prices: [price] });
    await insertVersion(
      db.kysely,
      { id: plan_version_id, plan_id, version: 1, content, content_hash: 'x', published_at: at },
      [{ id: `pprc_${plan_id}`, price }],
    );
  }
  await db.kysely
    .insertInto('subscription')
    .values({
      id: `subs_${serial}`,
      customer_id,
      group: 'main',
      plan_version_id,
      plan_price_id: `pprc_${plan_id}`,
      stripe_subscription_id: `sub_${serial}`,
      status,
      billing_anchor_at: at,
      current_period_start_at: at,
      current_period_end_at: new Date('2026-04-01T00:00:00Z'),
      stripe_created_at: at,
      fetched_at: at,
      created_at: at,
    })
    .execute();
}

function headersOf(response: Response): [string, string][] {
  return [...response.headers].filter(([name]) => name !== 'farebox-request-id');
}
