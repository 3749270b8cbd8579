import type { Reader, Tx } from '../db/database.ts';
import type { createTopUpMirror } from '../credits/top-ups/mirror.ts';
import type { createInvoiceMirror, InvoiceMirrorResult } from '../invoices/mirror.ts';
import { deleteDrafts } from '../invoices/store.ts';
import type { createSubscriptionMirror, MirrorResult } from '../subscriptions/mirror.ts';
import { holds } from '../lib/holds.ts';
import { closeCheckout } from '../subscriptions/checkouts/store.ts';
import { type Named, type ReadingDeps, type Snapshot, createReading } from './reading.ts';
import { type ChargeRow, chargesByIds, eventsSoFar, markGone, upsertCharges } from './store.ts';

/** What the mirror found, told to whoever acts on it, inside the mirror's transaction. */
export interface Mirrored {
  customer_id: string;
  customer_name: string;
  /** When the customer was taken over with what it had at Stripe; null for who bought here. */
  imported_at: Date | null;
  subscriptions: MirrorResult;
  invoices: InvoiceMirrorResult;
  /** Charges of this read, each with what it was. */
  charges: { before: ChargeRow | null; after: ChargeRow }[];
}

/** An event that asks for the reading, and how it is closed: in the transaction of what it led to. */
export interface Asking {
  seq: number;
  close(db: Reader): Promise<void>;
}

/** Reads a customer and mirrors it, with what is `named` besides. */
export type Sync = (customerId: string, reason?: { asking?: Asking; named?: Named }) => Promise<void>;

interface Link {
  name: string;
  stripe_customer_id: string | null;
  imported_at: Date | null;
  stripe_synced_at: Date | null;
  /** Every event up to this one was here when the last reading began. */
  stripe_synced_seq: number;
}

interface SyncDeps extends ReadingDeps {
  findLink(customerId: string): Promise<Link | null>;
  mirrorSubscriptions: ReturnType<typeof createSubscriptionMirror>;
  mirrorInvoices: ReturnType<typeof createInvoiceMirror>;
  /** False when a newer reading was written already. */
  markSynced(tx: Tx, customerId: string, at: Date, seq: number): Promise<boolean>;
  unlink(tx: Tx, customerId: string, stripeCustomerId: string): Promise<void>;
  /** Before the read is written: usage that is still on its way must be stored before a period is closed. */
  settleUsage(): Promise<void>;
  mirrorTopUps: ReturnType<typeof createTopUpMirror>;
  /** Answers whether the gate is to look again. */
  effects(tx: Tx, mirrored: Mirrored): Promise<boolean>;
  /** After the commit, when it is. */
  changed(customerId: string): Promise<void>;
}

/**
 * `syncCustomer`: the one function that every event, the return page and the sweep call. Reads all of one customer from
 * Stripe, then writes the mirror in one transaction. Under a per-customer lock, so that a slow read cannot overwrite a
 * newer one; no network call happens inside the transaction.
 */
export function createSync(deps: SyncDeps): Sync {
  const { db } = deps;
  const read = createReading(deps);

  return async function syncCustomer(customerId, { asking, named } = {}) {
    await db.withLock(`stripe:${customerId}`, async () => {
      const link = await deps.findLink(customerId);
      if (link === null) return;
      // Whoever held the lock before has read what this event tells of: events come in bursts. What it names it may not have read.
      const isRead = asking !== undefined && named === undefined && link.stripe_synced_seq >= asking.seq;
      if (isRead) return await asking.close(db.kysely);
      const seq = await eventsSoFar(db.kysely);
      // Under the lock this read is the newest, also when the clock of whoever read before is ahead.
      const fetchedAt = new Date(Math.max(deps.clock.now(), link.stripe_synced_at?.getTime() ?? 0));
      const snapshot = await read(customerId, link.stripe_customer_id, named);
      await deps.settleUsage();
      const isNews = await db.transaction(async (tx) => {
        // Whoever lost the lock on the way is late: what was read since stays, and this is read again.
        if (!(await deps.markSynced(tx, customerId, fetchedAt, seq)))
          throw new Error(`A newer reading of ${customerId} was written meanwhile.`);
        const hasChanged = await write(tx, customerId, link, snapshot, fetchedAt);
        await asking?.close(tx);
        return hasChanged;
      });
      if (isNews) await deps.changed(customerId);
    });
  };

  async function write(
    tx: Tx,
    customerId: string,
    { name, stripe_customer_id, imported_at }: Link,
    snapshot: Snapshot,
    fetchedAt: Date,
  ): Promise<boolean> {
    const subscriptions = await deps.mirrorSubscriptions(tx, customerId, snapshot.subscriptions, fetchedAt);
    const ids = new Map(subscriptions.subscriptions.map((row) => [row.stripe_subscription_id, row.id]));
    const invoices = await deps.mirrorInvoices(tx, customerId, snapshot.invoices, ids, fetchedAt);
    await deleteDrafts(tx, snapshot.vanished_invoices);
    const known = await chargesByIds(
      tx,
      snapshot.charges.map(({ id }) => id),
    );
    const news = snapshot.charges.filter((charge) => !holds(known.get(charge.id) ?? {}, charge));
    await upsertCharges(tx, customerId, news, fetchedAt);
    const charges = snapshot.charges.map((charge) => ({
      before: known.get(charge.id) ?? null,
      after: { ...charge, customer_id: customerId },
    }));
    for (const { row, state } of snapshot.checkouts) if (state !== 'open') await closeCheckout(tx, row.id, state);
    const { top_ups, top_up_invoices } = snapshot;
    // What is bought from here on the reading knows nothing of: the next one does.
    if (top_ups !== null)
      await deps.mirrorTopUps(tx, customerId, { top_ups, invoices: top_up_invoices, charges: snapshot.charges });
    const of = { customer_id: customerId, customer_name: name, imported_at };
    const isNews = await deps.effects(tx, { ...of, subscriptions, invoices, charges });
    if (snapshot.is_gone && stripe_customer_id !== null) {
      await markGone(tx, { stripe_customer_id, customer_id: customerId, gone_at: fetchedAt });
      await deps.unlink(tx, customerId, stripe_customer_id);
    }
    return isNews;
  }
}
