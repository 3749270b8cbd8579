import { prorate, type Span } from '../../billing/proration.ts';
import { periodAt } from '../../billing/periods.ts';
import { splitDown } from '../../billing/shares.ts';
import type { CreditedDebit, Reason } from '../../store/change-records.ts';
import type { DiscountAmount } from '../../store/money-records.ts';
import type { InvoiceItemRecord, Seconds, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { activeAt } from '../invoices/discounts.ts';
import { discountedAmount, settle } from '../invoices/invoice-amounts.ts';
import { invoiceOf, wholeLine } from '../invoices/invoice-draft.ts';
import { renderInvoiceItem } from '../invoices/invoice-item-render.ts';
import { unitOf } from '../../billing/money.ts';
import { isMetered, usageLines } from '../usage/usage-lines.ts';
import { cycleOf, intervalOf, isClassic, modeOf } from './billing-mode.ts';
import { debitsOf, paidUntil, type Whole } from './debits.ts';

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

interface Prorating {
  kind: 'charge' | 'credit';
  whole: Whole;
  part: Span;
  period: Span;
  price: string;
  quantity: number;
  credited: CreditedDebit | null;
}

/** The part of each discount that falls on a share of the period; together they make gross into net, to the unit. */
function shareDiscounts(discounts: readonly DiscountAmount[], off: number): DiscountAmount[] {
  const parts = splitDown(
    Math.abs(off),
    discounts.map((each) => each.amount),
  );
  return discounts.map(({ discount }, index) => ({ amount: Math.sign(off) * (parts[index] ?? 0), discount }));
}

function writeProration(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
  facts: Prorating,
): InvoiceItemRecord {
  const { kind, part, period, price, quantity, whole } = facts;
  const net = prorate(kind, whole.net, part, period, whole.because);
  const names_discounts = modeOf(subscription).proration_discounts === 'itemized' && whole.gross !== whole.net;
  const amount = names_discounts ? prorate(kind, whole.gross, part, period).amount : net.amount;
  const span = `${nameOf(context.tx, price, quantity)} after ${dayOf(part.start)}`;
  return writeItem(context, subscription, {
    amount,
    description: kind === 'credit' ? `Unused time on ${span}` : `Remaining time on ${span}`,
    discountable: false,
    ...(names_discounts ? { own_discounts: shareDiscounts(whole.discounts, amount - net.amount) } : {}),
    period: part,
    price,
    proration: {
      credited: facts.credited,
      explanation: net.explanation,
      period,
      ...(names_discounts ? { gross: { amount: whole.gross, discounts: whole.discounts } } : {}),
    },
    quantity,
    subscription_item: item.id,
    ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
    unit_amount_decimal: unitOf(amount, quantity),
  });
}

/** The interval that an item's running period is, or is cut from. */
function intervalSpan(tx: Tx, subscription: SubscriptionRecord, item: SubscriptionItemRecord): Span {
  return periodAt(cycleOf(subscription), intervalOf(tx, item), item.current_period_start);
}

/**
 * Gives back what an item was charged for the time after `at`: one credit for each charge that reaches there. Classic
 * billing looks at no charge: it gives back what the item costs now.
 * https://docs.stripe.com/billing/subscriptions/billing-mode/compare
 */
export function creditUnused(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
  at: Seconds,
): InvoiceItemRecord[] {
  const { tx } = context;
  const debits = debitsOf(tx, item.id);
  if (isClassic(subscription)) {
    const whole = wholePrices(context, { ...subscription, items: [item] }, at).get(item.id);
    const part = { start: at, end: item.current_period_end };
    if (whole === undefined || part.end <= part.start || whole.gross === 0) return [];
    const credited = debits.at(-1)?.credited ?? { invoice: null, invoice_item: null, line: null };
    const period = intervalSpan(tx, subscription, item);
    const { price, quantity } = item;
    return [
      writeProration(context, subscription, item, { kind: 'credit', whole, part, period, price, quantity, credited }),
    ];
  }
  return debits.flatMap((debit) => {
    const part = { start: Math.max(at, debit.covers.start), end: debit.covers.end };
    // A period that was cut off without prorations gives nothing back later; what was billed ahead runs on.
    if (debit.covers.start < item.current_period_start && item.billed_until === undefined) return [];
    if (part.end <= part.start || debit.whole.gross === 0) return [];
    return writeProration(context, subscription, item, { ...debit, kind: 'credit', part });
  });
}

/**
 * What each licensed item costs for a whole period, net of the discounts that hold longer than for one invoice:
 * prorations include them. Flexible billing splits a discount over all items; classic billing gives each item all of it.
 * https://docs.stripe.com/billing/subscriptions/billing-mode
 */
function wholePrices(context: Context, subscription: SubscriptionRecord, at: Seconds): Map<string, Whole> {
  const { tx } = context;
  const lasting = (ids: readonly string[] | undefined): string[] =>
    activeAt(tx, [...(ids ?? [])], at).filter(
      (id) => tx.need('coupon', tx.need('discount', id).coupon).duration !== 'once',
    );
  const charged = subscription.items.filter((item) => !isMetered(tx, item));
  const lines = charged.map((item) => {
    const line = wholeLine(context, subscription, item, { start: at, end: item.current_period_end });
    return { ...line, discounts: lasting(item.discounts) };
  });
  const base = { ...invoiceOf(subscription, tx.now), discounts: lasting(subscription.discounts) };
  const settled = isClassic(subscription)
    ? lines.flatMap((line) => settle(tx, { ...base, lines: [line] }).lines)
    : settle(tx, { ...base, lines }).lines;
  return new Map(
    settled.map((line, index) => {
      const discounts = line.discount_amounts ?? [];
      const taken = discounts.map((each): Reason => ({
        says: `less ${tx.need('coupon', tx.need('discount', each.discount).coupon).name ?? each.discount}`,
        amount: 0 - each.amount,
        because: [],
      }));
      const because = [{ says: line.description ?? line.id, amount: line.amount, because: [] }, ...taken];
      return [charged[index]?.id ?? '', { net: discountedAmount(line), gross: line.amount, discounts, because }];
    }),
  );
}

/**
 * Charges items for the rest of their period from `at` on: all of it when that is where it begins. `unpaid_only` leaves
 * out the time that an item is paid for already.
 */
export function chargeRemaining(
  context: Context,
  subscription: SubscriptionRecord,
  items: readonly SubscriptionItemRecord[],
  at: Seconds,
  unpaid_only = false,
): InvoiceItemRecord[] {
  const { tx } = context;
  const prices = wholePrices(context, subscription, at);
  return items.flatMap((item) => {
    const whole = prices.get(item.id);
    if (whole === undefined) return [];
    const start = unpaid_only ? paidUntil(tx, item.id, at) : Math.max(at, item.current_period_start);
    const part = { start, end: item.current_period_end };
    if (part.end <= part.start) return [];
    const period = intervalSpan(tx, subscription, item);
    const { price, quantity } = item;
    return writeProration(context, subscription, item, {
      kind: 'charge',
      whole,
      part,
      period,
      price,
      quantity,
      credited: null,
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
