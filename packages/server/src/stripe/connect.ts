import type { Customers } from '../customers/service.ts';
import type { Database, Reader, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Log } from '../lib/log.ts';
import { type IntentBook, createIntents } from '../intents/service.ts';
import { createInvoiceMirror } from '../invoices/mirror.ts';
import type { Plans } from '../plans/service.ts';
import type { Clock, Payments } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import { createSubscriptionMirror } from '../subscriptions/mirror.ts';
import { stripeIdOf } from '../subscriptions/store.ts';
import { closePeriods } from '../usage/report.ts';
import { createCarriers } from './carriers.ts';
import { createStripe } from './client.ts';
import { type MoneyNotice, createEffects } from './effects.ts';
import { createStripeJobs } from './jobs.ts';
import { createPayments, createUsageBilling } from './payments.ts';
import { createPush } from './push.ts';
import { installationId } from './store.ts';
import { createSync } from './sync.ts';
import type { Send } from './transport.ts';
import { verdictOf } from './verdict.ts';
import { createStripeWebhook } from './webhook.ts';

export interface StripeDeps {
  db: Database;
  clock: Clock;
  log: Log;
  queue: Queue;
  plans: Plans;
  customers: Customers;
  secret_key: string;
  webhook_secret: string;
  /** A local Stripe's address; null for Stripe itself. */
  address: { host: string; port: number } | null;
  /** In place of the network. */
  send?: Send;
  mintFirst(tx: Tx, customerId: string): Promise<{ key_start: string } | null>;
  notify(tx: Tx, customerId: string, notice: MoneyNotice): Promise<void>;
  /** In the transaction: tells every process that what its gate knows of this customer is old. */
  invalidate(tx: Tx, customerId: string): Promise<void>;
  /** After the commit: the same for this process, at once. */
  changed(customerId: string): Promise<void>;
  flushUsage(): Promise<void>;
  usageOfPeriod(
    db: Reader,
    customerId: string,
    meterId: string,
    period: { start_at: number; end_at: number },
  ): Promise<number>;
}

interface StripeConnection {
  payments: Payments;
  intents: IntentBook;
  jobs: ReturnType<typeof createStripeJobs>;
  webhook: ReturnType<typeof createStripeWebhook>;
}

/** Joins the parts of the Stripe edge: what comes in by events and what goes out by jobs. */
export async function connectStripe(deps: StripeDeps): Promise<StripeConnection> {
  const { db, clock, log, queue, plans, customers } = deps;
  const installation_id = await installationId(db.kysely, {
    id: createId('inst', clock.now()),
    created_at: new Date(clock.now()),
  });
  const stripe = createStripe(deps);
  const findStripeId = async (id: string) => (await customers.find(null, id))?.stripe_customer_id ?? null;

  const intents = createIntents({
    ...deps,
    installation_id,
    carriers: createCarriers({ stripe, installation_id }),
    verdictOf,
  });
  const effects = createEffects({
    ...deps,
    undo: async (tx, customer_id, id) => {
      const wish = { kind: 'subscription.undo', customer_id, dedupe_key: `undo:${id}` } as const;
      await intents.record(tx, { ...wish, data: { stripe_subscription_id: id } });
    },
    versionById: (tx, id) => plans.version(tx, id),
    closePeriods: (tx, subscription, plan) => closePeriods(tx, deps, subscription, plan),
  });
  const syncCustomer = createSync({
    db,
    clock,
    stripe,
    installation_id,
    findStripeId,
    versionByStripePrice: (price) => plans.versionByStripePrice(price),
    mirrorSubscriptions: createSubscriptionMirror({ clock }),
    mirrorInvoices: createInvoiceMirror({ clock }),
    markSynced: (tx, id, at) => customers.markSynced(tx, id, at.getTime()),
    settleUsage: deps.flushUsage,
    effects,
    changed: deps.changed,
  });
  const push = createPush({ db, stripe, installation_id, log });
  const jobs = createStripeJobs({
    db,
    clock,
    log,
    queue,
    customers: {
      findByStripeId: (id) => customers.byStripeId(null, id),
      staleOf: (ids, before) => customers.staleOf(ids, before),
      findStripeId,
    },
    subscriptionStripeId: (id) => stripeIdOf(db.kysely, id),
    meterName: (id) => plans.list.meters.find((meter) => meter.id === id)?.name ?? id,
    syncCustomer,
    push,
    billUsage: createUsageBilling({ stripe, installation_id }),
    intents,
  });
  return {
    intents,
    payments: createPayments({ stripe, installation_id, syncCustomer, findStripeId }),
    jobs,
    webhook: createStripeWebhook({ db, clock, queue, stripe, secret: deps.webhook_secret }),
  };
}
