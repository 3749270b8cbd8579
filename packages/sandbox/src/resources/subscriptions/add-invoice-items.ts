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
import type { InvoiceItemRecord, Metadata, PriceRecord, SubscriptionRecord } from '../../store/records.ts';
import { priceAmount } from '../../billing/money.ts';
import { activePrice, inlinePrice, oneTimePriceData } from '../catalog/inline-prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { type Context, emit } from '../context.ts';
import { discountsParam, redeemAll, type Wanted } from '../invoices/discounts.ts';
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

/** What an entry bills, and for when. */
export interface Added {
  discountable?: boolean | undefined;
  discounts: readonly Wanted[];
  metadata: Metadata;
  period: { start: number; end: number };
  price: string;
  quantity: number;
  tax_rates: string[] | null;
}

/** Writes an item that waits for the subscription's next invoice. */
export function writeAdded(context: Context, subscription: SubscriptionRecord, added: Added): InvoiceItemRecord {
  const { tx } = context;
  const { currency, customer } = subscription;
  const price = tx.need('price', added.price);
  const amount = priceAmount(price, added.quantity);
  const id = tx.newId('ii_');
  const facts = { currency, amount, has: [] };
  const discounts = redeemAll(context, added.discounts, { customer, invoice_item: id }, facts);
  const item = tx.put('invoice_item', {
    id,
    amount,
    currency,
    customer,
    date: tx.now,
    description: tx.get('product', price.product)?.name ?? null,
    discountable: added.discountable ?? amount >= 0,
    ...(discounts.length === 0 ? {} : { discounts }),
    invoice: null,
    metadata: added.metadata,
    period: added.period,
    price: price.id,
    quantity: added.quantity,
    subscription: subscription.id,
    ...(added.tax_rates === null ? {} : { tax_rates: added.tax_rates }),
    unit_amount_decimal: price.unit_amount_decimal ?? '0',
  });
  emit(context, 'invoiceitem.created', renderInvoiceItem(tx, item));
  return item;
}

/** The one-time price an entry names or describes, in the currency of what it is added to. */
export function addedPrice(
  context: Context,
  entry: Pick<AddedEntry, 'price' | 'price_data'>,
  currency: string,
  path: string,
  known: ReadonlySet<string> = new Set(),
): PriceRecord {
  const { tx } = context;
  const { price: id, price_data: data } = entry;
  if (id !== undefined && data !== undefined) {
    throw invalidParam('You may only specify one of these parameters: price, price_data.', `${path}[price_data]`);
  }
  if (data === undefined && id === undefined) throw missingParam(`${path}[price]`);
  const price =
    data !== undefined
      ? inlinePrice(context, data, `${path}[price_data]`)
      : known.has(id ?? '')
        ? tx.need('price', id ?? '')
        : activePrice(tx, id ?? '', 'one_time', `${path}[price]`);
  if (price.currency === currency) return price;
  throw invalidParam(
    `The price specified only supports \`${price.currency}\`. This doesn't match the expected currency: \`${currency}\`.`,
    `${path}[price]`,
  );
}

function addItem(context: Context, subscription: SubscriptionRecord, entry: AddedEntry, path: string): void {
  writeAdded(context, subscription, {
    discountable: entry.discountable,
    discounts: entry.discounts ?? [],
    metadata: mergeMetadata({}, entry.metadata),
    period: periodOf(context, subscription, entry.period, path),
    price: addedPrice(context, entry, subscription.currency, path).id,
    quantity: entry.quantity ?? 1,
    tax_rates: entry.tax_rates == null ? null : findTaxRates(context.tx, entry.tax_rates, `${path}[tax_rates]`),
  });
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
