import type Stripe from 'stripe';
import type { Database, Tx } from '../db/database.ts';
import type { createInvoiceMirror, InvoiceMirrorResult } from '../invoices/mirror.ts';
import type { MirrorInvoice } from '../invoices/store.ts';
import type { PlanVersion, StoredPrice } from '../plans/store.ts';
import type { Clock } from '../ports.ts';
import type { createSubscriptionMirror, MirrorResult } from '../subscriptions/mirror.ts';
import { type CheckoutRow, type MirrorSubscription, closeCheckout, openCheckouts } from '../subscriptions/store.ts';
import {
  Unreadable,
  basePriceId,
  translateCheckoutState,
  translateInvoice,
  translateSubscription,
} from './translate.ts';

/** What the mirror found, told to whoever acts on it, inside the mirror's transaction. */
export interface Mirrored {
  customer_id: string;
  subscriptions: MirrorResult;
  invoices: InvoiceMirrorResult;
}

interface Snapshot {
  subscriptions: MirrorSubscription[];
  invoices: MirrorInvoice[];
  checkouts: { row: CheckoutRow; state: 'open' | 'complete' | 'expired' }[];
}

/** Stripe shows at most this many invoices of one customer per read; older ones no longer change. */
const invoicesRead = 100;

/**
 * `syncCustomer`: the one function that every event, the return page and the sweep call. Reads all of one customer from
 * Stripe, then writes the mirror in one transaction. Under a per-customer lock, so that a slow read cannot overwrite a
 * newer one; no network call happens inside the transaction.
 */
export function createSync(deps: {
  db: Database;
  clock: Clock;
  stripe: Stripe;
  installation_id: string;
  findStripeId(customerId: string): Promise<string | null>;
  versionByStripePrice(stripePriceId: string): Promise<{ version: PlanVersion; price: StoredPrice } | null>;
  mirrorSubscriptions: ReturnType<typeof createSubscriptionMirror>;
  mirrorInvoices: ReturnType<typeof createInvoiceMirror>;
  markSynced(tx: Tx, customerId: string, at: Date): Promise<void>;
  /** Before the read is written: usage that is still on its way must be stored before a period is closed. */
  settleUsage(): Promise<void>;
  effects(tx: Tx, mirrored: Mirrored): Promise<void>;
  /** After the commit. */
  changed(customerId: string): Promise<void>;
}) {
  const { db, stripe } = deps;

  return async function syncCustomer(customerId: string): Promise<void> {
    await db.withLock(`stripe:${customerId}`, async () => {
      const stripeCustomerId = await deps.findStripeId(customerId);
      if (stripeCustomerId === null) return;
      const fetchedAt = new Date(deps.clock.now());
      const snapshot = await read(customerId, stripeCustomerId);
      await deps.settleUsage();
      await db.transaction(async (tx) => {
        const subscriptions = await deps.mirrorSubscriptions(tx, customerId, snapshot.subscriptions, fetchedAt);
        const ids = new Map(subscriptions.subscriptions.map((row) => [row.stripe_subscription_id, row.id]));
        const invoices = await deps.mirrorInvoices(tx, customerId, snapshot.invoices, ids, fetchedAt);
        for (const { row, state } of snapshot.checkouts) if (state !== 'open') await closeCheckout(tx, row.id, state);
        await deps.effects(tx, { customer_id: customerId, subscriptions, invoices });
        await deps.markSynced(tx, customerId, fetchedAt);
      });
      await deps.changed(customerId);
    });
  };

  async function read(customerId: string, stripeCustomerId: string): Promise<Snapshot> {
    const checkouts = await readCheckouts(customerId);
    const subscriptions: MirrorSubscription[] = [];
    const own = new Set<string>();
    for await (const subscription of stripe.subscriptions.list({
      customer: stripeCustomerId,
      status: 'all',
      limit: 100,
    })) {
      if (subscription.metadata['farebox_installation'] !== deps.installation_id) continue;
      const priceId = basePriceId(subscription);
      const sold = await deps.versionByStripePrice(priceId);
      if (sold === null)
        throw new Unreadable(`Subscription ${subscription.id} is on price ${priceId}, which no plan version has.`);
      own.add(subscription.id);
      subscriptions.push(
        translateSubscription(subscription, { plan_version_id: sold.version.id, plan_price_id: sold.price.id }),
      );
    }
    const invoices: MirrorInvoice[] = [];
    const page = await stripe.invoices.list({ customer: stripeCustomerId, limit: invoicesRead });
    for (const invoice of page.data) {
      const translated = translateInvoice(invoice, await linesOf(invoice));
      if (translated.stripe_subscription_id !== null && own.has(translated.stripe_subscription_id))
        invoices.push(translated);
    }
    return { subscriptions, invoices, checkouts };
  }

  async function readCheckouts(customerId: string): Promise<Snapshot['checkouts']> {
    const checkouts: Snapshot['checkouts'] = [];
    for (const row of await openCheckouts(db.kysely, customerId)) {
      if (row.stripe_session_id === null) {
        // Stripe never answered this intent, or we never heard; past its end nobody can pay it.
        if (row.expires_at.getTime() <= deps.clock.now()) checkouts.push({ row, state: 'expired' });
        continue;
      }
      const session = await stripe.checkout.sessions.retrieve(row.stripe_session_id);
      checkouts.push({ row, state: translateCheckoutState(session) });
    }
    return checkouts;
  }

  async function linesOf(invoice: Stripe.Invoice): Promise<Stripe.InvoiceLineItem[]> {
    if (!invoice.lines.has_more) return invoice.lines.data;
    const lines: Stripe.InvoiceLineItem[] = [];
    for await (const line of stripe.invoices.listLineItems(invoice.id, { limit: 100 })) lines.push(line);
    return lines;
  }
}
