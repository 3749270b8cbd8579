import type {
  InvoiceItemRecord,
  InvoiceRecord,
  LineRecord,
  Seconds,
  SubscriptionItemRecord,
  SubscriptionRecord,
} from '../../store/records.ts';
import { periodAt, type Stretch } from '../../billing/periods.ts';
import { prorate, type Span } from '../../billing/proration.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, schedule } from '../context.ts';
import { cycleOf, intervalOf } from '../subscriptions/billing-mode.ts';
import { activeAt } from './discounts.ts';
import { settle } from './invoice-amounts.ts';
import { putOnInvoice } from './invoice-item-record.ts';
import { renderInvoice } from './invoice-render.ts';
import { formatAmount, priceAmount, unitOf } from '../../billing/money.ts';
import { isMetered, type Usage, usageLines } from '../usage/usage-lines.ts';

/** How long a renewal invoice stays a draft, so that the seller can add usage to it. */
export const DRAFT_SECONDS = 3_600;

/** `1 × Pro (at $499.00 / month)`, as Stripe words a line. */
function describe(context: Context, item: SubscriptionItemRecord): string {
  const price = context.tx.need('price', item.price);
  const product = context.tx.get('product', price.product);
  const { interval, interval_count } = intervalOf(context.tx, item);
  const each = formatAmount(priceAmount(price, 1), price.currency);
  const every = interval_count === 1 ? interval : `every ${interval_count} ${interval}s`;
  return `${item.quantity} × ${product?.name ?? price.product} (at ${each} / ${every})`;
}

/** A pending item as a line of an invoice. */
export function lineOfInvoiceItem(context: Context, item: InvoiceItemRecord): LineRecord {
  return {
    id: context.tx.newId('il_'),
    ...(item.discounts === undefined ? {} : { discounts: item.discounts }),
    ...(item.own_discounts === undefined ? {} : { own_discounts: item.own_discounts }),
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
    ...(item.quantity_decimal === undefined ? {} : { quantity_decimal: item.quantity_decimal }),
    subscription: item.subscription,
    subscription_item: item.subscription_item ?? null,
    unit_amount_decimal: item.unit_amount_decimal,
  };
}

/** Whether a subscription is in its trial: what it has costs nothing until that ends. */
export function isOnTrial(subscription: SubscriptionRecord, at: Seconds): boolean {
  return subscription.trial_end != null && subscription.trial_end > at;
}

/** The part of an item's running period that is not billed yet, and the whole interval it is a share of. */
function stretchOf(tx: Tx, subscription: SubscriptionRecord, item: SubscriptionItemRecord): Stretch {
  const { current_period_start, current_period_end: end } = item;
  const start = Math.min(Math.max(current_period_start, item.billed_until ?? 0), end);
  return { span: { start, end }, whole: periodAt(cycleOf(subscription), intervalOf(tx, item), current_period_start) };
}

/** What an item costs for a whole interval, as a line of an invoice. */
export function wholeLine(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
  period: Span,
): LineRecord {
  const { tx } = context;
  const price = tx.need('price', item.price);
  const discounts = activeAt(tx, item.discounts, tx.now);
  return {
    id: tx.newId('il_'),
    ...(discounts.length === 0 ? {} : { discounts }),
    ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
    amount: priceAmount(price, item.quantity),
    currency: price.currency,
    description: describe(context, item),
    discountable: true,
    invoice_item: null,
    metadata: { ...subscription.metadata, ...item.metadata },
    period,
    price: price.id,
    quantity: item.quantity,
    subscription: subscription.id,
    subscription_item: item.id,
    unit_amount_decimal: price.unit_amount_decimal ?? '0',
  };
}

/**
 * An item's running period as a line of an invoice. A period that is shorter than its interval, as before a fixed
 * anchor, costs its share of the seconds; a trial costs nothing.
 */
export function lineOfItem(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
  stretch: Stretch = stretchOf(context.tx, subscription, item),
): LineRecord {
  const { tx } = context;
  const line = wholeLine(context, subscription, item, stretch.span);
  if (isOnTrial(subscription, tx.now)) {
    const { product } = tx.need('price', item.price);
    const name = tx.get('product', product)?.name ?? product;
    return { ...line, amount: 0, description: `Trial period for ${name}`, unit_amount_decimal: '0' };
  }
  const { span, whole } = stretch;
  if (span.start === whole.start && span.end === whole.end) return line;
  const because = [{ says: line.description ?? line.id, amount: line.amount, because: [] }];
  const { amount, explanation } = prorate('charge', line.amount, span, whole, because);
  return {
    ...line,
    amount,
    proration: { credited: null, explanation, period: whole },
    unit_amount_decimal: unitOf(amount, item.quantity),
  };
}

/** Items of a customer that wait for an invoice, and belong to no subscription or to this one: newest first. */
export function pendingItems(
  context: Context,
  owner: { id: string | null; customer: string; currency: string },
): InvoiceItemRecord[] {
  return context.tx
    .all('invoice_item')
    .filter(
      (item) =>
        item.invoice === null &&
        item.customer === owner.customer &&
        item.currency === owner.currency &&
        (item.subscription === null || item.subscription === owner.id),
    )
    .toReversed();
}

/** An invoice takes so many items. */
export const MOST_INVOICE_ITEMS = 250;

/** Puts what waits on an invoice, the oldest first; what is beyond the limit waits for the next one. */
export function collect(context: Context, pending: readonly InvoiceItemRecord[], invoice: string): LineRecord[] {
  return pending
    .slice(-MOST_INVOICE_ITEMS)
    .map((item) => lineOfInvoiceItem(context, putOnInvoice(context, item, invoice)));
}

interface Draft {
  billing_reason: InvoiceRecord['billing_reason'];
  automatically_finalizes_at: Seconds | null;
  period: { start: Seconds; end: Seconds };
  /** Whose usage it bills: that of periods that are over. */
  usage?: Usage[];
  /** Nothing finalizes it by itself. */
  stays_draft?: boolean;
  /** What is billed ahead, where it is not every item. */
  items?: readonly SubscriptionItemRecord[];
  /** What it bills besides, before the items. */
  lines?: LineRecord[];
  threshold_reason?: InvoiceRecord['threshold_reason'];
  /** Bills what is pending and nothing ahead: the running period is billed already. */
  pending_only?: boolean;
}

/** A draft with nothing on it yet. */
export function blankInvoice(
  now: Seconds,
  facts: Pick<InvoiceRecord, 'currency' | 'customer'> & Partial<InvoiceRecord>,
): InvoiceRecord {
  return {
    id: '',
    created: now,
    amount_paid: 0,
    attempt_count: 0,
    auto_advance: false,
    automatically_finalizes_at: null,
    billing_reason: 'manual',
    customer_address: null,
    customer_email: null,
    customer_name: null,
    customer_phone: null,
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
    subscription: null,
    subscription_metadata: {},
    voided_at: null,
    webhooks_delivered_at: now,
    ...facts,
  };
}

/** A draft of a subscription with nothing on it yet. */
export function invoiceOf(subscription: SubscriptionRecord, now: Seconds): InvoiceRecord {
  return blankInvoice(now, {
    ...(subscription.automatic_tax?.enabled === true
      ? { automatic_tax: { enabled: true, disabled_reason: null } }
      : {}),
    auto_advance: true,
    billing_reason: 'subscription_update',
    collection_method: subscription.collection_method ?? 'charge_automatically',
    currency: subscription.currency,
    customer: subscription.customer,
    days_until_due: subscription.days_until_due ?? null,
    default_tax_rates: subscription.default_tax_rates ?? [],
    ...subscription.invoice_settings,
    subscription: subscription.id,
    subscription_metadata: subscription.metadata,
  });
}

/**
 * Writes a draft invoice: pending items first, then the subscription's own items for its running period. The last
 * invoice of a canceled subscription has only the pending ones.
 */
export function createDraft(context: Context, subscription: SubscriptionRecord, facts: Draft): InvoiceRecord {
  const { tx } = context;
  const id = tx.newId('in_');
  const pending = collect(context, pendingItems(context, subscription), id);
  // Usage is billed in arrears, and what has ended bills nothing ahead.
  const is_over = facts.pending_only === true || subscription.ended_at !== null;
  const ahead = is_over ? [] : (facts.items ?? subscription.items).filter((item) => !isMetered(tx, item));
  // What is billed in advance already has no line again.
  const billed = ahead.filter((item) => (item.billed_until ?? 0) < item.current_period_end);
  // Of a subscription that is given up nobody collects what still becomes due.
  const stays_draft = facts.stays_draft === true || subscription.status === 'unpaid';
  const finalizes_at = stays_draft ? null : facts.automatically_finalizes_at;
  const lines = [
    ...pending,
    ...(facts.lines ?? []),
    ...billed.map((item) => lineOfItem(context, subscription, item)),
    ...(facts.usage ?? []).flatMap((usage) => usageLines(context, subscription, usage)),
  ];
  const draft: InvoiceRecord = {
    ...invoiceOf(subscription, tx.now),
    id,
    auto_advance: !stays_draft,
    automatically_finalizes_at: finalizes_at,
    billing_reason: facts.billing_reason,
    // Where there is nothing to discount, a coupon that holds once is not used up.
    discounts:
      lines.some((line) => line.discountable && line.amount !== 0) || finalizes_at !== null
        ? activeAt(tx, subscription.discounts, tx.now)
        : [],
    lines,
    next_payment_attempt: subscription.collection_method === 'send_invoice' ? null : finalizes_at,
    period_end: facts.period.end,
    period_start: facts.period.start,
    ...(facts.threshold_reason === undefined ? {} : { threshold_reason: facts.threshold_reason }),
  };
  const invoice = tx.put('invoice', settle(tx, draft));
  if (finalizes_at !== null) schedule(context, finalizes_at, 'finalize', id);
  emit(context, 'invoice.created', renderInvoice(tx, invoice, context.account_name));
  return invoice;
}
