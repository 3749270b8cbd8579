import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Decided, type Entry, type GateKey, defaultDunning, formatKey, isAdmitted } from '@farebox/core';
import { createLeasedCounter } from '../packages/server/src/counter/leased.ts';
import { createRedisLink } from '../packages/server/src/counter/link.ts';
import { createMemoryCounter } from '../packages/server/src/counter/memory.ts';
import { createRedisCounter } from '../packages/server/src/counter/redis.ts';
import { createEntries } from '../packages/server/src/gate/entries.ts';
import { createGate } from '../packages/server/src/gate/gate.ts';
import type { Source } from '../packages/server/src/gate/world.ts';
import { createBatch } from '../packages/server/src/lib/batch.ts';
import { monotonic, systemClock } from '../packages/server/src/lib/clock.ts';
import { digestsOf } from '../packages/server/src/lib/pepper.ts';
import { createId } from '../packages/server/src/lib/id.ts';
import type { Counter } from '../packages/server/src/ports.ts';
import type { UsageRecord } from '../packages/server/src/usage/events/event.ts';
import { createTally } from '../packages/server/src/usage/tally.ts';
import { freePort } from '../packages/server/test/free-port.ts';

/**
 * What a decision costs where it is a function call, every feature on: the key, its state, scope and address, two windows, a limit
 * with a burst, a quota under a spend cap, the usage record, last use. And what leases save over Redis.
 */
const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: 'process redis memory' },
  },
});
const manyKeys = Number(values.keys);
const rounds = Number(values.rounds);
const perRound = 50_000;
const hotKeys = 10_000;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const peppers = [{ id: 1, secret: 'a pepper of the benchmark, long enough' }];
const start = Date.now();

const plan: NonNullable<GateKey['plan']> = {
  id: 'pro',
  name: 'Pro',
  description: '',
  highlighted: false,
  group: 'main',
  adds_to: [],
  customer: null,
  price: { amount_minor: 9900, currency: 'usd', interval: 'month', setup_fee_minor: 0 },
  seats: null,
  trial: null,
  usage: [
    {
      meter_id: 'requests',
      included: 1e6,
      quota: 'soft',
      interval: 'month',
      overage: { type: 'per_unit', unit_price_decimal: '0.02' },
    },
  ],
  limits: [
    { name: '1s', limit: 1e9, window_ms: 1000 },
    { name: '1m', limit: 2e9, window_ms: 60_000 },
    { name: 'burst', limit: 1e9, window_ms: 1000, burst: 1e9 },
  ],
  features: { history: true },
};

const spending: Entry['spending'] = {
  cap: { owner: 'customer', amount_minor: 1e6, currency: 'usd' },
  billed: {},
};

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The same keys in every run. */
function tokenOf(index: number): string {
  let text = '';
  for (let rest = index, place = 0; place < 30; place += 1) {
    text += digits.charAt((rest + place * 7) % 62);
    rest = Math.floor(rest / 62);
  }
  return formatKey('sky', 'test', text);
}

/** As long as ids are. */
function idOf(prefix: string, index: number): string {
  return `${prefix}_${String(index).padStart(30, '0')}`;
}

function entryOf(index: number): Entry {
  return {
    parts: null,
    key_id: idOf('key', index),
    customer_id: idOf('cust', index),
    livemode: false,
    scopes: ['read', 'write'],
    allowed_cidrs: [],
    expires_at: start + 1e12,
    disabled_at: null,
    revoked_at: null,
    budget: null,
    subscription: {
      status: 'active',
      billing_anchor_at: start,
      current_period_start_at: start,
      current_period_end_at: start + 30 * 86_400_000,
      cancel_at: null,
      ended_at: null,
      past_due_since_at: null,
    },
    plan,
    quota_used: 0,
    key_used: 0,
    quota_period_start_at: start,
    budget_period_start_at: null,
    plan_next: null,
    spending,
    plan_takes: null,
  };
}

/** A gate as the program has it, with entries that come from memory instead of a database. */
function gateOf(counter: Counter) {
  const waiting = new Map<string, number>();
  const source: Source = {
    changesSince: async () => ({ version: 1, customers: [] }),
    hasForeign: async () => false,
    read: async (digests) =>
      digests.flatMap((digest) => {
        const index = waiting.get(digest.toString('latin1'));
        return index === undefined ? [] : [{ digest, entry: entryOf(index) }];
      }),
  };
  const log = { info: () => undefined, warn: () => undefined };
  const entries = createEntries({ source, clock: systemClock, peppers, log, max_entries: 2_000_000 });
  const batch = createBatch<UsageRecord>({
    size: 1_000_000,
    age_ms: 60_000,
    capacity: 10_000_000,
    flush: () => Promise.resolve(),
    onTake: (count) => tally.taken(count),
  });
  const meter = { id: 'requests', name: 'Requests', unit: 'request', aggregation: 'count' } as const;
  const tally = createTally({
    meters: [meter],
    push: batch.push,
    createId: ({ occurred_at }) => createId('req', occurred_at),
  });
  const used = new Map<string, number>();
  const gate = createGate({
    entries,
    counter,
    clock: systemClock,
    record: (usage) => tally.add(usage),
    used: (key, at) => used.set(key, at),
    brand: 'sky',
    policy: { grace_ms: 0, dunning: defaultDunning(0) },
  });
  async function know(tokens: readonly string[]): Promise<void> {
    for (let from = 0; from < tokens.length; from += 5000) {
      const some = tokens.slice(from, from + 5000);
      for (const [index, token] of some.entries())
        for (const digest of digestsOf(token, peppers)) waiting.set(digest.toString('latin1'), from + index);
      await Promise.all(some.map(async (token) => await gate.verify({ token, scope: 'read', ip: '203.0.113.7' })));
      waiting.clear();
    }
  }
  /** What is on its way to the database is there. */
  async function settle(): Promise<void> {
    await batch.flush();
    used.clear();
  }
  return { gate, know, settle };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** Nanoseconds and bytes of one decision, the medians of the rounds. */
async function measure({ gate, settle }: ReturnType<typeof gateOf>, tokens: readonly string[]) {
  const times: number[] = [];
  const bytes: number[] = [];
  for (let round = 0; round < rounds + 2; round += 1) {
    collect();
    // A collection throws compiled code away too, and code that is made anew lies in the same heap.
    decideMany(gate, tokens);
    const heap = process.memoryUsage().heapUsed;
    decideMany(gate, tokens);
    const allocated = (process.memoryUsage().heapUsed - heap) / perRound;
    const since = process.hrtime.bigint();
    decideMany(gate, tokens);
    const took = Number(process.hrtime.bigint() - since) / perRound;
    if (round >= 2) {
      times.push(took);
      bytes.push(allocated);
    }
    await settle();
  }
  return { ns: median(times), ns_least: Math.min(...times), ns_most: Math.max(...times), bytes: median(bytes) };
}

const request = { token: '', scope: 'read', ip: '203.0.113.7', endpoint: '/v1/forecast' };

function decide(gate: ReturnType<typeof gateOf>['gate'], token: string): void {
  request.token = token;
  const decided: Decided | Promise<Decided> = gate.decide(request);
  if (decided instanceof Promise || !isAdmitted(decided)) throw new Error('the benchmark asks for what passes at once');
}

function decideMany(gate: ReturnType<typeof gateOf>['gate'], tokens: readonly string[]): void {
  let at = 0;
  for (let count = 0; count < perRound; count += 1) {
    at = (at + 7919) % tokens.length;
    decide(gate, tokens[at] ?? '');
  }
}

interface Goal {
  /** In the line at the end. */
  name: string;
  figure: number;
  what: string;
  is: string;
  goal: string;
  met: boolean;
}
const goals: Goal[] = [];

async function inProcess(): Promise<void> {
  const made = gateOf(createMemoryCounter());
  const tokens = Array.from({ length: hotKeys }, (_, index) => tokenOf(index));
  await made.know(tokens);
  const hot = await measure(made, tokens.slice(0, 1));
  const some = await measure(made, tokens);
  console.log('\n| decision in process, every feature on | ns median | least | most | bytes allocated |');
  console.log('|---|---|---|---|---|');
  for (const [name, { ns, ns_least, ns_most, bytes }] of [
    ['one hot key', hot],
    [`${hotKeys} keys at random`, some],
  ] as const)
    console.log(
      `| ${name} | ${ns.toFixed(0)} | ${ns_least.toFixed(0)} | ${ns_most.toFixed(0)} | ${bytes.toFixed(0)} |`,
    );
  goals.push(
    {
      name: 'hot_key_ns',
      figure: Math.round(hot.ns),
      what: 'hot key, median',
      is: `${(hot.ns / 1000).toFixed(2)} µs`,
      goal: '≤ 0.8 µs',
      met: hot.ns <= 800,
    },
    {
      name: 'allocated_bytes',
      figure: Math.round(hot.bytes),
      what: 'allocated by a decision',
      is: `${hot.bytes.toFixed(0)} B`,
      goal: '≤ 60 B',
      met: hot.bytes <= 60,
    },
  );
}

async function memory(): Promise<void> {
  collect();
  const before = process.memoryUsage();
  const { gate, know, settle } = gateOf(createMemoryCounter({ max_ids: manyKeys * 3 }));
  for (let from = 0; from < manyKeys; from += 50_000) {
    await know(Array.from({ length: Math.min(50_000, manyKeys - from) }, (_, index) => tokenOf(from + index)));
    await settle();
  }
  collect();
  const after = process.memoryUsage();
  const perKey = (after.heapUsed + after.external - before.heapUsed - before.external) / manyKeys;
  console.log(`\n${manyKeys} keys known and counted: ${perKey.toFixed(0)} B each.`);
  goals.push({
    name: 'bytes_per_key',
    figure: Math.round(perKey),
    what: `memory per key at ${manyKeys}`,
    is: `${perKey.toFixed(0)} B`,
    goal: '≤ 250 B',
    met: perKey <= 250,
  });
  // Kept alive until it was measured.
  await gate.release('none');
}

/** Checks per second with so many callers at once, each waiting for its answer before it asks again. */
async function drive(counter: Counter, keys: number, seconds: number): Promise<{ perSecond: number; checks: number }> {
  const takes = Array.from({ length: keys }, (_, index) => [
    { kind: 'window' as const, id: `cust_${index}:1s`, limit: 1e9, window_ms: 1000 },
    { kind: 'window' as const, id: `cust_${index}:1m`, limit: 2e9, window_ms: 60_000 },
  ]);
  let checks = 0;
  const until = performance.now() + seconds * 1000;
  const since = performance.now();
  async function caller(index: number): Promise<void> {
    let at = index * 131;
    while (performance.now() < until) {
      for (let burst = 0; burst < 50; burst += 1) {
        const asked = takes[(at += 7919) % keys];
        const result = asked === undefined ? null : counter.take(asked, 1, Date.now());
        if (result instanceof Promise) await result;
        checks += 1;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await Promise.all(Array.from({ length: 64 }, (_, index) => caller(index)));
  return { perSecond: (checks / (performance.now() - since)) * 1000, checks };
}

async function overRedis(): Promise<void> {
  const port = await freePort();
  const server: ChildProcess = spawn('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
    stdio: 'ignore',
  });
  const link = createRedisLink({
    urls: [`redis://127.0.0.1:${port}`],
    time: 'redis',
    timeout_ms: 5000,
    onError: () => undefined,
    readUsage: async () => 0,
  });
  while (!(await answers(link))) await new Promise((resolve) => setImmediate(resolve));
  console.log('\n| checks over Redis, two windows each | checks/s median | Redis calls per check |');
  console.log('|---|---|---|');
  for (const keys of [1, 100]) {
    const figures = new Map<string, { perSecond: number[]; calls: number }>();
    for (let round = 0; round < 5; round += 1) {
      for (const name of ['one call per check', 'leased']) {
        const leased = name === 'leased' ? createLeasedCounter({ link, time: monotonic }) : null;
        const { perSecond, checks } = await drive(leased ?? createRedisCounter(link), keys, 1);
        const known = figures.get(name) ?? { perSecond: [], calls: 1 };
        known.perSecond.push(perSecond);
        known.calls = leased === null ? 1 : leased.stats().calls / checks;
        figures.set(name, known);
      }
    }
    const rates = [...figures].map(([name, { perSecond, calls }]) => ({ name, rate: median(perSecond), calls }));
    for (const { name, rate, calls } of rates)
      console.log(
        `| ${name}, ${keys === 1 ? 'one hot customer' : `${keys} customers`} | ${rate.toFixed(0)} | ${calls.toFixed(5)} |`,
      );
    const ratio = (rates[1]?.rate ?? 0) / (rates[0]?.rate ?? 1);
    goals.push({
      name: keys === 1 ? 'leased_one_customer' : `leased_${keys}_customers`,
      figure: Math.round(ratio),
      what: `leased over Redis, ${keys === 1 ? 'one hot customer' : `${keys} customers`}`,
      is: `${ratio.toFixed(0)} ×`,
      goal: '≥ 50 ×',
      met: ratio >= 50,
    });
  }
  await link.close();
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
}

async function answers(link: ReturnType<typeof createRedisLink>): Promise<boolean> {
  try {
    await link.run([], Date.now());
    return true;
  } catch {
    return false;
  }
}

const isAsked = (part: string): boolean => values.only.includes(part);
if (isAsked('process')) await inProcess();
if (isAsked('redis') && spawnSync('redis-server', ['--version']).status === 0) await overRedis();
else if (isAsked('redis'))
  goals.push({
    name: 'leased',
    figure: 0,
    what: 'leased over Redis',
    is: 'no redis-server here',
    goal: '≥ 50 ×',
    met: false,
  });
if (isAsked('memory')) await memory();
console.log('\n| | is | goal | |\n|---|---|---|---|');
for (const { what, is, goal, met } of goals) console.log(`| ${what} | ${is} | ${goal} | ${met ? 'met' : 'missed'} |`);
const met = goals.every((goal) => goal.met);
const figures = Object.fromEntries(goals.map(({ name, figure }) => [name, figure]));
console.log(JSON.stringify({ name: 'bench:decision', met, ...figures, keys: manyKeys }));
process.exit(met ? 0 : 1);
