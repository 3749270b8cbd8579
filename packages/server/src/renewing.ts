import type { AppOptions } from './app.ts';
import type { Customers } from './customers/service.ts';
import type { Tx } from './db/database.ts';
import type { UpcomingInvoice } from './invoices/service.ts';
import { upcomingMail } from './invoices/upcoming-mail.ts';
import { invariant } from './lib/invariant.ts';
import type { Plans } from './plans/service.ts';
import type { Queue } from './queue/queue.ts';
import type { MoneyNotice, Person } from './stripe/life-notices.ts';
import { createRenewals } from './subscriptions/renewals/service.ts';
import type { Renewal } from './subscriptions/renewals/store.ts';
import type { Telling } from './telling.ts';

/** What telling of next invoices stands on. */
export interface RenewingDeps extends Pick<AppOptions, 'db' | 'clock' | 'log'> {
  queue: Queue;
  plans: Pick<Plans, 'ofPrice'>;
  customers: Pick<Customers, 'find'>;
  telling: Pick<Telling, 'upcoming'>;
  notifyCustomer(tx: Tx, customerId: string, notice: MoneyNotice): Promise<void>;
  personOf(customerName: string): Person;
}

/** Joins what tells of the next invoice: the jobs, the mail and the event. Its part of `createApp`. */
export function connectRenewing(
  deps: RenewingDeps & { nextOf(customerId: string, group: string): Promise<UpcomingInvoice | null> },
) {
  const { queue, customers } = deps;
  const renewals = createRenewals({
    ...deps,
    upcoming: async ({ customer_id, group }) => await deps.nextOf(customer_id, group),
    told,
  });
  queue.work('renewals.sweep', renewals.sweep);
  queue.work('renewals.tell', ({ stripe_subscription_id: id, heard_at }) => renewals.heard(id, heard_at));
  queue.every('10 * * * *', 'renewals.sweep');
  return { sweep: renewals.sweep };

  /** Programs by webhook; the customer by mail, where it is news. */
  async function told(tx: Tx, renewal: Renewal, found: UpcomingInvoice): Promise<void> {
    const { customer_id, subscription_id, current_period_end_at } = renewal;
    await deps.telling.upcoming(tx, found);
    const customer = await customers.find(tx, customer_id);
    invariant(customer !== null, 'a subscription is of a stored customer');
    const plan = await deps.plans.ofPrice(tx, found.subscription.plan_price_id);
    const data = upcomingMail(found, plan, deps.personOf(customer.name));
    const dedupe_key = `upcoming_invoice:${subscription_id}:${current_period_end_at.getTime()}`;
    if (data !== null) await deps.notifyCustomer(tx, customer_id, { kind: 'upcoming_invoice', dedupe_key, data });
  }
}
