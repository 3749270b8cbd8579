import type { Database } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import type { KeyTold } from './record.ts';
import { keysEndingIn } from './store.ts';

/** How long before a key ends it is told. */
const announceMs = 7 * 86_400_000;
/** What ended while nothing ran is told this long after. */
const lateMs = 7 * 86_400_000;
/** Keys that are looked at at once. */
const page = 500;

/**
 * The job `keys.expiry`: tells of keys that end within a week, and of those that ended, each once for the instant it ends at: a key
 * whose end is moved is told again. Revoked ones have been told of.
 */
export function createKeyExpiry(deps: { db: Database; clock: Clock; told: KeyTold }) {
  const { db, clock, told } = deps;
  return async function tellExpiries(): Promise<void> {
    const now = clock.now();
    const [from, to] = [new Date(now - lateMs), new Date(now + announceMs)];
    for (let after: { expires_at: Date; id: string } | null = null; ;) {
      const rows = await keysEndingIn(db.kysely, { from, to, after, limit: page });
      for (const row of rows) {
        const verb = row.expires_at !== null && row.expires_at.getTime() <= now ? 'expired' : 'expiring';
        await db.transaction((tx) => told(tx, verb, row, null));
      }
      const last = rows.at(-1);
      if (last?.expires_at == null) return;
      after = { expires_at: last.expires_at, id: last.id };
    }
  };
}
