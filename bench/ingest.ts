import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type BenchDatabase, kindsOfDatabase, openBenchDatabase, pin } from './databases.ts';
import { cpuOf } from './processes.ts';
import type { RawLoad } from './raw-writes.ts';
import type { SendLoad, Sent } from './send.ts';
import type { Served } from './served.ts';
import { usageEvent } from './usage-event.ts';

/**
 * What it costs to take usage over HTTP, durable, deduplicated and rolled up, beside the bare statements on the same PostgreSQL.
 * Candidates take turns; who writes is on one core, PostgreSQL and the load on the other. Bare statements write the event as it came, with the two
 * indexes without which it is neither known again nor found by its customer and time. Goals: batches of 100 at 0.7 of a multi-row insert that
 * deduplicates, single events at twice an insert per request.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    customers: { type: 'string', default: '1000' },
    only: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const goals = { batches: 0.7, singles: 2 };

interface Figures {
  per_second: number;
  p50_us: number;
  p99_us: number;
  cpu_us: number;
  pg_us: number;
  refused: number;
}

interface Candidate {
  name: string;
  of: 'batches' | 'singles';
  run(): Promise<Figures>;
}

const at = (file: string): string => new URL(file, import.meta.url).pathname;

function start(file: string, core: number, args: string[] = []): ChildProcess {
  const child = fork(at(file), args, { execArgv: ['--conditions=farebox'] });
  if (child.pid !== undefined) pin(child.pid, core);
  return child;
}

async function heard<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  const gone = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error('a process of the bench ended before it answered');
  });
  // Whoever loses the race is told to stop listening.
  gone.catch(() => undefined);
  try {
    const [message] = (await Promise.race([once(child, 'message'), gone])) as [T];
    return message;
  } finally {
    over.abort();
  }
}

async function toldCpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  return (await heard<{ cpu_us: number }>(child)).cpu_us;
}

function figuresOf(sent: Omit<Sent, 'refused'>, more: { cpu_us: number; pg_us: number; refused: number }): Figures {
  const sorted = Float64Array.from(sent.latencies).sort();
  const share = (part: number) => Math.round(sorted[Math.floor(sorted.length * part)] ?? 0);
  return {
    per_second: Math.round((sent.events / sent.took_ms) * 1000),
    p50_us: share(0.5),
    p99_us: share(0.99),
    cpu_us: more.cpu_us / sent.events,
    pg_us: more.pg_us / sent.events,
    refused: more.refused,
  };
}

async function measureOn(database: BenchDatabase): Promise<boolean> {
  const { url, db, pid } = database;
  pin(pid, 1);
  await db.pool.query(
    `create table raw_event (customer_id text, id text, type text not null, occurred_at timestamptz not null, endpoint text not null,
       properties jsonb not null, primary key (customer_id, id))`,
  );
  await db.pool.query('create index on raw_event (customer_id, occurred_at)');
  await db.pool.query('create table raw_unindexed (like raw_event including all)');
  await db.pool.query('drop index raw_unindexed_customer_id_occurred_at_idx');
  const program = start('serve-usage.ts', 0, [url, values.customers]);
  const served = await heard<Served>(program);
  const { customers } = await heard<{ customers: string[] }>(program);
  const handler = start('raw-writes.ts', 0, ['serve', url]);
  const handled = await heard<Served>(handler);
  const [inserting, unindexed, copying] = [
    ['insert', url],
    ['insert', url, 'raw_unindexed'],
    ['copy', url],
  ].map((args) => start('raw-writes.ts', 0, args));
  const generator = start('send.ts', 1);
  const children = [program, handler, inserting, unindexed, copying, generator].filter((child) => child !== undefined);
  await Promise.all([inserting, unindexed, copying].map(async (child) => child && (await heard(child))));

  const raw = async (child: ChildProcess | undefined): Promise<Figures> => {
    if (child === undefined) throw new Error('nobody writes');
    const before = cpuOf(pid);
    child.send({ customers, seconds } satisfies RawLoad);
    const sent = await heard<Omit<Sent, 'refused'> & { cpu_us: number }>(child);
    return figuresOf(sent, { cpu_us: sent.cpu_us, pg_us: cpuOf(pid) - before, refused: 0 });
  };
  const over = async (child: ChildProcess, to: Served, batch: number, connections: number): Promise<Figures> => {
    const prepared = (batch === 1 ? 40_000 : 900) * seconds;
    const before = { pg: cpuOf(pid), own: await toldCpuOf(child) };
    generator.send({ ...to, customers, batch, connections, seconds, prepared } satisfies SendLoad);
    const sent = await heard<Sent>(generator);
    const cpu_us = (await toldCpuOf(child)) - before.own;
    return figuresOf(sent, { cpu_us, pg_us: cpuOf(pid) - before.pg, refused: sent.refused });
  };
  const candidates: Candidate[] = [
    { name: 'multi-row insert, deduplicated', of: 'batches', run: () => raw(inserting) },
    { name: 'the same, no index by time', of: 'batches', run: () => raw(unindexed) },
    { name: 'copy into the same table', of: 'batches', run: () => raw(copying) },
    { name: 'Farebox over HTTP, 16 connections', of: 'batches', run: () => over(program, served, 100, 16) },
    { name: 'insert per request, node:http', of: 'singles', run: () => over(handler, handled, 1, 256) },
    { name: 'Farebox over HTTP, 256 connections', of: 'singles', run: () => over(program, served, 1, 256) },
  ];
  await prime(served, customers);
  const results = new Map<string, Figures[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, run } of candidates) {
      const figures = await run();
      // The first round warms up.
      if (round > 0) results.get(name)?.push(figures);
    }
  }
  await Promise.all(children.map(async (child) => await ended(child)));
  return report(database.name, candidates, results, await lostEvents(database));
}

/** Each customer is met once: what is kept of them is kept from then on. */
async function prime({ port, secret_key }: Served, customers: readonly string[]): Promise<void> {
  for (let at = 0; at < customers.length; at += 100) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/usage/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret_key}`, 'content-type': 'application/json' },
      body: JSON.stringify(customers.slice(at, at + 100).map((customer) => usageEvent(customer, Date.now()))),
    });
    if (!response.ok) throw new Error(`Farebox answered ${response.status}`);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/** Events whose hours do not hold them: the roll-up is exact, or it is no roll-up. */
async function lostEvents({ db }: BenchDatabase): Promise<number> {
  const { rows } = await db.pool.query<{ lost: number }>(
    'select ((select count(*) from usage_event) - (select sum(quantity) from usage_hour))::int as lost',
  );
  return rows[0]?.lost ?? Number.NaN;
}

function report(
  database: string,
  candidates: readonly Candidate[],
  results: ReadonlyMap<string, Figures[]>,
  lost: number,
): boolean {
  const medians = candidates.map(({ name, of }) => {
    const all = results.get(name) ?? [];
    const median = (field: keyof Figures): number => {
      const sorted = all.map((each) => each[field]).toSorted((a, b) => a - b);
      return sorted[sorted.length >> 1] ?? Number.NaN;
    };
    const refused = all.reduce((sum, each) => sum + each.refused, 0);
    return {
      name,
      of,
      per_second: median('per_second'),
      p50: median('p50_us'),
      p99: median('p99_us'),
      cpu: median('cpu_us'),
      pg: median('pg_us'),
      refused,
    };
  });
  console.log(`\n${database}: median of ${rounds} rounds of ${seconds} s, ${values.customers} customers`);
  console.log(
    'candidate                             events/s  × bare   p50 µs   p99 µs  CPU µs/event  PostgreSQL µs/event',
  );
  const ratios: Record<string, number> = {};
  for (const row of medians) {
    const bare = medians.find((each) => each.of === row.of) ?? row;
    const ratio = row.per_second / bare.per_second;
    if (row.name.startsWith('Farebox')) ratios[row.of] = Number(ratio.toFixed(2));
    console.log(
      `${row.name.padEnd(36)} ${String(row.per_second).padStart(9)} ${ratio.toFixed(2).padStart(7)} ${String(row.p50).padStart(8)} ${String(row.p99).padStart(8)} ${row.cpu.toFixed(1).padStart(13)} ${row.pg.toFixed(1).padStart(20)}`,
    );
  }
  const met =
    lost === 0 &&
    medians.every(({ refused }) => refused === 0) &&
    (ratios['batches'] ?? 0) >= goals.batches &&
    (ratios['singles'] ?? 0) >= goals.singles;
  console.log(JSON.stringify({ name: 'bench:ingest', database, met, ...ratios, goals, lost_from_hours: lost }));
  return met;
}

const outcomes: boolean[] = [];
for (const kind of kindsOfDatabase()) {
  if (values.only !== undefined && values.only !== kind) continue;
  const database = await openBenchDatabase(kind);
  outcomes.push(await measureOn(database));
  await database.close();
}
process.exit(outcomes.every(Boolean) ? 0 : 1);
