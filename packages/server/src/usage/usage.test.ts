import fc from 'fast-check';
import { type Meter, nthPeriod } from '@farebox/core';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createSubscribers, createTestApp, member, planOf, seller } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import { createId } from '../lib/id.ts';
import { usagePartitions } from './jobs.ts';
import { createUsageRoutes } from './routes.ts';
import { createUsage, usageOfPeriod } from './service.ts';
import { type UsageRecord, insertBatch, usageOfScopes } from './store.ts';

const db = await testDatabase();
const start = Date.UTC(2026, 2, 10, 12, 30);
const clock = fakeClock(start);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const meters: Meter[] = [{ id: 'requests', name: 'API requests', unit: 'request', aggregation: 'count' }];
const usage = createUsage({ db, clock, log: quiet, meters, flush_ms: 3_600_000, batch_size: 50_000 });
const people = createSubscribers(db, clock);
const stopping = new AbortController();
const { call } = createTestApp({ clock, routes: [createUsageRoutes({ usage, stopping: stopping.signal })] });
const hour = 3_600_000;

function event(customer_id: string, changes: Partial<UsageRecord> = {}): UsageRecord {
  const id = createId('req', clock.now());
  return {
    id,
    customer_id,
    meter_id: 'requests',
    quantity: 1,
    occurred_at: clock.now(),
    key_id: 'key_1',
    endpoint: '/v1/forecast',
    ...changes,
  };
}

const always = { start_at: start - 400 * 86_400_000, end_at: start + 400 * 86_400_000 };

async function total(customerId: string): Promise<{ events: number; hours: number }> {
  const { rows } = await sql<{ events: number; hours: number }>`
    select (select coalesce(sum(quantity), 0)::bigint from usage_event where customer_id = ${customerId}) as events,
      (select coalesce(sum(quantity), 0)::bigint from usage_hour where customer_id = ${customerId}) as hours
  `.execute(db.kysely);
  return rows[0] ?? { events: -1, hours: -1 };
}

describe('a batch', () => {
  test('written again, whole or in part, adds nothing; what is fresh in it counts', async () => {
    const customer = await people.customer();
    const events = Array.from({ length: 10 }, () => event(customer, { quantity: 3 }));
    expect(await insertBatch(db.kysely, 'batch-a', events.slice(0, 6), clock.now())).toEqual([customer]);
    expect(await insertBatch(db.kysely, 'batch-a', events.slice(0, 6), clock.now())).toEqual([]);
    expect(await insertBatch(db.kysely, 'batch-b', events, clock.now())).toEqual([customer]);
    expect(await insertBatch(db.kysely, 'batch-c', [...events, ...events], clock.now())).toEqual([]);
    expect(await total(customer)).toEqual({ events: 30, hours: 30 });
  });

  test('a known batch id changes nothing even with other events in it', async () => {
    const customer = await people.customer();
    await insertBatch(db.kysely, 'batch-d', [event(customer)], clock.now());
    await insertBatch(db.kysely, 'batch-d', [event(customer)], clock.now());
    expect(await total(customer)).toEqual({ events: 1, hours: 1 });
  });

  test('events of two customers, or two ids, are never one', async () => {
    const [one, two] = [await people.customer(), await people.customer()];
    const events = [
      event(one, { id: 'a' }),
      event(two, { id: 'a' }),
      event(one, { id: 'b' }),
      event(one, { id: 'a ' }),
    ];
    await insertBatch(db.kysely, 'batch-e', events, clock.now());
    expect([await total(one), await total(two)]).toEqual([
      { events: 3, hours: 3 },
      { events: 1, hours: 1 },
    ]);
  });

  test('that fails leaves nothing behind, neither events nor its id', async () => {
    const customer = await people.customer();
    const events = [event(customer), event(customer)];
    await db.pool.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$;
      create trigger refuse before insert on usage_hour for each row when (new.endpoint = '/fails') execute function refuse();
    `);
    const failing = insertBatch(
      db.kysely,
      'batch-f',
      [...events, event(customer, { endpoint: '/fails' })],
      clock.now(),
    );
    await expect(failing).rejects.toThrow('disk full');
    expect(await total(customer)).toEqual({ events: 0, hours: 0 });
    await insertBatch(db.kysely, 'batch-f', events, clock.now());
    expect(await total(customer)).toEqual({ events: 2, hours: 2 });
    await db.pool.query('drop trigger refuse on usage_hour; drop function refuse()');
  });

  test('16 writers on the same hours never wait for each other in a circle, and the sum is right', async () => {
    const customers = await Promise.all(Array.from({ length: 6 }, () => people.customer()));
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let round = 0; round < 5; round += 1) {
        const events = customers.flatMap((id) => [
          event(id),
          event(id, { endpoint: '/b' }),
          event(id, { occurred_at: clock.now() - hour }),
        ]);
        const order = writer % 2 === 0 ? events : events.toReversed();
        await insertBatch(db.kysely, `writer-${writer}-${round}`, order, clock.now());
      }
    });
    await Promise.all(writers);
    for (const id of customers) expect(await total(id)).toEqual({ events: 240, hours: 240 });
  });
});

describe('the buffer', () => {
  test('a failed flush keeps its events and the next one writes them once', async () => {
    const customer = await people.customer();
    const buffered = createUsage({ db, clock, log: quiet, meters, flush_ms: 3_600_000 });
    for (let count = 0; count < 5; count += 1) buffered.record(event(customer));
    await db.pool.query('alter table usage_hour rename to usage_hour_away');
    await expect(buffered.flush()).rejects.toThrow('does not exist');
    expect(buffered.state()).toMatchObject({ pending: 5, dropped: 0 });
    expect(buffered.state().failing).toBeInstanceOf(Error);
    await expect(buffered.flush()).rejects.toThrow('does not exist');
    await db.pool.query('alter table usage_hour_away rename to usage_hour');
    await buffered.flush();
    await buffered.flush();
    expect(buffered.state()).toEqual({ pending: 0, dropped: 0, failing: null });
    expect(await total(customer)).toEqual({ events: 5, hours: 5 });
  });

  test('a write whose answer was lost is recognised when it comes again', async () => {
    const customer = await people.customer();
    let lost = false;
    const buffered = createUsage({ db, clock, log: quiet, meters, flush_ms: 3_600_000 });
    buffered.onRecorded(() => {
      if (lost) return;
      lost = true;
      throw new Error('the connection broke after the commit');
    });
    for (let count = 0; count < 3; count += 1) buffered.record(event(customer));
    await expect(buffered.flush()).rejects.toThrow('after the commit');
    await buffered.close();
    expect(await total(customer)).toEqual({ events: 3, hours: 3 });
  });

  test('writes by itself when it is old, when it is full, and on close', async () => {
    const customer = await people.customer();
    const aged = createUsage({ db, clock, log: quiet, meters, flush_ms: 5 });
    aged.record(event(customer));
    await expect.poll(() => aged.state().pending).toBe(0);
    const sized = createUsage({ db, clock, log: quiet, meters, flush_ms: 3_600_000, batch_size: 3 });
    for (let count = 0; count < 3; count += 1) sized.record(event(customer));
    await expect.poll(() => sized.state().pending).toBe(0);
    sized.record(event(customer));
    await sized.close();
    expect(await total(customer)).toEqual({ events: 5, hours: 5 });
    expect(sized.record(event(customer))).toBe(false);
  });

  test('tells its listeners whose usage grew, once per write, and nobody for a repetition', async () => {
    const [one, two] = [await people.customer(), await people.customer()];
    const heard: string[] = [];
    const stop = usage.onRecorded((id) => heard.push(id));
    usage.record(event(one));
    usage.record(event(one));
    usage.record(event(two));
    await usage.flush();
    stop();
    usage.record(event(one));
    await usage.flush();
    expect(heard.toSorted()).toEqual([one, two].toSorted());
  });
});

describe('usage of a period', () => {
  test('is exact at its bounds: it agrees with a fold over the events, wherever it begins and ends', async () => {
    const customer = await people.customer();
    const other = await people.customer();
    const spread = fc.sample(fc.tuple(fc.integer({ min: 0, max: 6 * hour }), fc.integer({ min: 0, max: 5 })), {
      numRuns: 400,
      seed: 7,
    });
    const events = spread.flatMap(([offset, quantity]) => [
      event(customer, { occurred_at: start + offset, quantity }),
      event(other, { occurred_at: start + offset, quantity: 1000 }),
      event(customer, { occurred_at: start + offset, quantity: 1000, meter_id: 'bytes' }),
    ]);
    await insertBatch(db.kysely, 'batch-g', events, clock.now());
    const own = events.filter((one) => one.customer_id === customer && one.meter_id === 'requests');
    const edge = fc.oneof(
      fc.integer({ min: -hour, max: 7 * hour }).map((offset) => start + offset),
      fc.integer({ min: 0, max: 7 }).map((hours) => Math.floor(start / hour) * hour + hours * hour),
      fc.constantFrom(...own.map((one) => one.occurred_at)),
    );
    await fc.assert(
      fc.asyncProperty(edge, edge, async (a, b) => {
        const period = { start_at: Math.min(a, b), end_at: Math.max(a, b) };
        const expected = own
          .filter((one) => one.occurred_at >= period.start_at && one.occurred_at < period.end_at)
          .reduce((sum, one) => sum + one.quantity, 0);
        expect(await usageOfPeriod(db.kysely, customer, 'requests', period)).toBe(expected);
      }),
      { numRuns: 150 },
    );
  });

  test('periods tile: what follows each other sums to the whole', async () => {
    const customer = await people.customer();
    const anchor = Date.UTC(2026, 0, 31, 9, 17, 23, 456);
    const periods = [0, 1, 2].map((n) => nthPeriod(anchor, 'month', n));
    const events = periods.flatMap(({ start_at, end_at }) =>
      [start_at, start_at + 1, end_at - 1, end_at - hour].map((occurred_at) => event(customer, { occurred_at })),
    );
    await insertBatch(db.kysely, 'batch-h', events, clock.now());
    const used = await usageOfScopes(
      db.kysely,
      periods.map((period) => ({ ...period, customer_id: customer, meter_id: 'requests' })),
    );
    expect(used).toEqual([4, 4, 4]);
  });

  test('of nobody is a fault of the program, never everybody’s', async () => {
    await expect(usageOfPeriod(db.kysely, '', 'requests', always)).rejects.toThrow('one customer');
    await expect(usageOfPeriod(db.kysely, 'cust_x', '', always)).rejects.toThrow('one meter');
    expect(await usageOfPeriod(db.kysely, 'cust_0000', 'requests', always)).toBe(0);
  });
});

describe('GET /v1/usage/summary', () => {
  test('says what was used, what is left and what it costs, of the caller alone and of this period alone', async () => {
    const [customer, other] = [await people.subscriber(), await people.subscriber()];
    const events = [
      event(customer, { quantity: 1000 }),
      event(customer, { quantity: 250 }),
      event(customer, { quantity: 77, occurred_at: start - 1 }),
      event(other, { quantity: 5 }),
    ];
    await insertBatch(db.kysely, 'batch-i', events, clock.now());
    const response = await call(member(customer), 'GET', '/v1/usage/summary');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      object: 'usage_summary',
      period: { start_at: '2026-03-10T12:30:00.000Z', end_at: '2026-04-10T12:30:00.000Z' },
      currency: 'usd',
      meters: [
        {
          meter_id: 'requests',
          name: 'API requests',
          unit: 'request',
          quantity: 1250,
          included: 1000,
          quota: 'soft',
          remaining: 0,
          overage: 250,
          amount_minor: 20,
          lines: [{ quantity: 250, unit_price_decimal: '0.08', amount_minor: 20, from: 1, to: 250 }],
        },
      ],
      base_amount_minor: 9900,
      cost_so_far_minor: 20,
      total_so_far_minor: 9920,
    });
    const theirs = await call(seller, 'GET', `/v1/usage/summary?customer_id=${other}`);
    expect(await theirs.json()).toMatchObject({ meters: [{ quantity: 5, remaining: 995, amount_minor: 0 }] });
  });

  test('404 without a subscription, for an absent customer and for another one’s', async () => {
    const [customer, other] = [await people.customer(), await people.subscriber(planOf())];
    const none = await call(member(customer), 'GET', '/v1/usage/summary');
    expect([none.status, await none.json()]).toMatchObject([404, { code: 'subscription_required' }]);
    for (const id of [other, 'cust_0000']) {
      const response = await call(member(customer), 'GET', `/v1/usage/summary?customer_id=${id}`);
      expect([response.status, await response.json()]).toMatchObject([404, { code: 'not_found' }]);
    }
    expect((await call(seller, 'GET', '/v1/usage/summary')).status).toBe(400);
    expect((await call({ type: 'anonymous' }, 'GET', '/v1/usage/summary')).status).toBe(401);
  });
});

describe('GET /v1/usage', () => {
  test('has one point per hour or day in UTC, zeros included', async () => {
    const customer = await people.customer();
    const midnight = Date.UTC(2026, 2, 8);
    const events = [
      event(customer, { occurred_at: midnight - 1, quantity: 1 }),
      event(customer, { occurred_at: midnight, quantity: 2 }),
      event(customer, { occurred_at: midnight + 3 * hour, quantity: 4, key_id: null, endpoint: '' }),
    ];
    await insertBatch(db.kysely, 'batch-j', events, clock.now());
    const range = 'from=2026-03-07T00:00:00Z&to=2026-03-10T00:00:00Z';
    const days = await call(member(customer), 'GET', `/v1/usage?meter=requests&window=day&${range}`);
    expect(await days.json()).toEqual({
      object: 'usage_series',
      meter_id: 'requests',
      window: 'day',
      data: [
        { start_at: '2026-03-07T00:00:00.000Z', quantity: 1 },
        { start_at: '2026-03-08T00:00:00.000Z', quantity: 6 },
        { start_at: '2026-03-09T00:00:00.000Z', quantity: 0 },
      ],
    });
    const hours = await usage.series(customer, { window: 'hour', from: midnight - 1, to: midnight + 4 * hour });
    expect(hours.data.map(({ quantity }) => quantity)).toEqual([1, 2, 0, 0, 4]);
  });

  test('without a range ends with the hour or day that is now', async () => {
    const customer = await people.customer();
    const series = await usage.series(customer, { window: 'hour' });
    expect(series.data).toHaveLength(48);
    expect(series.data.at(-1)?.start_at).toBe(Math.floor(start / hour) * hour);
    expect((await usage.series(customer, { window: 'day' })).data).toHaveLength(30);
  });

  test('400 for a meter there is not, a range that is none or too long, and any other parameter', async () => {
    const customer = await people.customer();
    const faulty = [
      ['meter', 'meter=tokens'],
      ['window', 'window=minute'],
      ['from', 'from=2026-03-10T00:00:00Z&to=2026-03-09T00:00:00Z'],
      ['from', 'window=hour&from=2025-01-01T00:00:00Z'],
      ['from', 'from=yesterday'],
      ['group_by', 'group_by=customer_id'],
    ];
    for (const [param, query] of faulty) {
      const response = await call(member(customer), 'GET', `/v1/usage?${query}`);
      expect([query, response.status, await response.json()]).toMatchObject([query, 400, { param }]);
    }
  });
});

describe('GET /v1/usage/live', () => {
  async function* textOf(response: Response): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) yield decoder.decode(bytes);
  }

  test('tells a customer of its own usage, nobody else of it, and ends when the server stops', async () => {
    const [customer, other] = [await people.customer(), await people.customer()];
    const response = await call(member(customer), 'GET', '/v1/usage/live');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const texts = textOf(response);
    expect((await texts.next()).value).toBe('retry: 1000\n\n');
    usage.record(event(other));
    await usage.flush();
    usage.record(event(customer));
    await usage.flush();
    expect((await texts.next()).value).toBe('event: usage\ndata: {}\n\n');
    const left = await call(member(customer), 'GET', '/v1/usage/live');
    await left.body?.cancel();
    stopping.abort();
    expect((await texts.next()).done).toBe(true);
    const late = textOf(await call(member(customer), 'GET', '/v1/usage/live'));
    while ((await late.next()).done !== true);
  });

  test('401 without a session, 403 for the seller', async () => {
    expect((await call({ type: 'anonymous' }, 'GET', '/v1/usage/live')).status).toBe(401);
    expect((await call(seller, 'GET', '/v1/usage/live')).status).toBe(403);
  });
});

describe('partitions', () => {
  test('come ahead of their month, once, and take what was kept for them meanwhile', async () => {
    const customer = await people.customer();
    const now = Date.UTC(2027, 10, 15);
    const events = [0, 1, 2, 3].map((month) => event(customer, { occurred_at: Date.UTC(2027, 10 + month, 1) }));
    await insertBatch(db.kysely, 'batch-k', events, clock.now());
    const runs = await Promise.all([usagePartitions(db, now), usagePartitions(db, now)]);
    expect(runs.flatMap(({ created }) => created).toSorted()).toEqual([
      'usage_event_2027_11',
      'usage_event_2027_12',
      'usage_event_2028_01',
    ]);
    expect((await usagePartitions(db, now)).created).toEqual([]);
    const places = await sql<{ place: string }>`
      select tableoid::regclass::text as place from usage_event where customer_id = ${customer} order by occurred_at
    `.execute(db.kysely);
    expect(places.rows.map(({ place }) => place)).toEqual([
      'usage_event_2027_11',
      'usage_event_2027_12',
      'usage_event_2028_01',
      'usage_event_other',
    ]);
    await insertBatch(db.kysely, 'batch-l', events, clock.now());
    expect(await total(customer)).toEqual({ events: 4, hours: 4 });
  });
});
