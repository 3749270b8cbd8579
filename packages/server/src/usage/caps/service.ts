import { type CapOwner, type Currency, type SpendCap, spendCapAt } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { CappedCharges } from './room.ts';
import { insertSpendCap, spendCapsOf } from './store.ts';

/** A customer's caps as they stand. */
export interface CustomerCaps {
  customer_id: string;
  currency: Currency;
  /** What each owner said last; null: no cap. */
  by_owner: Record<CapOwner, number | null>;
  in_force: SpendCap | null;
  months: CappedCharges['months'];
}

export type Caps = ReturnType<typeof createCaps>;

/**
 * The most that usage may cost a customer in a month, over all its meters and subscriptions. The customer sets its own, the
 * seller another one; the lower counts. It stops usage at the gate with the next request, and bounds what is billed.
 */
export function createCaps(deps: {
  db: Database;
  clock: Clock;
  findCustomer(id: string): Promise<{ id: string }>;
  /** What the customer pays in. */
  currencyOf(customerId: string): Promise<Currency>;
  /** What the periods that run come to under the cap. */
  running(customerId: string): Promise<CappedCharges | null>;
  audit: AuditTrail;
  /** In the transaction: what every gate knows of this customer is old. */
  invalidate(tx: Tx, customerId: string): Promise<void>;
  /** After the commit: the same for this process, at once. */
  changed(customerId: string): Promise<void>;
}) {
  const { db, clock } = deps;

  async function read(customerId: string): Promise<CustomerCaps> {
    const { id } = await deps.findCustomer(customerId);
    const history = await spendCapsOf(db.kysely, id);
    const last = (owner: CapOwner) => history.findLast((each) => each.owner === owner)?.amount_minor ?? null;
    const running = await deps.running(id);
    return {
      customer_id: id,
      currency: running?.cap.currency ?? (await deps.currencyOf(id)),
      by_owner: { customer: last('customer'), seller: last('seller') },
      in_force: spendCapAt(history, clock.now()),
      months: running?.months ?? [],
    };
  }

  async function set(
    { actor, by: owner }: { actor: string; by: CapOwner },
    customerId: string,
    amount_minor: number | null,
  ): Promise<CustomerCaps> {
    const { id } = await deps.findCustomer(customerId);
    const currency = await deps.currencyOf(id);
    await db.transaction(async (tx) => {
      const before = (await spendCapsOf(tx, id)).filter((each) => each.owner === owner).at(-1);
      if ((before?.amount_minor ?? null) === amount_minor) throw new Problem('no_change', 'That is the cap already.');
      // Never before an older one, also when clocks differ: the newest is the last.
      const from_at = Math.max(clock.now(), before?.from_at ?? 0);
      await insertSpendCap(tx, id, { owner, from_at, amount_minor, currency, actor });
      const action = amount_minor === null ? 'customer.spend_cap_removed' : 'customer.spend_cap_set';
      await deps.audit.record(tx, { actor, action, customer_id: id, detail: { owner, amount_minor, currency } });
      await deps.invalidate(tx, id);
    });
    await deps.changed(id);
    return await read(id);
  }

  return { read, set };
}
