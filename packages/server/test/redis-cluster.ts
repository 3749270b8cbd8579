import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { makeFolder, removeFolder } from './folder.ts';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const slots = 16_384;
/** A server that is silent for so long is given up by the others. */
const nodeTimeoutMs = 1000;

export interface RedisCluster {
  masters: RedisServer[];
  /** Of the first master. */
  replica: RedisServer;
  urls: string[];
  stop(): Promise<void>;
}

/** Three masters with a third of the slots each, and a replica of the first, as `redis-cli --cluster create` makes them. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const folder = makeFolder('redis-cluster', 'closed');
  // They talk to each other ten thousand above.
  const first = await freePort(4, { and_above: 10_000 });
  const starts = await Promise.allSettled(
    [0, 1, 2, 3].map(async (index) => {
      const dir = join(folder, String(index));
      mkdirSync(dir);
      const more = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs), '--dir', dir];
      return await startRedis({ port: first + index, more });
    }),
  );
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? start.value : []));
  const stop = async () => {
    await Promise.all(servers.map((server) => server.kill()));
    removeFolder(folder);
  };
  const [one, two, three, replica] = servers;
  if (one === undefined || two === undefined || three === undefined || replica === undefined) {
    await stop();
    const causes = starts.flatMap((start) => (start.status === 'rejected' ? start.reason : []));
    throw new AggregateError(causes, `a Redis Cluster did not start: ${causes.join('; ')}`);
  }
  const masters = [one, two, three];
  for (const [index, server] of masters.entries()) {
    await server.say('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    const from = Math.floor((index * slots) / masters.length);
    const to = Math.floor(((index + 1) * slots) / masters.length) - 1;
    await server.say('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
  }
  for (const server of servers.slice(1)) await server.say('CLUSTER', 'MEET', '127.0.0.1', String(first));
  const sees = async (server: RedisServer, text: string) => String(await server.say('CLUSTER', 'INFO')).includes(text);
  for (const server of servers) await until(() => sees(server, 'cluster_known_nodes:4'));
  await replica.say('CLUSTER', 'REPLICATE', String(await one.say('CLUSTER', 'MYID')));
  for (const server of servers) await until(() => sees(server, 'cluster_state:ok'));
  await until(async () => String(await replica.say('INFO', 'replication')).includes('master_link_status:up'));
  return {
    masters,
    replica,
    urls: masters.map(({ url }) => url),
    stop,
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return;
    await wait(50);
  }
  throw new Error('the cluster did not come up');
}
