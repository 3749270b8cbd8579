import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../packages/server/src/config.ts';
import type { Database } from '../packages/server/src/db/database.ts';
import { mintToken } from '../packages/server/src/keys/token.ts';
import { createId } from '../packages/server/src/lib/id.ts';
import type { Pepper } from '../packages/server/src/lib/pepper.ts';
import { sellerBeside, servingEnvironment, startServing } from '../packages/server/test/serving.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { planOf } from '../packages/server/test/subscribers.ts';
import { type BenchDatabase, openBenchDatabase } from './databases.ts';
import { endsWithUs, pinTo } from './processes.ts';
import type { Served } from './served.ts';
import { manySubscribers } from './subscribed.ts';

const keysOfCustomer = 10;
const perStatement = 1000;

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
  const { key_peppers: peppers } = readConfig('serve', common).secrets;
  const keys = await manyKeys(db, { customers, peppers });
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

/** Keys of these customers as the program writes them, many with each statement. Answers the secrets. */
async function manyKeys(
  db: Database,
  { customers, peppers }: { customers: readonly string[]; peppers: readonly Pepper[] },
): Promise<string[]> {
  const secrets: string[] = [];
  const created_at = new Date();
  for (let from = 0; from < customers.length; from += perStatement / keysOfCustomer) {
    const made = customers.slice(from, from + perStatement / keysOfCustomer).flatMap((customer_id) =>
      Array.from({ length: keysOfCustomer }, (_, index) => {
        const id = createId('key', created_at.getTime());
        return { id, customer_id, name: `Key ${index}`, token: mintToken('sky', false, peppers) };
      }),
    );
    const rows = made.map(({ id, customer_id, name, token: { start } }) => ({
      id,
      customer_id,
      name,
      start,
      scopes: ['forecast:read', 'history:read'],
      allowed_cidrs: [],
      livemode: false,
      created_at,
    }));
    await db.kysely.insertInto('api_key').values(rows).execute();
    const found = made.map(({ id: key_id, token: { digest, pepper_id } }) => ({
      digest,
      pepper_id,
      key_id,
      form: 'text',
      created_at,
    }));
    await db.kysely.insertInto('api_key_secret').values(found).execute();
    secrets.push(...made.map(({ token }) => token.secret));
  }
  await db.pool.query('analyze');
  return secrets;
}
