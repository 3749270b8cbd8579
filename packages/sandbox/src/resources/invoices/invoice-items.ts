import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  decimal,
  emptyable,
  flag,
  integer,
  list,
  mergeMetadata,
  metadata,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceItemRecord, InvoiceRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { discountsParam, redeemAll } from './discounts.ts';
import { lineOfInvoiceItem } from './invoice-draft.ts';
import { removeItem } from './invoice-item-record.ts';
import { renderInvoiceItem as render } from './invoice-item-render.ts';
import { findInvoice } from './invoices.ts';
import { amountOf, priceAmount, unitOf } from '../../billing/money.ts';
import { findPrice } from '../catalog/prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';

function find(tx: Tx, id: string): InvoiceItemRecord {
  const item = tx.get('invoice_item', id);
  if (item === undefined) throw noSuch('invoiceitem', id);
  return item;
}

const period = shape({ start: integer(0), end: integer(0) });

const createTable = {
  amount: integer(),
  currency: text(3),
  customer: text(),
  description: text(),
  discountable: flag(),
  discounts: discountsParam,
  invoice: text(),
  metadata: metadata(),
  period,
  pricing: shape({ price: text() }),
  quantity: integer(0, 999_999_999),
  subscription: text(),
  tax_rates: emptyable(list(text(), 5)),
  unit_amount_decimal: decimal(),
};

type Priced = Pick<InvoiceItemRecord, 'amount' | 'price' | 'quantity' | 'unit_amount_decimal' | 'currency'>;

/** What an item costs: an amount, or a price or unit amount times a quantity. */
function priced(tx: Tx, params: Partial<Read<typeof createTable>>, fallback: string | null): Priced {
  const currency = (params.currency ?? fallback ?? '').toLowerCase();
  const quantity = params.quantity ?? 1;
  if (params.pricing?.price !== undefined) {
    const price = findPrice(tx, params.pricing.price, 'pricing[price]');
    if (!price.active) {
      throw invalid('The price specified is inactive. This field only accepts active prices.', {
        param: 'pricing[price]',
      });
    }
    if (price.recurring !== null) {
      throw invalid(
        'The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.',
        { param: 'pricing[price]' },
      );
    }
    return {
      amount: priceAmount(price, quantity),
      currency: price.currency,
      price: price.id,
      quantity,
      unit_amount_decimal: price.unit_amount_decimal ?? '0',
    };
  }
  if (currency === '') throw missingParam('currency');
  if (params.unit_amount_decimal !== undefined) {
    const unit_amount_decimal = params.unit_amount_decimal;
    return { amount: amountOf(unit_amount_decimal, quantity), currency, price: null, quantity, unit_amount_decimal };
  }
  if (params.amount === undefined) {
    throw invalid('You must specify one of `amount`, `pricing`, `price_data` or `unit_amount_decimal`.', {
      param: 'amount',
    });
  }
  if (params.quantity !== undefined) {
    throw invalidParam('You may only specify one of these parameters: amount, quantity.', 'quantity');
  }
  return { amount: params.amount, currency, price: null, quantity: 1, unit_amount_decimal: unitOf(params.amount, 1) };
}

function draftOf(tx: Tx, id: string): InvoiceRecord {
  const invoice = findInvoice(tx, id, 'invoice');
  if (invoice.status !== 'draft') {
    throw invalid(
      `Invoice ${id} is not a draft and can no longer be modified. You can only add invoice items to draft invoices.`,
      { code: 'invoice_not_editable', param: 'invoice' },
    );
  }
  return invoice;
}

function belongsTo(
  context: Context,
  params: Partial<Read<typeof createTable>>,
): { customer: string; invoice: InvoiceRecord | null; subscription: string | null; currency: string | null } {
  const { tx } = context;
  const invoice = params.invoice === undefined ? null : draftOf(tx, params.invoice);
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

/** Writes an item that waits for an invoice, or joins a draft. */
export function createItem(context: Context, params: Partial<Read<typeof createTable>>): object {
  const { tx } = context;
  const owner = belongsTo(context, params);
  const cost = priced(tx, params, owner.currency);
  if (owner.invoice !== null && owner.invoice.currency !== cost.currency) {
    throw invalid(
      `The currency of the invoice item (${cost.currency}) does not match the currency of the invoice (${owner.invoice.currency}).`,
      { param: 'currency' },
    );
  }
  const { start = tx.now, end = tx.now } = params.period ?? {};
  if (end < start) throw invalidParam('The period end must not be before its start.', 'period[end]');
  const id = tx.newId('ii_');
  const redeemer = { currency: cost.currency, amount: cost.amount, has: [] };
  const discounts = redeemAll(
    context,
    params.discounts ?? [],
    { customer: owner.customer, invoice_item: id },
    redeemer,
  );
  const item = tx.put('invoice_item', {
    id,
    ...cost,
    ...(discounts.length === 0 ? {} : { discounts }),
    ...(params.tax_rates === undefined || params.tax_rates === null
      ? {}
      : { tax_rates: findTaxRates(tx, params.tax_rates, 'tax_rates') }),
    customer: owner.customer,
    date: tx.now,
    description: params.description ?? null,
    discountable: params.discountable ?? cost.amount >= 0,
    invoice: owner.invoice?.id ?? null,
    metadata: mergeMetadata({}, params.metadata),
    period: { start, end },
    subscription: owner.subscription,
  });
  emit(context, 'invoiceitem.created', render(tx, item));
  if (owner.invoice !== null) {
    const lines = [lineOfInvoiceItem(context, item), ...owner.invoice.lines];
    updateInvoice(context, owner.invoice, { lines });
  }
  return render(tx, item);
}

const updateTable = {
  amount: integer(),
  description: emptyable(text()),
  discountable: flag(),
  discounts: discountsParam,
  metadata: metadata(),
  period,
  tax_rates: emptyable(list(text(), 5)),
};

/** Changes an item that is on no final invoice. */
export function updateItem(context: Context, params: Partial<Read<typeof updateTable>>, id: string): object {
  const { tx } = context;
  const old = find(tx, id);
  const invoice = old.invoice === null ? null : draftOf(tx, old.invoice);
  const amount = params.amount ?? old.amount;
  const redeemer = { currency: old.currency, amount, has: old.discounts ?? [] };
  const owner = { customer: old.customer, invoice_item: id };
  const item = tx.put('invoice_item', {
    ...old,
    amount,
    ...(params.discounts === undefined
      ? {}
      : { discounts: redeemAll(context, params.discounts ?? [], owner, redeemer) }),
    ...(params.tax_rates === undefined ? {} : { tax_rates: findTaxRates(tx, params.tax_rates ?? [], 'tax_rates') }),
    description: params.description === undefined ? old.description : params.description,
    discountable: params.discountable ?? old.discountable,
    metadata: mergeMetadata(old.metadata, params.metadata),
    period: { start: params.period?.start ?? old.period.start, end: params.period?.end ?? old.period.end },
    ...(params.amount === undefined ? {} : { price: null, quantity: 1, unit_amount_decimal: unitOf(amount, 1) }),
  });
  if (invoice !== null) {
    const lines = invoice.lines.map((line) =>
      line.invoice_item === id ? { ...lineOfInvoiceItem(context, item), id: line.id } : line,
    );
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
      const invoice = draftOf(tx, item.invoice);
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
