import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { hasRedis, startRedis } from '../packages/server/test/redis-server.ts';
import type { Call } from './calls.ts';
import { type Node, createGateWorld } from './gate-world.ts';
import type { LocalDecisions, LocalTold } from './local-decisions.ts';
import { startNginx } from './nginx.ts';
import { begin, pinTo, stop } from './processes.ts';
import type { ApiTold, Framework } from './serve-api.ts';
import type { Served } from './served.ts';

/** Something that answers under load, and whom it is compared with. */
export interface Candidate {
  name: string;
  /** The name of the same without a gate; its own where it is that. */
  floor: string;
  call: Call;
  served: Served;
  /** A file with a key a line. */
  keys: string;
  /** The processes that have a core of their own. */
  pids: readonly number[];
  /** Those that work for them elsewhere: databases, Redis, the Farebox behind a middleware. */
  beside: readonly number[];
}

export interface Candidates {
  all: readonly Candidate[];
  /** What this machine could not measure, in a line each. */
  skipped: readonly string[];
  /** Puts the processes of Farebox that answer for this candidate on core 0, and those that others ask beside the databases. */
  place(candidate: Candidate): void;
  /** The SDK's decision in local mode by itself, on core 0. */
  measureLocal(seconds: number): Promise<LocalDecisions>;
  close(): Promise<void>;
}

export const floors = {
  verify: 'node:http that decides nothing: verify',
  'forward-auth': 'node:http that decides nothing: forward-auth',
  proxy: 'undici proxy, no gate',
  nginx: 'nginx proxy, no gate',
} as const;
const frameworks = ['node:http', 'Express', 'Fastify', 'Hono'] as const satisfies readonly Framework[];
export const counters = ['memory', 'exact', 'leased'] as const;
type Counter = (typeof counters)[number];
export const named = {
  bare: (framework: Framework) => `${framework} API, no gate`,
  node: (call: 'verify' | 'forward-auth', counter: Counter) => `Farebox ${call}, ${counterName(counter)}`,
  local: (framework: Framework, counter: Counter) => `${framework} API + Farebox, ${counterName(counter)}`,
  remote: 'Express API + Farebox, a call per request',
  proxy: 'Farebox reverse proxy',
  nginx: 'nginx asks Farebox forward-auth',
  byHand: 'Express API + pg + rate-limiter-flexible, Redis',
  betterAuth: 'node:http API + better-auth api-key, PostgreSQL',
  fastifyRateLimit: 'Fastify API + @fastify/rate-limit, Redis',
};

function counterName(counter: Counter): string {
  return counter === 'memory' ? 'in memory' : `Redis ${counter}`;
}

/** Starts all of them. What answers stands on core 0; the load and what is asked, databases, Redis or Farebox, on the other. */
export async function startCandidates(options: { folder: string; keys: number; only: RegExp }): Promise<Candidates> {
  const { folder, only } = options;
  const all: Candidate[] = [];
  const skipped: string[] = [];
  const children: ChildProcess[] = [];
  const nodes: Node[] = [];
  const isWanted = (...names: string[]): boolean => names.some((name) => only.test(name));

  async function start(file: string, told: unknown, core = 0) {
    const { child, pid, said } = await begin<Served>(file, { core, told });
    children.push(child);
    return { pid, served: said };
  }

  const upstream = await start('serve-upstream.ts', null, 1);
  const world = await createGateWorld({ folder, keys: options.keys, upstream: upstream.served.port });
  const { keys } = world;
  const sql = world.database.pid;
  const plain = { served: upstream.served, keys, pids: [], beside: [] };

  const bare = await start('serve-node.ts', null);
  for (const call of ['verify', 'forward-auth'] as const)
    all.push({ ...plain, name: floors[call], floor: floors[call], call, served: bare.served, pids: [bare.pid] });

  const canRedis = hasRedis('what counts in Redis');
  if (!canRedis) skipped.push('Redis exact and leased, and both peers on Redis: no redis-server here');
  const redis = canRedis ? await Promise.all([startRedis(), startRedis(), startRedis()]) : [];
  const [exact, leased, others] = redis;
  const environments: [Counter, Record<string, string>, number[]][] = [['memory', {}, []]];
  if (exact !== undefined) environments.push(['exact', { REDIS_URL: exact.url }, [exact.pid]]);
  if (leased !== undefined)
    environments.push(['leased', { REDIS_URL: leased.url, FAREBOX_COUNTER: 'leased' }, [leased.pid]]);
  for (const [counter, environment, redisPids] of environments) await addNode(counter, environment, redisPids);

  async function addNode(counter: Counter, environment: Record<string, string>, redisPids: number[]): Promise<void> {
    const node = await world.startNode(counter, environment);
    nodes.push(node);
    const beside = [sql, ...redisPids];
    const decides = { ...plain, served: node.served, pids: [node.pid], beside };
    for (const call of ['verify', 'forward-auth'] as const)
      all.push({ ...decides, name: named.node(call, counter), floor: floors[call], call });
    if (counter === 'memory') {
      const proxied = { ...decides, call: 'api' as const, served: { ...node.served, port: node.proxy_port } };
      all.push({ ...proxied, name: named.proxy, floor: floors.proxy });
      await addNginx(node, beside);
      await addApi('Express', { url: node.url, secret_key: world.secret_key, mode: 'remote' }, named.remote, [
        node.pid,
        ...beside,
      ]);
    }
    for (const framework of frameworks) {
      if (counter === 'memory') await addApi(framework, null, named.bare(framework), []);
      const told = { url: node.url, secret_key: world.secret_key, mode: 'local' as const };
      await addApi(framework, told, named.local(framework, counter), [node.pid, ...beside]);
    }
  }

  async function addApi(
    framework: Framework,
    farebox: ApiTold['farebox'],
    name: string,
    beside: number[],
  ): Promise<void> {
    if (!isWanted(name)) return;
    const { pid, served } = await start('serve-api.ts', { framework, farebox } satisfies ApiTold);
    all.push({ ...plain, name, floor: named.bare(framework), call: 'api', served, pids: [pid], beside });
  }

  async function addNginx(node: Node, beside: readonly number[]): Promise<void> {
    if (!isWanted(floors.nginx, named.nginx)) return;
    const nginx = await startNginx({ folder, upstream: upstream.served.port, gate: node.served.port });
    if (nginx === null) return void skipped.push('nginx with auth_request: no nginx here');
    children.push(nginx.child);
    const pid = nginx.child.pid ?? 0;
    const shared = { ...plain, call: 'api' as const, floor: floors.nginx };
    all.push(
      { ...shared, name: floors.nginx, served: { port: nginx.open_port, secret_key: '' }, pids: [pid] },
      {
        ...shared,
        name: named.nginx,
        served: { port: nginx.gated_port, secret_key: '' },
        pids: [pid, node.pid],
        beside,
      },
    );
  }

  async function addPeer(
    file: string,
    peer: { name: string; floor: string; told: object; keys?: string; beside: number[] },
  ) {
    if (!isWanted(peer.name)) return;
    const { name, floor, told, beside } = peer;
    const { pid, served } = await start(`peers/${file}`, told);
    all.push({ ...plain, name, floor, call: 'api', served, keys: peer.keys ?? keys, pids: [pid], beside });
  }

  const told = { upstream: upstream.served.port };
  await addPeer('undici-proxy.js', { name: floors.proxy, floor: floors.proxy, told, beside: [] });
  if (others !== undefined) {
    await addPeer('by-hand.js', {
      name: named.byHand,
      floor: named.bare('Express'),
      told: await sqlTold('by_hand', { redis_url: others.url }),
      keys: join(folder, 'by_hand'),
      beside: [sql, others.pid],
    });
    await addPeer('fastify-rate-limit.js', {
      name: named.fastifyRateLimit,
      floor: named.bare('Fastify'),
      told: { redis_url: others.url },
      beside: [others.pid],
    });
  }
  await addPeer('better-auth.js', {
    name: named.betterAuth,
    floor: named.bare('node:http'),
    told: await sqlTold('better_auth', {}),
    keys: join(folder, 'better_auth'),
    beside: [sql],
  });

  /** A database of the peer's own, and where it says its keys. */
  async function sqlTold(name: string, more: object): Promise<object> {
    await world.database.db.pool.query(`create database ${name}`);
    const database_url = world.database.url.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${name}`);
    return { database_url, file: join(folder, name), keys: options.keys, ...more };
  }

  return {
    all: all.filter(({ name }) => only.test(name) || all.some((each) => each.floor === name && only.test(each.name))),
    skipped,
    place({ pids }) {
      for (const { pid } of nodes) pinTo(pid, pids.includes(pid) ? 0 : 1);
    },
    async measureLocal(seconds) {
      const [node] = nodes;
      for (const { pid } of nodes) pinTo(pid, 1);
      const { child, said } = await begin<LocalDecisions>('local-decisions.ts', {
        core: 0,
        told: { url: node?.url ?? '', secret_key: world.secret_key, keys, seconds } satisfies LocalTold,
      });
      children.push(child);
      return said;
    },
    async close() {
      for (const child of children) await stop(child);
      for (const node of nodes) await node.stop();
      for (const one of redis) await one.kill();
      await world.close();
    },
  };
}
