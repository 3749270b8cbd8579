import type {
  InvoiceItemRecord,
  InvoiceRecord,
  LineRecord,
  Seconds,
  SubscriptionItemRecord,
  SubscriptionRecord,
} from '../../store/records.ts';
import { type Context, emit } from '../context.ts';
import { activeAt } from './discounts.ts';
import { settle } from './invoice-amounts.ts';
import { putOnInvoice } from './invoice-item-record.ts';
import { renderInvoice } from './invoice-render.ts';
import { formatAmount, priceAmount } from '../../billing/money.ts';
import { isMetered, type Usage, usageLines } from '../usage/usage-lines.ts';

const intervals = { day: 'day', week: 'week', month: 'month', year: 'year' } as const;

/** `1 × Pro (at $499.00 / month)`, as Stripe words a line. */
function describe(context: Context, item: SubscriptionItemRecord): string {
  const price = context.tx.need('price', item.price);
  const product = context.tx.get('product', price.product);
  const { interval, interval_count } = price.recurring ?? { interval: 'month', interval_count: 1 };
  const each = formatAmount(priceAmount(price, 1), price.currency);
  const every = interval_count === 1 ? intervals[interval] : `every ${interval_count} ${intervals[interval]}s`;
  return `${item.quantity} × ${product?.name ?? price.product} (at ${each} / ${every})`;
}

/** A pending item as a line of an invoice. */
export function lineOfInvoiceItem(context: Context, item: InvoiceItemRecord): LineRecord {
  return {
    id: context.tx.newId('il_'),
    ...(item.discounts === undefined ? {} : { discounts: item.discounts }),
    ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    discountable: item.discountable,
    invoice_item: item.id,
    metadata: item.metadata,
    period: item.period,
    price: item.price,
    ...(item.proration === undefined ? {} : { proration: item.proration }),
    quantity: item.quantity,
    subscription: item.subscription,
    subscription_item: item.subscription_item ?? null,
    unit_amount_decimal: item.unit_amount_decimal,
  };
}

/** Whether a subscription is in its trial: what it has costs nothing until that ends. */
export function isOnTrial(subscription: SubscriptionRecord, at: Seconds): boolean {
  return subscription.trial_end != null && subscription.trial_end > at;
}

/** An item's whole running period as a line of an invoice. */
export function lineOfItem(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
): LineRecord {
  const price = context.tx.need('price', item.price);
  const is_free = isOnTrial(subscription, context.tx.now);
  const name = context.tx.get('product', price.product)?.name ?? price.product;
  return {
    id: context.tx.newId('il_'),
    ...(item.discounts === undefined ? {} : { discounts: item.discounts }),
    ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
    amount: is_free ? 0 : priceAmount(price, item.quantity),
    currency: price.currency,
    description: is_free ? `Trial period for ${name}` : describe(context, item),
    discountable: true,
    invoice_item: null,
    metadata: { ...subscription.metadata, ...item.metadata },
    period: { start: item.current_period_start, end: item.current_period_end },
    price: price.id,
    quantity: item.quantity,
    subscription: subscription.id,
    subscription_item: item.id,
    unit_amount_decimal: is_free ? '0' : (price.unit_amount_decimal ?? '0'),
  };
}

/** Items of the customer that wait for an invoice of this subscription, newest first. */
export function pendingItems(context: Context, subscription: SubscriptionRecord): InvoiceItemRecord[] {
  return context.tx
    .all('invoice_item')
    .filter(
      (item) =>
        item.invoice === null &&
        item.customer === subscription.customer &&
        item.currency === subscription.currency &&
        (item.subscription === null || item.subscription === subscription.id),
    )
    .toReversed();
}

interface Draft {
  billing_reason: InvoiceRecord['billing_reason'];
  automatically_finalizes_at: Seconds | null;
  period: { start: Seconds; end: Seconds };
  /** Whose usage it bills: that of periods that are over. */
  usage?: Usage[];
  /** Nothing finalizes it by itself. */
  stays_draft?: boolean;
  /** Bills what is pending and nothing ahead: the running period is billed already. */
  pending_only?: boolean;
}

/** A draft of a subscription with nothing on it yet. */
export function invoiceOf(subscription: SubscriptionRecord, now: Seconds): InvoiceRecord {
  return {
    id: '',
    created: now,
    amount_paid: 0,
    attempt_count: 0,
    auto_advance: true,
    automatically_finalizes_at: null,
    billing_reason: 'subscription_update',
    currency: subscription.currency,
    customer: subscription.customer,
    customer_address: null,
    customer_email: null,
    customer_name: null,
    customer_phone: null,
    default_tax_rates: subscription.default_tax_rates ?? [],
    description: null,
    ending_balance: null,
    finalized_at: null,
    footer: null,
    lines: [],
    metadata: {},
    next_payment_attempt: null,
    number: null,
    page_token: null,
    paid_at: null,
    payment_intent: null,
    period_end: now,
    period_start: now,
    starting_balance: 0,
    status: 'draft',
    subscription: subscription.id,
    subscription_metadata: subscription.metadata,
    voided_at: null,
    webhooks_delivered_at: now,
  };
}

/**
 * Writes a draft invoice: pending items first, then the subscription's own items for its running period. The last
 * invoice of a canceled subscription has only the pending ones.
 */
export function createDraft(context: Context, subscription: SubscriptionRecord, facts: Draft): InvoiceRecord {
  const { tx } = context;
  const id = tx.newId('in_');
  const pending = pendingItems(context, subscription).map((item) => putOnInvoice(context, item, id));
  // Usage is billed in arrears, and what has ended bills nothing ahead.
  const is_over = facts.pending_only === true || subscription.ended_at !== null;
  const ahead = is_over ? [] : subscription.items.filter((item) => !isMetered(tx, item));
  const lines = [
    ...pending.map((item) => lineOfInvoiceItem(context, item)),
    ...ahead.map((item) => lineOfItem(context, subscription, item)),
    ...(facts.usage ?? []).flatMap((usage) => usageLines(context, subscription, usage)),
  ];
  const draft: InvoiceRecord = {
    ...invoiceOf(subscription, tx.now),
    id,
    auto_advance: facts.stays_draft !== true,
    automatically_finalizes_at: facts.automatically_finalizes_at,
    billing_reason: facts.billing_reason,
    // Where there is nothing to discount, a coupon that holds once is not used up.
    discounts:
      lines.some((line) => line.discountable && line.amount !== 0) || facts.automatically_finalizes_at !== null
        ? activeAt(tx, subscription.discounts, tx.now)
        : [],
    lines,
    next_payment_attempt: facts.automatically_finalizes_at,
    period_end: facts.period.end,
    period_start: facts.period.start,
  };
  const invoice = tx.put('invoice', settle(tx, draft));
  emit(context, 'invoice.created', renderInvoice(tx, invoice, context.account_name));
  return invoice;
}
