import type { Database, Tx } from '../db/database.ts';
import type { AuditTrail } from '../db/audit-trail.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { markDeleted } from './store.ts';

/**
 * Deletes a customer. Nothing that still moves money may be left: neither a subscription, nor a checkout, nor an invoice that is to
 * be paid. Its keys stop and its people are signed out, all in one transaction; what was billed stays, here and at Stripe.
 */
export function createRemoveCustomer(deps: {
  db: Database;
  clock: Clock;
  /** What of the customer still moves money, in words; null: nothing. */
  whatIsLeft(tx: Tx, id: string): Promise<string | null>;
  revokeKeys(tx: Tx, id: string): Promise<void>;
  signOut(tx: Tx, id: string): Promise<void>;
  /** While the customer can still be read: programs hear that it goes, and its own no longer hear of anything. */
  told(tx: Tx, id: string): Promise<void>;
  audit: AuditTrail;
  changed(id: string): Promise<void>;
}) {
  const { db, clock } = deps;
  return async function removeCustomer(actor: string, id: string): Promise<void> {
    await db.transaction(async (tx) => {
      await deps.told(tx, id);
      if (!(await markDeleted(tx, id, new Date(clock.now()))))
        throw new Problem('not_found', 'There is no such customer.');
      const left = await deps.whatIsLeft(tx, id);
      if (left !== null) throw new Problem('customer_in_use', `${left} Then the customer can be deleted.`);
      await deps.revokeKeys(tx, id);
      await deps.signOut(tx, id);
      await deps.audit.record(tx, { actor, action: 'customer.deleted', customer_id: id, object_id: id });
    });
    await deps.changed(id);
  };
}
