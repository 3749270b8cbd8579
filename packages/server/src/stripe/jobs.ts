import { customersToppingUp } from '../credits/top-ups/store.ts';
import type { Database } from '../db/database.ts';
import type { IntentBook } from '../intents/service.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import { customersWithUnsettledInvoice } from '../invoices/store.ts';
import { customersInCheckout } from '../subscriptions/checkouts/store.ts';
import { type SubscriptionRow, customersDue } from '../subscriptions/store.ts';
import { adjustmentById, markAdjustmentSent, pendingAdjustments } from '../usage/corrections/store.ts';
import { customersToFlush } from '../usage/metered/store.ts';
import { type UsageReport, markReportSent, pendingReports, reportById } from '../usage/report.ts';
import { hourMs } from '../usage/rollup.ts';
import type { StripeImport } from './import/service.ts';
import { unhandledEvents } from './store.ts';
import { type UsageBill, billOfAdjustment, billOfReport } from './usage-bill.ts';
import type { UsageTarget } from './usage-billing.ts';

const sweepLimit = 500;
/** Meters are told of an hour when it has been over for this long, and of all before it. */
const meterDelayMs = 6 * 60_000;
/** A customer read this recently is left to the events. */
const restMs = 60_000;

/** The background doors of Stripe: each names one thing to do and can be repeated at any time. */
export function createStripeJobs(deps: {
  db: Database;
  clock: Clock;
  queue: Queue;
  customers: {
    staleOf(customerIds: readonly string[], before: Date): Promise<string[]>;
    findStripeId(customerId: string): Promise<string | null>;
  };
  subscription(subscriptionId: string): Promise<SubscriptionRow | null>;
  meterName(meterId: string): string;
  syncCustomer(customerId: string): Promise<void>;
  handleEvent(eventId: string): Promise<void>;
  backfill(): Promise<unknown>;
  push(): Promise<string[]>;
  reconcile(options: { repair: boolean }): Promise<unknown>;
  stripeImport: Pick<StripeImport, 'stalled' | 'work'>;
  billUsage(bill: UsageBill, target: UsageTarget): Promise<void>;
  meters: {
    flush(customerId: string): Promise<void>;
    settle(report: UsageReport): Promise<number[] | null>;
  };
  intents: Pick<IntentBook, 'open' | 'register'>;
}) {
  const { db, clock, queue } = deps;

  /** Looks again at everybody who may have changed without our hearing: due by the clock, in a checkout, or owing. */
  async function sweep(): Promise<void> {
    const now = clock.now();
    const due = await customersDue(db.kysely, new Date(now), sweepLimit);
    const waiting = [
      ...(await customersInCheckout(db.kysely, sweepLimit)),
      ...(await customersToppingUp(db.kysely, sweepLimit)),
      ...(await customersWithUnsettledInvoice(db.kysely, sweepLimit)),
    ];
    const stale = await deps.customers.staleOf([...new Set([...due, ...waiting])], new Date(now - restMs));
    const events = await unhandledEvents(db.kysely, new Date(now - restMs), sweepLimit);
    const reports = await pendingReports(db.kysely, sweepLimit);
    const adjustments = await pendingAdjustments(db.kysely, sweepLimit);
    const intents = await deps.intents.open(new Date(now - restMs), sweepLimit);
    const metered = await customersToFlush(db.kysely, new Date(now - ((now - meterDelayMs) % hourMs)), sweepLimit);
    const imports = await deps.stripeImport.stalled(new Date(now - restMs));
    await db.transaction(async (tx) => {
      for (const customer_id of stale) await queue.enqueue(tx, { name: 'stripe.sync', data: { customer_id } });
      for (const event_id of events) await queue.enqueue(tx, { name: 'stripe.event', data: { event_id } });
      for (const import_id of imports) await queue.enqueue(tx, { name: 'stripe.import', data: { import_id } });
      for (const intent_id of intents) await queue.enqueue(tx, { name: 'stripe.intent', data: { intent_id } });
      for (const customer_id of metered) await queue.enqueue(tx, { name: 'usage.meters', data: { customer_id } });
      for (const report_id of reports) await queue.enqueue(tx, { name: 'usage.report', data: { report_id } });
      for (const adjustment_id of adjustments)
        await queue.enqueue(tx, { name: 'usage.adjustment', data: { adjustment_id } });
    });
  }

  async function report(id: string): Promise<void> {
    const row = await reportById(db.kysely, id);
    if (row === null || row.state === 'sent') return;
    const of = { ...row, due_at: row.period_end_at };
    const items = async () => billOfReport(row, deps.meterName(row.meter_id), await deps.meters.settle(row));
    await bill(of, items, async (at) => {
      await markReportSent(db.kysely, id, at);
    });
  }

  async function adjustment(id: string): Promise<void> {
    const row = await adjustmentById(db.kysely, id);
    if (row === null || row.state === 'sent') return;
    const of = { ...row, due_at: row.created_at };
    await bill(
      of,
      () => billOfAdjustment(row, deps.meterName(row.meter_id)),
      async (at) => {
        await markAdjustmentSent(db.kysely, id, at);
      },
    );
  }

  /** Puts it on an invoice and remembers that it is there. */
  async function bill(
    of: BilledOf,
    read: () => UsageBill | Promise<UsageBill>,
    markSent: (at: Date) => Promise<void>,
  ): Promise<void> {
    // One at a time: two workers on one bill would both read that nothing is there yet.
    await db.withLock(`usage.report:${of.id}`, async () => {
      const stripe_customer_id = await deps.customers.findStripeId(of.customer_id);
      if (stripe_customer_id === null) return;
      const subscription = await deps.subscription(of.subscription_id);
      invariant(subscription !== null, 'a report is of a stored subscription');
      await deps.billUsage(await read(), {
        stripe_customer_id,
        stripe_subscription_id: subscription.stripe_subscription_id,
        is_ended: subscription.ended_at !== null,
        is_far: isFar(of, subscription),
      });
      await markSent(new Date(clock.now()));
    });
    await deps.syncCustomer(of.customer_id);
  }

  return {
    sweep,
    register(): void {
      queue.work('stripe.event', async ({ event_id }) => await deps.handleEvent(event_id));
      queue.work('stripe.backfill', async () => void (await deps.backfill()));
      queue.work('stripe.reconcile', async () => void (await deps.reconcile({ repair: true })));
      queue.work('stripe.import', async ({ import_id }) => await deps.stripeImport.work(import_id));
      queue.work('stripe.sync', async ({ customer_id }) => await deps.syncCustomer(customer_id));
      queue.work('stripe.sweep', sweep);
      queue.work('stripe.push', async () => {
        await deps.push();
      });
      queue.work('usage.report', async ({ report_id }) => await report(report_id));
      queue.work('usage.meters', async ({ customer_id }) => await deps.meters.flush(customer_id));
      queue.work('usage.adjustment', async ({ adjustment_id }) => await adjustment(adjustment_id));
      deps.intents.register(deps.syncCustomer);
      queue.every('* * * * *', 'stripe.sweep');
      queue.every('*/10 * * * *', 'stripe.backfill');
      queue.every('15 4 * * *', 'stripe.reconcile');
    },
  };
}

/** Whose bill it is, of which period, and since when it is due. */
interface BilledOf {
  id: string;
  customer_id: string;
  subscription_id: string;
  period_end_at: Date;
  due_at: Date;
}

/** Within a paid period, in a pause, or when the next invoice is more than a month and some days away. */
function isFar(of: BilledOf, subscription: SubscriptionRow): boolean {
  const isWithin = of.period_end_at > subscription.current_period_start_at;
  const wait = subscription.current_period_end_at.getTime() - of.due_at.getTime();
  return isWithin || subscription.paused_at !== null || wait > 35 * 86_400_000;
}
