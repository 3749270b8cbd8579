import { join } from 'node:path';
import type { PriceList } from '@farebox/core';
import { type App, createApp } from '../app.ts';
import type { Config, Secrets } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { startEmbedded } from '../db/embedded.ts';
import { migrate } from '../db/migrate.ts';
import type { Log } from '../lib/log.ts';
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
}): Promise<Running> {
  const { config, log, onProgress } = options;
  const loaded = await loadPriceList(config.price_list);
  const list = options.adjustList?.(loaded) ?? loaded;
  const embedded =
    config.database.kind === 'embedded' ? await startEmbedded({ dir: config.data_dir, onProgress }) : null;
  const url = embedded?.url ?? (config.database.kind === 'postgres' ? config.database.url : '');
  const db = openDatabase({ url, max: 20 });
  const { applied } = await migrate(db.pool);
  if (applied.length > 0) onProgress(`database: ${applied.length} migrations applied`);
  const app = await createApp({
    ...options,
    list,
    db,
    database_url: url,
    web_dir: join(import.meta.dirname, '../../../web/dist'),
  });
  await app.start();
  const server = await listen(app.fetch, config);
  return {
    app,
    list,
    first_run_token: await app.issueFirstRunToken(),
    async stop() {
      app.drain();
      await server.close();
      await app.stop();
      await db.close();
      await embedded?.stop();
      log.info({}, 'stopped');
    },
  };
}
