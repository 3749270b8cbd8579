import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase } from '../src/db/database.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';

/** A migrated database of its own for what `use` does, gone afterwards. */
export async function withFreshDatabase<T>(use: (db: Database & { url: string }) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'fbt-'));
  chmodSync(dir, 0o711); // as root the server runs as another user, who has to come through
  const embedded = await startEmbedded({ dir });
  try {
    const database = openDatabase({ url: embedded.url });
    try {
      await migrate(database.pool);
      return await use({ ...database, url: embedded.url });
    } finally {
      await database.close();
    }
  } finally {
    await embedded.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
