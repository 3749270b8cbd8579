import type { Currency } from '@farebox/core';
import type { Accounts } from './accounts/service.ts';
import type { AppOptions } from './app.ts';
import { createTopUpRoutes } from './credits/top-ups/routes.ts';
import { createTopUps } from './credits/top-ups/service.ts';
import type { Customers } from './customers/service.ts';
import type { StripeConnection } from './stripe/connect.ts';
import { createLinking } from './subscriptions/buyer.ts';

/** Joins what brings credit and needs Stripe. Its part of `createApp`. */
export function connectCrediting(
  deps: Pick<AppOptions, 'config' | 'db' | 'clock' | 'list'> & {
    stripe: Pick<StripeConnection, 'payments'>;
    customers: Customers;
    accounts: Pick<Accounts, 'audit'>;
    currencyOf(customerId: string): Promise<Currency>;
  },
) {
  const { customers, list, stripe } = deps;
  const topUps = createTopUps({
    ...deps,
    terms: list.top_ups,
    currency: list.currency,
    base_url: deps.config.base_url,
    payments: stripe.payments,
    findCustomer: (id) => customers.get(id),
    ensureLinked: createLinking({
      payments: stripe.payments,
      linkStripe: async (id, stripeId) => void (await customers.linkStripe(null, id, stripeId)),
    }),
    audit: deps.accounts.audit,
  });
  return { documented: [createTopUpRoutes({ topUps })] };
}
