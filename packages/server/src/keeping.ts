import type { AccessPolicy, Terms } from '@farebox/core';
import type { Accounts } from './accounts/service.ts';
import type { AppOptions } from './app.ts';
import { createRemoveCustomer } from './customers/remove.ts';
import { createCustomerRoutes } from './customers/routes.ts';
import type { Customers } from './customers/service.ts';
import type { Tx } from './db/database.ts';
import { createCreditRoutes } from './credits/routes.ts';
import type { Credits } from './credits/service.ts';
import { openTopUps } from './credits/top-ups/store.ts';
import { createEntitlementRoutes } from './entitlements/routes.ts';
import { createEntitlements } from './entitlements/service.ts';
import { createEntitlementTelling } from './entitlements/tell.ts';
import { openInvoicesOf, unsettledInvoicesOf } from './invoices/store.ts';
import type { Keys } from './keys/service.ts';
import type { Queue } from './queue/queue.ts';
import type { Endpoints } from './notices/webhooks/endpoints.ts';
import type { Plans } from './plans/service.ts';
import { storedPrice } from './plans/store.ts';
import { termsOf } from './subscriptions/life/turns.ts';
import { openCheckouts } from './subscriptions/checkouts/store.ts';
import { liveSubscriptions } from './subscriptions/store.ts';
import type { Telling } from './telling.ts';
import { createCapRoutes } from './usage/caps/routes.ts';
import type { Caps } from './usage/caps/service.ts';
import { createCorrectionRoutes } from './usage/corrections/routes.ts';
import type { Corrections } from './usage/corrections/service.ts';
import type { Usage } from './usage/service.ts';

/** Joins what is known of one customer: who it is, what it may use, what is left of it when it goes. Its part of `createApp`. */
export function connectKeeping(
  deps: Pick<AppOptions, 'db' | 'clock'> & {
    plans: Plans;
    customers: Customers;
    accounts: Pick<Accounts, 'audit' | 'signOutOf'>;
    keys: Pick<Keys, 'revokeAll'>;
    usage: Usage;
    credits: Credits;
    corrections: Corrections;
    caps: Caps;
    queue: Queue;
    telling: Pick<Telling, 'customerGone' | 'entitlement'>;
    webhooks: { endpoints: Pick<Endpoints, 'removeAllOf'> };
    access: AccessPolicy;
    /** Tells the gate, after the commit, that what it knows of a customer is old. */
    changed(customerId: string): Promise<void>;
  },
) {
  const { db, plans, customers } = deps;
  const entitlements = createEntitlements({
    ...deps,
    policy: deps.access,
    findCustomer: (id) => customers.get(id),
    owedBy: (id) => openInvoicesOf(db.kysely, id),
  });
  const telling = tellEntitlements({ ...deps, list: (id) => entitlements.list(id) });
  const removeCustomer = createRemoveCustomer({
    ...deps,
    whatIsLeft,
    audit: deps.accounts.audit,
    revokeKeys: (tx, id) => deps.keys.revokeAll(tx, id),
    signOut: (tx, id) => deps.accounts.signOutOf(tx, id),
    told: async (tx, id) => {
      await deps.telling.customerGone(tx, id);
      await deps.webhooks.endpoints.removeAllOf(tx, id);
    },
  });
  return {
    liveTermsOf,
    /** What time alone took is told, now. */
    settle: () => telling.sweep(),
    documented: [
      createCustomerRoutes({ customers, removeCustomer }),
      createEntitlementRoutes({ entitlements }),
      createCreditRoutes(deps),
      createCorrectionRoutes(deps),
      createCapRoutes(deps),
    ],
  };

  /** What a customer pays for now in each group. */
  async function liveTermsOf(customerId: string): Promise<Map<string, Terms>> {
    const found = new Map<string, Terms>();
    for (const live of await liveSubscriptions(db.kysely, customerId)) {
      const version = await plans.version(null, live.plan_version_id);
      if (version === null) continue;
      found.set(live.group, termsOf(version, storedPrice(version, live.plan_price_id), live.quantity));
    }
    return found;
  }

  /** What of a customer still moves money. */
  async function whatIsLeft(tx: Tx, id: string): Promise<string | null> {
    if ((await liveSubscriptions(tx, id)).length > 0) return 'There is a subscription: end it first.';
    if ((await openCheckouts(tx, id)).length > 0) return 'A checkout is open: wait until it is paid or over.';
    if ((await openTopUps(tx, id)).length > 0)
      return 'A payment for credit is under way: wait until it is made or over.';
    const unsettled = await unsettledInvoicesOf(tx, id);
    return unsettled.length > 0 ? 'An invoice is not settled: collect, credit or void it first.' : null;
  }
}

/** What became different of what customers may use, and the jobs that tell it. */
function tellEntitlements(
  deps: Pick<AppOptions, 'db' | 'clock'> & {
    queue: Queue;
    telling: Pick<Telling, 'entitlement'>;
    list: ReturnType<typeof createEntitlements>['list'];
  },
) {
  const { queue } = deps;
  const telling = createEntitlementTelling({ ...deps, told: deps.telling.entitlement });
  queue.work('entitlements.tell', ({ customer_id }) => telling.tell(customer_id));
  queue.work('entitlements.sweep', () => telling.sweep());
  queue.every('*/10 * * * *', 'entitlements.sweep');
  return telling;
}
