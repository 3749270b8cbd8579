import type { PriceList } from '@farebox/core';
import type { Accounts } from './accounts/service.ts';
import type { AppOptions } from './app.ts';
import { grantView } from './credits/schema.ts';
import type { GrantRow } from './credits/store.ts';
import { topUpView } from './credits/top-ups/schema.ts';
import type { TopUpRow } from './credits/top-ups/store.ts';
import { customerBody } from './customers/schema.ts';
import type { CustomerTold, Customers } from './customers/service.ts';
import { type ListedCustomer, listedCustomer } from './customers/store.ts';
import type { Database, Tx } from './db/database.ts';
import type { EntitlementTold } from './entitlements/tell.ts';
import { packageSizes } from './explaining.ts';
import type { RateLimited } from './gate/refusals.ts';
import { invoiceView, upcomingView } from './invoices/schema.ts';
import type { UpcomingInvoice } from './invoices/service.ts';
import { linesOf } from './invoices/store.ts';
import type { KeyTold } from './keys/record.ts';
import { viewOf } from './keys/schema.ts';
import { invariant } from './lib/invariant.ts';
import type { Notices } from './notices/service.ts';
import type { SwitchedOff } from './notices/webhooks/deliveries.ts';
import { type Events, createEvents } from './notices/webhooks/events.ts';
import { createWebhooks } from './notices/webhooks/service.ts';
import { versionView } from './plans/schema.ts';
import { type PlanTold, featuresOf } from './plans/service.ts';
import { planOfPrice, versionNumberOfPrice, versionsOf } from './plans/store.ts';
import type { Clock } from './ports.ts';
import type { Queue } from './queue/queue.ts';
import { version } from './routes.ts';
import type { ToldOfMoney } from './stripe/life-events.ts';
import type { Reconciliation } from './stripe/reconcile/service.ts';
import { viewCharge } from './stripe/schema.ts';
import { migrationView } from './subscriptions/migrations/schema.ts';
import { migrationProgress } from './subscriptions/migrations/store.ts';
import { subscriptionView } from './subscriptions/schema.ts';
import { cardView } from './payment-methods/schema.ts';
import {
  type Card,
  type PricedAddOn,
  type StoredAddOn,
  type SubscriptionRow,
  type SubscriptionWithPlan,
  subscriptionWithPlan,
} from './subscriptions/store.ts';
import { alertView } from './usage/alerts/schema.ts';
import type { NewAlert } from './usage/alerts/service.ts';
import { correctionView } from './usage/corrections/schema.ts';
import type { Correction } from './usage/corrections/service.ts';

/** Of what differs from Stripe, an event carries so many. */
const mostFound = 100;

/**
 * What the slices did, as events for webhooks: each in the transaction of what it tells, its object as REST answers it. Slices
 * say what happened to which row; only here it is known what an event looks like.
 */
export function createTelling(deps: {
  db: Database;
  clock: Clock;
  queue: Pick<Queue, 'enqueue'>;
  list: Pick<PriceList, 'features'>;
  livemode: boolean;
}) {
  const { clock } = deps;
  const events = createEvents({ ...deps, api_version: version });
  const { record } = events;

  const customer: CustomerTold = async (tx, verb, id, before) => {
    const after = await listedCustomer(tx, id);
    invariant(after !== undefined, 'what is told of a customer is read while there is one');
    const object = customerBody(after);
    await record(tx, { type: `customer.${verb}`, customer_id: id, object, before: bodyOf(before) });
  };

  const key: KeyTold = async (tx, verb, row, before) => {
    const now = clock.now();
    await record(tx, {
      type: `api_key.${verb}`,
      customer_id: row.customer_id,
      object: viewOf(row, now),
      before: before === null ? null : viewOf(before, now),
      // What time alone does is seen again and again.
      ...(verb === 'expiring' || verb === 'expired'
        ? { dedupe_key: `api_key.${verb}:${row.id}:${row.expires_at?.getTime()}` }
        : {}),
    });
  };

  const plan: PlanTold = async (tx, verb, planId, number) => {
    const found = (await versionsOf(tx, planId)).find(({ version }) => version === number);
    invariant(found !== undefined, 'what is published is stored');
    const features = { featuresOf: (content: Parameters<typeof featuresOf>[1]) => featuresOf(deps.list, content) };
    const object = versionView(found, features);
    await record(tx, { type: `plan.${verb}`, customer_id: null, object });
  };

  const rateLimit = async (tx: Tx, { limit_id, hour_at, refused_at, ...refusal }: RateLimited): Promise<void> => {
    const times = { hour_at: new Date(hour_at).toISOString(), refused_at: new Date(refused_at).toISOString() };
    await record(tx, {
      type: 'rate_limit.exceeded',
      customer_id: refusal.customer_id,
      object: { object: 'rate_limit', ...refusal, ...times },
      dedupe_key: `rate_limit.exceeded:${limit_id}:${hour_at}`,
    });
  };

  const credit = async (tx: Tx, row: GrantRow): Promise<void> => {
    const object = grantView(row, clock.now());
    await record(tx, { type: 'credits.granted', customer_id: row.customer_id, object });
  };

  const creditExpired = async (tx: Tx, row: GrantRow): Promise<void> => {
    const { id, customer_id, expires_at } = row;
    invariant(expires_at !== null, 'what expired had an end');
    const [object, before] = [grantView(row, clock.now()), grantView(row, expires_at.getTime() - 1)];
    await record(tx, { type: 'credits.expired', customer_id, object, before, dedupe_key: `credits.expired:${id}` });
  };

  const upcoming = async (tx: Tx, invoice: UpcomingInvoice): Promise<void> => {
    const { id, customer_id, current_period_end_at } = invoice.subscription;
    const dedupe_key = `invoice.upcoming:${id}:${current_period_end_at.getTime()}`;
    await record(tx, { type: 'invoice.upcoming', customer_id, object: upcomingView(invoice), dedupe_key });
  };

  const topUp = async (tx: Tx, type: 'top_up.succeeded' | 'top_up.failed', row: TopUpRow): Promise<void> => {
    await record(tx, { type, customer_id: row.customer_id, object: topUpView(row) });
  };

  const entitlement = async (tx: Tx, { type, customer_id, feature_id, name, before, after }: EntitlementTold) => {
    const of = { object: 'entitlement', customer_id, feature_id, name };
    await record(tx, { type, customer_id, object: { ...of, ...after }, before: before && { ...of, ...before } });
  };

  const usage = async (tx: Tx, correction: Correction): Promise<void> => {
    const object = correctionView(correction);
    await record(tx, { type: 'usage.corrected', customer_id: correction.customer_id, object });
  };

  const alert = async (tx: Tx, told: NewAlert): Promise<void> => {
    await record(tx, { type: told.type, customer_id: told.customer_id, object: alertView(told) });
  };

  const money: ToldOfMoney & { drift(tx: Tx, found: Reconciliation): Promise<void> } = {
    async subscription(tx, of, before, { id, customer_id }) {
      const after = await subscriptionWithPlan(tx, id);
      invariant(after !== null, 'a subscription is never deleted');
      const was = before === null ? null : subscriptionView(await withPlanOf(tx, before));
      await record(tx, { ...of, customer_id, object: subscriptionView(after), before: was });
    },
    async invoice(tx, of, before, after) {
      const { customer_id } = after;
      // Lines are written anew by each read; what they were is not kept.
      const lines = await linesOf(tx, [after.id]);
      const sizes = await packageSizes(tx, lines);
      const was = before === null ? null : invoiceView(before, lines, sizes);
      await record(tx, { ...of, customer_id, object: invoiceView(after, lines, sizes), before: was });
    },
    async charge(tx, of, before, after) {
      const was = before === null ? null : viewCharge(before);
      await record(tx, { ...of, customer_id: after.customer_id, object: viewCharge(after), before: was });
    },
    async card(tx, of, { customer_id, current_period_end_at }, before, after) {
      const viewed = (card: Card) => cardView(card, clock.now(), current_period_end_at.getTime());
      await record(tx, { ...of, customer_id, object: viewed(after), before: before === null ? null : viewed(before) });
    },
    async state(tx, customerId) {
      const row = await listedCustomer(tx, customerId);
      if (row === undefined) return;
      await record(tx, { type: 'customer.state_changed', customer_id: customerId, object: customerBody(row) });
    },
    async drift(tx, { checked, found }) {
      const object = { object: 'reconciliation', checked, found: found.slice(0, mostFound) };
      await record(tx, { type: 'reconciliation.drift_found', customer_id: null, object });
    },
  };

  return {
    events,
    customer,
    key,
    plan,
    rateLimit,
    credit,
    creditExpired,
    upcoming,
    topUp,
    entitlement,
    usage,
    alert,
    money,

    /** While it can still be read. */
    async customerGone(tx: Tx, id: string): Promise<void> {
      const row = await listedCustomer(tx, id);
      if (row !== undefined) await record(tx, { type: 'customer.deleted', customer_id: id, object: customerBody(row) });
    },

    async migration(tx: Tx, planId: string, id: string): Promise<void> {
      const progress = await migrationProgress(tx, planId, id);
      invariant(progress !== null, 'a migration is never deleted');
      await record(tx, { type: 'migration.completed', customer_id: null, object: migrationView(progress) });
    },
  };
}

export type Telling = ReturnType<typeof createTelling>;

/** Outgoing webhooks, with the mail to whose endpoint is switched off. Its part of `createApp`. */
export function connectWebhooks(
  deps: Pick<AppOptions, 'config' | 'secrets' | 'list' | 'db' | 'clock'> & {
    queue: Queue;
    events: Events;
    accounts: Pick<Accounts, 'audit'>;
    customers: Pick<Customers, 'find' | 'get'>;
    notices: Pick<Notices, 'enqueue'>;
  },
) {
  const { config, list, customers } = deps;
  const webhooks = createWebhooks({
    ...deps,
    seal_key: deps.secrets.seal_key,
    allows_loopback: config.mode === 'dev',
    audit: deps.accounts.audit,
    findCustomer: (id) => customers.get(id),
    tellOwner,
  });
  webhooks.deliveries.register();
  return webhooks;

  /** A customer's endpoint is the customer's to mend, the seller's own the seller's. */
  async function tellOwner(tx: Tx, { endpoint, reason, failing_since }: SwitchedOff): Promise<void> {
    const { id, url, customer_id, disabled_at } = endpoint;
    const owner = customer_id === null ? null : await customers.find(tx, customer_id);
    const page = owner === null ? 'admin/webhooks' : 'dashboard/webhooks';
    await deps.notices.enqueue(tx, {
      kind: 'webhook_disabled',
      dedupe_key: `webhook_disabled:${id}:${disabled_at?.getTime()}`,
      recipient: owner?.email ?? list.seller.support_email,
      customer_id,
      data: {
        name: owner?.name ?? list.seller.name,
        url,
        is_gone: reason === 'gone',
        failing_since_on: new Date(failing_since).toISOString().slice(0, 10),
        webhooks_url: `${config.base_url}/${page}`,
      },
    });
  }
}

function bodyOf(row: ListedCustomer | null): object | null {
  return row === null ? null : customerBody(row);
}

/** A subscription as it was, with the plans it had and was to have. */
async function withPlanOf(tx: Tx, row: SubscriptionRow): Promise<SubscriptionWithPlan> {
  return {
    ...row,
    plan: await planOfPrice(tx, row.plan_price_id),
    plan_version: await versionNumberOfPrice(tx, row.plan_price_id),
    held_add_ons: await withPlans(tx, row.add_ons),
    scheduled_plan: row.scheduled_price_id === null ? null : await planOfPrice(tx, row.scheduled_price_id),
    scheduled_held_add_ons: await withPlans(tx, row.scheduled_add_ons ?? []),
  };
}

/** By plan id, as they are read. */
async function withPlans(tx: Tx, addOns: readonly StoredAddOn[]): Promise<PricedAddOn[]> {
  const priced: PricedAddOn[] = [];
  for (const { plan_price_id: id, quantity } of addOns)
    priced.push({ plan: await planOfPrice(tx, id), plan_version: await versionNumberOfPrice(tx, id), quantity });
  return priced.toSorted((a, b) => (a.plan.id < b.plan.id ? -1 : 1));
}
