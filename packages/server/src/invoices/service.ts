import { type CreditWish, type Interval, decideCredit } from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Collected, CreditReason } from '../intents/kinds.ts';
import { type Earlier, type Orders, requirePaid } from '../intents/orders.ts';
import type { CreditNote, InvoicePreview, Payments, PaymentsDesk } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Wisher } from '../subscriptions/life/turns.ts';
import { oneOf } from '../subscriptions/held.ts';
import { type SubscriptionRow, liveSubscription, liveSubscriptions } from '../subscriptions/store.ts';
import { type InvoiceRow, invoiceById } from './store.ts';

/** What usage past the included amounts costs so far in the period that runs, as the next invoice will carry it. */
export interface RunningUsage {
  meter_id: string;
  name: string;
  period_start_at: number;
  period_end_at: number;
  lines: { quantity: number; unit_price_decimal: string; amount_minor: number; package_size?: number }[];
  /** What of the lines is not billed, for the spend cap. */
  capped_minor: number;
  /** What they come to at least, and what they lack to it. */
  minimum_minor: number;
  shortfall_minor: number;
}

export interface RunningMinimum {
  interval: Interval;
  amount_minor: number;
  shortfall_minor: number;
}

/** The next invoice as it stands now: Stripe's own preview, and the usage that only Farebox knows yet. */
export interface UpcomingInvoice {
  subscription: SubscriptionRow;
  preview: InvoicePreview;
  usage: RunningUsage[];
  /** What all of it comes to at least, and what it lacks to it; null: there is none. */
  minimum: RunningMinimum | null;
  usage_minor: number;
}

export interface GiveBack extends CreditWish {
  reason: CreditReason | null;
  memo: string | null;
}

/**
 * The verbs of invoices. Each happens in its turn per invoice, is decided on what Stripe says now, and is written down before
 * Stripe hears of it.
 */
export function createInvoices(deps: {
  db: Database;
  payments: Pick<Payments, 'syncCustomer'>;
  desk: Pick<PaymentsDesk, 'previewNext' | 'creditNotes'>;
  order: Orders;
  settleEarlier: Earlier;
  stripeIdOf(customerId: string): Promise<string | null>;
  runningUsage(customerId: string, group: string): Promise<{ usage: RunningUsage[]; minimum: RunningMinimum | null }>;
}) {
  const { db, payments, desk } = deps;

  /** A foreign invoice answers as one that does not exist. */
  async function find(customerId: string | null, id: string): Promise<InvoiceRow> {
    const row = await invoiceById(db.kysely, id);
    if (row === null || (customerId !== null && row.customer_id !== customerId))
      throw new Problem('not_found', 'There is no such invoice.');
    return row;
  }

  async function inTurn<T>(wisher: Wisher, id: string, work: (row: InvoiceRow) => Promise<T>): Promise<T> {
    const { customer_id } = await find(wisher.customer_id, id);
    return await db.withLock(`invoice:${id}`, async () => {
      await deps.settleEarlier(customer_id, 'invoice.');
      await payments.syncCustomer(customer_id);
      return await work(await find(wisher.customer_id, id));
    });
  }

  /** Tries to collect an open invoice now. */
  async function retry(wisher: Wisher, id: string): Promise<Exclude<Collected, { state: 'declined' }>> {
    return await inTurn(wisher, id, async (row) => {
      if (row.status !== 'open' && row.status !== 'uncollectible')
        throw new Problem('invoice_not_open', `The invoice is ${row.status}: there is nothing to pay.`);
      return requirePaid(
        await deps.order({
          ...orderOf(wisher, row),
          kind: 'invoice.pay',
          action: 'invoice.retried',
          data: { stripe_invoice_id: row.stripe_invoice_id },
        }),
      );
    });
  }

  /** By a credit note, which the books can rest on. */
  async function giveBack(wisher: Wisher, id: string, wish: GiveBack): Promise<string> {
    return await inTurn(wisher, id, async (row) => {
      const decision = decideCredit(row, wish);
      if (decision.effect === 'refuse') throw new Problem(decision.code, decision.detail, { param: 'amount_minor' });
      const { amount_minor } = decision;
      const { to, reason, memo } = wish;
      const result = await deps.order({
        ...orderOf(wisher, row),
        kind: 'invoice.credit',
        action: to === 'card' ? 'invoice.refunded' : 'invoice.credited',
        data: { stripe_invoice_id: row.stripe_invoice_id, amount_minor, to, reason, memo },
      });
      return result.stripe_credit_note_id;
    });
  }

  async function creditNotes(customerId: string | null, id: string): Promise<CreditNote[]> {
    const row = await find(customerId, id);
    return await desk.creditNotes(row.stripe_invoice_id);
  }

  /** Each subscription has its own; of several groups one is named. */
  async function upcoming(customerId: string, group?: string): Promise<UpcomingInvoice> {
    const subscription = oneOf(await liveSubscriptions(db.kysely, customerId), group);
    const stripe_customer_id = await deps.stripeIdOf(customerId);
    if (subscription === null || stripe_customer_id === null)
      throw new Problem('subscription_required', 'There is no subscription, and so no next invoice.');
    const found = await foresee(subscription, stripe_customer_id);
    if (found === null) throw new Problem('no_upcoming_invoice', 'Nothing will be billed any more.');
    return found;
  }

  /** The next invoice of one subscription; null: there is none. */
  async function nextOf(customerId: string, group: string): Promise<UpcomingInvoice | null> {
    const subscription = await liveSubscription(db.kysely, customerId, group);
    const stripe_customer_id = await deps.stripeIdOf(customerId);
    return subscription === null || stripe_customer_id === null
      ? null
      : await foresee(subscription, stripe_customer_id);
  }

  async function foresee(subscription: SubscriptionRow, stripe_customer_id: string): Promise<UpcomingInvoice | null> {
    const { customer_id: customerId, stripe_subscription_id } = subscription;
    const preview = await desk.previewNext({ stripe_customer_id, stripe_subscription_id });
    if (preview === null) return null;
    const { usage, minimum } = await deps.runningUsage(customerId, subscription.group);
    const rated = usage.flatMap(({ lines }) => lines).reduce((sum, line) => sum + line.amount_minor, 0);
    const usage_minor = usage.reduce(
      (sum, { capped_minor, shortfall_minor }) => sum - capped_minor + shortfall_minor,
      rated + (minimum?.shortfall_minor ?? 0),
    );
    return { subscription, preview, usage, minimum, usage_minor };
  }

  return { find, retry, giveBack, creditNotes, upcoming, nextOf };
}

function orderOf(wisher: Wisher, row: InvoiceRow) {
  return { actor: wisher.actor, customer_id: row.customer_id, object_id: row.id };
}
