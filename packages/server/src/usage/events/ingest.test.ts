import type { Meter } from '@farebox/core';
import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { createSubscribers, createTestApp, member, planOf, seller } from '../../../test/subscribers.ts';
import { insertOverrides } from '../../customers/overrides/store.ts';
import { fakeClock } from '../../lib/clock.ts';
import { createUsageRoutes } from '../routes.ts';
import { createUsage } from '../service.ts';

const db = await testDatabase();
const start = Date.UTC(2026, 2, 11, 12, 30);
const clock = fakeClock(start);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const meters: Meter[] = [
  { id: 'requests', name: 'Requests', unit: 'request', aggregation: 'count' },
  {
    id: 'errors',
    name: 'Errors',
    unit: 'error',
    aggregation: 'count',
    events: ['requests'],
    filters: { status: ['500'] },
  },
  {
    id: 'bytes',
    name: 'Bytes',
    unit: 'byte',
    aggregation: 'sum',
    events: ['requests'],
    value: 'bytes',
    group_by: ['region'],
  },
];
const usage = createUsage({ db, clock, log: quiet, meters, flush_ms: 3_600_000 });
const people = createSubscribers(db, clock);
const stopping = new AbortController();
const { call } = createTestApp({ clock, routes: [createUsageRoutes({ usage, stopping: stopping.signal })] });
const path = '/v1/usage/events';
let ids = 0;
/** Between two reads of old balances it rests for longer than a read took. */
const patient = { timeout: 20_000 };

function event(changes: object = {}): Record<string, unknown> {
  ids += 1;
  return { id: `e${ids}`, type: 'requests', ...changes };
}

// Answers are held against the document; here only a few of their fields are looked at.
type Body = ReturnType<typeof JSON.parse>;

async function send(body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: Body }> {
  const response = await call(seller, 'POST', path, body, headers);
  return { status: response.status, body: await response.json() };
}

async function total(customerId: string, meter = 'requests'): Promise<{ events: number; hours: number }> {
  const { rows } = await sql<{ events: number; hours: number }>`
    select (select coalesce(sum((counted ->> ${meter})::numeric), 0)::int from usage_event where customer_id = ${customerId}) as events,
      (select coalesce(sum(quantity), 0)::int from usage_hour where customer_id = ${customerId} and meter_id = ${meter}) as hours
  `.execute(db.kysely);
  return rows[0] ?? { events: -1, hours: -1 };
}

describe('POST /v1/usage/events', () => {
  test('answers what became of each event, and what its customer has now', async () => {
    const customer = await people.subscriber();
    const first = event({ customer_id: customer, quantity: 998 });
    const before = await send(first);
    expect(before).toMatchObject({ status: 200, body: { accepted: 1, duplicates: 0, rejected: 0 } });
    expect(before.body.balances).toEqual([
      {
        customer_id: customer,
        meter_id: 'requests',
        used: 998,
        included: 1000,
        remaining: 2,
        overage: 0,
        period_end_at: '2026-04-11T12:30:00.000Z',
      },
    ]);
    const mixed = await send([
      first,
      event({ customer_id: customer, quantity: 5 }),
      event({ customer_id: 'cust_0000' }),
    ]);
    expect(mixed.body).toMatchObject({ accepted: 1, duplicates: 1, rejected: 1 });
    expect(mixed.body.data).toMatchObject([
      { id: first['id'], status: 'duplicate', customer_id: customer },
      { status: 'accepted', meters: ['requests'] },
      { status: 'rejected', code: 'customer_not_found', reason: 'There is no customer "cust_0000".' },
    ]);
    expect(mixed.body.balances).toMatchObject([{ used: 1003, remaining: 0, overage: 3 }]);
    expect(await total(customer)).toEqual({ events: 1003, hours: 1003 });
  });

  test('one event feeds several meters, each with its filter, its value and its dimensions', async () => {
    const customer = await people.customer();
    const of = (status: number, bytes: number, region: string) =>
      event({ customer_id: customer, endpoint: '/v1/x', properties: { status, bytes, region } });
    const { body } = await send([of(200, 100, 'eu'), of(500, 20, 'eu'), of(200, 0.5, 'us'), of(200, -3, 'us')]);
    expect(body.data.map(({ meters }: { meters: string[] }) => meters)).toEqual([
      ['requests', 'bytes'],
      ['requests', 'errors', 'bytes'],
      ['requests', 'bytes'],
      ['requests', 'bytes'],
    ]);
    const { rows } = await sql<{ region: string; quantity: string; events: number }>`
      select dimensions ->> 'region' as region, quantity, events from usage_hour
      where customer_id = ${customer} and meter_id = 'bytes' order by 1
    `.execute(db.kysely);
    expect(rows).toEqual([
      { region: 'eu', quantity: '120', events: 2 },
      { region: 'us', quantity: '-2.5', events: 2 },
    ]);
    expect(await total(customer, 'errors')).toEqual({ events: 1, hours: 1 });
  });

  test('is taken as a list, as one event, by the line, and as CloudEvents, one or many', async () => {
    const customer = await people.customer();
    await sql`update customer set external_id = 'acme' where id = ${customer}`.execute(db.kysely);
    const cloud = (data: object) => ({
      specversion: '1.0',
      id: `c${(ids += 1)}`,
      source: '/gateway',
      type: 'requests',
      subject: 'acme',
      time: '2026-03-11T12:00:00+01:00',
      data,
    });
    const lines = [event({ external_id: 'acme' }), event({ external_id: 'acme' })].map((one) => JSON.stringify(one));
    const sent = [
      await send([event({ customer_id: customer })]),
      await send(event({ external_id: 'acme' })),
      await send(`${lines.join('\n')}\nno json\n`, { 'content-type': 'application/x-ndjson' }),
      await send(cloud({ quantity: 4, key_id: 'key_abc', endpoint: '/v1/y', bytes: '12' }), {
        'content-type': 'application/cloudevents+json; charset=UTF-8',
      }),
      await send([cloud({}), cloud({ bytes: {} })], { 'content-type': 'application/cloudevents-batch+json' }),
    ];
    expect(sent.map(({ body }) => [body.accepted, body.rejected])).toEqual([
      [1, 0],
      [1, 0],
      [2, 1],
      [1, 0],
      [1, 1],
    ]);
    expect(await total(customer)).toEqual({ events: 9, hours: 9 });
    const row = await db.kysely
      .selectFrom('usage_event')
      .selectAll()
      .where('key_id', '=', 'key_abc')
      .executeTakeFirst();
    expect(row).toMatchObject({ source: '/gateway', endpoint: '/v1/y', quantity: 4, properties: { bytes: '12' } });
    expect(row?.occurred_at.toISOString()).toBe('2026-03-11T11:00:00.000Z');
  });

  test.each([
    ['id', { id: undefined }, /^id: must be text.*count twice/],
    ['customer', { customer_id: undefined }, /^customer_id: say whose/],
    ['two customers', { external_id: 'acme' }, /^customer_id: say whose/],
    ['a field nobody knows', { amount: 3 }, /^amount: is not known; known: id/],
    ['type', { type: 'a b' }, /^type: must be/],
    ['quantity', { quantity: 1.5 }, /^quantity: must be a whole number/],
    ['quantity below nothing', { quantity: -1 }, /^quantity: must be a whole number/],
    ['key', { key_id: 'secret' }, /^key_id: must be the id of a key/],
    ['time without a zone', { occurred_at: '2026-03-11T12:00:00' }, /^occurred_at: must be a time with its zone/],
    ['a day that is none', { occurred_at: '2026-02-30T12:00:00Z' }, /^occurred_at: must be a time/],
    ['nested properties', { properties: { a: { b: 1 } } }, /^properties\.a: must be a text, a number/],
    [
      'a prototype',
      '{"id":"x","type":"requests","customer_id":"c","properties":{"__proto__":1}}',
      /^properties\.__proto__/,
    ],
    ['a NUL', { id: 'a\u0000b' }, /^id: must be text/],
    ['half a character', { endpoint: '\ud800' }, /^endpoint: must be text/],
    ['no object', '[7]', /^must be an object/],
  ])('rejects %s with a sentence, and counts nothing', async (_, changes, reason) => {
    const customer = await people.customer();
    const { status, body } = await send(
      typeof changes === 'string' ? changes : event({ customer_id: customer, ...changes }),
    );
    expect([status, body.rejected, body.data[0].code]).toEqual([200, 1, 'invalid_event']);
    expect(body.data[0].reason).toMatch(reason);
    expect(await total(customer)).toEqual({ events: 0, hours: 0 });
  });

  test('rejects a type that no meter counts, and what is too old or ahead, by its code', async () => {
    const customer_id = await people.customer();
    const day = 86_400_000;
    const at = (offset: number) => ({ customer_id, occurred_at: new Date(start + offset).toISOString() });
    const { body } = await send([
      event({ customer_id, type: 'requets' }),
      event(at(-36 * day)),
      event(at(6 * 60_000)),
      event(at(-34 * day)),
      event(at(4 * 60_000)),
    ]);
    expect(body.data.map(({ status, code }: { status: string; code?: string }) => code ?? status)).toEqual([
      'unknown_type',
      'too_old',
      'in_future',
      'accepted',
      'accepted',
    ]);
    expect(body.data[0].reason).toBe('type: no meter counts "requets"; there are: requests.');
  });

  test('refuses what cannot be taken apart, changing nothing: 400, 413, 415; 401 and 403 for who may not', async () => {
    const customer_id = await people.customer();
    const many = Array.from({ length: 1001 }, () => event({ customer_id }));
    expect((await send('{"id":')).body).toMatchObject({ status: 400, code: 'invalid_json' });
    expect((await send([])).body).toMatchObject({ status: 400, code: 'invalid_request' });
    expect((await send(many)).body).toMatchObject({ status: 400, detail: expect.stringContaining('at most 1000') });
    expect((await send('x', { 'content-type': 'text/plain' })).body).toMatchObject({ status: 415 });
    expect((await send(`[${' '.repeat(1_100_000)}]`)).body).toMatchObject({ status: 413 });
    expect((await call(member(customer_id), 'POST', path, event({ customer_id }))).status).toBe(403);
    expect((await call({ type: 'anonymous' }, 'POST', path, event({ customer_id }))).status).toBe(401);
    expect(await total(customer_id)).toEqual({ events: 0, hours: 0 });
  });

  test('an id is one event with its type and its source, and nothing less: near collisions all count', async () => {
    const [one, two] = [await people.customer(), await people.customer()];
    const near = [
      { customer_id: one, id: 'a' },
      { customer_id: two, id: 'a' },
      { customer_id: one, id: 'A' },
      { customer_id: one, id: 'a ' },
      { customer_id: one, id: 'a', source: 'b' },
      { customer_id: one, id: 'a', source: 'a' },
      { customer_id: one, id: 'b', source: 'a' },
    ].map((each) => ({ type: 'requests', ...each }));
    expect((await send([...near, ...near])).body).toMatchObject({ accepted: 7, duplicates: 7 });
    expect((await send(near)).body).toMatchObject({ accepted: 0, duplicates: 7 });
    expect([(await total(one)).hours, (await total(two)).hours]).toEqual([6, 1]);
  });

  test('fresh events beside known ones are always stored, whatever the share of the known', async () => {
    const customer_id = await people.customer();
    const known = Array.from({ length: 60 }, () => event({ customer_id }));
    await send(known);
    let expected = 60;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), async (isKnown) => {
        const batch = isKnown.map((old, index) => (old ? known[index] : event({ customer_id })));
        const fresh = isKnown.filter((old) => !old).length;
        expected += fresh;
        expect((await send(batch)).body).toMatchObject({ accepted: fresh, duplicates: isKnown.length - fresh });
      }),
      { numRuns: 30 },
    );
    expect(await total(customer_id)).toEqual({ events: expected, hours: expected });
  });

  test('the same events sent by sixteen callers at once, in any order, count once', async () => {
    const customers = await Promise.all(Array.from({ length: 4 }, () => people.customer()));
    const events = customers.flatMap((customer_id) => Array.from({ length: 25 }, () => event({ customer_id })));
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, caller) => send(caller % 2 === 0 ? events : events.toReversed())),
    );
    const accepted = answers.reduce((sum, { body }) => sum + Number(body.accepted), 0);
    expect([accepted, answers.every(({ body }) => body.rejected === 0)]).toEqual([100, true]);
    for (const id of customers) expect(await total(id)).toEqual({ events: 25, hours: 25 });
  });

  test('a write that fails at any of its statements is answered as failed, leaves nothing, and counts when it is sent again', async () => {
    const customer_id = await people.customer();
    for (const table of ['usage_event', 'usage_hour', 'usage_report']) {
      const batch = Array.from({ length: 3 }, () => event({ customer_id }));
      const before = await total(customer_id);
      await db.pool.query(`alter table ${table} rename to ${table}_away`);
      const failed = await call(seller, 'POST', path, batch);
      await db.pool.query(`alter table ${table}_away rename to ${table}`);
      expect([table, failed.status]).toEqual([table, 500]);
      expect(await total(customer_id)).toEqual(before);
      expect((await send(batch)).body).toMatchObject({ accepted: 3 });
    }
    expect(await total(customer_id)).toEqual({ events: 9, hours: 9 });
  });

  test('what one caller’s events do to the database is no fault of who shares the write', async () => {
    const [good, bad] = [await people.customer(), await people.customer()];
    await db.pool.query(`
      create function refuse_event() returns trigger language plpgsql as $$ begin
        if new.customer_id = '${bad}' then raise exception 'no' using errcode = '23514'; end if; return new;
      end $$;
      create trigger refuse_event before insert on usage_hour for each row execute function refuse_event();
    `);
    const answers = await Promise.all([
      call(seller, 'POST', path, event({ customer_id: good })),
      call(seller, 'POST', path, event({ customer_id: bad })),
      call(seller, 'POST', path, event({ customer_id: good })),
    ]);
    await db.pool.query('drop trigger refuse_event on usage_hour; drop function refuse_event()');
    expect(answers.map(({ status }) => status)).toEqual([200, 500, 200]);
    expect([await total(good), await total(bad)]).toEqual([
      { events: 2, hours: 2 },
      { events: 0, hours: 0 },
    ]);
  });

  test('an event of a period that is billed already counts when it comes, and says so', async () => {
    const customer_id = await people.customer();
    const subscription_id = await people.subscribe(customer_id, planOf());
    const billed_until = Date.UTC(2026, 2, 11);
    await db.kysely
      .insertInto('usage_report')
      .values({
        id: 'urep_late',
        customer_id,
        subscription_id,
        meter_id: 'requests',
        period_start_at: new Date(Date.UTC(2026, 1, 11)),
        period_end_at: new Date(billed_until),
        quantity: 0,
        amount_minor: 0,
        currency: 'usd',
        lines: '[]',
        state: 'sent',
        created_at: new Date(start),
      })
      .execute();
    const late = event({ customer_id, occurred_at: '2026-03-10T23:59:59.999Z' });
    const punctual = event({ customer_id, occurred_at: '2026-03-11T00:00:00Z' });
    expect((await send([late, punctual])).body.accepted).toBe(2);
    const found = await usage.event(customer_id, String(late['id']), {});
    expect([found.occurred_at.toISOString(), found.counted_at.getTime()]).toEqual(['2026-03-10T23:59:59.999Z', start]);
    const period = (start_at: number, end_at: number) => ({ customer_id, meter_id: 'requests', start_at, end_at });
    const used = await usage.usedInPeriods([period(0, billed_until), period(billed_until, start + 1)]);
    expect(used).toEqual([0, 2]);
  });
});

test('whatever texts an event is made of, they are stored as they came', async () => {
  const customer_id = await people.subscriber();
  // oxlint-disable-next-line no-control-regex -- what is refused
  const isLine = (text: string) => text.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(text);
  const part = fc.constantFrom('"', '\\', ',', '{', '}', 'NULL', "'", ' ', 'é', '𝄞', '\u2028', 'x', '%', '$1');
  const text = fc
    .oneof(
      fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('')),
      fc.string({ minLength: 1, maxLength: 20 }),
    )
    .filter(isLine);
  const sent = fc.uniqueArray(
    fc.record({ id: text, source: text, endpoint: text, properties: fc.record({ region: text }) }),
    {
      selector: ({ id }) => id,
      maxLength: 20,
      minLength: 1,
    },
  );
  let round = 0;
  await fc.assert(
    fc.asyncProperty(sent, async (events) => {
      round += 1;
      const named = events.map((each) => ({ ...each, id: `${round}${each.id}` }));
      const { body } = await send(named.map((each) => event({ customer_id, ...each })));
      expect(body.accepted).toBe(events.length);
      const { rows } = await sql<{ id: string }>`
        select id, source, endpoint, properties from usage_event where customer_id = ${customer_id} and id = any(${named.map(({ id }) => id)})
      `.execute(db.kysely);
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      expect(rows.toSorted(byId)).toEqual(named.toSorted(byId));
    }),
    { numRuns: 30 },
  );
});

describe('a balance', () => {
  test('is what the database has, whoever wrote it and however many write at once', async () => {
    const customer_id = await people.subscriber();
    const other = createUsage({ db, clock, log: quiet, meters });
    await send(event({ customer_id, quantity: 10 }));
    await other.ingest([event({ customer_id, quantity: 7 })]);
    const mine = await Promise.all(Array.from({ length: 20 }, () => send(event({ customer_id, quantity: 2 }))));
    expect(mine.every(({ body }) => body.accepted === 1)).toBe(true);
    // What another process wrote is seen after some seconds; what this one wrote at once.
    expect((await usage.balancesOf([customer_id]))[0]?.used).toBe(50);
    clock.advance(11_000);
    await usage.balancesOf([customer_id]);
    await expect.poll(async () => (await usage.balancesOf([customer_id]))[0]?.used, patient).toBe(57);
  });

  test('of several customers in one request is each its own, by the plan and by what is granted to one alone, also when it is read again', async () => {
    const [plain, none, other, generous] = [
      await people.subscriber(),
      await people.customer(),
      await people.subscriber(),
      await people.subscriber(),
    ];
    const override = { reason: null, actor: 'test', expires_at: null };
    const change = (from_at: number, included: number) =>
      insertOverrides(db.kysely, generous, { ...override, from_at, content: { included: { requests: included } } });
    await change(clock.now() - 2, 7);
    await change(clock.now() - 1, 5000);
    await change(clock.now() + 60_000, 9);
    const order = [other, none, generous, plain];
    const { body } = await send(order.map((customer_id, index) => event({ customer_id, quantity: index + 1 })));
    const told = (balances: { customer_id: string; used: number; included: number }[]) =>
      balances.map(({ customer_id, used, included }) => [customer_id, used, included]);
    expect(told(body.balances)).toEqual([
      [other, 1, 1000],
      [generous, 3, 5000],
      [plain, 4, 1000],
    ]);
    const elsewhere = createUsage({ db, clock, log: quiet, meters });
    await elsewhere.ingest([other, generous, plain].map((customer_id) => event({ customer_id, quantity: 100 })));
    clock.advance(60_001);
    await expect
      .poll(async () => told(await usage.balancesOf([generous, none, other, plain])), patient)
      .toEqual([
        [generous, 103, 9],
        [other, 101, 1000],
        [plain, 104, 1000],
      ]);
  });

  test('of who has no subscription there is none; a period that ends begins a new one', async () => {
    const customer_id = await people.customer();
    expect((await send(event({ customer_id }))).body.balances).toEqual([]);
    const subscriber = await people.subscriber();
    await send(event({ customer_id: subscriber, quantity: 9 }));
    clock.advance(32 * 86_400_000);
    const { body } = await send(event({ customer_id: subscriber, quantity: 1 }));
    expect(body.balances[0]).toMatchObject({ used: 1, remaining: 999 });
  });
});
