import { parseArgs } from 'node:util';
import exampleList from '../farebox.config.ts';
import { createLog } from '../packages/server/src/lib/log.ts';
import { createPartitions } from '../packages/server/src/usage/partitions.ts';
import { createUsage } from '../packages/server/src/usage/service.ts';
import { type BenchDatabase, openBenchDatabase } from './databases.ts';

/**
 * What a chart costs as events become more: 30 days of one customer by the day, through Farebox and from the raw rows, with 1,000
 * customers of whom the first has a tenth of all events. Goal: as flat as the roll-up is, at most 1.5 × from the smallest to the largest.
 */
const { values } = parseArgs({
  options: {
    millions: { type: 'string', default: '1,10' },
    long: { type: 'boolean', default: false },
    runs: { type: 'string', default: '15' },
    system: { type: 'boolean', default: false },
  },
});
const sizes = [...values.millions.split(',').map(Number), ...(values.long ? [50] : [])];
const runs = Number(values.runs);
const mostGrowth = 1.5;
const day = 86_400_000;
const now = Date.UTC(2026, 10, 29, 12);
const from = now - 30 * day;

/** Rows as the writer leaves them, made by the database itself: one by one it would take hours. */
async function fill({ db }: BenchDatabase, events: number): Promise<void> {
  const partitions = createPartitions(db);
  for (let at = from - 7 * day; at <= now; at += 7 * day) await partitions.ensure(at);
  await partitions.ensure(now);
  await db.pool.query(
    `insert into customer (id, name, email, created_at) select 'cust_' || n, 'Customer', 'c@example.test', now() from generate_series(0, 999) as n`,
  );
  await db.pool.query(
    `insert into usage_event (customer_id, id, type, quantity, occurred_at, counted_at, key_id, endpoint, properties, counted, received_at, position)
     select 'cust_' || case when n % 10 = 0 then 0 else (n::bigint * 7919) % 999 + 1 end, 'e' || n, 'requests', 1, at, at, 'key_' || n / 10 % 2,
       '/v1/' || n / 20 % 5, '{}', '{"requests":"1"}', at, 0
     from (select n, $1::timestamptz + ($2 / $3::float8 * n) * interval '1 ms' as at from generate_series(0, $3::int - 1) as n) as made`,
    [new Date(from), 30 * day, events],
  );
  await db.pool.query(
    `insert into usage_hour (customer_id, meter_id, hour_at, key_id, endpoint, quantity, events)
     select customer_id, 'requests', date_trunc('hour', counted_at, 'UTC'), key_id, endpoint, count(*), count(*)
     from usage_event group by 1, 2, 3, 4, 5`,
  );
  await db.pool.query('vacuum analyze');
}

async function median(run: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < runs + 3; count += 1) {
    const began = performance.now();
    await run();
    // The first ones warm up.
    if (count >= 3) times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? Number.NaN;
}

interface Measured {
  millions: number;
  customer: string;
  events: number;
  farebox_ms: number;
  raw_ms: number;
}

async function measure(database: BenchDatabase, millions: number): Promise<Measured[]> {
  const { db } = database;
  await fill(database, millions * 1_000_000);
  const clock = { now: () => now };
  const usage = createUsage({ db, clock, log: createLog('error'), meters: exampleList.meters });
  const measured: Measured[] = [];
  for (const customer of ['cust_0', 'cust_500']) {
    const wish = { meter_id: 'requests', window: 'day', from, to: now, time_zone: 'UTC' } as const;
    const { quantity } = await usage.series(customer, wish);
    const raw = async () =>
      await db.pool.query<{ many: number }>(
        `select date_trunc('day', occurred_at, 'UTC') as day, count(*) as many from usage_event
         where customer_id = $1 and counted_at >= $2 and counted_at < $3 group by 1`,
        [customer, new Date(from), new Date(now)],
      );
    const counted = (await raw()).rows.reduce((sum, { many }) => sum + many, 0);
    if (counted !== quantity) throw new Error(`the hours say ${quantity}, the events ${counted}`);
    measured.push({
      millions,
      customer: customer === 'cust_0' ? 'a tenth of all' : 'one of 999',
      events: quantity,
      farebox_ms: await median(async () => void (await usage.series(customer, wish))),
      raw_ms: await median(async () => void (await raw())),
    });
  }
  await usage.close();
  return measured;
}

const all: Measured[] = [];
for (const millions of sizes) {
  const database = await openBenchDatabase(values.system ? 'system' : 'embedded');
  all.push(...(await measure(database, millions)));
  await database.close();
}
console.log('events     customer              its events   Farebox ms   raw rows ms   raw / Farebox');
for (const { millions, customer, events, farebox_ms, raw_ms } of all)
  console.log(
    `${`${millions} M`.padEnd(10)} ${customer.padEnd(20)} ${String(events).padStart(11)} ${farebox_ms.toFixed(2).padStart(12)} ${raw_ms.toFixed(2).padStart(13)} ${(raw_ms / farebox_ms).toFixed(1).padStart(15)}`,
  );
const largest = all.filter(({ customer }) => customer === 'a tenth of all').map(({ farebox_ms }) => farebox_ms);
const growth = Number(((largest.at(-1) ?? Number.NaN) / (largest[0] ?? Number.NaN)).toFixed(2));
const met = growth <= mostGrowth;
console.log(JSON.stringify({ name: 'bench:queries', met, growth, most: mostGrowth, millions: sizes }));
process.exit(met ? 0 : 1);
