import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';
import { sellerBeside, servingEnvironment } from '../packages/server/test/serving.ts';
import { createSubscribers, planOf } from '../packages/server/test/subscribers.ts';
import { createAdmitLog } from './admit-log.ts';
import { createChance, readChoices } from './chance.ts';
import { openDrillDatabase } from './drill-database.ts';
import { startGateNodes } from './gate-nodes.ts';
import type { Admitted, SdkTold } from './sdk-worker.ts';

/**
 * The seller's processes decide by themselves (`mode: 'local'`) and are killed with what they hold: blocks of units, and usage that is not
 * sent yet. What was let through is written by who asked, before its caller hears of it, and held against what Farebox counted.
 *
 * No limit is exceeded, and nothing is counted twice. What a kill costs is stated: usage of the last 200 ms and of the call that was under way, and of each
 * quota one block, a quarter of what was left at most. `--long` kills ten times as often.
 */
const { isLong, seed } = readChoices(process.argv);
const chance = createChance(seed);
const kills = isLong ? 40 : 3;
const processes = 3;
const callers = 6;
const second = 60;
const included = isLong ? 4000 : 200;
/** How often usage is sent, and how long a call may take. */
const mostLostMs = 200 + 2000;

const folder = makeFolder('sdk', 'open');
const { db, close } = await openDrillDatabase('sdk');
// Each request is looked for by its name.
const environment = { ...servingEnvironment(db.url), FAREBOX_GATE_EVENTS: 'each' };
const seller = await sellerBeside(db, environment);
const people = createSubscribers(db, { now: Date.now });
const limits = [{ name: '1s', limit: second, window_ms: 1000 }];
const usage = (units: number) => [
  { meter_id: 'requests', included: units, quota: 'hard' as const, interval: 'month' as const, overage: null },
];
/** Those whose quota will be used up, and those with enough. */
const customers: { id: string; isTight: boolean; key: string }[] = [];
for (let index = 0; index < 6; index += 1) {
  const isTight = index % 2 === 0;
  const plan = planOf({ id: isTight ? 'tight' : 'ample', limits, usage: usage(isTight ? included : 1_000_000) });
  const id = await people.subscriber(plan);
  const { secret: key } = await seller.keys.create(null, { customer_id: id, name: 'drill' });
  customers.push({ id, isTight, key });
}
const [node] = await startGateNodes({ count: 1, environment });
if (node === undefined) throw new Error('one was started');

interface Worker {
  child: ChildProcess;
  journal: string;
  killed_at: number | null;
}

const workers: Worker[] = [];
let started = 0;

async function start(): Promise<Worker> {
  const journal = join(folder, `worker-${(started += 1)}`);
  const keys = customers.map(({ key }) => key);
  const told: SdkTold = { url: node?.url ?? '', secret_key: seller.secret_key, keys, callers, journal };
  const path = new URL('sdk-worker.ts', import.meta.url).pathname;
  const child = fork(path, [JSON.stringify(told)], { execArgv: ['--conditions=farebox'] });
  process.once('exit', () => child.kill('SIGKILL'));
  await once(child, 'message');
  const worker = { child, journal, killed_at: null };
  workers.push(worker);
  return worker;
}

function admittedBy({ journal }: Worker): Admitted[] {
  if (!existsSync(journal)) return [];
  // The last line may be cut where it was killed: nobody heard of that one.
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Admitted);
}

/** Units of each customer's quota that no journal says were used. */
function left(): number[] {
  const used = customers.map(() => 0);
  for (const { customer, id } of workers.flatMap(admittedBy))
    if (id !== null) used[customer] = (used[customer] ?? 0) + 1;
  return used.map((units) => included - units);
}

const running = await Promise.all(Array.from({ length: processes }, start));
/** What blocks that died may have held, by customer, at most. */
const mostHeld = customers.map(() => 0);
for (let count = 0; count < kills; count += 1) {
  await wait(chance.between(300, 900));
  const index = chance.between(0, processes - 1);
  const worker = running[index];
  if (worker === undefined) continue;
  for (const [customer, units] of left().entries())
    mostHeld[customer] = (mostHeld[customer] ?? 0) + Math.ceil(Math.max(0, units) / 4) + callers;
  const gone = once(worker.child, 'exit');
  worker.killed_at = performance.timeOrigin + performance.now();
  worker.child.kill('SIGKILL');
  await gone;
  running[index] = await start();
}
for (const { child } of running) {
  const ended = once(child, 'exit');
  child.send('stop');
  await ended;
}

// What is left of each quota is used up by a call per request: what a block took along is missing then.
const asked: Admitted[] = [];
let isUsedUp = false;
while (!isUsedUp) {
  isUsedUp = true;
  for (const [customer, { key, isTight }] of customers.entries()) {
    if (!isTight) continue;
    const asked_at = performance.timeOrigin + performance.now();
    const { valid, code, request_id: id } = await seller.verify(node.url, key);
    if (valid) asked.push({ customer, id, asked_at, answered_at: performance.timeOrigin + performance.now() });
    if (code !== 'QUOTA_EXCEEDED') isUsedUp = false;
  }
}
await node.end('SIGTERM');

const { rows } = await db.pool.query<{ id: string }>('select id from usage_event');
const counted = new Set(rows.map(({ id }) => id));
const lines = workers.flatMap((worker) => admittedBy(worker).map((one) => ({ ...one, worker })));
const admitted = [...lines.filter(({ id }) => id !== null), ...asked.map((one) => ({ ...one, worker: null }))];
/** Counted, and nobody heard that it may pass: by calls that were under way at a kill, or whose answer did not come. */
const most_unheard = kills * callers + lines.length - lines.filter(({ id }) => id !== null).length;
const known = new Set(admitted.map(({ id }) => id));
const lost = admitted.filter(({ id }) => !counted.has(id ?? ''));
const lost_ms = lost.map(({ worker, answered_at }) => (worker?.killed_at ?? Number.NEGATIVE_INFINITY) - answered_at);
const lost_by_living = lost.filter(({ worker }) => worker === null || worker.killed_at === null).length;
const oldest_lost_ms = Math.max(0, ...lost_ms.filter(Number.isFinite));
const counted_twice = rows.length - counted.size;
const unheard = rows.filter(({ id }) => !known.has(id)).length;
const over_window = worstOf(1000, second);
const units = customers.map((_, customer) => admitted.filter((one) => one.customer === customer).length);
const tight = [...customers.entries()].filter(([, { isTight }]) => isTight).map(([customer]) => customer);
const over_quota = tight.reduce((sum, customer) => sum + Math.max(0, (units[customer] ?? 0) - included), 0);
const unused = tight.map((customer) => included - (units[customer] ?? 0));
const isWithin = tight.every((customer, index) => (unused[index] ?? 0) <= (mostHeld[customer] ?? 0));

/** Units above the limit in the worst second of each customer. */
function worstOf(window_ms: number, limit: number): number {
  let over = 0;
  for (const customer of customers.keys()) {
    const log = createAdmitLog();
    for (const one of admitted) if (one.customer === customer) log.add(one.asked_at, one.answered_at, [limit]);
    over += Math.max(
      0,
      log.worst(window_ms, 0, (held, most) => held - most),
    );
  }
  return over;
}

await close();
removeFolder(folder);
const met =
  counted_twice === 0 &&
  unheard <= most_unheard &&
  lost_by_living === 0 &&
  oldest_lost_ms <= mostLostMs &&
  over_window === 0 &&
  over_quota === 0 &&
  isWithin;
console.log(
  JSON.stringify({
    name: 'drill:sdk',
    met,
    seed,
    kills,
    admitted: admitted.length,
    counted: counted.size,
    lost: lost.length,
    oldest_lost_ms: Math.round(oldest_lost_ms),
    most_lost_ms: mostLostMs,
    lost_by_living,
    counted_twice,
    unheard,
    most_unheard,
    over_window,
    over_quota,
    units_gone_with_blocks: unused.reduce((sum, each) => sum + each, 0),
    most_units_gone: tight.reduce((sum, customer) => sum + (mostHeld[customer] ?? 0), 0),
  }),
);
process.exit(met ? 0 : 1);
