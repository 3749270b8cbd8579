import { join } from 'node:path';
import { type App, createApp } from '../app.ts';
import { readConfig, readEnvironment } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { loadPriceList } from '../plans/load.ts';
import { withDatabase } from './reach.ts';

/**
 * The program without its doors, for a command that runs once, also beside a running Farebox. Without STRIPE_SECRET_KEY it
 * speaks to the local Stripe of a running `npm start`.
 */
export async function besideFarebox<T>(work: (app: App) => Promise<T>): Promise<T> {
  const environment = readEnvironment();
  const mode = (environment['STRIPE_SECRET_KEY'] ?? '').trim() === '' ? 'dev' : 'serve';
  const { config, secrets } = readConfig(mode, environment);
  const list = await loadPriceList(config.price_list);
  return await withDatabase(config, async (db, url) => {
    // An address, so that this process takes no jobs from the one that keeps the embedded database.
    const reached = { ...config, database: { kind: 'postgres', url } } as const;
    const app = await createApp({
      config: reached,
      secrets,
      list,
      db,
      database_url: url,
      log: createLog('silent'),
      clock: systemClock,
      stripe: config.stripe.kind === 'sandbox' ? { host: 'localhost', port: config.stripe.port } : null,
      web_dir: join(import.meta.dirname, '../../../web/dist'),
    });
    await app.queue.start();
    try {
      return await work(app);
    } finally {
      await app.stop();
    }
  });
}
