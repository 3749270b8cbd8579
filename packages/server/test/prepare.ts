import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { propertySeed } from '../../../test/property-seed.ts';
import { testStart } from '../../../test/test-start.ts';
import { buildIfStale } from '../../web/scripts/build-if-stale.ts';
import { openDatabase } from '../src/db/database.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { randomToken } from '../src/lib/secret.ts';
import { withDatabase, type TestServer } from './server.ts';

/**
 * One PostgreSQL per run, started when the first test asks for it (a run without a database test starts none): our own
 * in a temporary folder, or the one of FAREBOX_TEST_DATABASE_URL. The migrations run once, into a template.
 */
export default async function prepare(project: TestProject): Promise<() => Promise<void>> {
  process.stdout.write(`Property tests: seed ${propertySeed}. PROPERTY_SEED=<number> tries other cases.\n`);
  process.stdout.write(
    `Clocks of tests begin at ${new Date(testStart).toISOString()}. TEST_START=<instant> tries another day.\n`,
  );
  // Once, before any test: builds that run beside each other would pull the files from under one another.
  await buildIfStale(() => undefined);
  const folder = mkdtempSync(join(tmpdir(), 'fbt-'));
  chmodSync(folder, 0o711); // as root the server runs as another user, who has to come through
  const socket = join(folder, 's');
  let starting: Promise<Running> | null = null;
  const door = createServer((connection) => {
    starting ??= start(folder, process.env['FAREBOX_TEST_DATABASE_URL']);
    starting.then(
      ({ server }) => connection.end(JSON.stringify(server)),
      (error: unknown) => connection.end(JSON.stringify({ error: String(error) })),
    );
  });
  await new Promise<void>((resolve) => door.listen(socket, resolve));
  project.provide('testServerSocket', socket);
  return async () => {
    door.close();
    await (await starting)?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

interface Running {
  server: TestServer;
  stop(): Promise<void>;
}

async function start(folder: string, given: string | undefined): Promise<Running> {
  const embedded = given === undefined ? await startEmbedded({ dir: join(folder, 'data') }) : null;
  const url = given ?? embedded?.url ?? '';
  const run = randomToken(4).toLowerCase();
  const server: TestServer = { url, template: `fbt_${run}_template`, prefix: `fbt_${run}_` };
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  // The data are thrown away after the run: nothing needs to survive a crash.
  if (embedded !== null) await admin.query('alter system set fsync = off');
  if (embedded !== null) await admin.query('alter system set full_page_writes = off');
  await admin.query('select pg_reload_conf()');
  await admin.query(`create database ${server.template}`);
  const database = openDatabase({ url: withDatabase(url, server.template) });
  await migrate(database.pool);
  await database.close();
  return {
    server,
    async stop() {
      if (embedded === null) {
        const { rows } = await admin.query<{ datname: string }>(
          'select datname from pg_database where starts_with(datname, $1)',
          [server.prefix],
        );
        for (const { datname } of rows) await admin.query(`drop database if exists ${datname} with (force)`);
      }
      await admin.end();
      await embedded?.stop();
    },
  };
}
