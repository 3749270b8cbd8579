import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { AuditEntry } from '../db/audit-trail.ts';
import type { Clock } from '../ports.ts';
import { insertAuditEntry } from './store.ts';

export type Audit = ReturnType<typeof createAudit>;

/** The audit log. An entry written in the transaction of what it tells is there exactly when that happened. */
export function createAudit(deps: { db: Database; clock: Clock }) {
  return {
    async record(tx: Tx | null, entry: AuditEntry): Promise<void> {
      const now = deps.clock.now();
      await insertAuditEntry(tx ?? deps.db.kysely, {
        id: createId('audt', now),
        actor: entry.actor,
        action: entry.action,
        customer_id: entry.customer_id ?? null,
        object_id: entry.object_id ?? null,
        detail: entry.detail ?? {},
        created_at: new Date(now),
      });
    },
  };
}
