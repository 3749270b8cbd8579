import type { AppOptions } from './app.ts';
import type { Accounts } from './accounts/service.ts';
import type { Customers } from './customers/service.ts';
import type { Tx } from './db/database.ts';
import { connectExplaining } from './explaining.ts';
import { createOrders } from './intents/orders.ts';
import { createInvoiceRoutes } from './invoices/routes.ts';
import { createInvoices } from './invoices/service.ts';
import { invariant } from './lib/invariant.ts';
import { createPaymentMethodRoutes } from './payment-methods/routes.ts';
import { createPaymentMethods } from './payment-methods/service.ts';
import type { Plans } from './plans/service.ts';
import type { Queue } from './queue/queue.ts';
import { type RenewingDeps, connectRenewing } from './renewing.ts';
import type { StripeConnection } from './stripe/connect.ts';
import { createBegin } from './subscriptions/begin.ts';
import { createAddOns } from './subscriptions/life/add-ons.ts';
import { createChangePlan } from './subscriptions/life/change-plan.ts';
import { createLifeRoutes } from './subscriptions/life/routes.ts';
import { createTurns } from './subscriptions/life/turns.ts';
import { hasCodes } from './plans/coupons/store.ts';
import { nextPaymentAt } from './subscriptions/held.ts';
import { createVerbs } from './subscriptions/life/verbs.ts';
import { createMigrationJobs } from './subscriptions/migrations/jobs.ts';
import { createMigrationRoutes } from './subscriptions/migrations/routes.ts';
import { createMigrations } from './subscriptions/migrations/service.ts';
import { createSubscriptionRoutes } from './subscriptions/routes.ts';
import { subscriptionWithPlan } from './subscriptions/store.ts';
import { createSubscribe } from './subscriptions/subscribe.ts';
import type { Usage } from './usage/service.ts';

/** Joins what sells: a purchase, a subscription's life, invoices, cards. Its part of `createApp`. */
export function connectSelling(
  deps: Pick<AppOptions, 'config' | 'list'> &
    RenewingDeps & {
      queue: Queue;
      stripe: Pick<StripeConnection, 'payments' | 'desk' | 'intents'>;
      plans: Plans;
      customers: Customers;
      accounts: Pick<Accounts, 'audit' | 'portals'>;
      usage: Usage;
      migrationTold(tx: Tx, planId: string, migrationId: string): Promise<void>;
    },
) {
  const { db, clock, plans, customers, stripe, usage } = deps;
  const { payments, desk, intents } = stripe;
  const { base_url } = deps.config;
  const findCustomer = (id: string) => customers.get(id);
  const stripeIdOf = async (id: string) => (await customers.find(null, id))?.stripe_customer_id ?? null;
  const linkStripe = (id: string, stripeId: string) => customers.linkStripe(null, id, stripeId);
  const versionById = (id: string) => plans.version(null, id);
  const customersByIds: Customers['byIds'] = (ids) => customers.byIds(ids);
  const orders = createOrders({ db, clock, payments, intents, audit: deps.accounts.audit });
  const ofCustomer = { findCustomer, linkStripe, stripeIdOf };
  const shared = { db, clock, payments, desk, ...orders, base_url, ...ofCustomer, versionById };
  const onSale: Plans['onSale'] = (planId, customer) => plans.onSale(planId, customer);
  const subscribe = createSubscribe({ ...shared, onSale, hasCodes: () => hasCodes(db.kysely) });
  const begin = createBegin({ ...shared, onSale });
  const turns = createTurns(shared);
  const onSaleTo = async (planId: string, customerId: string) =>
    await plans.onSale(planId, await customers.get(customerId));
  const changePlan = createChangePlan({ turns, desk, onSale: onSaleTo });
  const addOns = createAddOns({ turns, desk, onSale: onSaleTo });
  const { audit } = deps.accounts;
  const migrations = createMigrations({ db, clock, queue: deps.queue, audit });
  createMigrationJobs({ ...deps, ...shared, turns, intents, audit, told: deps.migrationTold }).register();
  const invoices = createInvoices({ ...shared, runningUsage });
  const renewing = connectRenewing({ ...deps, nextOf: invoices.nextOf });
  const paymentMethods = createPaymentMethods({
    ...shared,
    currency: deps.list.currency,
    nextPaymentAt: (id) => nextPaymentAt(db.kysely, id),
  });
  return {
    subscribe,
    /** Next invoices that are due to be told of are told, now. */
    settle: renewing.sweep,
    documented: [
      createSubscriptionRoutes({ db, subscribe, begin, plans, customersByIds }),
      createLifeRoutes({ changePlan, addOns, verbs: createVerbs({ turns, desk }), find: findSubscription }),
      createMigrationRoutes({ migrations }),
      createInvoiceRoutes({ db, invoices, customersByIds, ...connectExplaining(deps) }),
      createPaymentMethodRoutes({ clock, paymentMethods, findCustomer, createPortal: deps.accounts.portals.create }),
    ],
  };

  async function findSubscription(id: string) {
    const row = await subscriptionWithPlan(db.kysely, id);
    invariant(row !== null, 'a subscription is never deleted');
    return row;
  }

  async function runningUsage(customerId: string, group: string) {
    await usage.flush();
    const { meters, minimum, period } = await usage.summary(customerId, group);
    const running = meters
      .filter((meter) => meter.lines.length > 0 || meter.shortfall_minor > 0)
      .map((meter) => ({ ...meter, period_start_at: period.start_at, period_end_at: period.end_at }));
    return { usage: running, minimum };
  }
}
