import type { Database } from '../db/database.ts';
import type { AuditTrail } from '../db/audit-trail.ts';
import type { Payments } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Collected, IntentKind, Intents } from './kinds.ts';
import type { IntentBook } from './service.ts';

/** An intent that somebody wishes and waits for. */
export interface Order<K extends IntentKind> {
  kind: K;
  /** Who, what and on which object, for the audit log. */
  actor: string;
  action: string;
  customer_id: string;
  object_id: string;
  dedupe_key: string;
  data: Intents[K]['data'];
}

export type Orders = ReturnType<typeof createOrders>;

/** Writes an intent down with who wished it, has it carried out, mirrors what it did, and says what became of it. */
export function createOrders(deps: {
  db: Database;
  payments: Pick<Payments, 'syncCustomer'>;
  intents: Pick<IntentBook, 'record' | 'settle'>;
  audit: AuditTrail;
}) {
  const { db, payments, intents } = deps;
  return async function order<K extends IntentKind>(wish: Order<K>): Promise<Intents[K]['result']> {
    const { kind, actor, action, customer_id, object_id, dedupe_key, data } = wish;
    const recorded = await db.transaction(async (tx) => {
      await deps.audit.record(tx, { actor, action, customer_id, object_id, detail: { ...data } });
      return await intents.record(tx, { kind, customer_id, dedupe_key, data });
    });
    const outcome = await intents.settle(recorded.id, kind);
    await payments.syncCustomer(customer_id);
    if (outcome.state === 'done') return outcome.result;
    if (outcome.state === 'refused') {
      const { refusal } = outcome;
      throw new Problem('stripe_refused', `Stripe refused this: ${refusal.message}`, { detail: refusal });
    }
    throw new Problem(
      'stripe_unavailable',
      'Stripe did not answer in time. Nothing is done twice; look again in a moment what became of it.',
    );
  };
}

/** A payment that was to be made at once and was not: the old state stands. */
export function requirePaid(collected: Collected): Exclude<Collected, { state: 'declined' }> {
  if (collected.state !== 'declined') return collected;
  throw new Problem('payment_failed', `${collected.reason} Nothing was changed. Try another card.`, {
    param: 'payment',
  });
}
