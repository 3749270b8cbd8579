import { type CalendarWindow, type Meter, aggregations, foldMeter, windowsBetween } from '@farebox/core';
import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createSubscribers, createTestApp, member, seller } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import { createUsageRoutes } from './routes.ts';
import { createUsage } from './service.ts';

const db = await testDatabase();
const now = Date.UTC(2026, 3, 8, 12);
const clock = fakeClock(now);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** One meter of each kind over the same events, with a filter and a dimension. */
const meters: Meter[] = aggregations.map((aggregation) => ({
  id: aggregation,
  name: aggregation,
  unit: 'unit',
  aggregation,
  events: ['call'],
  ...(aggregation === 'count' ? {} : { value: 'v' }),
  filters: { ok: ['true'] },
  group_by: ['region'],
}));
const usage = createUsage({ db, clock, log: quiet, meters });
const people = createSubscribers(db, clock);
const stopping = new AbortController();
const { call } = createTestApp({ clock, routes: [createUsageRoutes({ usage, stopping: stopping.signal })] });
const hour = 3_600_000;
let ids = 0;

// Answers are held against the document; here only a few of their fields are looked at.
async function get(who: Parameters<typeof call>[0], path: string): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse(await (await call(who, 'GET', path)).text());
}

interface Sent {
  id: string;
  type: string;
  customer_id: string;
  occurred_at: string;
  key_id: string;
  properties: Record<string, string | number | boolean>;
}

function event(customer_id: string, at: number, properties: Sent['properties'] = { ok: true, v: 1 }): Sent {
  ids += 1;
  return {
    id: `e${ids}`,
    type: 'call',
    customer_id,
    occurred_at: new Date(at).toISOString(),
    key_id: 'key_a',
    properties,
  };
}

async function send(events: readonly Sent[]): Promise<void> {
  for (let at = 0; at < events.length; at += 1000) {
    const results = await usage.ingest(events.slice(at, at + 1000), { is_history: true });
    expect(results.filter(({ status }) => status !== 'accepted')).toEqual([]);
  }
}

const asMetered = (sent: readonly Sent[]) =>
  sent.map(({ id, type, occurred_at, key_id, properties }) => ({
    id,
    type,
    key_id,
    properties,
    quantity: 1,
    endpoint: '',
    occurred_at: Date.parse(occurred_at),
  }));

describe('meters', () => {
  test('agree with going through the events one by one, whatever the aggregation, over any period', async () => {
    const customer = await people.customer();
    const start = Date.UTC(2026, 3, 1, 5, 30);
    const value = fc.oneof(
      fc.integer({ min: -50, max: 50 }),
      fc.integer({ min: -999, max: 999 }).map((n) => n / 10),
    );
    const sample = fc.sample(
      fc.record({
        at: fc.integer({ min: 0, max: 9 * hour }),
        v: value,
        ok: fc.boolean(),
        region: fc.constantFrom('eu', 'us'),
      }),
      { numRuns: 500, seed: 3 },
    );
    const sent = sample.map(({ at, ...properties }) => event(customer, start + at, properties));
    await send(sent.slice(0, 250));
    await send(sent.slice(250));
    const metered = asMetered(sent);
    const edge = fc.integer({ min: -hour, max: 10 * hour }).map((offset) => start + offset);
    await fc.assert(
      fc.asyncProperty(edge, edge, fc.constantFrom(...meters), async (a, b, meter) => {
        const [start_at, end_at] = [Math.min(a, b), Math.max(a, b)];
        const inside = metered.filter((one) => one.occurred_at >= start_at && one.occurred_at < end_at);
        const expected = Math.max(0, Math.round(Number(foldMeter(meter, inside))));
        const scope = { customer_id: customer, meter_id: meter.id, start_at, end_at };
        expect(await usage.usedInPeriods([scope])).toEqual([expected]);
      }),
      { numRuns: 150 },
    );
  });

  test('a sum below nothing is billed as nothing, and shown with its sign', async () => {
    const customer = await people.customer();
    await send([event(customer, now - 5 * hour, { ok: true, v: -300 })]);
    const scope = { customer_id: customer, meter_id: 'sum', start_at: now - 24 * hour, end_at: now };
    expect(await usage.usedInPeriods([scope])).toEqual([0]);
    expect((await usage.series(customer, { meter_id: 'sum', window: 'day' })).quantity).toBe(-300);
  });
});

describe('a series', () => {
  test.each(['Asia/Kolkata', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Europe/Berlin', 'UTC'])(
    'in %s has each event once, in the window of its own date, for every aggregation and group',
    async (time_zone) => {
      const customer = await people.customer();
      await sql`update customer set time_zone = ${time_zone} where id = ${customer}`.execute(db.kysely);
      // Clocks are set in all of these in the first days of April or the last of March, but where they never are.
      const from = Date.UTC(2026, 2, 27);
      const sample = fc.sample(
        fc.record({
          at: fc.integer({ min: 0, max: 11 * 24 * hour }),
          v: fc.integer({ min: -9, max: 9 }),
          region: fc.constantFrom('eu', 'us'),
        }),
        { numRuns: 700, seed: 11 },
      );
      const midnights = windowsBetween({ from, to: from + 10 * 24 * hour }, 'day', time_zone, 20) ?? [];
      const sent = [
        ...sample.map(({ at, ...rest }) => event(customer, from + at, { ok: true, ...rest })),
        ...midnights.flatMap((at) => [
          event(customer, at, { ok: true, v: 4, region: 'eu' }),
          event(customer, at - 1, { ok: true, v: 5, region: 'us' }),
        ]),
      ];
      await send(sent);
      const metered = asMetered(sent);
      const windows: CalendarWindow[] = ['hour', 'day', 'week', 'month'];
      for (const meter of meters) {
        for (const window of windows) {
          const to = window === 'hour' ? from + 4 * 24 * hour : from + 11 * 24 * hour;
          const query = `meter=${meter.id}&window=${window}&from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}&group_by=region`;
          const series = await get(member(customer), `/v1/usage?${query}`);
          expect(series).toMatchObject({ object: 'usage_series', time_zone });
          const ends = [...series.data.slice(1).map((point: { start_at: string }) => point.start_at), series.end_at];
          for (const [index, point] of series.data.entries()) {
            const [start_at, end_at] = [Date.parse(point.start_at), Date.parse(ends[index])];
            const inside = metered.filter((one) => one.occurred_at >= start_at && one.occurred_at < end_at);
            const where = `${meter.id} ${window} ${point.start_at}`;
            expect([where, point.quantity]).toEqual([where, Number(foldMeter(meter, inside))]);
            for (const { value, data } of series.groups) {
              const own = inside.filter(({ properties }) => properties['region'] === value);
              expect([where, value, data[index].quantity]).toEqual([where, value, Number(foldMeter(meter, own))]);
            }
          }
        }
      }
    },
    60_000,
  );

  test('of one key and of one value of a dimension; without usage it is all zeros', async () => {
    const customer = await people.customer();
    const mine = event(customer, now - hour, { ok: true, v: 1, region: 'eu' });
    await send([mine, { ...event(customer, now - hour, { ok: true, v: 1, region: 'us' }), key_id: 'key_b' }]);
    const of = async (query: string) =>
      (await get(seller, `/v1/usage?customer_id=${customer}&meter=count&${query}`)).quantity;
    expect(await of('')).toBe(2);
    expect(await of('key_id=key_b')).toBe(1);
    expect(await of('filter=region:eu,key_id:key_a')).toBe(1);
    expect(await of('filter=region:eu&key_id=key_b')).toBe(0);
    expect((await usage.series(await people.customer(), { window: 'week' })).data).toHaveLength(12);
  });

  test('400 for a zone, a dimension or a filter that is none, naming it; 404 for whom there is not', async () => {
    const customer = await people.customer();
    for (const [query, param] of [
      ['time_zone=Mars/Phobos', 'time_zone'],
      ['group_by=user', 'group_by'],
      ['filter=region', 'filter'],
      ['filter=region:a,region:b', 'filter'],
      ['meter=nothing', 'meter'],
      ['window=year', 'window'],
      ['key_id=abc', 'key_id'],
    ]) {
      const response = await call(member(customer), 'GET', `/v1/usage?${query}`);
      expect([query, response.status, await response.json()]).toMatchObject([query, 400, { param }]);
    }
    expect((await call(seller, 'GET', '/v1/usage?customer_id=cust_0000')).status).toBe(404);
  });

  test('hours whose events are not kept any more stay whole, and count once', async () => {
    const customer = await people.customer();
    await sql`update customer set time_zone = 'Asia/Kolkata' where id = ${customer}`.execute(db.kysely);
    const midnight = Date.UTC(2026, 3, 6, 18, 30);
    await send([event(customer, midnight - 1), event(customer, midnight), event(customer, midnight + hour)]);
    const forgetful = createUsage({ db, clock, log: quiet, meters, kept_ms: hour });
    const wish = { meter_id: 'count', window: 'day', from: midnight - 24 * hour, to: midnight + 24 * hour } as const;
    const quantities = async (from: typeof usage) =>
      (await from.series(customer, wish)).data.map(({ quantity }) => quantity);
    expect(await quantities(usage)).toEqual([1, 2]);
    expect(await quantities(forgetful)).toEqual([2, 1]);
  });
});

describe('events one by one', () => {
  test('thousands of one millisecond are each on exactly one page, whatever its size', async () => {
    const customer = await people.customer();
    await send(Array.from({ length: 3000 }, () => event(customer, now - hour)));
    for (const limit of [100, 37]) {
      const seen: string[] = [];
      let next: string | null = '';
      while (next !== null) {
        const after: string = next === '' ? '' : `&starting_after=${next}`;
        const page = await get(member(customer), `/v1/usage/events?limit=${limit}${after}`);
        seen.push(...page.data.map(({ id }: { id: string }) => id));
        next = page.next_cursor;
      }
      expect([seen.length, new Set(seen).size]).toEqual([3000, 3000]);
    }
  });

  test('say what each meter made of them, and why not', async () => {
    const customer = await people.customer();
    const filtered = event(customer, now - hour, { ok: false, v: 1 });
    const partly = event(customer, now - 2 * hour, { ok: true });
    await send([filtered, partly]);
    const of = async (id: string) => (await get(member(customer), `/v1/usage/events/${id}`)).meters;
    expect(await of(filtered.id)).toContainEqual({
      meter_id: 'sum',
      amount: null,
      reason: 'takes ok true, not "false"',
    });
    expect(await of(partly.id)).toContainEqual({ meter_id: 'count', amount: '1', reason: null });
    expect(await of(partly.id)).toContainEqual({
      meter_id: 'sum',
      amount: null,
      reason: 'needs a number in the property v',
    });
    const uncounted = await get(member(customer), '/v1/usage/events?counted=false');
    expect(uncounted.data.map(({ id }: { id: string }) => id)).toEqual([filtered.id]);
  });

  test('what was not taken is listed with its reason: a customer sees its own, the seller all', async () => {
    const [one, two] = [await people.customer(), await people.customer()];
    const bad = (customer_id: string) => ({ id: `bad-${customer_id}`, type: 'unheard', customer_id });
    await call(seller, 'POST', '/v1/usage/events', [bad(one), bad(two), bad('cust_none'), { id: 'no customer' }]);
    const of = async (who: Parameters<typeof call>[0], query = '') =>
      (await get(who, `/v1/usage/rejections?${query}`)).data;
    expect((await of(member(one))).map(({ event_id }: { event_id: string }) => event_id)).toEqual([`bad-${one}`]);
    expect(await of(seller, 'limit=100')).toHaveLength(4);
    expect(await of(seller, 'event_id=bad-cust_none')).toMatchObject([
      { code: 'customer_not_found', named: 'cust_none', customer_id: null, event: { id: 'bad-cust_none' } },
    ]);
    expect((await call(member(one), 'GET', `/v1/usage/rejections?customer_id=${two}`)).status).toBe(404);
  });

  test('are another customer’s to nobody: 404 with its id, nothing without', async () => {
    const [one, two] = [await people.customer(), await people.customer()];
    const own = event(one, now - hour);
    await send([own]);
    for (const path of ['/v1/usage/events', `/v1/usage/events/${own.id}`, '/v1/usage']) {
      expect((await call(member(two), 'GET', `${path}?customer_id=${one}`)).status).toBe(404);
    }
    expect((await call(member(two), 'GET', `/v1/usage/events/${own.id}`)).status).toBe(404);
    const range = 'from=2020-01-01T00:00:00Z&to=2040-01-01T00:00:00Z';
    expect((await call(member(two), 'GET', `/v1/usage/export?${range}&customer_id=${one}`)).status).toBe(404);
    expect(await (await call(member(two), 'GET', `/v1/usage/export?${range}&format=ndjson`)).text()).toBe('');
  });
});

describe('GET /v1/usage/export', () => {
  const range = 'from=2026-04-01T00:00:00Z&to=2026-04-09T00:00:00Z';

  test('has every event of the time once, page after page, in CSV and by the line', async () => {
    const customer = await people.customer();
    const sent = Array.from({ length: 4100 }, (_, index) => event(customer, now - hour - (index % 3)));
    sent.push({ ...event(customer, now - hour, { ok: true, v: 2, note: 'a "b", c' }), id: '=HYPERLINK("x")' });
    await send(sent);
    const csv = await call(member(customer), 'GET', `/v1/usage/export?${range}`);
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="usage-events.csv"');
    const lines = (await csv.text()).trimEnd().split('\r\n');
    expect([lines.length, new Set(lines).size]).toEqual([4102, 4102]);
    // A spreadsheet must not take an id for a formula.
    expect(lines.find((line) => line.includes('HYPERLINK'))).toContain(`,"'=HYPERLINK(""x"")",call,`);
    const ndjson = await (
      await call(seller, 'GET', `/v1/usage/export?${range}&customer_id=${customer}&format=ndjson`)
    ).text();
    const rows = ndjson
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(sent.map(({ id }) => id)));
    expect(rows[0]).toMatchObject({ customer_id: customer, type: 'call', meters: { count: '1', sum: '1' } });
  });

  test('by the hour has what the roll-up has, of everybody when the seller names nobody', async () => {
    const [one, two] = [await people.customer(), await people.customer()];
    await send([
      event(one, now - hour),
      event(one, now - hour),
      event(two, now - 3 * hour, { ok: true, v: 1, region: 'eu' }),
    ]);
    const text = await (await call(seller, 'GET', `/v1/usage/export?${range}&of=hours&format=ndjson`)).text();
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const of = (customer_id: string, meter_id: string) =>
      rows.filter((row) => row.customer_id === customer_id && row.meter_id === meter_id);
    expect(of(one, 'count')).toMatchObject([{ quantity: '2', events: 2, key_id: 'key_a' }]);
    expect(of(two, 'unique')).toMatchObject([{ quantity: '1', dimensions: { region: 'eu' } }]);
    expect((await call(seller, 'GET', '/v1/usage/export?from=2026-04-01T00:00:00Z')).status).toBe(400);
  });
});
