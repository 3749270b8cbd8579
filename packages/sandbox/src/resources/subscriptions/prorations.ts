import { prorate, type Span } from '../../billing/proration.ts';
import type { CreditedDebit } from '../../store/change-records.ts';
import type { InvoiceItemRecord, Seconds, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { boundary } from '../../time/calendar.ts';
import { type Context, emit } from '../context.ts';
import { activeAt } from '../invoices/discounts.ts';
import { discountedAmount, settle } from '../invoices/invoice-amounts.ts';
import { invoiceOf, lineOfItem } from '../invoices/invoice-draft.ts';
import { renderInvoiceItem } from '../invoices/invoice-item-render.ts';
import { unitOf } from '../../billing/money.ts';
import { isMetered, usageLines } from '../usage/usage-lines.ts';

/** Something an item was charged for in advance, as far as it is not given back yet. */
interface Debit {
  credited: CreditedDebit;
  /** What the whole period costs, net of discounts: the price that was last billed. */
  amount: number;
  period: Span;
  /** The part of it that is paid for and not given back. */
  covers: Span;
  price: string;
  quantity: number;
}

/** The period of an interval, counted from an anchor, in which a time lies. */
export function periodAt(
  anchor: Seconds,
  recurring: { interval: 'day' | 'week' | 'month' | 'year'; interval_count: number },
  at: Seconds,
): Span & { index: number } {
  const length = boundary(anchor, recurring, 1) - anchor;
  let index = Math.floor((at - anchor) / length);
  while (boundary(anchor, recurring, index) > at) index -= 1;
  while (boundary(anchor, recurring, index + 1) <= at) index += 1;
  return { start: boundary(anchor, recurring, index), end: boundary(anchor, recurring, index + 1), index };
}

/** Every charge in advance of an item, oldest first, on invoices that were not voided and among what waits for one. */
function debitsOf(tx: Tx, item_id: string): Debit[] {
  const invoices = tx.all('invoice').filter((invoice) => invoice.status !== 'void');
  const lines = invoices.flatMap((invoice) =>
    invoice.lines
      .filter((line) => line.subscription_item === item_id && line.is_usage !== true)
      .map((line) => ({ line, invoice: invoice.id, net: discountedAmount(line) })),
  );
  const pending = tx
    .all('invoice_item')
    .filter((item) => item.invoice === null && item.subscription_item === item_id)
    .map((item) => ({ line: { ...item, invoice_item: item.id }, invoice: null, net: item.amount }));
  const all = [...lines, ...pending];
  const given_back = all.filter(({ line }) => line.proration?.credited != null);
  return all.flatMap(({ line, invoice, net }) => {
    if (line.proration?.credited != null || line.price === null) return [];
    const ends = given_back.flatMap(({ line: credit }) => {
      const of = credit.proration?.credited;
      const is_this = line.invoice_item === null ? of?.line === line.id : of?.invoice_item === line.invoice_item;
      return is_this ? [credit.period.start] : [];
    });
    return [
      {
        amount: line.proration?.explanation.amount ?? net,
        covers: { start: line.period.start, end: Math.min(line.period.end, ...ends) },
        credited: { invoice, invoice_item: line.invoice_item, line: invoice === null ? null : line.id },
        period: line.proration?.period ?? line.period,
        price: line.price,
        quantity: line.quantity,
      },
    ];
  });
}

/** `Pro`, or `3 × Pro`. */
function nameOf(tx: Tx, price_id: string, quantity: number): string {
  const price = tx.need('price', price_id);
  const name = tx.get('product', price.product)?.name ?? price.product;
  return quantity === 1 ? name : `${quantity} × ${name}`;
}

/** `24 Nov 2026`, in UTC, as Stripe writes the day from which a proration counts. */
function dayOf(at: Seconds): string {
  const [, day = '', month = '', year = ''] = new Date(at * 1000).toUTCString().split(' ');
  return `${Number(day)} ${month} ${year}`;
}

type NewItem = Omit<
  InvoiceItemRecord,
  'id' | 'currency' | 'customer' | 'date' | 'invoice' | 'subscription' | 'metadata'
>;

/** Writes an item that waits for the subscription's next invoice, and says so. */
function writeItem(context: Context, subscription: SubscriptionRecord, item: NewItem): InvoiceItemRecord {
  const { tx } = context;
  const { currency, customer, id, metadata } = subscription;
  const written = tx.put('invoice_item', {
    id: tx.newId('ii_'),
    ...item,
    currency,
    customer,
    date: tx.now,
    invoice: null,
    metadata,
    subscription: id,
  });
  emit(context, 'invoiceitem.created', renderInvoiceItem(tx, written));
  return written;
}

/** Gives back what an item was charged for the time after `at`: one credit for each charge that reaches there. */
export function creditUnused(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
  at: Seconds,
): InvoiceItemRecord[] {
  const { tx } = context;
  return debitsOf(tx, item.id).flatMap((debit) => {
    const part = { start: Math.max(at, debit.covers.start), end: debit.covers.end };
    if (part.end <= part.start || debit.amount === 0) return [];
    const { amount, explanation } = prorate('credit', debit.amount, part, debit.period);
    return writeItem(context, subscription, {
      amount,
      description: `Unused time on ${nameOf(tx, debit.price, debit.quantity)} after ${dayOf(part.start)}`,
      discountable: false,
      period: part,
      price: debit.price,
      proration: { credited: debit.credited, explanation, period: debit.period },
      quantity: debit.quantity,
      subscription_item: item.id,
      ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
      unit_amount_decimal: unitOf(amount, debit.quantity),
    });
  });
}

/**
 * What each item costs for a whole period, net of the discounts that hold longer than for one invoice: prorations
 * include them. https://docs.stripe.com/billing/subscriptions/billing-mode
 */
function netPrices(context: Context, subscription: SubscriptionRecord, at: Seconds): Map<string, number> {
  const { tx } = context;
  const charged = subscription.items.filter((item) => !isMetered(tx, item));
  const discounts = activeAt(tx, subscription.discounts, at).filter(
    (id) => tx.need('coupon', tx.need('discount', id).coupon).duration !== 'once',
  );
  const lines = charged.map((item) => lineOfItem(context, { ...subscription, trial_end: null }, item));
  const settled = settle(tx, { ...invoiceOf(subscription, tx.now), discounts, lines });
  return new Map(settled.lines.map((line, index) => [charged[index]?.id ?? '', discountedAmount(line)]));
}

/** Charges items for the rest of their period from `at` on: all of it when that is where it begins. */
export function chargeRemaining(
  context: Context,
  subscription: SubscriptionRecord,
  items: readonly SubscriptionItemRecord[],
  at: Seconds,
): InvoiceItemRecord[] {
  const { tx } = context;
  const prices = netPrices(context, subscription, at);
  return items.flatMap((item) => {
    const whole = prices.get(item.id);
    if (whole === undefined) return [];
    const period = { start: item.current_period_start, end: item.current_period_end };
    const part = { start: at, end: period.end };
    const { amount, explanation } = prorate('charge', whole, part, period);
    return writeItem(context, subscription, {
      amount,
      description: `Remaining time on ${nameOf(tx, item.price, item.quantity)} after ${dayOf(at)}`,
      discountable: false,
      period: part,
      price: item.price,
      proration: { credited: null, explanation, period },
      quantity: item.quantity,
      subscription_item: item.id,
      ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
      unit_amount_decimal: unitOf(amount, item.quantity),
    });
  });
}

/** What was used on a metered item that goes, or begins a period early, is billed by the next invoice. */
export function billRemovedUsage(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
  goes_on: boolean,
): void {
  const { tx } = context;
  const period = { start: item.current_period_start, end: tx.now };
  if (period.end <= period.start) return;
  // What is used in this very second belongs to the item's next period, where it has one.
  const ended_at = goes_on ? null : tx.now;
  for (const line of usageLines(context, { ...subscription, ended_at }, { item, period })) {
    if (line.amount === 0) continue;
    writeItem(context, subscription, {
      amount: line.amount,
      description: line.description,
      discountable: true,
      period,
      price: line.price,
      quantity: line.quantity,
      ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
      unit_amount_decimal: line.unit_amount_decimal,
    });
  }
}
