import { isAddOn, isLiveStatus, usualGroup } from '@farebox/core';
import Stripe from 'stripe';
import type { Database } from '../db/database.ts';
import { type MirrorInvoice, unsettledInvoicesOf } from '../invoices/store.ts';
import type { IntentBook } from '../intents/service.ts';
import type { PlanVersion, StoredPrice } from '../plans/store.ts';
import type { Clock } from '../ports.ts';
import { type CheckoutRow, openCheckouts } from '../subscriptions/checkouts/store.ts';
import { type Card, type MirrorSubscription, type SubscriptionRow, subscriptionsOf } from '../subscriptions/store.ts';
import type { MirrorTopUp, TopUpReading } from '../credits/top-ups/mirror.ts';
import { createTopUpReading } from './reading-top-ups.ts';
import { type MirrorCharge, goneOf } from './store.ts';
import { topUpOf } from './translate-top-up.ts';
import { meteredOn } from './items.ts';
import {
  Unreadable,
  basePriceId,
  idOf,
  nextPhaseOf,
  translateCard,
  translateCharge,
  translateCheckoutState,
  translateInvoice,
  translateObstacle,
  translateSubscription,
} from './translate.ts';

/** All that Stripe has of one customer, in our words. */
export interface Snapshot {
  subscriptions: MirrorSubscription[];
  invoices: MirrorInvoice[];
  charges: MirrorCharge[];
  checkouts: { row: CheckoutRow; state: 'open' | 'complete' | 'expired' }[];
  /** Those that were open; null when there is none that anything could become of. */
  top_ups: MirrorTopUp[] | null;
  /** Of the invoices, those of top-ups. */
  top_up_invoices: TopUpReading['invoices'][number][];
  /** Drafts that were deleted at Stripe: they never were a bill. */
  vanished_invoices: string[];
  /** The customer itself was deleted at Stripe. */
  is_gone: boolean;
}

/** Objects at Stripe that were told of: read even where they are older than what is read of everybody. */
export interface Named {
  charges: readonly string[];
  invoices: readonly string[];
}

export interface ReadingDeps {
  db: Database;
  clock: Clock;
  stripe: Stripe;
  installation_id: string;
  intents: Pick<IntentBook, 'outcomeOf'>;
  versionByStripePrice(stripePriceId: string): Promise<{ version: PlanVersion; price: StoredPrice } | null>;
}

/** So many of a customer's invoices and charges are read each time, the newest. Older ones are read when they are told of. */
const newestRead = 100;
const nothingNamed: Named = { charges: [], invoices: [] };

const nothingScheduled = {
  scheduled_price_id: null,
  scheduled_quantity: null,
  scheduled_add_ons: null,
  scheduled_at: null,
};

/** What belongs to a subscription and is no part of it unless it is asked for. */
const toldWith = ['schedule', 'discounts.source.coupon', 'default_payment_method'] as const;

/** Reads all that Stripe has of one customer. What is here and not in Stripe's lists is asked for by its id. */
export function createReading(deps: ReadingDeps) {
  const { db, stripe } = deps;
  const readTopUps = createTopUpReading(deps);

  return async function read(
    customerId: string,
    stripeCustomerId: string | null,
    named = nothingNamed,
  ): Promise<Snapshot> {
    const checkouts = await readCheckouts(customerId);
    const top_ups = await readTopUps(customerId);
    const known = await subscriptionsOf(db.kysely, customerId);
    const { is_gone, card } = await readCustomer(stripeCustomerId);
    const listed = is_gone && !(await hasHistory(stripeCustomerId)) ? null : stripeCustomerId;
    const subscriptions = await readSubscriptions(listed, known, card);
    const own = new Set([
      ...subscriptions.map((subscription) => subscription.stripe_subscription_id),
      ...known.map((row) => row.stripe_subscription_id),
    ]);
    const payers = [...(listed === null ? [] : [listed]), ...(await formerPayers(customerId, listed))];
    const { invoices, top_up_invoices, vanished_invoices } = await readInvoices(
      customerId,
      payers,
      own,
      named.invoices,
    );
    const charges = await readCharges(payers, named.charges);
    const money = { invoices, top_up_invoices, vanished_invoices, charges };
    return { subscriptions, ...money, checkouts, top_ups, is_gone };
  };

  /** Whether Stripe still lists what a customer had that was deleted: what was paid before we heard of it was paid. */
  async function hasHistory(customer: string | null): Promise<boolean> {
    if (customer === null) return false;
    return (await orMissing(stripe.subscriptions.list({ customer, status: 'all', limit: 1 }))) !== null;
  }

  /** What a customer paid that was deleted at Stripe can still be refunded and disputed. */
  async function formerPayers(customerId: string, listed: string | null): Promise<string[]> {
    const former: string[] = [];
    for (const id of await goneOf(db.kysely, customerId)) if (id !== listed && (await hasHistory(id))) former.push(id);
    return former;
  }

  async function readCustomer(stripeCustomerId: string | null): Promise<{ is_gone: boolean; card: Card | null }> {
    if (stripeCustomerId === null) return { is_gone: false, card: null };
    const customer = await orMissing(stripe.customers.retrieve(stripeCustomerId));
    if (customer?.deleted === true) return { is_gone: true, card: null };
    // Read by itself: of a customer that was deleted Stripe expands nothing.
    const method = customer?.invoice_settings.default_payment_method ?? null;
    const card = method === null ? null : await orMissing(stripe.paymentMethods.retrieve(idOf(method)));
    return { is_gone: false, card: translateCard(card) };
  }

  async function readSubscriptions(
    stripeCustomerId: string | null,
    known: readonly SubscriptionRow[],
    card: Card | null,
  ): Promise<MirrorSubscription[]> {
    const seen: MirrorSubscription[] = [];
    if (stripeCustomerId !== null) {
      const expand = toldWith.map((field) => `data.${field}`);
      const all = stripe.subscriptions.list({ customer: stripeCustomerId, status: 'all', limit: 100, expand });
      for await (const subscription of all) {
        if (subscription.metadata['farebox_installation'] !== deps.installation_id) continue;
        seen.push(await translated(subscription, card));
      }
    }
    const ids = new Set(seen.map((subscription) => subscription.stripe_subscription_id));
    for (const row of known) {
      if (ids.has(row.stripe_subscription_id) || !isLiveStatus(row.status)) continue;
      const subscription = await orMissing(
        stripe.subscriptions.retrieve(row.stripe_subscription_id, { expand: [...toldWith] }),
      );
      seen.push(subscription === null ? vanished(row) : await translated(subscription, card));
    }
    return seen;
  }

  /** `card`: the customer's, which pays what names no card of its own. */
  async function translated(subscription: Stripe.Subscription, card: Card | null): Promise<MirrorSubscription> {
    const priceId = basePriceId(subscription);
    const sold = await deps.versionByStripePrice(priceId);
    if (sold === null)
      throw new Unreadable(`Subscription ${subscription.id} is on price ${priceId}, which no plan version has.`);
    const group = sold.version.content.group ?? usualGroup;
    const terms = { group, plan_version_id: sold.version.id, plan_price_id: sold.price.id };
    const own = subscription.default_payment_method;
    const paysWith = own === null ? card : translateCard(own);
    const metered = new Set(meteredOn(subscription).map(({ price }) => price.id));
    const add_ons = await addOnsAmong(
      subscription.items.data
        .filter(({ price }) => !metered.has(price.id))
        .map(({ price, quantity }) => ({ stripe_price_id: price.id, quantity: quantity ?? 1 })),
    );
    const scheduled = await scheduledOf(subscription, metered);
    return translateSubscription(subscription, terms, { ...scheduled, add_ons, card: paysWith });
  }

  /** Of what a subscription has or is to have, that which comes on top of its plan, always in the same order. */
  async function addOnsAmong(
    items: readonly { stripe_price_id: string; quantity: number }[],
  ): Promise<MirrorSubscription['add_ons']> {
    const found: MirrorSubscription['add_ons'] = [];
    for (const { stripe_price_id, quantity } of items) {
      const sold = await deps.versionByStripePrice(stripe_price_id);
      if (sold !== null && isAddOn(sold.version.content)) found.push({ plan_price_id: sold.price.id, quantity });
    }
    return found.toSorted((a, b) => (a.plan_price_id < b.plan_price_id ? -1 : 1));
  }

  /** What Stripe does not have at all gives no access. */
  function vanished(row: SubscriptionRow): MirrorSubscription {
    const now = new Date(deps.clock.now());
    const unscheduled = nothingScheduled;
    const ended = { status: 'canceled', canceled_at: row.canceled_at ?? now, ended_at: now };
    return { ...mirrorOf(row), ...unscheduled, ...ended };
  }

  async function readInvoices(
    customerId: string,
    payers: readonly string[],
    own: ReadonlySet<string>,
    named: readonly string[],
  ) {
    const invoices: MirrorInvoice[] = [];
    const vanished_invoices: string[] = [];
    const top_up_invoices: Snapshot['top_up_invoices'] = [];
    for (const customer of payers) {
      const page = await stripe.invoices.list({ customer, limit: newestRead });
      for (const invoice of page.data) await keep(invoice);
    }
    const seen = new Set(invoices.map((invoice) => invoice.stripe_invoice_id));
    for (const row of await unsettledInvoicesOf(db.kysely, customerId)) {
      if (seen.has(row.stripe_invoice_id)) continue;
      const invoice = await orMissing(stripe.invoices.retrieve(row.stripe_invoice_id));
      if (invoice === null) vanished_invoices.push(row.id);
      else await keep(invoice);
    }
    for (const id of named) {
      if (invoices.some((invoice) => invoice.stripe_invoice_id === id)) continue;
      const invoice = await orMissing(stripe.invoices.retrieve(id));
      if (invoice !== null && isOfOne(payers, invoice.customer)) await keep(invoice);
    }
    return { invoices, top_up_invoices, vanished_invoices };

    async function keep(invoice: Stripe.Invoice): Promise<void> {
      const translated = translateInvoice(invoice, await linesOf(invoice));
      const { stripe_subscription_id: of, stripe_invoice_id, credited_minor } = translated;
      const top_up_id = invoice.metadata?.['farebox_installation'] === deps.installation_id ? topUpOf(invoice) : null;
      if (top_up_id === null && (of === null || !own.has(of))) return;
      if (top_up_id !== null) top_up_invoices.push({ top_up_id, stripe_invoice_id, credited_minor });
      invoices.push({ ...translated, ...(await obstacleOf(invoice)) });
    }
  }

  async function readCharges(payers: readonly string[], named: readonly string[]): Promise<MirrorCharge[]> {
    const charges = new Map<string, Stripe.Charge>();
    for (const customer of payers) {
      const page = await stripe.charges.list({ customer, limit: newestRead });
      for (const charge of page.data) charges.set(charge.id, charge);
    }
    for (const id of named) {
      const charge = charges.has(id) ? null : await orMissing(stripe.charges.retrieve(id));
      if (charge !== null && isOfOne(payers, charge.customer)) charges.set(id, charge);
    }
    const read: MirrorCharge[] = [];
    for (const charge of charges.values()) {
      const dispute = charge.disputed
        ? (await stripe.disputes.list({ charge: charge.id, limit: 1 })).data[0]
        : undefined;
      read.push(translateCharge(charge, dispute ?? null));
    }
    return read;
  }

  async function scheduledOf(
    subscription: Stripe.Subscription,
    metered: ReadonlySet<string>,
  ): Promise<Omit<Parameters<typeof translateSubscription>[2], 'add_ons' | 'card'>> {
    const next = nextPhaseOf(subscription.schedule);
    if (next === null) return nothingScheduled;
    const items = next.items.filter(({ stripe_price_id }) => !metered.has(stripe_price_id));
    for (const { stripe_price_id, quantity } of items) {
      const sold = await deps.versionByStripePrice(stripe_price_id);
      if (sold === null)
        throw new Unreadable(`${subscription.id} is to be on price ${stripe_price_id}, which no plan version has.`);
      if (isAddOn(sold.version.content)) continue;
      return {
        scheduled_price_id: sold.price.id,
        scheduled_quantity: quantity,
        scheduled_add_ons: await addOnsAmong(items),
        scheduled_at: next.at,
      };
    }
    throw new Unreadable(`${subscription.id} is to have add-ons and no plan.`);
  }

  /** Only an open invoice that was tried has one; of all others nothing more is asked. */
  async function obstacleOf(invoice: Stripe.Invoice): Promise<Partial<ReturnType<typeof translateObstacle>>> {
    if (invoice.status !== 'open' || !invoice.attempted) return {};
    const { data } = await stripe.invoicePayments.list({ invoice: invoice.id, limit: 1 });
    const intent = data[0]?.payment.payment_intent;
    return intent == null ? {} : translateObstacle(await stripe.paymentIntents.retrieve(idOf(intent)));
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

function isOfOne(payers: readonly string[], customer: string | { id: string } | null): boolean {
  return customer !== null && payers.includes(idOf(customer));
}

async function orMissing<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError && error.code === 'resource_missing') return null;
    throw error;
  }
}

/** Of a stored row, what came from Stripe. */
function mirrorOf(row: SubscriptionRow): MirrorSubscription {
  const { id: _id, customer_id: _owner, created_at: _at, ...known } = row;
  const { past_due_since_at: _since, superseded: _superseded, usage_due_at: _due, ...mirror } = known;
  return mirror;
}
