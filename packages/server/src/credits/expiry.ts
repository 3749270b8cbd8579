import type { Database, Tx } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock } from '../ports.ts';
import { type GrantRow, expiredGrants, lockGrant, markExpiryTold } from './store.ts';

/** What closes no period within this time does not hold up what is told any longer. */
const patienceMs = 86_400_000;
/** Grants that are looked at at once. */
const page = 500;

/**
 * The job `credits.expiry`: tells, once, that a grant ended with something left. Not before it is known how much that is: usage of
 * a period that was over by then may still be paid from it when that is closed, and what is held for work may still be used.
 */
export function createCreditExpiry(deps: { db: Database; clock: Clock; told(tx: Tx, grant: GrantRow): Promise<void> }) {
  const { db, clock } = deps;
  return async function tellExpired(): Promise<void> {
    const now = clock.now();
    const due = { now: new Date(now), given_up_before: new Date(now - patienceMs), limit: page };
    for (let ids = await expiredGrants(db.kysely, due); ids.length > 0; ids = await expiredGrants(db.kysely, due)) {
      for (const id of ids)
        await db.transaction(async (tx) => {
          if (!(await markExpiryTold(tx, id, due.now))) return;
          const row = await lockGrant(tx, null, id);
          invariant(row !== null, 'a grant is never deleted while it is marked');
          await deps.told(tx, row);
        });
    }
  };
}
