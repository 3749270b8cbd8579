import { missingParam } from '../../contract/contract.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { currencyCode, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceRecord, LineRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, schedule, unschedule } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { blankInvoice, collect, DRAFT_SECONDS, pendingItems } from './invoice-draft.ts';
import { settle } from './invoice-amounts.ts';
import { finalizeNow } from './finalization.ts';
import { checkFinalizesAt, draftFields, dueDate, fieldsOf } from './invoice-fields.ts';
import { removeItem } from './invoice-item-record.ts';
import { renderInvoice } from './invoice-render.ts';
import { findInvoice } from './invoices.ts';
import { revisionOf } from './revisions.ts';
import { sendInvoice } from '../subscriptions/subscription-end.ts';
import { markUncollectible } from './uncollectible.ts';

const createTable = {
  ...draftFields,
  currency: currencyCode(),
  customer: text(),
  from_invoice: shape({ action: oneOf(['revision']), invoice: text() }),
  pending_invoice_items_behavior: oneOf(['exclude', 'include']),
  subscription: text(),
};

type CreateParams = Read<typeof createTable>;

/** The subscription of the customer that a request names. */
function subscriptionFor(tx: Tx, customer: string, id: string | undefined): SubscriptionRecord | null {
  if (id === undefined) return null;
  const subscription = tx.get('subscription', id);
  if (subscription?.customer === customer) return subscription;
  throw noSuch('subscription', id, 'subscription');
}

/** A draft with nothing on it, for a customer or their subscription. */
function blank(context: Context, params: CreateParams): InvoiceRecord {
  const { tx } = context;
  if (params.customer === undefined) throw missingParam('customer');
  const customer = findCustomer(tx, params.customer, 'customer');
  const subscription = subscriptionFor(tx, customer.id, params.subscription);
  return blankInvoice(tx.now, {
    id: tx.newId('in_'),
    collection_method: 'charge_automatically',
    currency: params.currency ?? subscription?.currency ?? customer.currency ?? 'usd',
    customer: customer.id,
    default_payment_method: null,
    default_tax_rates: [],
    subscription: subscription?.id ?? null,
    subscription_metadata: subscription?.metadata ?? {},
  });
}

/** The pending items that a request takes along. */
function pendingLines(context: Context, invoice: InvoiceRecord, params: CreateParams): LineRecord[] {
  if (params.pending_invoice_items_behavior !== 'include') return [];
  const { currency, customer, subscription } = invoice;
  const pending = pendingItems(context, { id: subscription, customer, currency });
  // Of a subscription that is named, only its own items are taken.
  return collect(
    context,
    pending.filter((item) => item.subscription === subscription),
    invoice.id,
  );
}

function create(context: Context, params: CreateParams): object {
  const { tx, account_name } = context;
  checkFinalizesAt(context, params.automatically_finalizes_at);
  const revised = params.from_invoice?.invoice;
  const bare = revised === undefined ? blank(context, params) : revisionOf(context, revised, params.customer);
  const first = { ...bare, lines: [...bare.lines, ...pendingLines(context, bare, params)] };
  const draft: InvoiceRecord = { ...first, ...dueDate(context, params, first), ...fieldsOf(context, params, first) };
  const auto_advance = params.auto_advance ?? params.automatically_finalizes_at !== undefined;
  const finalizes_at = params.automatically_finalizes_at ?? tx.now + DRAFT_SECONDS;
  const automatically_finalizes_at = auto_advance ? finalizes_at : null;
  const invoice = tx.put(
    'invoice',
    settle(tx, {
      ...draft,
      auto_advance,
      automatically_finalizes_at,
      next_payment_attempt: draft.collection_method === 'send_invoice' ? null : automatically_finalizes_at,
    }),
  );
  if (automatically_finalizes_at !== null) schedule(context, automatically_finalizes_at, 'finalize', invoice.id);
  emit(context, 'invoice.created', renderInvoice(tx, invoice, account_name));
  return renderInvoice(tx, invoice, account_name);
}

/** Deletes a draft that nobody has seen, with the items that were put on it. */
function remove(context: Context, id: string): object {
  const { tx, account_name } = context;
  const invoice = findInvoice(tx, id);
  if (invoice.status !== 'draft') {
    throw invalid('You can only delete draft invoices.', { code: 'invoice_not_editable' });
  }
  if (invoice.billing_reason !== 'manual') {
    throw invalid('You can only delete one-off invoices. An invoice of a subscription has to be voided.', {
      code: 'invoice_not_editable',
    });
  }
  unschedule(context, 'finalize', id);
  emit(context, 'invoice.deleted', renderInvoice(tx, invoice, account_name));
  for (const item of tx.all('invoice_item')) if (item.invoice === id) removeItem(context, item);
  tx.remove('invoice', id);
  return { id, object: 'invoice', deleted: true };
}

function send(context: Context, id: string): object {
  const { tx, account_name } = context;
  let invoice = findInvoice(tx, id);
  if (invoice.collection_method !== 'send_invoice') {
    throw invalid('You can only manually send an invoice if its collection method is `send_invoice`.');
  }
  if (invoice.status === 'draft') invoice = finalizeNow(context, invoice);
  if (invoice.status === 'void' || invoice.status === 'uncollectible') {
    throw invalid(`You cannot send an invoice with a status of ${invoice.status}.`);
  }
  sendInvoice(context, invoice);
  return renderInvoice(tx, tx.need('invoice', id), account_name);
}

export const oneOffInvoiceRoutes = [
  route('POST /v1/invoices', createTable, create),
  route('DELETE /v1/invoices/{id}', {}, (context, _params, id) => remove(context, id)),
  route('POST /v1/invoices/{id}/send', {}, (context, _params, id) => send(context, id)),
  route('POST /v1/invoices/{id}/mark_uncollectible', {}, (context, _params, id) =>
    markUncollectible(context, findInvoice(context.tx, id).id, 'user_forgiven'),
  ),
];
