import type { DunningStage, PricedPlan, Taxes } from '@farebox/core';
import type Stripe from 'stripe';
import type { Customers } from '../customers/service.ts';
import type { createTopUpMirror } from '../credits/top-ups/mirror.ts';
import type { Database, Reader, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { createKept } from '../lib/kept.ts';
import type { Log } from '../lib/log.ts';
import { type IntentBook, createIntents } from '../intents/service.ts';
import { createInvoiceMirror } from '../invoices/mirror.ts';
import type { Plans } from '../plans/service.ts';
import type { Clock, Payments, PaymentsDesk } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import { createSubscriptionMirror } from '../subscriptions/mirror.ts';
import { phasesOf, subscriptionById } from '../subscriptions/store.ts';
import { isMetered, reportOfMetered } from '../usage/metered/store.ts';
import { reportsOfAdjustments } from '../usage/corrections/store.ts';
import { type PayFromCredit, closePeriods } from '../usage/report.ts';
import { createBackfill } from './backfill.ts';
import { createCarriers } from './carriers.ts';
import { createCatalogCheck } from './catalog-check.ts';
import { createStripe } from './client.ts';
import { createDesk } from './desk.ts';
import { createEffects } from './effects.ts';
import { createEventHandler } from './handle.ts';
import { type StripeImport, createStripeImport } from './import/service.ts';
import { createInbox, createReplay } from './inbox.ts';
import { createStripeJobs } from './jobs.ts';
import { createInvoicedUsage } from './invoiced-usage.ts';
import type { ToldOfMoney } from './life-events.ts';
import type { MoneyNotice, Person } from './life-notices.ts';
import { createPayments } from './payments.ts';
import { createPush } from './push.ts';
import { countGone, customerOfGone, installationId } from './store.ts';
import { reach } from './reach.ts';
import { createRecorded } from './reconcile/recorded.ts';
import { type Reconciliation, createReconcile } from './reconcile/service.ts';
import { type Sync, createSync } from './sync.ts';
import type { Pace, Send } from './transport.ts';
import { verdictOf } from './verdict.ts';
import { createUsageBilling } from './usage-billing.ts';
import { createUsageMeters } from './usage-meters.ts';
import { createStripeWebhook } from './webhook.ts';

export interface StripeDeps {
  db: Database;
  clock: Clock;
  log: Log;
  queue: Queue;
  plans: Plans;
  customers: Customers;
  secret_key: string;
  /** Where Stripe sends its events. */
  webhook_url: string;
  /** Several while one is rolled. */
  webhook_secrets: readonly string[];
  /** A local Stripe's address; null for Stripe itself. */
  address: { host: string; port: number } | null;
  /** In place of the network, and of the machine's time between tries. */
  send?: Send;
  pace?: Pace;
  mirrorTopUps: ReturnType<typeof createTopUpMirror>;
  /** Pays usage that is billed from the customer's credit, as far as there is any. */
  payFromCredit: PayFromCredit;
  mintFirst(tx: Tx, customerId: string): Promise<{ key_start: string } | null>;
  dunning: readonly DunningStage[];
  taxes: Taxes;
  personOf(customerName: string): Person;
  notify(tx: Tx, customerId: string, notice: MoneyNotice): Promise<void>;
  /** The same for programs: the webhooks' outbox. */
  told: ToldOfMoney & { drift(tx: Tx, found: Reconciliation): Promise<void> };
  /** In the transaction: tells every process that what its gate knows of this customer is old. */
  invalidate(tx: Tx, customerId: string): Promise<void>;
  /** After the commit: the same for this process, at once. */
  changed(customerId: string): Promise<void>;
  flushUsage(): Promise<void>;
  isConfirmed(customerId: string): Promise<boolean>;
  audited(tx: Tx, entry: { actor: string; action: string; customer_id: string; object_id: string }): Promise<void>;
  usageOfPeriod(
    db: Reader,
    customerId: string,
    meterId: string,
    period: { start_at: number; end_at: number },
  ): Promise<number>;
}

export interface StripeConnection {
  payments: Payments;
  desk: PaymentsDesk;
  invoicedUsage: ReturnType<typeof createInvoicedUsage>;
  meterDifferences: ReturnType<typeof createUsageMeters>['differences'];
  intents: IntentBook;
  jobs: ReturnType<typeof createStripeJobs>;
  backfill: ReturnType<typeof createBackfill>;
  replay: ReturnType<typeof createReplay>;
  reconcile: ReturnType<typeof createReconcile>;
  webhook: ReturnType<typeof createStripeWebhook>;
  stripeImport: StripeImport;
}

/** Joins the parts of the Stripe edge: the mirror, what comes in by events, what goes out by intents and jobs. */
export async function connectStripe(deps: StripeDeps): Promise<StripeConnection> {
  const { db, clock, log, queue, plans, customers } = deps;
  const installation_id = await installationId(db.kysely, {
    id: createId('inst', clock.now()),
    created_at: new Date(clock.now()),
  });
  const stripe = createStripe(deps);
  const edge = { ...deps, stripe, installation_id };
  const intents = createIntents({ ...edge, carriers: createCarriers(edge), verdictOf });
  const syncCustomer = connectMirror(edge, intents);
  const catalog = createCatalogCheck({
    ...edge,
    versionByStripePrice: async (price) => (await plans.versionByStripePrice(price))?.version ?? null,
    current: () => plans.current(),
  });
  const findStripeId = async (id: string) => (await customers.find(null, id))?.stripe_customer_id ?? null;
  const subscription = (id: string) => subscriptionById(db.kysely, id);
  const planOfPrice = (id: string) => plans.ofPrice(null, id);
  const meters = createUsageMeters({ ...edge, subscription, planOfPrice, findStripeId });
  const inbox = { syncCustomer, catalogFault: catalog.one, meterRefused: meters.refused };
  const { handleEvent, backfill, webhook } = connectInbox(edge, inbox);
  const link = async (id: string, stripeId: string) => void (await customers.linkStripe(null, id, stripeId));
  const compared = createReconcile({
    ...edge,
    customers: { all: () => customers.links(), link },
    catalogFaults: catalog.all,
    syncCustomer,
    backfill,
  });
  const reconcile = createRecorded({ db, clock, reconcile: compared });
  const stripeImport = createStripeImport({ ...edge, syncCustomer });
  const meterName = (id: string) => plans.list.meters.find((meter) => meter.id === id)?.name ?? id;
  const jobs = createStripeJobs({
    db,
    clock,
    queue,
    customers: { staleOf: (ids, before) => customers.staleOf(ids, before), findStripeId },
    subscription,
    meterName,
    syncCustomer,
    handleEvent,
    backfill,
    reconcile,
    stripeImport,
    push: createPush({ db, clock, stripe, installation_id, meterName, log }),
    meters,
    billUsage: createUsageBilling({ stripe, installation_id }),
    intents,
  });
  const countGoneOf = (id: string) => countGone(db.kysely, id);
  return {
    intents,
    desk: createDesk({ stripe, installation_id }),
    invoicedUsage: createInvoicedUsage({
      stripe,
      installation_id,
      findStripeId,
      reportsOf: (ids) => reportsOfAdjustments(db.kysely, ids),
      isMetered: (id) => isMetered(db.kysely, id),
      reportOfMetered: (line) => reportOfMetered(db.kysely, line),
    }),
    meterDifferences: meters.differences,
    payments: createPayments({ ...edge, syncCustomer, findStripeId, countGone: countGoneOf }),
    jobs,
    backfill: () => reach(backfill),
    replay: createReplay({ db, queue }),
    reconcile,
    webhook,
    stripeImport,
  };
}

interface Edge extends StripeDeps {
  stripe: Stripe;
  installation_id: string;
}

/** Prices of which it is remembered what they sell. */
const mostPrices = 2_000;

/** `syncCustomer`, with what follows from it. What a price sells never changes: it is asked for once, not at every reading. */
function connectMirror(edge: Edge, intents: IntentBook): Sync {
  const { clock, plans, customers } = edge;
  const sold = createKept<Awaited<ReturnType<Plans['versionByStripePrice']>>>(mostPrices);
  const priced = createKept<PricedPlan>(mostPrices);
  const effects = createEffects({
    ...edge,
    undo: async (tx, customer_id, id) => {
      const wish = { kind: 'subscription.undo', customer_id, dedupe_key: `undo:${id}` } as const;
      await intents.record(tx, { ...wish, data: { stripe_subscription_id: id } });
    },
    planOfPrice: (tx, id) => priced(id, () => plans.ofPrice(tx, id)),
    phasesOf,
    closePeriods: (tx, subscription, phases) => closePeriods(tx, edge, subscription, phases),
  });
  return createSync({
    ...edge,
    intents,
    findLink: (id) => customers.find(null, id),
    versionByStripePrice: (price) => sold(price, () => plans.versionByStripePrice(price)),
    mirrorSubscriptions: createSubscriptionMirror({ clock }),
    mirrorInvoices: createInvoiceMirror({ clock }),
    markSynced: (tx, id, at, seq) => customers.markSynced(tx, id, at.getTime(), seq),
    unlink: (tx, id, stripeId) => customers.unlinkStripe(tx, id, stripeId),
    settleUsage: edge.flushUsage,
    effects,
  });
}

/** The door for events, the reading of Stripe's list, and what becomes of an event. */
function connectInbox(
  edge: Edge,
  inbox: Pick<Parameters<typeof createEventHandler>[0], 'syncCustomer' | 'catalogFault' | 'meterRefused'>,
) {
  const { db, customers, queue } = edge;
  const receive = createInbox(edge);
  const handleEvent = createEventHandler({
    ...edge,
    ...inbox,
    renewing: (stripe_subscription_id, at) =>
      queue.enqueue(db.kysely, { name: 'renewals.tell', data: { stripe_subscription_id, heard_at: at.getTime() } }),
    customers: {
      findByStripeId: async (id) => (await customers.byStripeId(null, id)) ?? (await formerOwner(id)),
      find: (id) => customers.find(null, id),
      link: async (id, stripeId) => void (await customers.linkStripe(null, id, stripeId)),
    },
  });
  return {
    handleEvent,
    backfill: createBackfill({ ...edge, receive }),
    webhook: createStripeWebhook({ ...edge, secrets: edge.webhook_secrets, receive }),
  };

  async function formerOwner(stripeCustomerId: string) {
    const id = await customerOfGone(db.kysely, stripeCustomerId);
    return id === null ? null : await customers.find(null, id);
  }
}
