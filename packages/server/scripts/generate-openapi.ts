// Writes docs/openapi.json from the schemas of the routes; with --check only says whether it is fresh.
import { join } from 'node:path';
import exampleList from '../../../farebox.config.ts';
import { buildIfStale } from '../../web/scripts/build-if-stale.ts';
import { createApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { createLog } from '../src/lib/log.ts';
import { withFreshDatabase } from './fresh-database.ts';
import { writeIfStale } from './write-if-stale.ts';

const file = join(import.meta.dirname, '../../../docs/openapi.json');

/** As the program answers it. Nothing is started: the document is made of the routes alone. */
async function documentText(): Promise<string> {
  await buildIfStale(console.log);
  const { config, secrets } = readConfig('dev', { FAREBOX_SECRET: 'nothing is signed with this secret' });
  return await withFreshDatabase(async (db) => {
    const app = await createApp({
      config,
      secrets,
      list: exampleList,
      db,
      database_url: db.url,
      log: createLog('error'),
      clock: { now: () => 0 },
      stripe: null,
      web_dir: join(import.meta.dirname, '../../web/dist'),
    });
    try {
      const response = await app.fetch(new Request(`${config.base_url}/openapi.json`), {});
      return `${JSON.stringify(await response.json(), null, 2)}\n`;
    } finally {
      await app.stop();
    }
  });
}

writeIfStale(file, await documentText(), process.argv.includes('--check'));
