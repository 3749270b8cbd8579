import type Stripe from 'stripe';
import type { Database, Tx } from '../../db/database.ts';
import { invoicesOfAll } from '../../invoices/store.ts';
import { abreast } from '../../lib/abreast.ts';
import type { Log } from '../../lib/log.ts';
import type { PlanVersion } from '../../plans/store.ts';
import type { Clock } from '../../ports.ts';
import type { Queue } from '../../queue/queue.ts';
import { subscriptionsOfAll } from '../../subscriptions/store.ts';
import { reopenAdjustment, sentAdjustments } from '../../usage/corrections/store.ts';
import { reopenReport, sentReports } from '../../usage/report.ts';
import { reach } from '../reach.ts';
import type { Sync } from '../sync.ts';
import { allGone, lastComparedAt } from './store.ts';
import { chargesOfAll, knownEvents } from '../store.ts';
import { addOnsOn, namesOf } from '../items.ts';
import {
  basePriceId,
  baseItem,
  idOf,
  nextPhaseOf,
  translateCharge,
  translateDiscount,
  translateInvoice,
} from '../translate.ts';
import { topUpOf } from '../translate-top-up.ts';
import {
  type Divergence,
  type LocalCustomer,
  type LocalSubscription,
  type RemoteCustomer,
  type RemoteInvoice,
  type RemoteSubscription,
  compareCharges,
  compareCustomers,
  compareGroups,
  compareInvoices,
  compareSubscriptions,
  compareUsage,
  comparedFrom,
} from './compare.ts';

export interface Reconciliation {
  /** How many objects of Stripe were looked at. */
  checked: number;
  found: (Divergence & { repaired: boolean })[];
}

/** Seconds, as Stripe's lists take it. */
type Since = { gte: number };

/** Customers read again at once: some 30 requests a second, a third of what Stripe allows an account. */
const readAbreast = 4;

/**
 * Compares everything here with everything at Stripe, says each difference in words, and repairs what has one right answer.
 * A second run finds nothing of what the first repaired. Where only a person can decide, nothing is touched.
 */
export function createReconcile(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  stripe: Stripe;
  queue: Pick<Queue, 'enqueue'>;
  installation_id: string;
  webhook_url: string;
  customers: { all(): Promise<LocalCustomer[]>; link(customerId: string, stripeCustomerId: string): Promise<void> };
  plans: {
    current(): Promise<PlanVersion[]>;
    versionByStripePrice(stripePriceId: string): Promise<{ version: PlanVersion } | null>;
  };
  catalogFaults(): Promise<{ object_id: string; detail: string }[]>;
  syncCustomer: Sync;
  backfill(): Promise<unknown>;
  told: { drift(tx: Tx, found: Reconciliation): Promise<void> };
}) {
  const { db, clock, stripe } = deps;
  const isOurs = (object: { metadata: Stripe.Metadata | null }) =>
    object.metadata?.['farebox_installation'] === deps.installation_id;

  async function compare(): Promise<{ checked: number; found: Divergence[] }> {
    const from = comparedFrom(clock.now(), (await lastComparedAt(db.kysely)).getTime());
    const created = { gte: Math.floor(from / 1000) };
    const { customers: remote, cards } = await remoteCustomers();
    const local = await deps.customers.all();
    const owners = new Map(remote.map((each) => [each.stripe_customer_id, each.customer_id]));
    for (const { id, stripe_customer_id } of local) if (stripe_customer_id !== null) owners.set(stripe_customer_id, id);
    // What was paid before a customer was deleted is refunded and disputed after it.
    for (const { stripe_customer_id, customer_id } of await allGone(db.kysely))
      if (!owners.has(stripe_customer_id)) owners.set(stripe_customer_id, customer_id);
    const known = new Set(local.map(({ id }) => id));
    const ownerOf = (id: string) => {
      const owner = owners.get(id);
      return owner !== undefined && known.has(owner) ? owner : null;
    };
    const here = await localSubscriptions();
    const subscriptions = await remoteSubscriptions(cards);
    const invoices = await remoteInvoices(created, new Set(subscriptions.map((each) => each.stripe_subscription_id)));
    const found = [
      ...compareCustomers(local, remote),
      ...compareSubscriptions(here, subscriptions, ownerOf),
      ...compareGroups(here, subscriptions, ownerOf),
      ...compareInvoices(await invoicesOfAll(db.kysely), invoices, ownerOf),
      ...compareCharges(await chargesOfAll(db.kysely), await remoteCharges(created), ownerOf),
      ...compareUsage(await sentUsage(new Date(from)), await billedUsage(created)),
      ...(await catalogue()),
      ...(await listening()),
      ...(await undelivered(created)),
    ];
    return { checked: remote.length + subscriptions.length + invoices.length, found };
  }

  /** With the card that each pays with where a subscription names none. */
  async function remoteCustomers(): Promise<{ customers: RemoteCustomer[]; cards: Map<string, string> }> {
    const customers: RemoteCustomer[] = [];
    const cards = new Map<string, string>();
    for await (const each of stripe.customers.list({ limit: 100 })) {
      if (!isOurs(each)) continue;
      customers.push({ stripe_customer_id: each.id, customer_id: each.metadata['farebox_customer'] ?? '' });
      const card = each.invoice_settings.default_payment_method;
      if (card !== null) cards.set(each.id, idOf(card));
    }
    return { customers, cards };
  }

  async function localSubscriptions(): Promise<LocalSubscription[]> {
    return (await subscriptionsOfAll(db.kysely)).map((row) => ({
      ...row,
      discounts: namesOfDiscounts(row.discounts),
      scheduled: row.scheduled_at === null ? null : sayScheduled(row.scheduled_items, row.scheduled_at),
      stripe_payment_method_id: row.card?.stripe_payment_method_id ?? null,
    }));
  }

  async function remoteSubscriptions(cards: ReadonlyMap<string, string>): Promise<RemoteSubscription[]> {
    const all: RemoteSubscription[] = [];
    const groups = new Map<string, string | null>();
    const expand = ['data.schedule', 'data.discounts.source.coupon'];
    for await (const each of stripe.subscriptions.list({ status: 'all', limit: 100, expand })) {
      if (!isOurs(each)) continue;
      const item = baseItem(each);
      const customer = idOf(each.customer);
      const own = each.default_payment_method;
      const next = nextPhaseOf(each.schedule);
      const price = basePriceId(each);
      const group = groups.get(price) ?? (await groupAt(price));
      groups.set(price, group);
      all.push({
        stripe_subscription_id: each.id,
        stripe_customer_id: customer,
        group,
        status: each.status,
        created_at: each.created * 1000,
        quantity: item.quantity ?? 1,
        stripe_price_id: price,
        add_ons: namesOf(addOnsOn(each)),
        currency: each.currency,
        current_period_end_at: new Date(item.current_period_end * 1000),
        cancel_at: each.cancel_at === null ? null : new Date(each.cancel_at * 1000),
        trial_end_at: each.trial_end === null ? null : new Date(each.trial_end * 1000),
        discounts: namesOfDiscounts(each.discounts.flatMap(translateDiscount)),
        scheduled: next === null ? null : sayScheduled(namesOf(next.items), next.at),
        stripe_payment_method_id: own === null ? (cards.get(customer) ?? null) : idOf(own),
      });
    }
    return all;
  }

  async function groupAt(stripePriceId: string): Promise<string | null> {
    return (await deps.plans.versionByStripePrice(stripePriceId))?.version.content.group ?? null;
  }

  /** The charges of that time, and older ones of which something was given back or that are disputed since. */
  async function remoteCharges(created: Since) {
    const charges = new Map<string, Stripe.Charge>();
    const disputes = new Map<string, Stripe.Dispute>();
    const expand = ['data.charge'];
    for await (const each of stripe.charges.list({ created, limit: 100 })) charges.set(each.id, each);
    for await (const { charge } of stripe.refunds.list({ created, limit: 100, expand }))
      if (charge !== null && typeof charge !== 'string') charges.set(charge.id, charge);
    for await (const each of stripe.disputes.list({ limit: 100, expand })) {
      disputes.set(idOf(each.charge), each);
      if (typeof each.charge !== 'string') charges.set(each.charge.id, each.charge);
    }
    return [...charges.values()].flatMap((charge) =>
      charge.customer === null
        ? []
        : { ...translateCharge(charge, disputes.get(charge.id) ?? null), stripe_customer_id: idOf(charge.customer) },
    );
  }

  async function remoteInvoices(created: Since, own: ReadonlySet<string>): Promise<RemoteInvoice[]> {
    const all: RemoteInvoice[] = [];
    for await (const each of stripe.invoices.list({ created, limit: 100 })) {
      const { stripe_invoice_id, stripe_subscription_id, status, total_minor, amount_paid_minor } = translateInvoice(
        each,
        [],
      );
      const isTopUp = topUpOf(each) !== null && isOurs(each);
      const isOwn = stripe_subscription_id !== null && own.has(stripe_subscription_id);
      if (!(isTopUp || isOwn) || each.customer === null) continue;
      all.push({ stripe_invoice_id, stripe_customer_id: idOf(each.customer), status, total_minor, amount_paid_minor });
    }
    return all;
  }

  async function sentUsage(from: Date) {
    return [...(await sentReports(db.kysely, from)), ...(await sentAdjustments(db.kysely, from))];
  }

  async function billedUsage(created: Since): Promise<Map<string, number>> {
    const billed = new Map<string, number>();
    for await (const item of stripe.invoiceItems.list({ created, limit: 100 })) {
      const { farebox_usage_report, farebox_cap_report, farebox_minimum_report, farebox_usage_adjustment } =
        item.metadata ?? {};
      const report = farebox_usage_report ?? farebox_cap_report ?? farebox_minimum_report ?? farebox_usage_adjustment;
      if (report !== undefined && isOurs(item)) billed.set(report, (billed.get(report) ?? 0) + item.amount);
    }
    return billed;
  }

  /** What is on sale can be bought at Stripe. */
  async function catalogue(): Promise<Divergence[]> {
    return (await deps.catalogFaults()).map(({ object_id, detail }) => {
      const repair = detail.includes('archived') ? 'sell' : null;
      return { kind: 'archived_price', customer_id: null, object_id, detail, repair };
    });
  }

  /** Stripe sends its events to us. */
  async function listening(): Promise<Divergence[]> {
    const { data } = await stripe.webhookEndpoints.list({ limit: 100 });
    const own = data.filter((endpoint) => endpoint.url === deps.webhook_url);
    if (own.some((endpoint) => endpoint.status === 'enabled')) return [];
    const [disabled] = own;
    const detail =
      disabled === undefined
        ? `No webhook endpoint at Stripe has the address ${deps.webhook_url}. Add one, and put its secret into STRIPE_WEBHOOK_SECRET.`
        : `The webhook endpoint ${disabled.id} is disabled at Stripe: events do not arrive.`;
    const repair = disabled === undefined ? null : 'listen';
    return [
      { kind: 'webhook_disabled', customer_id: null, object_id: disabled?.id ?? deps.webhook_url, detail, repair },
    ];
  }

  /** Events that Stripe could not deliver and that were not read from its list either. */
  async function undelivered(created: Since): Promise<Divergence[]> {
    const ids: string[] = [];
    for await (const event of stripe.events.list({ delivery_success: false, created, limit: 100 })) ids.push(event.id);
    const known = await knownEvents(db.kysely, ids);
    const lost = ids.filter((id) => !known.has(id));
    const [first] = lost;
    if (first === undefined) return [];
    const detail = `Stripe could not deliver ${lost.length} events, ${first} among them. Is the secret in STRIPE_WEBHOOK_SECRET the endpoint's?`;
    return [{ kind: 'undelivered_event', customer_id: null, object_id: first, detail, repair: 'backfill' }];
  }

  /** Each repair once, however many differences it is the answer to. */
  async function repair(found: readonly Divergence[]): Promise<void> {
    for (const { repair: how, customer_id, object_id } of found) {
      if (how === 'link' && customer_id !== null) await deps.customers.link(customer_id, object_id);
      if (how === 'listen') await stripe.webhookEndpoints.update(object_id, { disabled: false });
      if (how === 'sell') await sell(object_id);
      if (how === 'bill') await billAgain(object_id);
    }
    const read = new Map<string, { charges: string[]; invoices: string[] }>();
    for (const { kind, repair: how, customer_id, object_id } of found) {
      if ((how !== 'sync' && how !== 'link') || customer_id === null) continue;
      const named = read.get(customer_id) ?? { charges: [], invoices: [] };
      read.set(customer_id, named);
      if (kind === 'stale_charge') named.charges.push(object_id);
      if (kind === 'missing_invoice' || kind === 'stale_invoice') named.invoices.push(object_id);
    }
    await abreast(read, readAbreast, ([customerId, named]) => deps.syncCustomer(customerId, { named }));
    if (found.some(({ repair: how }) => how === 'backfill')) await deps.backfill();
  }

  async function sell(id: string): Promise<void> {
    const isPrice = (await deps.plans.current()).some(({ prices }) =>
      prices.some((price) => price.stripe_price_id === id),
    );
    if (isPrice) await stripe.prices.update(id, { active: true });
    else await stripe.products.update(id, { active: true });
  }

  async function billAgain(reportId: string): Promise<void> {
    await db.transaction(async (tx) => {
      if (reportId.startsWith('uadj_')) {
        await reopenAdjustment(tx, reportId);
        return await deps.queue.enqueue(tx, { name: 'usage.adjustment', data: { adjustment_id: reportId } });
      }
      await reopenReport(tx, reportId);
      await deps.queue.enqueue(tx, { name: 'usage.report', data: { report_id: reportId } });
    });
  }

  return async function reconcile(options: { repair: boolean }): Promise<Reconciliation> {
    return await db.withLock('stripe:reconcile', async () => {
      const { checked, found } = await reach(compare);
      if (options.repair) await reach(() => repair(found));
      for (const { kind, object_id, detail } of found) deps.log.error({ kind, object_id }, detail);
      const all = found.map((each) => ({ ...each, repaired: options.repair && each.repair !== null }));
      // A look changes nothing, so it tells nobody either.
      if (options.repair && all.length > 0) await db.transaction((tx) => deps.told.drift(tx, { checked, found: all }));
      return { checked, found: all };
    });
  };
}

function namesOfDiscounts(discounts: readonly { name: string }[]): string {
  return discounts
    .map(({ name }) => name)
    .toSorted()
    .join('+');
}

function sayScheduled(items: string, at: Date): string {
  return `${items} ${at.toISOString()}`;
}
