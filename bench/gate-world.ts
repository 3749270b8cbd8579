import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sellerBeside, servingEnvironment, startServing } from '../packages/server/test/serving.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { planOf } from '../packages/server/test/subscribers.ts';
import { type BenchDatabase, openBenchDatabase } from './databases.ts';
import { endsWithUs, pinTo } from './processes.ts';
import type { Served } from './served.ts';
import { manySubscribers } from './subscribed.ts';

const keysOfCustomer = 10;
const pool = 8;

/** A process of Farebox that decides, and whom it needs. */
export interface Node {
  name: string;
  pid: number;
  served: Served;
  proxy_port: number;
  url: string;
  stop(): Promise<void>;
}

export interface GateWorld {
  database: BenchDatabase;
  secret_key: string;
  /** A file with a key a line. */
  keys: string;
  /** `farebox serve` on one core, with a reverse proxy before this upstream. */
  startNode(name: string, environment: Record<string, string>): Promise<Node>;
  close(): Promise<void>;
}

/** Customers with keys, everything on: scopes, two windows, a quota, usage recorded. One database for all processes that decide. */
export async function createGateWorld(options: { folder: string; keys: number; upstream: number }): Promise<GateWorld> {
  const database = await openBenchDatabase('embedded');
  const { db } = database;
  endsWithUs(database.pid);
  const common = servingEnvironment(database.url, { FAREBOX_UPSTREAM: `http://127.0.0.1:${options.upstream}` });
  const seller = await sellerBeside(db, common);
  const plan = planOf({
    id: 'bench',
    limits: [
      { name: '1s', limit: 1_000_000, window_ms: 1000 },
      { name: '1m', limit: 60_000_000, window_ms: 60_000 },
    ],
  });
  const customers = await manySubscribers(db, { plan, count: Math.ceil(options.keys / keysOfCustomer), now: Date.now });
  const keys: string[] = [];
  for (let from = 0; from < customers.length; from += pool) {
    const made = await Promise.all(
      customers.slice(from, from + pool).map(async (customer_id) => {
        const secrets: string[] = [];
        for (let index = 0; index < keysOfCustomer; index += 1) {
          const scopes = ['forecast:read', 'history:read'];
          secrets.push((await seller.keys.create(null, { customer_id, name: `Key ${index}`, scopes })).secret);
        }
        return secrets;
      }),
    );
    keys.push(...made.flat());
  }
  const file = join(options.folder, 'farebox-keys');
  writeFileSync(file, keys.join('\n'));
  return {
    database,
    secret_key: seller.secret_key,
    keys: file,
    async startNode(name, environment) {
      const port = await freePort(2);
      const serving = await startServing({
        port,
        args: ['--role', 'gate'],
        environment: { ...common, ...environment, FAREBOX_PROXY_PORT: String(port + 1) },
      });
      pinTo(serving.pid, 0);
      endsWithUs(serving.pid);
      return {
        name,
        pid: serving.pid,
        served: { port, secret_key: seller.secret_key },
        proxy_port: port + 1,
        url: serving.url,
        stop: async () => void (await serving.end('SIGTERM')),
      };
    },
    close: () => database.close(),
  };
}
