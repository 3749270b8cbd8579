import type { Database, Tx } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import type { KeyNotify, KeyTold } from './record.ts';
import { type ApiKeyRow, keysEndingIn } from './store.ts';

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
export function createKeyExpiry(deps: { db: Database; clock: Clock; told: KeyTold; notify: KeyNotify }) {
  const { db, clock } = deps;

  async function tell(tx: Tx, row: ApiKeyRow, ends_at: Date): Promise<void> {
    const isOver = ends_at.getTime() <= clock.now();
    await deps.told(tx, isOver ? 'expired' : 'expiring', row, null);
    if (isOver) return;
    const { id, name: key_name, start: key_start } = row;
    await deps.notify(tx, row.customer_id, {
      kind: 'key_expiring',
      dedupe_key: `key_expiring:${id}:${ends_at.getTime()}`,
      data: { key_name, key_start, stops_at: ends_at.toISOString() },
    });
  }

  return async function tellExpiries(): Promise<void> {
    const now = clock.now();
    const [from, to] = [new Date(now - lateMs), new Date(now + announceMs)];
    for (let after: { expires_at: Date; id: string } | null = null; ;) {
      const rows = await keysEndingIn(db.kysely, { from, to, after, limit: page });
      for (const row of rows) {
        const { expires_at } = row;
        if (expires_at !== null) await db.transaction((tx) => tell(tx, row, expires_at));
      }
      const last = rows.at(-1);
      if (last?.expires_at == null) return;
      after = { expires_at: last.expires_at, id: last.id };
    }
  };
}
