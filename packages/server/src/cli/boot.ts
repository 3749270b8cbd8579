import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PriceList } from '@farebox/core';
import { type App, createApp } from '../app.ts';
import type { Config, Secrets } from '../config.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { startEmbedded } from '../db/embedded.ts';
import { migrate } from '../db/migrate.ts';
import type { Log } from '../lib/log.ts';
import { Refusal } from '../lib/refusal.ts';
import { loadPriceList } from '../plans/load.ts';
import type { Clock } from '../ports.ts';
import { listen } from './listen.ts';

export interface Running {
  app: App;
  list: PriceList;
  /** To be entered at /admin/welcome; null once there is an operator. */
  first_run_token: string | null;
  /** Drains, flushes and closes everything, in that order. */
  stop(): Promise<void>;
}

/** What `dev` and `serve` share: database, migrations, price list, app, HTTP. */
export async function boot(options: {
  config: Config;
  secrets: Secrets;
  log: Log;
  clock: Clock;
  /** Where a local Stripe listens; null for Stripe itself. */
  stripe: { host: string; port: number } | null;
  onProgress(line: string): void;
  adjustList?(list: PriceList): PriceList;
  /** False: another process of the same start says how the first operator signs up. */
  welcomes?: boolean;
}): Promise<Running> {
  const { config, onProgress } = options;
  const loaded = await loadPriceList(config.price_list);
  const list = options.adjustList?.(loaded) ?? loaded;
  /** What to undo, newest first, on stop and when the start fails half way. */
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const [url] = await Promise.all([
      openEngine(config, onProgress, undo),
      config.roles.includes('api') ? buildWeb(onProgress) : undefined,
    ]);
    const db = openDatabase({ url, max: poolOf(config.workers) });
    undo.push(() => db.close());
    await refuseUnfit(db);
    const { applied } = await migrate(db.pool);
    if (applied.length > 0) onProgress(`database: ${applied.length} migrations applied`);
    const app = await createApp({ ...options, list, db, database_url: url, web_dir: join(webDir, 'dist') });
    undo.push(() => app.stop());
    await app.start();
    const server = await listen(app, config);
    undo.push(async () => {
      app.drain();
      await server.close();
    });
    const proxy = await app.openProxy();
    if (proxy !== null) undo.push(() => proxy.close());
    const welcomes = options.welcomes !== false && config.roles.includes('api');
    return { app, list, first_run_token: welcomes ? await app.issueFirstRunToken() : null, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Connections of one process. Workers of one machine share what a PostgreSQL lets in unless it is told to let in more: 100. */
function poolOf(workers: number): number {
  return Math.max(4, Math.min(20, Math.floor(60 / workers)));
}

const webDir = join(import.meta.dirname, '../../../web');

/** The database's address; starts the embedded one when none is named. */
async function openEngine(
  config: Config,
  onProgress: (line: string) => void,
  undo: (() => Promise<void>)[],
): Promise<string> {
  if (config.database.kind === 'postgres') return config.database.url;
  const embedded = await startEmbedded({ dir: config.data_dir, onProgress }).catch((cause: unknown) => {
    throw new Refusal(cause instanceof Error ? cause.message : String(cause), { cause });
  });
  undo.push(() => embedded.stop());
  return embedded.url;
}

/** Where the sources of the web app are, its build follows them; an installation without them brings the build along. */
async function buildWeb(onProgress: (line: string) => void): Promise<void> {
  if (!existsSync(join(webDir, 'src'))) return;
  const { buildIfStale } = await import('../../../web/scripts/build-if-stale.ts');
  await buildIfStale(onProgress);
}

/** The oldest PostgreSQL that the migrations and queries are tested on. */
const leastPostgres = 15;

/** A database that does not answer or is too old is said before anything is written to it. */
async function refuseUnfit(db: Database): Promise<void> {
  let version: number;
  try {
    const { rows } = await db.pool.query<{ version: number }>(
      "select current_setting('server_version_num')::int / 10000 as version",
    );
    version = rows[0]?.version ?? 0;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal(`The database of DATABASE_URL does not answer: ${reason}. Start it, or correct the address.`, {
      cause,
    });
  }
  if (version < leastPostgres) {
    throw new Refusal(`The database is PostgreSQL ${version}; Farebox needs ${leastPostgres} or newer.`);
  }
}
