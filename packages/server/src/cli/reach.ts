import type { Config } from '../config.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { findEmbedded, startEmbedded } from '../db/embedded.ts';
import { FolderHeldError, acquireFolder } from '../db/folder-lock.ts';
import { migrate } from '../db/migrate.ts';
import { Refusal } from '../lib/refusal.ts';

/**
 * The database for a command that runs once, also beside a running Farebox: that of DATABASE_URL, the embedded one of a
 * running `npm start`, or the embedded one started for the time of the command.
 */
export async function withDatabase<T>(config: Config, work: (db: Database, url: string) => Promise<T>): Promise<T> {
  if (config.database.kind === 'postgres') return await use(config.database.url, work);
  const lock = await acquireFolder(config.data_dir).catch((error: unknown) => {
    if (error instanceof FolderHeldError) return null;
    throw error;
  });
  if (lock === null) {
    const url = await findEmbedded(config.data_dir);
    if (url === null)
      throw new Refusal(`The Farebox that uses ${config.data_dir} is starting or stopping. Try again in a moment.`);
    return await use(url, work);
  }
  try {
    const embedded = await startEmbedded({ dir: config.data_dir });
    try {
      return await use(embedded.url, work);
    } finally {
      await embedded.stop();
    }
  } finally {
    await lock.release();
  }
}

async function use<T>(url: string, work: (db: Database, url: string) => Promise<T>): Promise<T> {
  const db = openDatabase({ url, max: 4 });
  try {
    await migrate(db.pool);
    return await work(db, url);
  } finally {
    await db.close();
  }
}
