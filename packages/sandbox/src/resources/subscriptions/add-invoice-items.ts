import { missingParam } from '../../contract/contract.ts';
import { invalidParam } from '../../http/api-error.ts';
import {
  emptyable,
  flag,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import type { InvoiceItemRecord, SubscriptionRecord } from '../../store/records.ts';
import { priceAmount } from '../../billing/money.ts';
import { activePrice, inlinePrice, oneTimePriceData } from '../catalog/inline-prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { type Context, emit } from '../context.ts';
import { discountsParam, redeemAll } from '../invoices/discounts.ts';
import { renderInvoiceItem } from '../invoices/invoice-item-render.ts';
import { periodEnd } from './billing-mode.ts';

const entryFields = {
  discountable: flag(),
  discounts: discountsParam,
  metadata: metadata(),
  period: shape({
    end: shape({ timestamp: integer(0), type: oneOf(['min_item_period_end', 'timestamp']) }),
    start: shape({ timestamp: integer(0), type: oneOf(['max_item_period_start', 'now', 'timestamp']) }),
  }),
  price: text(),
  price_data: oneTimePriceData,
  quantity: integer(0, 999_999),
  tax_rates: emptyable(list(text(), 5)),
};

/** `add_invoice_items`: what the next invoice bills once, beside the items. */
export const addInvoiceItemsParam = list(shape(entryFields), 20);

/** One entry of `add_invoice_items`. */
export type AddedEntry = Partial<Read<typeof entryFields>>;

function periodOf(
  context: Context,
  subscription: SubscriptionRecord,
  wanted: AddedEntry['period'],
  path: string,
): { start: number; end: number } {
  const { now } = context.tx;
  const { start: from, end: to } = wanted ?? {};
  const timed = (side: 'end' | 'start', timestamp: number | undefined): number => {
    if (timestamp === undefined) throw missingParam(`${path}[period][${side}][timestamp]`);
    return timestamp;
  };
  const start =
    from?.type === 'timestamp'
      ? timed('start', from.timestamp)
      : from?.type === 'now'
        ? now
        : Math.max(...subscription.items.map((item) => item.current_period_start));
  const end = to?.type === 'timestamp' ? timed('end', to.timestamp) : periodEnd(subscription);
  if (end < start) throw invalidParam('The period end must not be before its start.', `${path}[period][end]`);
  return { start, end };
}

/** Writes an entry as an item that waits for the subscription's next invoice. */
function addItem(
  context: Context,
  subscription: SubscriptionRecord,
  entry: AddedEntry,
  path: string,
): InvoiceItemRecord {
  const { tx } = context;
  if (entry.price !== undefined && entry.price_data !== undefined) {
    throw invalidParam('You may only specify one of these parameters: price, price_data.', `${path}[price_data]`);
  }
  if (entry.price === undefined && entry.price_data === undefined) throw missingParam(`${path}[price]`);
  const price =
    entry.price_data === undefined
      ? activePrice(tx, entry.price ?? '', 'one_time', `${path}[price]`)
      : inlinePrice(context, entry.price_data, `${path}[price_data]`);
  if (price.currency !== subscription.currency) {
    throw invalidParam(
      `The price specified only supports \`${price.currency}\`. This doesn't match the expected currency: \`${subscription.currency}\`.`,
      `${path}[price]`,
    );
  }
  const quantity = entry.quantity ?? 1;
  const amount = priceAmount(price, quantity);
  const id = tx.newId('ii_');
  const discounts = redeemAll(
    context,
    entry.discounts ?? [],
    { customer: subscription.customer, invoice_item: id },
    { currency: price.currency, amount, has: [] },
  );
  const item = tx.put('invoice_item', {
    id,
    amount,
    currency: price.currency,
    customer: subscription.customer,
    date: tx.now,
    description: tx.get('product', price.product)?.name ?? null,
    discountable: entry.discountable ?? amount >= 0,
    ...(discounts.length === 0 ? {} : { discounts }),
    invoice: null,
    metadata: mergeMetadata({}, entry.metadata),
    period: periodOf(context, subscription, entry.period, path),
    price: price.id,
    quantity,
    subscription: subscription.id,
    ...(entry.tax_rates == null ? {} : { tax_rates: findTaxRates(tx, entry.tax_rates, `${path}[tax_rates]`) }),
    unit_amount_decimal: price.unit_amount_decimal ?? '0',
  });
  emit(context, 'invoiceitem.created', renderInvoiceItem(tx, item));
  return item;
}

/** Adds what a request bills once to the subscription's next invoice. */
export function addInvoiceItems(
  context: Context,
  subscription: SubscriptionRecord,
  entries: readonly AddedEntry[],
): void {
  for (const [index, entry] of entries.entries()) {
    addItem(context, subscription, entry, `add_invoice_items[${index}]`);
  }
}
