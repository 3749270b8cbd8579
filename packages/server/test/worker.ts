import { join } from 'node:path';
import { createApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/database.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createLog } from '../src/lib/log.ts';
import { smallList } from './small-list.ts';

/** A further process of the program that takes jobs: `worker.ts <database url> <port of the local Stripe> <folder>`. */
const [database_url = '', stripe_port = '', folder = ''] = process.argv.slice(2);
const { config, secrets } = readConfig('dev', {
  DATABASE_URL: database_url,
  FAREBOX_DATA_DIR: folder,
  FAREBOX_SECRET: 'a secret of the tests, long enough',
  LOG_LEVEL: 'error',
});
const db = openDatabase({ url: database_url, max: 8 });
const app = await createApp({
  config,
  secrets,
  list: smallList(),
  db,
  database_url,
  log: createLog('error'),
  clock: systemClock,
  stripe: { host: '127.0.0.1', port: Number(stripe_port) },
  web_dir: join(import.meta.dirname, '../../web/dist'),
});
await app.queue.start();
process.stdout.write('ready\n');
