import { join } from 'node:path';
import { type Database, openDatabase } from '../packages/server/src/db/database.ts';
import { startEmbedded } from '../packages/server/src/db/embedded.ts';
import { migrate } from '../packages/server/src/db/migrate.ts';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';

/** An embedded PostgreSQL of the drill's own, migrated, in a folder that goes with it. Nothing in it has to survive a crash. */
export async function openDrillDatabase(
  name: string,
): Promise<{ db: Database & { url: string }; close: () => Promise<void> }> {
  const folder = makeFolder(name, 'open');
  const server = await startEmbedded({ dir: join(folder, 'data') });
  const database = openDatabase({ url: server.url, max: 8 });
  await database.pool.query('alter system set synchronous_commit = off');
  await database.pool.query('select pg_reload_conf()');
  await migrate(database.pool);
  return {
    db: { ...database, url: server.url },
    async close() {
      await database.close();
      await server.stop();
      removeFolder(folder, join(folder, 'data'));
    },
  };
}
