import { readConfig, readEnvironment } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { migratePlan } from './migrate-plan.ts';

/**
 * `farebox migrate`: for deployments that migrate before they start. Serving migrates as well. With a plan it moves that
 * plan's customers to another version: `migratePlan`.
 */
export async function migrateCommand(args: string[]): Promise<number> {
  if (args.length > 0) return await migratePlan(args);
  const { config } = readConfig('serve', readEnvironment());
  if (config.database.kind === 'embedded') {
    console.error('DATABASE_URL is not set; the embedded database migrates itself when it starts.');
    return 1;
  }
  const db = openDatabase({ url: config.database.url, max: 2 });
  try {
    const { applied } = await migrate(db.pool);
    console.log(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`);
    return 0;
  } finally {
    await db.close();
  }
}
