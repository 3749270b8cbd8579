import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  currencyCode,
  emptyable,
  flag,
  integer,
  list,
  mergeMetadata,
  metadata,
  named,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceItemRecord, InvoiceRecord, LineRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import { oneTimePriceData } from '../catalog/inline-prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';
import { discountsParam, redeemAll } from './discounts.ts';
import { lineOfInvoiceItem, MOST_INVOICE_ITEMS } from './invoice-draft.ts';
import { removeItem } from './invoice-item-record.ts';
import { renderInvoiceItem as render } from './invoice-item-render.ts';
import { changedCost, costFields, type CostParams, costOf } from './item-costs.ts';

function find(tx: Tx, id: string): InvoiceItemRecord {
  const item = tx.get('invoice_item', id);
  if (item === undefined) throw noSuch('invoiceitem', id);
  return item;
}

/** What an item and a line of an invoice have in common. */
export const itemFields = {
  description: text(),
  discountable: flag(),
  discounts: discountsParam,
  metadata: metadata(),
  period: shape({ start: integer(0), end: integer(0) }),
  tax_rates: emptyable(list(text(), 20)),
};

const fields = { ...itemFields, ...costFields, price_data: oneTimePriceData };

const createTable = { ...fields, currency: currencyCode(), customer: text(), invoice: text(), subscription: text() };

const updateTable = { ...fields, description: emptyable(text()) };

/** What is said of a new item, or of a line that becomes one. */
type NewItem = Partial<Read<typeof itemFields>> & CostParams & { currency?: string | undefined };

/** What is changed of an item. */
type ItemChange = Omit<NewItem, 'description'> & { description?: string | null | undefined };

/** A draft, to put something on it. */
export function draftOf(tx: Tx, id: string, param: string): InvoiceRecord {
  const invoice = tx.get('invoice', id);
  if (invoice === undefined) throw noSuch('invoice', id, param);
  if (invoice.status !== 'draft') {
    throw invalid(`Invoice ${id} is not a draft and can no longer be modified.`, {
      code: 'invoice_not_editable',
      ...(param === 'id' ? {} : { param }),
    });
  }
  return invoice;
}

/** Refuses what an invoice has no room for. */
export function checkRoom(invoice: InvoiceRecord, more: number, param: string): void {
  const items = invoice.lines.filter((line) => line.invoice_item !== null).length;
  if (items + more <= MOST_INVOICE_ITEMS) return;
  throw invalid(`An invoice can have at most ${MOST_INVOICE_ITEMS} invoice items; this one has ${items}.`, { param });
}

/** Whom an item belongs to, and what it is billed in where it does not say. */
export interface ItemOwner {
  currency: string | null;
  customer: string;
  invoice: InvoiceRecord | null;
  subscription: string | null;
}

function ownerOf(context: Context, params: Partial<Read<typeof createTable>>): ItemOwner {
  const { tx } = context;
  const invoice = params.invoice === undefined ? null : draftOf(tx, params.invoice, 'invoice');
  const subscription = params.subscription === undefined ? undefined : tx.get('subscription', params.subscription);
  if (params.subscription !== undefined && subscription === undefined) {
    throw noSuch('subscription', params.subscription, 'subscription');
  }
  const id = params.customer ?? invoice?.customer ?? subscription?.customer;
  if (id === undefined) throw missingParam('customer');
  const customer = findCustomer(tx, id, 'customer');
  if (invoice !== null && invoice.customer !== id) {
    throw invalid(`The invoice ${invoice.id} belongs to another customer.`, { param: 'invoice' });
  }
  if (subscription !== undefined && subscription.customer !== id) {
    throw invalid(`The subscription ${subscription.id} belongs to another customer.`, { param: 'subscription' });
  }
  return {
    customer: id,
    invoice,
    subscription: subscription?.id ?? invoice?.subscription ?? null,
    currency: invoice?.currency ?? subscription?.currency ?? customer.currency,
  };
}

/** Refuses an item that is billed in another currency than its invoice. */
export function checkCurrency(invoice: InvoiceRecord, currency: string, param: string): void {
  if (invoice.currency === currency) return;
  throw invalid(
    `The currency of the invoice item (${currency}) does not match the currency of the invoice (${invoice.currency}).`,
    { param },
  );
}

function periodOf(
  sent: { start?: number | undefined; end?: number | undefined } | undefined,
  old: InvoiceItemRecord['period'],
  path: string,
): InvoiceItemRecord['period'] {
  const { start = old.start, end = old.end } = sent ?? {};
  if (end < start) throw invalidParam('The period end must not be before its start.', named(path, 'period', 'end'));
  return { start, end };
}

/** Writes an item; the line of the draft it belongs on is the caller's to add. */
export function newItem(context: Context, params: NewItem, owner: ItemOwner, path = ''): InvoiceItemRecord {
  const { tx } = context;
  const { customer, invoice, subscription } = owner;
  const cost = costOf(context, params, params.currency ?? owner.currency, path);
  if (invoice !== null) checkCurrency(invoice, cost.currency, named(path, 'currency'));
  const id = tx.newId('ii_');
  const redeemer = { currency: cost.currency, amount: cost.amount, has: [] };
  const discounts = redeemAll(context, params.discounts ?? [], { customer, invoice_item: id }, redeemer);
  const item = tx.put('invoice_item', {
    id,
    ...cost,
    ...(discounts.length === 0 ? {} : { discounts }),
    ...(params.tax_rates == null ? {} : { tax_rates: findTaxRates(tx, params.tax_rates, named(path, 'tax_rates')) }),
    customer,
    date: tx.now,
    description: params.description ?? nameOf(tx, cost.price),
    discountable: params.discountable ?? cost.amount >= 0,
    invoice: invoice?.id ?? null,
    metadata: mergeMetadata({}, params.metadata),
    period: periodOf(params.period, { start: tx.now, end: tx.now }, path),
    subscription,
  });
  emit(context, 'invoiceitem.created', render(tx, item));
  return item;
}

/** What an item of a price is called when nobody says. */
function nameOf(tx: Tx, price: string | null): string | null {
  const product = price === null ? undefined : tx.get('product', tx.need('price', price).product);
  return product?.name ?? null;
}

/** Changes an item; the line it has on a draft is the caller's to renew. */
export function changeItem(context: Context, old: InvoiceItemRecord, params: ItemChange, path = ''): InvoiceItemRecord {
  const { tx } = context;
  const cost = changedCost(context, old, params, path);
  if (cost.currency !== old.currency) {
    throw invalid(
      `The price specified only supports \`${cost.currency}\`. This doesn't match the expected currency: \`${old.currency}\`.`,
      { param: named(path, 'pricing') },
    );
  }
  if (params.discountable === true && old.proration !== undefined) {
    throw invalidParam('Discounts cannot apply to prorations.', named(path, 'discountable'));
  }
  const redeemer = { currency: old.currency, amount: cost.amount, has: old.discounts ?? [] };
  const owner = { customer: old.customer, invoice_item: old.id };
  const { quantity_decimal: _exact, ...rest } = old;
  return tx.put('invoice_item', {
    ...rest,
    ...cost,
    ...(params.discounts === undefined
      ? {}
      : { discounts: redeemAll(context, params.discounts ?? [], owner, redeemer) }),
    ...(params.tax_rates === undefined
      ? {}
      : { tax_rates: findTaxRates(tx, params.tax_rates ?? [], named(path, 'tax_rates')) }),
    description: params.description === undefined ? old.description : params.description,
    discountable: params.discountable ?? old.discountable,
    metadata: mergeMetadata(old.metadata, params.metadata),
    period: periodOf(params.period, old.period, path),
  });
}

/** The line of an item that changed, with what only the line has. */
export function renewedLine(context: Context, line: LineRecord, item: InvoiceItemRecord): LineRecord {
  const { tax_amounts } = line;
  return {
    ...lineOfInvoiceItem(context, item),
    id: line.id,
    ...(tax_amounts === undefined ? {} : { tax_amounts }),
  };
}

/** Writes an item that waits for an invoice, or joins a draft: after what is on it already. */
export function createItem(context: Context, params: Partial<Read<typeof createTable>>): object {
  const owner = ownerOf(context, params);
  if (owner.invoice !== null) checkRoom(owner.invoice, 1, 'invoice');
  const item = newItem(context, params, owner);
  if (owner.invoice !== null) {
    updateInvoice(context, owner.invoice, { lines: [...owner.invoice.lines, lineOfInvoiceItem(context, item)] });
  }
  return render(context.tx, item);
}

/** Changes an item that is on no final invoice. */
export function updateItem(context: Context, params: Partial<Read<typeof updateTable>>, id: string): object {
  const { tx } = context;
  const old = find(tx, id);
  const invoice = old.invoice === null ? null : draftOf(tx, old.invoice, 'invoice');
  const item = changeItem(context, old, params);
  if (invoice !== null) {
    const lines = invoice.lines.map((line) => (line.invoice_item === id ? renewedLine(context, line, item) : line));
    updateInvoice(context, invoice, { lines });
  }
  return render(tx, item);
}

export const invoiceItemRoutes = [
  route('POST /v1/invoiceitems', createTable, createItem),
  route('GET /v1/invoiceitems/{id}', {}, ({ tx }, _params, id) => render(tx, find(tx, id))),
  route('POST /v1/invoiceitems/{id}', updateTable, updateItem),
  route('DELETE /v1/invoiceitems/{id}', {}, (context, _params, id) => {
    const { tx } = context;
    const item = find(tx, id);
    if (item.invoice !== null) {
      const invoice = draftOf(tx, item.invoice, 'invoice');
      updateInvoice(context, invoice, { lines: invoice.lines.filter((line) => line.invoice_item !== id) });
    }
    removeItem(context, item);
    return { id, object: 'invoiceitem', deleted: true };
  }),
  route(
    'GET /v1/invoiceitems',
    { ...pageParams, created: range(), customer: text(), invoice: text(), pending: flag() },
    ({ tx }, params) => {
      const wanted = tx.all('invoice_item').filter((item) => {
        if (params.customer !== undefined && item.customer !== params.customer) return false;
        if (params.invoice !== undefined && item.invoice !== params.invoice) return false;
        if (!listed(tx, item.customer, { customer: params.customer ?? params.invoice })) return false;
        if (params.pending !== undefined && (item.invoice === null) !== params.pending) return false;
        return within(item.date, params.created);
      });
      return page('/v1/invoiceitems', wanted, params, 'invoiceitem', (item) => render(tx, item));
    },
  ),
];
