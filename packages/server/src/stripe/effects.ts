import { type PricedPlan, formatMoney } from '@farebox/core';
import type { Tx } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import { type PlanVersion, pricedPlan } from '../plans/store.ts';
import type { Queue } from '../queue/queue.ts';
import type { SubscriptionRow } from '../subscriptions/store.ts';
import type { ReportableSubscription } from '../usage/report.ts';
import type { Mirrored } from './sync.ts';

/** The mails that follow from money, with what they say. */
export type MoneyNotice =
  | { kind: 'welcome'; dedupe_key: string; data: { plan_name: string; key_start: string } }
  | {
      kind: 'receipt';
      dedupe_key: string;
      data: {
        invoice_number: string;
        amount: string;
        paid_on: string;
        lines: { description: string; amount: string }[];
        invoice_url: string;
        pdf_url: string;
      };
    };

/** Stripe's statuses under which the customer has what it bought. */
const entitling: ReadonlySet<string> = new Set(['active', 'trialing', 'past_due']);

/**
 * What follows from a mirror, in its transaction: the first key and the welcome when a subscription starts, a receipt when
 * an invoice is paid, the bill for usage when a period has closed, the undoing of a second sale. Each is keyed by what it
 * follows from, so that a repeated mirror adds nothing.
 */
export function createEffects(deps: {
  queue: Pick<Queue, 'enqueue'>;
  versionById(tx: Tx, id: string): Promise<PlanVersion | null>;
  mintFirst(tx: Tx, customerId: string): Promise<{ key_start: string } | null>;
  notify(tx: Tx, customerId: string, notice: MoneyNotice): Promise<void>;
  closePeriods(tx: Tx, subscription: ReportableSubscription, plan: PricedPlan): Promise<string[]>;
  /** Writes down that a second sale is to be undone. */
  undo(tx: Tx, customerId: string, stripeSubscriptionId: string): Promise<void>;
  invalidate(tx: Tx, customerId: string): Promise<void>;
}) {
  return async function effects(tx: Tx, mirrored: Mirrored): Promise<void> {
    const { customer_id } = mirrored;
    const { base, duplicates, subscriptions } = mirrored.subscriptions;
    if (base !== null && entitling.has(base.status)) await welcome(tx, customer_id, base);
    for (const { row, lines } of mirrored.invoices.newly_paid) {
      await deps.notify(tx, customer_id, {
        kind: 'receipt',
        dedupe_key: `receipt:${row.stripe_invoice_id}`,
        data: {
          invoice_number: row.number ?? row.stripe_invoice_id,
          amount: formatMoney(row.amount_paid_minor, row.currency),
          paid_on: (row.paid_at ?? row.stripe_created_at).toISOString().slice(0, 10),
          lines: lines.map((line) => ({
            description: line.description,
            amount: formatMoney(line.amount_minor, row.currency),
          })),
          invoice_url: row.hosted_url ?? '',
          pdf_url: row.pdf_url ?? '',
        },
      });
    }
    for (const subscription of subscriptions) await bill(tx, subscription);
    for (const id of duplicates) await deps.undo(tx, customer_id, id);
    await deps.invalidate(tx, customer_id);
  };

  async function welcome(tx: Tx, customerId: string, base: SubscriptionRow): Promise<void> {
    const minted = await deps.mintFirst(tx, customerId);
    if (minted === null) return;
    const version = await deps.versionById(tx, base.plan_version_id);
    invariant(version !== null, 'a subscription is on a stored plan version');
    await deps.notify(tx, customerId, {
      kind: 'welcome',
      dedupe_key: `welcome:${customerId}`,
      data: { plan_name: version.content.name, key_start: minted.key_start },
    });
  }

  async function bill(tx: Tx, subscription: SubscriptionRow): Promise<void> {
    if (subscription.superseded || subscription.status === 'incomplete' || subscription.status === 'incomplete_expired')
      return;
    const version = await deps.versionById(tx, subscription.plan_version_id);
    invariant(version !== null, 'a subscription is on a stored plan version');
    const plan = pricedPlan(version, subscription.plan_price_id);
    for (const report_id of await deps.closePeriods(tx, subscription, plan)) {
      await deps.queue.enqueue(tx, { name: 'usage.report', data: { report_id } });
    }
  }
}
