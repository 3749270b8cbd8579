import { type RatedLine, formatDecimal } from '@farebox/core';
import Stripe from 'stripe';
import type { UsageReport } from '../usage/report.ts';
import { ownMetadata } from './client.ts';
import { idOf } from './translate.ts';

/** The name of the line that takes off what credit paid. */
const creditLine = 'credit';

/** One line of a report as it is put on an invoice; the name says which, whoever looks. */
interface BilledItem {
  name: string;
  amount: number;
  description: string;
  metadata: Record<string, string>;
}

/** Where a report's lines belong. */
export interface UsageTarget {
  stripe_customer_id: string;
  stripe_subscription_id: string;
  meter_name: string;
  /** The subscription's next invoice. After its end there is none, and a draft it left is not collected. */
  is_ended: boolean;
  /** The next invoice is too far away: without a draft of now, the usage gets an invoice of its own. */
  is_far: boolean;
}

/**
 * Puts a usage report on the subscription's draft invoice; or, when there is none any more, on the customer's next one, or
 * on one of its own that is collected at once. What is already there is read first: an answer that was lost, or an invoice
 * that closed in between, adds nothing twice.
 */
export function createUsageBilling(deps: { stripe: Stripe; installation_id: string }) {
  const { stripe, installation_id } = deps;
  const key = (report: UsageReport, what: string) => `farebox:${installation_id}:usage:${report.id}:${what}`;

  return async function billUsage(report: UsageReport, target: UsageTarget): Promise<void> {
    const present = new Set<string>();
    for await (const item of stripe.invoiceItems.list({ customer: target.stripe_customer_id, limit: 100 })) {
      if (item.metadata?.['farebox_usage_report'] === report.id) present.add(item.metadata['farebox_line'] ?? '');
      if (item.metadata?.['farebox_credit_report'] === report.id) present.add(creditLine);
    }
    const draft = target.is_ended ? undefined : await cycleDraft(target);
    if (draft === undefined && (target.is_ended || target.is_far)) return await billAlone(report, target, present);
    await addLines(report, target, present, draft);
  };

  async function cycleDraft(target: UsageTarget): Promise<string | undefined> {
    const wanted = { subscription: target.stripe_subscription_id, status: 'draft', limit: 10 } as const;
    const { data } = await stripe.invoices.list(wanted);
    return data.find((invoice) => invoice.billing_reason === 'subscription_cycle')?.id;
  }

  /** An invoice that closes while lines are added hands the rest to the next one. */
  async function addLines(
    report: UsageReport,
    target: UsageTarget,
    present: ReadonlySet<string>,
    invoice: string | undefined,
  ): Promise<void> {
    let draft = invoice;
    for (const item of itemsOf(report, target)) {
      if (present.has(item.name) || item.amount === 0) continue;
      try {
        await addItem(report, item, target, draft);
      } catch (error) {
        if (draft === undefined || target.is_ended || !(error instanceof Stripe.errors.StripeInvalidRequestError))
          throw error;
        draft = undefined;
        await addItem(report, item, target, draft);
      }
    }
  }

  async function billAlone(report: UsageReport, target: UsageTarget, present: ReadonlySet<string>): Promise<void> {
    const invoice = await ownInvoice(report, target);
    if (invoice.status === 'draft') {
      await addLines(report, target, present, invoice.id);
      await stripe.invoices.finalizeInvoice(
        invoice.id,
        { auto_advance: true },
        { idempotencyKey: key(report, 'finalize') },
      );
    }
    if ((await stripe.invoices.retrieve(invoice.id)).status !== 'open') return;
    try {
      await stripe.invoices.pay(invoice.id, {}, { idempotencyKey: key(report, 'pay') });
    } catch (error) {
      // The card was refused or there is none: the invoice stays open, and whoever owes it is told.
      if (!(error instanceof Stripe.errors.StripeCardError) && !isWithoutCard(error)) throw error;
    }
  }

  async function ownInvoice(report: UsageReport, target: UsageTarget): Promise<Stripe.Invoice> {
    for await (const invoice of stripe.invoices.list({ customer: target.stripe_customer_id, limit: 100 }))
      if (invoice.metadata?.['farebox_usage_report'] === report.id) return invoice;
    // A checkout leaves its card with the subscription; an invoice beside it would not find it there.
    const { default_payment_method: card } = await stripe.subscriptions.retrieve(target.stripe_subscription_id);
    return await stripe.invoices.create(
      {
        customer: target.stripe_customer_id,
        ...(card === null ? {} : { default_payment_method: idOf(card) }),
        currency: report.currency,
        auto_advance: false,
        pending_invoice_items_behavior: 'exclude',
        description: `${target.meter_name} beyond the included amount`,
        metadata: ownMetadata(installation_id, {
          farebox_usage_report: report.id,
          farebox_subscription: target.stripe_subscription_id,
        }),
      },
      { idempotencyKey: key(report, 'invoice') },
    );
  }

  async function addItem(
    report: UsageReport,
    { name, amount, description, metadata }: BilledItem,
    target: UsageTarget,
    draft: string | undefined,
  ): Promise<void> {
    await stripe.invoiceItems.create(
      {
        customer: target.stripe_customer_id,
        ...(draft === undefined ? { subscription: target.stripe_subscription_id } : { invoice: draft }),
        amount,
        currency: report.currency,
        description,
        // Stripe counts whole seconds.
        period: { start: secondsOf(report.period_start_at), end: secondsOf(report.period_end_at) },
        metadata: ownMetadata(installation_id, metadata),
      },
      { idempotencyKey: key(report, `${name}:${draft ?? 'next'}`) },
    );
  }
}

/** The tiers, and what credit paid of them. */
function itemsOf(report: UsageReport, target: UsageTarget): BilledItem[] {
  const tiers = report.lines.map((line, index) => ({
    name: String(index),
    amount: line.amount_minor,
    description: describeLine(report, line, target),
    metadata: {
      farebox_usage_report: report.id,
      farebox_line: String(index),
      farebox_quantity: String(line.quantity),
      farebox_unit_price: line.unit_price_decimal,
    },
  }));
  return [
    ...tiers,
    {
      name: creditLine,
      amount: -report.credited_minor,
      description: `Paid from credit: ${target.meter_name}`,
      metadata: { farebox_credit_report: report.id },
    },
  ];
}

function isWithoutCard(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing';
}

function secondsOf(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

/** `API requests over 1,000,000: 250,000 × $0.0008` */
function describeLine(report: Pick<UsageReport, 'currency'>, line: RatedLine, names: { meter_name: string }): string {
  const price = formatDecimal(line.unit_price_decimal, report.currency);
  const count = line.quantity.toLocaleString('en-US');
  const size = line.package_size;
  const sum =
    size === undefined
      ? `${count} × ${price}`
      : `${count}, in ${Math.ceil(line.quantity / size).toLocaleString('en-US')} × ${size.toLocaleString('en-US')} at ${price}`;
  return `${names.meter_name} beyond the included amount: ${sum}`;
}
