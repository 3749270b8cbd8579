import fc from 'fast-check';
import { type Meter, nthPeriod } from '@farebox/core';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createSubscribers, createTestApp, member, planOf, seller } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import { createId } from '../lib/id.ts';
import { usagePartitions } from './jobs.ts';
import type { UsageRecord } from './events/event.ts';
import { createUsageRoutes } from './routes.ts';
import { createUsage, defaultKeptMs } from './service.ts';

const db = await testDatabase();
const start = Date.UTC(2026, 2, 10, 12, 30);
const clock = fakeClock(start);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const meters: Meter[] = [
  { id: 'requests', name: 'API requests', unit: 'request', aggregation: 'count' },
  { id: 'bytes', name: 'Bytes', unit: 'byte', aggregation: 'sum' },
];
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

/** A process that writes later: what it is given lies in the past. */
const afterwards = createUsage({ db, clock: fakeClock(start + 90 * 86_400_000), log: quiet, meters });

/** Writes what the gate let through, and answers whose usage grew. */
async function insertBatch(id: string, records: readonly UsageRecord[], by = afterwards): Promise<string[]> {
  const grown: string[] = [];
  const stop = by.onRecorded((customerId) => grown.push(customerId));
  await by.writeRecords(id, records);
  stop();
  return grown;
}

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
    expect(await insertBatch('batch-a', events.slice(0, 6))).toEqual([customer]);
    expect(await insertBatch('batch-a', events.slice(0, 6))).toEqual([]);
    expect(await insertBatch('batch-b', events)).toEqual([customer]);
    expect(await insertBatch('batch-c', [...events, ...events])).toEqual([]);
    expect(await total(customer)).toEqual({ events: 30, hours: 30 });
  });

  test('a known batch id changes nothing even with other events in it', async () => {
    const customer = await people.customer();
    await insertBatch('batch-d', [event(customer)]);
    await insertBatch('batch-d', [event(customer)]);
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
    await insertBatch('batch-e', events);
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
    const failing = insertBatch('batch-f', [...events, event(customer, { endpoint: '/fails' })]);
    await expect(failing).rejects.toThrow('disk full');
    expect(await total(customer)).toEqual({ events: 0, hours: 0 });
    await insertBatch('batch-f', events);
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
        await insertBatch(`writer-${writer}-${round}`, order);
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
    await insertBatch('batch-g', events);
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
        expect(await usage.usageOfPeriod(db.kysely, customer, 'requests', period)).toBe(expected);
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
    await insertBatch('batch-h', events);
    const used = await usage.usedInPeriods(
      periods.map((period) => ({ ...period, customer_id: customer, meter_id: 'requests' })),
    );
    expect(used).toEqual([4, 4, 4]);
  });

  test('of nobody is a fault of the program, never everybody’s', async () => {
    await expect(usage.usageOfPeriod(db.kysely, '', 'requests', always)).rejects.toThrow('one customer');
    await expect(usage.usageOfPeriod(db.kysely, 'cust_x', '', always)).rejects.toThrow('one meter');
    expect(await usage.usageOfPeriod(db.kysely, 'cust_0000', 'requests', always)).toBe(0);
  });
});

describe('GET /v1/usage/summary', () => {
  test('says what was used, what is left and what it costs, of the caller alone and of this period alone', async () => {
    const [customer, other] = [await people.customer(), await people.subscriber()];
    const subscription_id = await people.subscribe(customer, planOf());
    const events = [
      event(customer, { quantity: 1000 }),
      event(customer, { quantity: 250 }),
      event(customer, { quantity: 77, occurred_at: start - 1 }),
      event(other, { quantity: 5 }),
    ];
    await insertBatch('batch-i', events);
    const response = await call(member(customer), 'GET', '/v1/usage/summary');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      object: 'usage_summary',
      group: 'main',
      subscription_id,
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
          minimum_minor: 0,
          shortfall_minor: 0,
          to_plan_minimum: false,
          capped_minor: 0,
          period_start_at: '2026-03-10T12:30:00.000Z',
          period_end_at: '2026-04-10T12:30:00.000Z',
          lines: [{ quantity: 250, unit_price_decimal: '0.08', amount_minor: 20, from: 1, to: 250 }],
        },
      ],
      minimum: null,
      base_amount_minor: 9900,
      cost_so_far_minor: 20,
      capped_minor: 0,
      spend_cap: null,
      total_so_far_minor: 9920,
      // A day's pace for 31 days: 1,250 so far and 31 times as much, of which 1,000 are included.
      projection: {
        method: 'recent_pace',
        pace_since_at: '2026-03-10T12:30:00.000Z',
        meters: [{ meter_id: 'requests', quantity: 40_000, amount_minor: 3120 }],
        cost_minor: 3120,
        total_minor: 13_020,
      },
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
    await insertBatch('batch-j', events);
    const range = 'from=2026-03-07T00:00:00Z&to=2026-03-10T00:00:00Z';
    const days = await call(member(customer), 'GET', `/v1/usage?meter=requests&window=day&${range}`);
    expect(await days.json()).toMatchObject({
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
  const week = 7 * 86_400_000;
  const now = Date.UTC(2027, 10, 17);

  async function placesOf(customer: string): Promise<string[]> {
    const { rows } = await sql<{ place: string }>`
      select tableoid::regclass::text as place from usage_event where customer_id = ${customer} order by received_at
    `.execute(db.kysely);
    return rows.map(({ place }) => place);
  }

  test('come ahead of their week, once, whoever makes them; one that is missing is made by the first event of its week', async () => {
    const runs = await Promise.all([usagePartitions(db, now, defaultKeptMs), usagePartitions(db, now, defaultKeptMs)]);
    expect(runs.flatMap(({ created }) => created).toSorted()).toEqual([
      'usage_event_20271115',
      'usage_event_20271122',
      'usage_event_20271129',
      'usage_event_20271206',
      'usage_event_20271213',
    ]);
    expect((await usagePartitions(db, now, defaultKeptMs)).created).toEqual([]);
    const customer = await people.customer();
    for (const weeks of [0, 1, 9]) {
      const then = createUsage({ db, clock: fakeClock(now + weeks * week), log: quiet, meters });
      await insertBatch(`batch-k${weeks}`, [event(customer, { occurred_at: now + weeks * week })], then);
    }
    expect(await placesOf(customer)).toEqual(['usage_event_20271115', 'usage_event_20271122', 'usage_event_20280117']);
  });

  test('are dropped when all that is in them is older than it is kept; the hours stay', async () => {
    const customer = await people.customer();
    const old = createUsage({ db, clock: fakeClock(now - 60 * week), log: quiet, meters });
    await insertBatch('batch-l', [event(customer, { occurred_at: now - 60 * week, quantity: 5 })], old);
    const kept = 57 * week;
    expect((await usagePartitions(db, now - 3 * week - 1, kept)).dropped).toEqual([]);
    expect((await usagePartitions(db, now, kept)).dropped).toEqual(['usage_event_20260921']);
    expect(await total(customer)).toEqual({ events: 0, hours: 5 });
  });

  test('an event that comes again in another week is the same one, also when it names no time or another one', async () => {
    const customer = await people.customer();
    const first = event(customer, { occurred_at: now });
    const here = createUsage({ db, clock: fakeClock(now), log: quiet, meters });
    await insertBatch('batch-m', [first], here);
    for (const weeks of [1, 2, 4]) {
      const then = createUsage({ db, clock: fakeClock(now + weeks * week), log: quiet, meters });
      expect(await insertBatch(`batch-m${weeks}`, [first], then)).toEqual([]);
      const [undated] = await then.ingest([{ id: first.id, type: 'requests', customer_id: customer }]);
      expect(undated).toMatchObject({ status: 'duplicate' });
    }
    expect(await total(customer)).toEqual({ events: 1, hours: 1 });
  });
});
