import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { createInsuredCounter } from '../packages/server/src/counter/insured.ts';
import { createLeasedCounter } from '../packages/server/src/counter/leased.ts';
import { type RedisLink, createRedisLink } from '../packages/server/src/counter/link.ts';
import { createMemoryCounter } from '../packages/server/src/counter/memory.ts';
import { createRedisCounter } from '../packages/server/src/counter/redis.ts';
import type { Offline, Take } from '../packages/core/src/index.ts';
import type { Counter } from '../packages/server/src/ports.ts';
import { type AdmitLog, createAdmitLog } from './admit-log.ts';
import { type Chance, createChance } from './chance.ts';

type Traffic = 'even' | 'bursts' | 'hot';

interface Customer {
  id: string;
  offline: Offline;
  limits: { second: number; three: number; quota: number | null };
  log: AdmitLog;
}

export interface World {
  mode: 'exact' | 'leased';
  nodes: number;
  traffic: Traffic;
  customers: Customer[];
  decisions(): number;
  unavailable(): number;
  run(isOver: () => boolean, length_ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface Row {
  phase: string;
  mode: 'exact' | 'leased';
  nodes: number;
  traffic: Traffic;
  decisions: number;
  admitted: number;
  /** Refused because nobody could count. */
  unavailable: number;
  /** Units above a limit that is closed, in the worst window of each customer; 0 is promised. */
  over_closed: number;
  /** Units above what a limit that is open may let through while Redis is lost; 0 is promised. */
  over_open: number;
  /** The most that a window of such a limit held, as a part of the limit. */
  open_part: number;
}

const skewMs = 5 * 60_000;
const windows = { second: 1000, three: 3000 };
/** Spread over the nodes: more of them do not ask more, so that Redis is not what is measured. */
const callers = 4;
/** Decisions that need no waiting, before others have their turn: beside other worlds, and alone at full speed. */
const batches = { beside: 10, alone: 1000 };

/** Nodes, customers and their traffic: one combination of the drill. */
export async function createWorld(options: {
  name: string;
  seed: number;
  mode: 'exact' | 'leased';
  nodes: number;
  traffic: Traffic;
  url: string;
  timeout_ms: number;
  pace: keyof typeof batches;
}): Promise<World> {
  const { mode, traffic, pace } = options;
  const chance = createChance(options.seed);
  const customers = createCustomers(options.name, traffic);
  const byId = new Map(customers.map((customer) => [customer.id, customer]));
  const links: RedisLink[] = [];
  let decisions = 0;
  let unavailable = 0;

  /** A node with a clock of its own, which is wrong. */
  async function createNode(): Promise<{ counter: Counter; skew_ms: number; giveBack(): Promise<void> }> {
    const link = createRedisLink({
      urls: [options.url],
      time: 'redis',
      timeout_ms: options.timeout_ms,
      onError: () => undefined,
      // The log is the database here: all that was let through is in it.
      readUsage: ({ id }) => Promise.resolve(byId.get(id.slice(0, id.indexOf(':')))?.log.size() ?? 0),
    });
    links.push(link);
    await link.ready(5000);
    const leased = mode === 'leased' ? createLeasedCounter({ link, time: () => performance.now() }) : null;
    const counter = createInsuredCounter({
      shared: leased ?? createRedisCounter(link),
      local: createMemoryCounter(),
      nodes: options.nodes,
      monotonic: () => performance.now(),
      onLost: () => undefined,
      onBack: () => undefined,
    });
    return { counter, skew_ms: chance.between(-skewMs, skewMs), giveBack: async () => await leased?.giveBack() };
  }

  const nodes = await Promise.all(Array.from({ length: options.nodes }, createNode));

  async function ask(index: number, customer: Customer): Promise<boolean> {
    const node = nodes[index];
    if (node === undefined) return false;
    const { second, three, quota } = customer.limits;
    const takes = takesOf(customer);
    const asked_at = performance.now();
    const answer = node.counter.take(takes, 1, Date.now() + node.skew_ms);
    const result = answer instanceof Promise ? await answer : answer;
    decisions += 1;
    if (result.unavailable === true) unavailable += 1;
    if (result.allowed)
      customer.log.add(asked_at, performance.now(), [second, three, quota ?? Number.POSITIVE_INFINITY]);
    return result.allowed;
  }

  async function call(index: number, isOver: () => boolean, own: Chance): Promise<void> {
    while (!isOver()) {
      if (traffic === 'bursts') {
        const customer = own.oneOf(customers);
        await Promise.all(Array.from({ length: 12 }, async () => await ask(index, customer)));
        await (pace === 'alone' ? turn() : wait(own.between(100, 500)));
      } else {
        let goesOn = true;
        for (let count = 0; count < batches[pace] && goesOn && !isOver(); count += 1)
          goesOn = (await ask(index, own.oneOf(customers))) || pace === 'alone';
        // Who is refused comes back a little later.
        await (goesOn ? turn() : wait(own.between(5, 50)));
      }
    }
  }

  return {
    mode,
    traffic,
    nodes: options.nodes,
    customers,
    decisions: () => decisions,
    unavailable: () => unavailable,
    async run(isOver, length_ms) {
      const timers = [
        setInterval(() => void Promise.allSettled(nodes.map((node) => node.giveBack())), 250),
        // In the middle of windows, once to less and once to more.
        setTimeout(() => change(customers, 0.5), length_ms * 0.4 + 333),
        setTimeout(() => change(customers, 3), length_ms * 0.7 + 777),
      ];
      // It dies with what it holds, and another takes its place.
      const crash = setTimeout(() => void createNode().then((node) => (nodes[0] = node)), length_ms * 0.55);
      await Promise.all(
        nodes.flatMap((_, index) =>
          Array.from({ length: Math.max(1, callers / options.nodes) }, async (__, caller) => {
            await call(index, isOver, createChance(options.seed * 1000 + index * 10 + caller));
          }),
        ),
      );
      for (const timer of [...timers, crash]) clearTimeout(timer);
    },
    close: async () => void (await Promise.all(links.map((link) => link.close()))),
  };
}

function createCustomers(name: string, traffic: Traffic): Customer[] {
  const count = { even: 12, bursts: 6, hot: 2 }[traffic];
  const second = { even: 10, bursts: 20, hot: 200 }[traffic];
  return Array.from({ length: count }, (_, index) => ({
    id: `${name}_${index}`,
    offline: index % 2 === 0 ? 'closed' : 'open_capped',
    limits: {
      second,
      three: Math.floor(second * 2.2),
      // A third of them uses up its period.
      quota: index % 3 === 0 && traffic !== 'hot' ? second * 3 : null,
    },
    log: createAdmitLog(),
  }));
}

function change(customers: readonly Customer[], factor: number): void {
  for (const { limits } of customers) {
    limits.second = Math.max(1, Math.floor(limits.second * factor));
    limits.three = Math.max(1, Math.floor(limits.three * factor));
  }
}

function takesOf({ id, offline, limits }: Customer): Take[] {
  const takes: Take[] = [
    { kind: 'window', id: `${id}:1s`, limit: limits.second, window_ms: windows.second, offline },
    { kind: 'window', id: `${id}:3s`, limit: limits.three, window_ms: windows.three, offline },
  ];
  if (limits.quota !== null)
    takes.push({
      kind: 'quota',
      id: `${id}:requests:1`,
      limit: limits.quota,
      hard: true,
      seed: 0,
      period_end_at: Date.now() + 86_400_000,
      of: { meter_id: 'requests', key_id: null, start_at: 0 },
      offline: 'closed',
    });
  return takes;
}

/** What the log says of a combination. */
export function readResults(world: World, phase: string): Row {
  const { mode, nodes, traffic } = world;
  let over_closed = 0;
  let over_open = 0;
  let open_part = 0;
  let admitted = 0;
  // Once by Redis, and once more by each process at its part: also by one that crashed and the one in its place.
  const mostOpen = (limit: number) => limit + (nodes + 1) * Math.max(1, Math.floor(limit / nodes));
  for (const { log, limits, offline } of world.customers) {
    admitted += log.size();
    if (limits.quota !== null) over_closed += Math.max(0, log.size() - limits.quota);
    for (const [which, window_ms] of [windows.second, windows.three].entries()) {
      if (offline === 'closed') over_closed += log.worst(window_ms, which, (held, limit) => held - limit);
      else {
        over_open += log.worst(window_ms, which, (held, limit) => held - mostOpen(limit));
        open_part = Math.max(
          open_part,
          log.worst(window_ms, which, (held, limit) => held / limit),
        );
      }
    }
  }
  const [decisions, unavailable] = [world.decisions(), world.unavailable()];
  return { phase, mode, nodes, traffic, decisions, admitted, unavailable, over_closed, over_open, open_part };
}
