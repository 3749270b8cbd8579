import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../packages/server/src/lib/clock.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { type RedisServer, startRedis } from '../packages/server/test/redis-server.ts';
import { type Serving, sellerBeside, servingEnvironment } from '../packages/server/test/serving.ts';
import { createSubscribers, planOf } from '../packages/server/test/subscribers.ts';
import { readChoices } from './chance.ts';
import { openDrillDatabase } from './drill-database.ts';
import { startForwarder } from './forwarder.ts';
import { askNode, quantile, startGateNodes } from './gate-nodes.ts';

/**
 * Redis is stopped, killed, flushed, and followed by a replica that has nothing yet, under two processes that ask it for each decision
 * and two that lease. While it is gone every limit does what it declares, and no decision takes 50 ms longer than it does when Redis
 * is well; when it is back, a hard quota of which most was used lets through exactly the rest. `--long` does all of it five times.
 */
const { isLong } = readChoices(process.argv);
const rounds = isLong ? 5 : 1;
const quota = 120;
const usedBefore = 80;
const perSecond = 20;
const mostLaterMs = 50;
const modes = ['exact', 'leased'] as const;
type Mode = (typeof modes)[number];
const faults: string[] = [];

const database = await openDrillDatabase('redis');
const { db } = database;
let redis: RedisServer = await startRedis();
const line = await startForwarder(redis.port);
const environment = servingEnvironment(db.url, { REDIS_URL: line.url, FAREBOX_NODES: '2', LOG_LEVEL: 'info' });
const seller = await sellerBeside(db, environment);
const people = createSubscribers(db, systemClock);
const [exact, leased] = await Promise.all(
  modes.map(async (mode) => {
    return await startGateNodes({ count: 2, environment: { ...environment, FAREBOX_COUNTER: mode } });
  }),
);
const nodes: Record<Mode, Serving[]> = { exact: exact ?? [], leased: leased ?? [] };
let plans = 0;

const rows = [];
for (let round = 0; round < rounds; round += 1) {
  rows.push(
    await suffer('stopped', {
      lose: async () => redis.signal('SIGSTOP'),
      regain: async () => redis.signal('SIGCONT'),
    }),
    await suffer('killed', {
      lose: () => redis.kill(),
      regain: async () => void (redis = await startRedis({ port: redis.port })),
    }),
    await suffer('flushed', { lose: null, regain: async () => void (await redis.say('FLUSHALL')) }),
    await suffer('promoted empty', { lose: null, regain: promoteEmpty }),
  );
}
for (const node of [...nodes.exact, ...nodes.leased])
  if ((await node.end('SIGTERM')) !== 0) faults.push('a process did not stop well');
await line.close();
await redis.kill();
await database.close();
for (const fault of faults) console.log(`  FAULT ${fault}`);
const met = faults.length === 0;
console.log(JSON.stringify({ name: 'drill:redis', met, quota, rows, faults: faults.length }));
process.exit(met ? 0 : 1);

/** A replica that had no time to copy anything becomes the server, at the same address. */
async function promoteEmpty(): Promise<void> {
  const replica = await startRedis({
    port: await freePort(),
    more: ['--replicaof', '127.0.0.1', String(redis.port), '--repl-timeout', '1', '--masterauth', 'refused'],
  });
  await replica.say('REPLICAOF', 'NO', 'ONE');
  await replica.say('FLUSHALL');
  const former = redis;
  redis = replica;
  line.leadTo(replica.port);
  await former.kill();
}

async function suffer(name: string, how: { lose: (() => Promise<void>) | null; regain(): Promise<void> }) {
  const keys = {
    exact: await mintKeys('exact'),
    leased: await mintKeys('leased'),
  };
  const base: number[] = [];
  for (const mode of modes) {
    let used = 0;
    for (let count = 0; used < usedBefore && count < 10 * usedBefore; count += 1)
      if ((await ask(mode, count, keys[mode].quota, base)) === 'VALID') used += 1;
    await until(async () => (await usedPerDatabase(keys[mode].quotaCustomer)) === usedBefore, 'usage is written');
    await ask(mode, 0, keys[mode].closed, base);
  }
  const lost: number[] = [];
  if (how.lose !== null) {
    await how.lose();
    for (const mode of modes) await whileLost(name, mode, keys[mode], lost);
  }
  await how.regain();
  // What leases held is over a second later, and so is what a lost connection takes to be noticed.
  await wait(1500);
  const rest: Record<string, number> = {};
  for (const mode of modes) {
    await until(async () => (await ask(mode, 0, keys[mode].probe, [])) === 'VALID', `${name}: ${mode} is back`);
    await until(async () => (await ask(mode, 1, keys[mode].probe, [])) === 'VALID', `${name}: ${mode} is back`);
    let passed = 0;
    for (let count = 0; count < 2 * quota; count += 1)
      if ((await ask(mode, count, keys[mode].quota, [])) === 'VALID') passed += 1;
    rest[mode] = passed;
    if (passed !== quota - usedBefore)
      faults.push(`${name}, ${mode}: ${passed} passed of the ${quota - usedBefore} that were left`);
  }
  const p99 = (of: number[]) =>
    Math.round(
      quantile(
        of.toSorted((a, b) => a - b),
        0.99,
      ),
    );
  const row = {
    fault: name,
    well_p99_ms: p99(base),
    lost_p99_ms: how.lose === null ? null : p99(lost),
    lost_max_ms: how.lose === null ? null : Math.round(Math.max(...lost)),
    left: quota - usedBefore,
    ...rest,
  };
  if (row.lost_p99_ms !== null && row.lost_p99_ms - row.well_p99_ms > mostLaterMs)
    faults.push(`${name}: decisions took ${row.lost_p99_ms} ms, and ${row.well_p99_ms} before`);
  console.log(JSON.stringify(row));
  return row;
}

/** Each limit does what it declares. */
async function whileLost(name: string, mode: Mode, keys: Keys, took: number[]): Promise<void> {
  const expected = (what: string, codes: string[], good: (code: string) => boolean) => {
    const others = codes.filter((code) => !good(code));
    if (others.length > 0) faults.push(`${name}, ${mode}: ${what} was answered ${[...new Set(others)].join(', ')}`);
  };
  const many = async (key: string, count: number) => {
    const codes: string[] = [];
    for (let index = 0; index < count; index += 1) codes.push(await ask(mode, index, key, took));
    return codes;
  };
  // The first to ask find out, one of them at each node.
  await many(keys.open, 4);
  expected('a hard quota', await many(keys.quota, 20), (code) => code === 'gate_unavailable');
  expected('a limit that is closed', await many(keys.closed, 20), (code) => code === 'gate_unavailable');
  expected('a quota that is open', await many(keys.openQuota, 20), (code) => code === 'VALID');
  const since = performance.now();
  const open = await many(keys.open, 6 * perSecond);
  const seconds = Math.ceil((performance.now() - since) / 1000) + 1;
  expected('a limit that is open', open, (code) => code === 'VALID' || code === 'RATE_LIMITED');
  const passed = open.filter((code) => code === 'VALID').length;
  if (passed > perSecond * seconds)
    faults.push(`${name}, ${mode}: ${passed} passed in ${seconds} s of ${perSecond} a second`);
  if (passed === 0) faults.push(`${name}, ${mode}: a limit that is open let nothing through`);
}

type Keys = Awaited<ReturnType<typeof mintKeys>>;

async function mintKeys(mode: Mode) {
  const usageOf = (kind: 'hard' | 'soft', included: number, offline?: 'open_capped') => [
    {
      meter_id: 'requests',
      included,
      quota: kind,
      interval: 'month' as const,
      ...(offline === undefined ? {} : { offline }),
      overage: {},
    },
  ];
  const second = { name: '1s', limit: perSecond, window_ms: 1000 };
  const mint = async (changes: Parameters<typeof planOf>[0]) => {
    plans += 1;
    const customer_id = await people.subscriber(planOf({ id: `drill_${mode}_${plans}`, limits: [], ...changes }));
    return { customer_id, secret: (await seller.keys.create(null, { customer_id, name: 'drill' })).secret };
  };
  const ofQuota = await mint({ usage: usageOf('hard', quota) });
  return {
    quota: ofQuota.secret,
    quotaCustomer: ofQuota.customer_id,
    closed: (await mint({ limits: [{ ...second, offline: 'closed' }] })).secret,
    open: (await mint({ limits: [second] })).secret,
    openQuota: (await mint({ usage: usageOf('hard', 100_000, 'open_capped') })).secret,
    probe: (await mint({ limits: [{ ...second, limit: 1000, offline: 'closed' }] })).secret,
  };
}

async function ask(mode: Mode, index: number, key: string, took: number[]): Promise<string> {
  const node = nodes[mode][index % 2];
  if (node === undefined) throw new Error('there are two nodes');
  const since = performance.now();
  const code = await askNode(node, seller.headers, { key });
  took.push(performance.now() - since);
  return code;
}

async function usedPerDatabase(customerId: string): Promise<number> {
  const { rows: found } = await db.pool.query<{ used: string | null }>(
    'select sum(quantity) as used from usage_hour where customer_id = $1',
    [customerId],
  );
  return Number(found[0]?.used ?? 0);
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await wait(25);
  }
  faults.push(`after 10 s still not: ${what}`);
}
