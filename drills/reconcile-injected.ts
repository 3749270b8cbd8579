import type Stripe from 'stripe';
import { createId } from '../packages/server/src/lib/id.ts';
import type { DivergenceKind } from '../packages/server/src/stripe/reconcile/compare.ts';
import type { WholeApp } from '../packages/server/test/whole-app.ts';

export interface Seeded {
  id: string;
  stripe_customer_id: string;
  stripe_subscription_id: string | null;
}

/** One thing that was made to differ: `object_id` is what the reconciliation has to name. */
export interface Injected {
  kind: DivergenceKind;
  object_id: string;
}

type Subscriber = Seeded & { stripe_subscription_id: string };

/** Makes so many customers differ in each way, each customer in one, and the catalogue and the webhooks in theirs. */
export function createInjections(deps: {
  whole: WholeApp;
  stripe: Stripe;
  seeded: readonly Seeded[];
  endpoint: string;
  perKind: number;
}): () => Promise<Injected[]> {
  const { whole, stripe, endpoint, perKind } = deps;
  const { kysely } = whole.db;
  const idle = deps.seeded.filter(({ stripe_subscription_id }) => stripe_subscription_id === null);
  const buyers = deps.seeded.flatMap((each): Subscriber[] => {
    const { stripe_subscription_id } = each;
    return stripe_subscription_id === null ? [] : [{ ...each, stripe_subscription_id }];
  });
  const injected: Injected[] = [];
  const note = (kind: DivergenceKind, object_id: string): void => void injected.push({ kind, object_id });
  const rowOf = ({ stripe_subscription_id: id }: Subscriber) =>
    kysely.updateTable('subscription').where('stripe_subscription_id', '=', id);

  return async function inject(): Promise<Injected[]> {
    // Nothing of it is heard here, and no delivery of it fails.
    await stripe.webhookEndpoints.update(endpoint, { disabled: true });
    await aboutCustomers();
    await aboutSubscriptions();
    await aboutInvoices();
    await aboutUsage();
    await aboutSelling();
    await aboutEvents();
    return injected;
  };

  /** Takes customers that nothing was done to yet. */
  async function each<T>(kind: DivergenceKind, from: T[], change: (customer: T) => Promise<string>): Promise<void> {
    const chosen = from.splice(0, perKind);
    if (chosen.length < perKind) throw new Error(`There are too few customers for ${kind}.`);
    for (const customer of chosen) note(kind, await change(customer));
  }

  async function aboutCustomers(): Promise<void> {
    await each('missing_customer', idle, async ({ id, stripe_customer_id }) => {
      await kysely.updateTable('customer').set({ stripe_customer_id: null }).where('id', '=', id).execute();
      return stripe_customer_id;
    });
    await each('vanished_customer', idle, async ({ stripe_customer_id }) => {
      await stripe.customers.del(stripe_customer_id);
      return stripe_customer_id;
    });
    await each('duplicate_customer', idle, async ({ stripe_customer_id }) => {
      const own = await stripe.customers.retrieve(stripe_customer_id);
      const metadata = own.deleted === true ? {} : own.metadata;
      return (await stripe.customers.create({ metadata })).id;
    });
  }

  async function aboutSubscriptions(): Promise<void> {
    await each('orphan_subscription', buyers, async ({ stripe_subscription_id: id }) => {
      await kysely.deleteFrom('subscription').where('stripe_subscription_id', '=', id).execute();
      return id;
    });
    await each('duplicate_subscription', buyers, async ({ stripe_customer_id, stripe_subscription_id }) => {
      const { items, metadata } = await stripe.subscriptions.retrieve(stripe_subscription_id);
      const price = items.data[0]?.price.id ?? '';
      const second = await stripe.subscriptions.create({ customer: stripe_customer_id, items: [{ price }], metadata });
      // It is not known here either, nor are its invoice and its payment.
      note('orphan_subscription', second.id);
      const invoice = second.latest_invoice;
      note('missing_invoice', typeof invoice === 'string' ? invoice : (invoice?.id ?? ''));
      const [charge] = (await stripe.charges.list({ customer: stripe_customer_id, limit: 1 })).data;
      note('stale_charge', charge?.id ?? '');
      return second.id;
    });
    await each('extra_entitlement', buyers, async ({ stripe_subscription_id: id }) => {
      await stripe.subscriptions.cancel(id);
      return id;
    });
    await each('stale_status', buyers, async (buyer) => {
      await rowOf(buyer).set({ status: 'past_due' }).execute();
      return buyer.stripe_subscription_id;
    });
    await each('wrong_quantity', buyers, async (buyer) => {
      await rowOf(buyer).set({ quantity: 7 }).execute();
      return buyer.stripe_subscription_id;
    });
    const prices = await kysely.selectFrom('plan_price').selectAll().execute();
    const small = prices.find(({ amount_minor }) => amount_minor === 900)?.id ?? '';
    await each('wrong_terms', buyers, async (buyer) => {
      await rowOf(buyer).set({ plan_price_id: small }).execute();
      return buyer.stripe_subscription_id;
    });
    const euro = prices.find(({ currency }) => currency === 'eur')?.id ?? '';
    await each('currency_mismatch', buyers, async (buyer) => {
      await rowOf(buyer).set({ plan_price_id: euro }).execute();
      return buyer.stripe_subscription_id;
    });
  }

  async function aboutInvoices(): Promise<void> {
    const stored = await kysely.selectFrom('invoice').select(['customer_id', 'stripe_invoice_id']).execute();
    const invoiceOf = new Map(stored.map((row) => [row.customer_id, row.stripe_invoice_id]));
    await each('missing_invoice', buyers, async ({ id }) => {
      await kysely.deleteFrom('invoice').where('customer_id', '=', id).execute();
      return invoiceOf.get(id) ?? '';
    });
    await each('stale_invoice', buyers, async ({ id }) => {
      await kysely.updateTable('invoice').set({ amount_paid_minor: 1 }).where('customer_id', '=', id).execute();
      return invoiceOf.get(id) ?? '';
    });
    await each('stale_charge', buyers, async ({ stripe_customer_id }) => {
      const [charge] = (await stripe.charges.list({ customer: stripe_customer_id, limit: 1 })).data;
      await stripe.refunds.create({ charge: charge?.id ?? '', amount: 500 });
      return charge?.id ?? '';
    });
  }

  async function aboutUsage(): Promise<void> {
    await each('usage_not_billed', buyers, async (buyer) => await insertReport(buyer));
    await each('usage_billed_twice', buyers, async (buyer) => {
      const report = await insertReport(buyer);
      const { id: farebox_installation } = await kysely
        .selectFrom('installation')
        .select('id')
        .executeTakeFirstOrThrow();
      for (const farebox_line of ['0', '1'])
        await stripe.invoiceItems.create({
          customer: buyer.stripe_customer_id,
          subscription: buyer.stripe_subscription_id,
          amount: 75,
          currency: 'usd',
          metadata: { farebox_installation, farebox_usage_report: report, farebox_line },
        });
      return report;
    });
  }

  /** Usage of the month before, that is said to be on an invoice. */
  async function insertReport({ id, stripe_subscription_id }: Subscriber): Promise<string> {
    const now = whole.sandbox.clock.now();
    const report = createId('urep', now);
    const subscription = await kysely
      .selectFrom('subscription')
      .select(['id', 'current_period_start_at'])
      .where('stripe_subscription_id', '=', stripe_subscription_id)
      .executeTakeFirstOrThrow();
    const line = { quantity: 3, unit_price_decimal: '25', amount_minor: 75, from: 1, to: 3 };
    await kysely
      .insertInto('usage_report')
      .values({
        id: report,
        customer_id: id,
        subscription_id: subscription.id,
        meter_id: 'requests',
        period_start_at: new Date(subscription.current_period_start_at.getTime() - 31 * 86_400_000),
        period_end_at: subscription.current_period_start_at,
        quantity: 8,
        amount_minor: 75,
        currency: 'usd',
        lines: JSON.stringify([line]),
        state: 'sent',
        sent_at: new Date(now),
        created_at: new Date(now),
      })
      .execute();
    return report;
  }

  async function aboutSelling(): Promise<void> {
    const large = await kysely
      .selectFrom('plan_price')
      .selectAll()
      .where('amount_minor', '=', 99_900)
      .executeTakeFirstOrThrow();
    const price = large.stripe_price_id ?? '';
    await stripe.prices.update(price, { active: false });
    note('archived_price', price);
  }

  /** An event that could not be delivered, and an endpoint that is off. */
  async function aboutEvents(): Promise<void> {
    await stripe.webhookEndpoints.update(endpoint, { disabled: false });
    whole.sandbox.webhooks.policy = 'drop';
    await stripe.customers.update(buyers[0]?.stripe_customer_id ?? '', { name: 'Another name' });
    const [event] = (await stripe.events.list({ limit: 1, type: 'customer.updated' })).data;
    note('undelivered_event', event?.id ?? '');
    await stripe.webhookEndpoints.update(endpoint, { disabled: true });
    note('webhook_disabled', endpoint);
  }
}
