import type { Database } from '../db/database.ts';
import type { AuditTrail } from '../db/audit-trail.ts';
import { createId } from '../lib/id.ts';
import type { Clock, Payments } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Collected, IntentKind, Intents } from './kinds.ts';
import type { IntentBook, WishKinds } from './service.ts';

/** An intent that somebody wishes and waits for. */
export interface Order<K extends IntentKind> {
  kind: K;
  /** Who, what and on which object, for the audit log. */
  actor: string;
  action: string;
  customer_id: string;
  object_id: string;
  /** Where the same wish may be said twice and is one. Unless said, each is one of its own: two at one instant are two. */
  dedupe_key?: string;
  data: Intents[K]['data'];
}

export type Orders = ReturnType<typeof createOrders>['order'];
export type Earlier = ReturnType<typeof createOrders>['settleEarlier'];

/** Writes an intent down with who wished it, has it carried out, mirrors what it did, and says what became of it. */
export function createOrders(deps: {
  db: Database;
  clock: Clock;
  payments: Pick<Payments, 'syncCustomer'>;
  intents: Pick<IntentBook, 'record' | 'settle' | 'settleOpen'>;
  audit: AuditTrail;
}) {
  const { db, clock, payments, intents } = deps;

  async function order<K extends IntentKind>(wish: Order<K>): Promise<Intents[K]['result']> {
    const { kind, actor, action, customer_id, object_id, data } = wish;
    const dedupe_key = wish.dedupe_key ?? createId('wish', clock.now());
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
  }

  /**
   * Before a wish is decided, those of its customer before it are settled: one whose answer was lost could come later than what is wished
   * now, and be a second sale, or a change that was changed since.
   */
  async function settleEarlier(customerId: string, kinds: WishKinds): Promise<void> {
    if (await intents.settleOpen(customerId, kinds)) return;
    throw new Problem(
      'stripe_unavailable',
      'What was asked for before is still on its way to Stripe, and nothing else is begun until it is known what became of it. Try again in a moment.',
    );
  }

  return { order, settleEarlier };
}

/** A payment that was to be made at once and was not: the old state stands. */
export function requirePaid(collected: Collected): Exclude<Collected, { state: 'declined' }> {
  if (collected.state !== 'declined') return collected;
  throw new Problem('payment_failed', `${collected.reason} Nothing was changed. Try another card.`, {
    param: 'payment',
  });
}
