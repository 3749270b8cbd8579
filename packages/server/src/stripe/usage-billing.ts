import Stripe from 'stripe';
import { ownMetadata } from './client.ts';
import { idOf } from './translate.ts';
import { type BilledItem, type UsageBill, itemNameOf } from './usage-bill.ts';

/** Where a bill's lines belong. */
export interface UsageTarget {
  stripe_customer_id: string;
  stripe_subscription_id: string;
  /** The subscription's next invoice. After its end there is none, and a draft it left is not collected. */
  is_ended: boolean;
  /** The next invoice is too far away: without a draft of now, the usage gets an invoice of its own. */
  is_far: boolean;
}

/**
 * Puts a bill of usage on the subscription's draft invoice; or, when there is none any more, on the customer's next one, or
 * on one of its own that is collected at once. What is already there is read first: an answer that was lost, or an invoice
 * that closed in between, adds nothing twice.
 */
export function createUsageBilling(deps: { stripe: Stripe; installation_id: string }) {
  const { stripe, installation_id } = deps;
  const key = (bill: UsageBill, what: string) => `farebox:${installation_id}:usage:${bill.id}:${what}`;

  return async function billUsage(bill: UsageBill, target: UsageTarget): Promise<void> {
    const present = new Set<string>();
    for await (const item of stripe.invoiceItems.list({ customer: target.stripe_customer_id, limit: 100 })) {
      const name = itemNameOf(bill, item);
      if (name !== null) present.add(name);
    }
    const draft = target.is_ended ? undefined : (await cycleDraft(stripe, target.stripe_subscription_id))?.id;
    if (draft === undefined && (target.is_ended || target.is_far)) return await billAlone(bill, target, present);
    await addLines(bill, target, present, draft);
  };

  /** An invoice that closes while lines are added hands the rest to the next one. */
  async function addLines(
    bill: UsageBill,
    target: UsageTarget,
    present: ReadonlySet<string>,
    invoice: string | undefined,
  ): Promise<void> {
    let draft = invoice;
    for (const item of bill.items) {
      if (present.has(item.name) || item.amount === 0) continue;
      try {
        await addItem(bill, item, target, draft);
      } catch (error) {
        if (draft === undefined || target.is_ended || !(error instanceof Stripe.errors.StripeInvalidRequestError))
          throw error;
        draft = undefined;
        await addItem(bill, item, target, draft);
      }
    }
  }

  async function billAlone(bill: UsageBill, target: UsageTarget, present: ReadonlySet<string>): Promise<void> {
    const invoice = await ownInvoice(bill, target);
    if (invoice.status === 'draft') {
      await addLines(bill, target, present, invoice.id);
      await stripe.invoices.finalizeInvoice(
        invoice.id,
        { auto_advance: true },
        { idempotencyKey: key(bill, 'finalize') },
      );
    }
    if ((await stripe.invoices.retrieve(invoice.id)).status !== 'open') return;
    try {
      await stripe.invoices.pay(invoice.id, {}, { idempotencyKey: key(bill, 'pay') });
    } catch (error) {
      // The card was refused or there is none: the invoice stays open, and whoever owes it is told.
      if (!(error instanceof Stripe.errors.StripeCardError) && !isWithoutCard(error)) throw error;
    }
  }

  async function ownInvoice(bill: UsageBill, target: UsageTarget): Promise<Stripe.Invoice> {
    for await (const invoice of stripe.invoices.list({ customer: target.stripe_customer_id, limit: 100 }))
      if (invoice.metadata?.['farebox_usage_report'] === bill.id) return invoice;
    // A checkout leaves its card with the subscription; an invoice beside it would not find it there.
    const { default_payment_method: card } = await stripe.subscriptions.retrieve(target.stripe_subscription_id);
    return await stripe.invoices.create(
      {
        customer: target.stripe_customer_id,
        ...(card === null ? {} : { default_payment_method: idOf(card) }),
        currency: bill.currency,
        auto_advance: false,
        pending_invoice_items_behavior: 'exclude',
        description: bill.description,
        metadata: ownMetadata(installation_id, {
          farebox_usage_report: bill.id,
          farebox_subscription: target.stripe_subscription_id,
        }),
      },
      { idempotencyKey: key(bill, 'invoice') },
    );
  }

  async function addItem(
    bill: UsageBill,
    { name, amount, description, metadata }: BilledItem,
    target: UsageTarget,
    draft: string | undefined,
  ): Promise<void> {
    await stripe.invoiceItems.create(
      {
        customer: target.stripe_customer_id,
        ...(draft === undefined ? { subscription: target.stripe_subscription_id } : { invoice: draft }),
        amount,
        currency: bill.currency,
        description,
        // Stripe counts whole seconds.
        period: { start: secondsOf(bill.period_start_at), end: secondsOf(bill.period_end_at) },
        metadata: ownMetadata(installation_id, metadata),
      },
      { idempotencyKey: key(bill, `${name}:${draft ?? 'next'}`) },
    );
  }
}

/** The renewal's invoice of a subscription while lines can be added to it. */
export async function cycleDraft(stripe: Stripe, stripe_subscription_id: string): Promise<Stripe.Invoice | undefined> {
  const { data } = await stripe.invoices.list({ subscription: stripe_subscription_id, status: 'draft', limit: 10 });
  return data.find((invoice) => invoice.billing_reason === 'subscription_cycle');
}

function isWithoutCard(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing';
}

function secondsOf(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}
