import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Entry, type GateKey, type GateUsage, type Verification, defaultDunning, formatKey } from '@farebox/core';
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
import type { Counter } from '../packages/server/src/ports.ts';
import { freePort } from '../packages/server/test/free-port.ts';

/**
 * What a decision costs where it is a function call, every feature on: checksum and digest of the key, state, scope, address, two
 * windows, a quota, a price, a usage record, last use. And what leases save over Redis.
 */
const { values } = parseArgs({
  options: { keys: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '7' } },
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
      included: 1e12,
      quota: 'hard',
      interval: 'month',
      overage: null,
    },
  ],
  limits: [
    { name: '1s', limit: 1e9, window_ms: 1000 },
    { name: '1m', limit: 1e10, window_ms: 60_000 },
  ],
  features: { history: true },
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

function entryOf(index: number): Entry {
  return {
    parts: null,
    key_id: `key_${index}`,
    customer_id: `cust_${index}`,
    livemode: false,
    scopes: ['read', 'write'],
    allowed_cidrs: [],
    expires_at: start + 1e12,
    disabled_at: null,
    revoked_at: null,
    budget: null,
    subscription: {
      id: `subs_${index}`,
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
    spending: null,
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
  const batch = createBatch<GateUsage>({
    size: 1000,
    age_ms: 60_000,
    capacity: 10_000_000,
    flush: () => Promise.resolve(),
  });
  const used = new Map<string, number>();
  const gate = createGate({
    entries,
    counter,
    clock: systemClock,
    record: (usage) => batch.push(usage),
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
  return { gate, know, settle: () => batch.flush() };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** Nanoseconds and bytes of one decision, the medians of the rounds. */
async function measure({ gate, settle }: ReturnType<typeof gateOf>, tokens: readonly string[]) {
  const times: number[] = [];
  const bytes: number[] = [];
  let at = 0;
  for (let round = 0; round < rounds + 2; round += 1) {
    collect();
    const heap = process.memoryUsage().heapUsed;
    const small = 5000;
    for (let count = 0; count < small; count += 1) decide(gate, tokens[(at += 7919) % tokens.length] ?? '');
    const allocated = (process.memoryUsage().heapUsed - heap) / small;
    const since = process.hrtime.bigint();
    for (let count = 0; count < perRound; count += 1) decide(gate, tokens[(at += 7919) % tokens.length] ?? '');
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
  const answer: Verification | Promise<Verification> = gate.verify(request);
  if (answer instanceof Promise || !answer.valid) throw new Error('the benchmark asks for what passes at once');
}

interface Goal {
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
    { what: 'hot key, median', is: `${(hot.ns / 1000).toFixed(2)} µs`, goal: '≤ 0.8 µs', met: hot.ns <= 800 },
    { what: 'allocated by a decision', is: `${hot.bytes.toFixed(0)} B`, goal: '≤ 60 B', met: hot.bytes <= 60 },
  );
}

async function memory(): Promise<void> {
  collect();
  const before = process.memoryUsage();
  const { gate, know } = gateOf(createMemoryCounter({ max_ids: manyKeys * 3 }));
  for (let from = 0; from < manyKeys; from += 50_000)
    await know(Array.from({ length: Math.min(50_000, manyKeys - from) }, (_, index) => tokenOf(from + index)));
  collect();
  const after = process.memoryUsage();
  const perKey = (after.heapUsed + after.external - before.heapUsed - before.external) / manyKeys;
  console.log(`\n${manyKeys} keys known and counted: ${perKey.toFixed(0)} B each.`);
  goals.push({
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
    { kind: 'window' as const, id: `cust_${index}:1m`, limit: 1e10, window_ms: 60_000 },
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

await inProcess();
if (spawnSync('redis-server', ['--version']).status === 0) await overRedis();
else console.log('\nskipped: leases over Redis (no redis-server on this machine)');
await memory();
console.log('\n| | is | goal | |\n|---|---|---|---|');
for (const { what, is, goal, met } of goals) console.log(`| ${what} | ${is} | ${goal} | ${met ? 'met' : 'missed'} |`);
process.exit(0);
