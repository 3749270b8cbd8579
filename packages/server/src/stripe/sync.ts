import Stripe from 'stripe';
import type { Database, Tx } from '../db/database.ts';
import type { createInvoiceMirror, InvoiceMirrorResult } from '../invoices/mirror.ts';
import { type MirrorInvoice, deleteDrafts, unsettledInvoicesOf } from '../invoices/store.ts';
import type { PlanVersion, StoredPrice } from '../plans/store.ts';
import type { Clock } from '../ports.ts';
import type { createSubscriptionMirror, MirrorResult } from '../subscriptions/mirror.ts';
import {
  type CheckoutRow,
  type MirrorSubscription,
  type SubscriptionRow,
  closeCheckout,
  liveStatuses,
  mirrorOf,
  openCheckouts,
  subscriptionsOf,
} from '../subscriptions/store.ts';
import { type MirrorCharge, eventsSoFar, markGone, upsertCharges } from './store.ts';
import {
  Unreadable,
  basePriceId,
  translateCharge,
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
  charges: MirrorCharge[];
  checkouts: { row: CheckoutRow; state: 'open' | 'complete' | 'expired' }[];
  /** Drafts that were deleted at Stripe: they never were a bill. */
  vanished_invoices: string[];
  /** The customer itself was deleted at Stripe. */
  is_gone: boolean;
}

/** Reads a customer and mirrors it. `also` happens in the same transaction: what asked for the reading is closed with it. */
export type Sync = (customerId: string, also?: (tx: Tx) => Promise<void>) => Promise<void>;

/** Stripe shows at most this many invoices and charges of one customer per read; older ones no longer change. */
const invoicesRead = 100;

interface SyncDeps {
  db: Database;
  clock: Clock;
  stripe: Stripe;
  installation_id: string;
  findLink(customerId: string): Promise<{ stripe_customer_id: string | null; stripe_synced_at: Date | null } | null>;
  versionByStripePrice(stripePriceId: string): Promise<{ version: PlanVersion; price: StoredPrice } | null>;
  mirrorSubscriptions: ReturnType<typeof createSubscriptionMirror>;
  mirrorInvoices: ReturnType<typeof createInvoiceMirror>;
  markSynced(tx: Tx, customerId: string, at: Date, seq: number): Promise<void>;
  unlink(tx: Tx, customerId: string, stripeCustomerId: string): Promise<void>;
  /** Before the read is written: usage that is still on its way must be stored before a period is closed. */
  settleUsage(): Promise<void>;
  effects(tx: Tx, mirrored: Mirrored): Promise<void>;
  /** After the commit. */
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

  return async function syncCustomer(customerId, also) {
    await db.withLock(`stripe:${customerId}`, async () => {
      const link = await deps.findLink(customerId);
      if (link === null) return;
      const seq = await eventsSoFar(db.kysely);
      // Under the lock this read is the newest, also when the clock of whoever read before is ahead.
      const fetchedAt = new Date(Math.max(deps.clock.now(), link.stripe_synced_at?.getTime() ?? 0));
      const snapshot = await read(customerId, link.stripe_customer_id);
      await deps.settleUsage();
      await db.transaction(async (tx) => {
        await write(tx, customerId, link.stripe_customer_id, snapshot, fetchedAt);
        await deps.markSynced(tx, customerId, fetchedAt, seq);
        await also?.(tx);
      });
      await deps.changed(customerId);
    });
  };

  async function write(
    tx: Tx,
    customerId: string,
    stripeCustomerId: string | null,
    snapshot: Snapshot,
    fetchedAt: Date,
  ): Promise<void> {
    const subscriptions = await deps.mirrorSubscriptions(tx, customerId, snapshot.subscriptions, fetchedAt);
    const ids = new Map(subscriptions.subscriptions.map((row) => [row.stripe_subscription_id, row.id]));
    const invoices = await deps.mirrorInvoices(tx, customerId, snapshot.invoices, ids, fetchedAt);
    await deleteDrafts(tx, snapshot.vanished_invoices);
    await upsertCharges(tx, customerId, snapshot.charges, fetchedAt);
    for (const { row, state } of snapshot.checkouts) if (state !== 'open') await closeCheckout(tx, row.id, state);
    await deps.effects(tx, { customer_id: customerId, subscriptions, invoices });
    if (snapshot.is_gone && stripeCustomerId !== null) {
      await markGone(tx, { stripe_customer_id: stripeCustomerId, customer_id: customerId, gone_at: fetchedAt });
      await deps.unlink(tx, customerId, stripeCustomerId);
    }
  }
}

/** Reads all that Stripe has of one customer. What is here and not in Stripe's lists is asked for by its id. */
function createReading(deps: SyncDeps) {
  const { db, stripe } = deps;

  return async function read(customerId: string, stripeCustomerId: string | null): Promise<Snapshot> {
    const checkouts = await readCheckouts(customerId);
    const known = await subscriptionsOf(db.kysely, customerId);
    const is_gone = stripeCustomerId !== null && (await isGone(stripeCustomerId));
    const listed = stripeCustomerId !== null && !is_gone ? stripeCustomerId : null;
    const subscriptions = await readSubscriptions(listed, known);
    const own = new Set([
      ...subscriptions.map((subscription) => subscription.stripe_subscription_id),
      ...known.map((row) => row.stripe_subscription_id),
    ]);
    const { invoices, vanished_invoices } = await readInvoices(customerId, listed, own);
    const charges = listed === null ? [] : await readCharges(listed);
    return { subscriptions, invoices, vanished_invoices, charges, checkouts, is_gone };
  };

  async function isGone(stripeCustomerId: string): Promise<boolean> {
    return (await orMissing(stripe.customers.retrieve(stripeCustomerId)))?.deleted !== undefined;
  }

  async function readSubscriptions(
    stripeCustomerId: string | null,
    known: readonly SubscriptionRow[],
  ): Promise<MirrorSubscription[]> {
    const seen: MirrorSubscription[] = [];
    if (stripeCustomerId !== null) {
      const all = stripe.subscriptions.list({ customer: stripeCustomerId, status: 'all', limit: 100 });
      for await (const subscription of all) {
        if (subscription.metadata['farebox_installation'] !== deps.installation_id) continue;
        seen.push(await translated(subscription));
      }
    }
    const ids = new Set(seen.map((subscription) => subscription.stripe_subscription_id));
    for (const row of known) {
      if (ids.has(row.stripe_subscription_id) || !liveStatuses.some((status) => status === row.status)) continue;
      const subscription = await orMissing(stripe.subscriptions.retrieve(row.stripe_subscription_id));
      seen.push(subscription === null ? vanished(row) : await translated(subscription));
    }
    return seen;
  }

  async function translated(subscription: Stripe.Subscription): Promise<MirrorSubscription> {
    const priceId = basePriceId(subscription);
    const sold = await deps.versionByStripePrice(priceId);
    if (sold === null)
      throw new Unreadable(`Subscription ${subscription.id} is on price ${priceId}, which no plan version has.`);
    return translateSubscription(subscription, { plan_version_id: sold.version.id, plan_price_id: sold.price.id });
  }

  /** What Stripe does not have at all gives no access. */
  function vanished(row: SubscriptionRow): MirrorSubscription {
    const now = new Date(deps.clock.now());
    return { ...mirrorOf(row), status: 'canceled', canceled_at: row.canceled_at ?? now, ended_at: now };
  }

  async function readInvoices(customerId: string, stripeCustomerId: string | null, own: ReadonlySet<string>) {
    const invoices: MirrorInvoice[] = [];
    const vanished_invoices: string[] = [];
    if (stripeCustomerId !== null) {
      const page = await stripe.invoices.list({ customer: stripeCustomerId, limit: invoicesRead });
      for (const invoice of page.data) await keep(invoice);
    }
    const seen = new Set(invoices.map((invoice) => invoice.stripe_invoice_id));
    for (const row of await unsettledInvoicesOf(db.kysely, customerId)) {
      if (seen.has(row.stripe_invoice_id)) continue;
      const invoice = await orMissing(stripe.invoices.retrieve(row.stripe_invoice_id));
      if (invoice === null) vanished_invoices.push(row.id);
      else await keep(invoice);
    }
    return { invoices, vanished_invoices };

    async function keep(invoice: Stripe.Invoice): Promise<void> {
      const translated = translateInvoice(invoice, await linesOf(invoice));
      if (translated.stripe_subscription_id !== null && own.has(translated.stripe_subscription_id))
        invoices.push(translated);
    }
  }

  async function readCharges(stripeCustomerId: string): Promise<MirrorCharge[]> {
    const charges: MirrorCharge[] = [];
    const page = await stripe.charges.list({ customer: stripeCustomerId, limit: invoicesRead });
    for (const charge of page.data) {
      const dispute = charge.disputed
        ? (await stripe.disputes.list({ charge: charge.id, limit: 1 })).data[0]
        : undefined;
      charges.push(translateCharge(charge, dispute ?? null));
    }
    return charges;
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

async function orMissing<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError && error.code === 'resource_missing') return null;
    throw error;
  }
}
