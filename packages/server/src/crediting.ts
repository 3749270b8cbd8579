import type { Currency } from '@farebox/core';
import type { Accounts } from './accounts/service.ts';
import type { AppOptions } from './app.ts';
import { createAutoTopUpRoutes } from './credits/auto-top-ups/routes.ts';
import { createTopUpLooks } from './credits/auto-top-ups/looks.ts';
import { createAutoTopUps } from './credits/auto-top-ups/service.ts';
import { createReservationRoutes } from './credits/reservations/routes.ts';
import { createReservations } from './credits/reservations/service.ts';
import { createCreditExpiry } from './credits/expiry.ts';
import type { Credits } from './credits/service.ts';
import { createTopUpRoutes } from './credits/top-ups/routes.ts';
import { createTopUps } from './credits/top-ups/service.ts';
import type { Customers } from './customers/service.ts';
import type { Queue } from './queue/queue.ts';
import type { StripeConnection } from './stripe/connect.ts';
import { createLinking } from './subscriptions/buyer.ts';
import type { Telling } from './telling.ts';
import type { Usage } from './usage/service.ts';

/** Joins what brings credit and needs Stripe. Its part of `createApp`. */
export function connectCrediting(
  deps: Pick<AppOptions, 'config' | 'db' | 'clock' | 'list' | 'log'> & {
    queue: Queue;
    stripe: Pick<StripeConnection, 'payments' | 'desk' | 'intents'>;
    customers: Customers;
    accounts: Pick<Accounts, 'audit'>;
    credits: Credits;
    usage: Pick<Usage, 'onRecorded'>;
    currencyOf(customerId: string): Promise<Currency>;
    telling: Pick<Telling, 'creditExpired'>;
  },
) {
  const { customers, list, queue, stripe } = deps;
  const shared = {
    ...deps,
    terms: list.top_ups,
    currency: list.currency,
    findCustomer: (id: string) => customers.get(id),
    audit: deps.accounts.audit,
  };
  const topUps = createTopUps({
    ...shared,
    base_url: deps.config.base_url,
    payments: stripe.payments,
    ensureLinked: createLinking({
      payments: stripe.payments,
      linkStripe: (id, stripeId) => customers.linkStripe(null, id, stripeId),
    }),
  });
  const autoTopUps = createAutoTopUps({ ...shared, desk: stripe.desk, intents: stripe.intents });
  const looks = createTopUpLooks({
    autoTopUps,
    onRecorded: deps.usage.onRecorded,
    onError: (error, customer_id) =>
      deps.log.warn({ err: error, customer_id }, 'credit was not looked at; it is again in ten minutes'),
  });
  const reservations = createReservations({ ...shared, meters: list.meters, taken: looks.soon });
  queue.work('credits.top_ups', () => autoTopUps.lookAtAll());
  const tellExpired = createCreditExpiry({ ...deps, told: deps.telling.creditExpired });
  queue.work('credits.expiry', tellExpired);
  queue.every('*/10 * * * *', 'credits.expiry');
  queue.work('credits.reservations', () => reservations.expireDue(null));
  queue.every('* * * * *', 'credits.reservations');
  queue.every('*/10 * * * *', 'credits.top_ups');
  return {
    tellExpired,
    documented: [
      createTopUpRoutes({ topUps }),
      createAutoTopUpRoutes({ autoTopUps }),
      createReservationRoutes({ reservations }),
    ],
    /** What is held for too long is given back, what expired is told, and who wants credit bought by itself is looked at, now. */
    async settle(): Promise<void> {
      await reservations.expireDue(null);
      await tellExpired();
      await looks.settle();
      await autoTopUps.lookAtAll();
    },
    close: looks.close,
  };
}
