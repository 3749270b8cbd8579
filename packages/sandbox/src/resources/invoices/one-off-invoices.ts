import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { emptyable, flag, integer, list, mergeMetadata, metadata, oneOf, type Read, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceRecord } from '../../store/records.ts';
import { finalizeInvoice } from './collect.ts';
import { type Context, emit, schedule, unschedule } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { discountsParam, redeemAll } from './discounts.ts';
import { collect, DRAFT_SECONDS, pendingItems } from './invoice-draft.ts';
import { settle, subtotalOf } from './invoice-amounts.ts';
import { removeItem } from './invoice-item-record.ts';
import { renderInvoice } from './invoice-render.ts';
import { findInvoice } from './invoices.ts';
import { sendInvoice } from '../subscriptions/subscription-end.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { markUncollectible } from './uncollectible.ts';

const DAY = 86_400;

const createTable = {
  auto_advance: flag(),
  collection_method: oneOf(['charge_automatically', 'send_invoice']),
  currency: text(3),
  customer: text(),
  days_until_due: integer(0, 3_650),
  default_payment_method: text(),
  default_tax_rates: emptyable(list(text(), 5)),
  description: text(1_500),
  discounts: discountsParam,
  due_date: integer(),
  footer: text(),
  metadata: metadata(),
  pending_invoice_items_behavior: oneOf(['exclude', 'include']),
  subscription: text(),
};

/** When a sent invoice has to be paid; only those have a date. */
function dueDate(
  context: Context,
  params: { days_until_due?: number | undefined; due_date?: number | undefined },
  method: 'charge_automatically' | 'send_invoice',
): { days_until_due: number | null; due_date: number | null } {
  const { now } = context.tx;
  const { days_until_due, due_date } = params;
  if (method === 'charge_automatically') {
    const wrong = days_until_due === undefined ? (due_date === undefined ? null : 'due_date') : 'days_until_due';
    if (wrong === null) return { days_until_due: null, due_date: null };
    throw invalidParam(`You can only set \`${wrong}\` if \`collection_method\` is \`send_invoice\`.`, wrong);
  }
  if (days_until_due !== undefined && due_date !== undefined) {
    throw invalidParam('You may only specify one of these parameters: days_until_due, due_date.', 'due_date');
  }
  if (due_date !== undefined) {
    if (due_date < now) throw invalidParam('The `due_date` must be in the future.', 'due_date');
    return { days_until_due: null, due_date };
  }
  if (days_until_due === undefined) throw missingParam('days_until_due');
  return { days_until_due, due_date: now + days_until_due * DAY };
}

function ownMethod(context: Context, customer: string, id: string | undefined): string | null {
  if (id === undefined) return null;
  if (context.tx.get('payment_method', id)?.customer !== customer) {
    throw invalid(`The customer does not have a payment method with the ID ${id}.`, {
      code: 'resource_missing',
      param: 'default_payment_method',
    });
  }
  return id;
}

function create(context: Context, params: Read<typeof createTable>): object {
  const { tx, account_name } = context;
  if (params.customer === undefined) throw missingParam('customer');
  const customer = findCustomer(tx, params.customer, 'customer');
  const subscription = params.subscription === undefined ? undefined : tx.get('subscription', params.subscription);
  if (params.subscription !== undefined && subscription?.customer !== customer.id) {
    throw invalid(`No such subscription: '${params.subscription}'`, {
      code: 'resource_missing',
      param: 'subscription',
    });
  }
  const currency = (params.currency ?? subscription?.currency ?? customer.currency ?? 'usd').toLowerCase();
  const method = params.collection_method ?? 'charge_automatically';
  const id = tx.newId('in_');
  const owner_of = { id: subscription?.id ?? null, customer: customer.id, currency };
  // Of a subscription that is named, only its own items are taken.
  const pending = pendingItems(context, owner_of).filter((item) => item.subscription === owner_of.id);
  const lines = params.pending_invoice_items_behavior === 'include' ? collect(context, pending, id) : [];
  const auto_advance = params.auto_advance ?? false;
  const automatically_finalizes_at = auto_advance ? tx.now + DRAFT_SECONDS : null;
  const draft: InvoiceRecord = {
    ...blankInvoice,
    id,
    created: tx.now,
    auto_advance,
    automatically_finalizes_at,
    collection_method: method,
    currency,
    customer: customer.id,
    default_payment_method: ownMethod(context, customer.id, params.default_payment_method),
    default_tax_rates: findTaxRates(tx, params.default_tax_rates ?? [], 'default_tax_rates'),
    description: params.description ?? null,
    ...dueDate(context, params, method),
    footer: params.footer ?? null,
    lines,
    metadata: mergeMetadata({}, params.metadata),
    next_payment_attempt: method === 'send_invoice' ? null : automatically_finalizes_at,
    period_end: tx.now,
    period_start: tx.now,
    subscription: subscription?.id ?? null,
    subscription_metadata: subscription?.metadata ?? {},
    webhooks_delivered_at: tx.now,
  };
  const owner = { customer: customer.id, invoice: id };
  const facts = { currency, amount: lines.length === 0 ? null : subtotalOf(draft), has: [] };
  const discounts = redeemAll(context, params.discounts ?? [], owner, facts);
  const invoice = tx.put('invoice', settle(tx, { ...draft, discounts }));
  if (automatically_finalizes_at !== null) schedule(context, automatically_finalizes_at, 'finalize', id);
  emit(context, 'invoice.created', renderInvoice(tx, invoice, account_name));
  return renderInvoice(tx, invoice, account_name);
}

/** What every new invoice of this kind begins with. */
export const blankInvoice = {
  amount_paid: 0,
  attempt_count: 0,
  billing_reason: 'manual',
  customer_address: null,
  customer_email: null,
  customer_name: null,
  customer_phone: null,
  ending_balance: null,
  finalized_at: null,
  number: null,
  page_token: null,
  paid_at: null,
  payment_intent: null,
  starting_balance: 0,
  status: 'draft',
  voided_at: null,
} as const satisfies Partial<InvoiceRecord>;

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
  if (invoice.status === 'draft') invoice = finalizeInvoice(context, invoice);
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
    markUncollectible(context, findInvoice(context.tx, id).id),
  ),
];
