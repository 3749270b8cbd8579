import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { embeddedList, page, pageParams, range, within } from '../../http/lists.ts';
import {
  inert,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  refused,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CreditNoteLineRecord, CreditNoteRecord } from '../../store/money-records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import { moveBalance } from '../customers/balance.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { divide } from './credit-note-division.ts';
import { linesOf, lineTotal, lineTable } from './credit-note-lines.ts';
import { settleCredit, undoCredit } from './credit-note-settlement.ts';
import { totalDiscounts, totalTaxes } from './invoice-amounts.ts';
import { renderTax } from './invoice-render.ts';
import { findInvoice } from './invoices.ts';
import { renderTaxRate } from '../catalog/tax-rates.ts';

/** What discounts and billing credits take off lines, each once. */
function pretax(lines: readonly CreditNoteLineRecord[]): Wire<Stripe.CreditNote>['pretax_credit_amounts'] {
  const credits = lines.flatMap((line) => line.credits ?? []);
  return [
    ...totalDiscounts(lines.map((line) => ({ discount_amounts: line.discounts }))).map((each) => ({
      ...each,
      type: 'discount' as const,
    })),
    ...credits.map((each) => ({ ...each, type: 'credit_balance_transaction' as const })),
  ];
}

function renderLine(tx: Tx, line: CreditNoteLineRecord): Wire<Stripe.CreditNoteLineItem> {
  const whole = line.unit_amount_decimal === null ? null : Number(line.unit_amount_decimal);
  return {
    id: line.id,
    object: 'credit_note_line_item',
    amount: line.amount,
    description: line.description,
    discount_amount: line.discounts.reduce((sum, each) => sum + each.amount, 0),
    discount_amounts: line.discounts,
    ...(line.invoice_line_item === null ? {} : { invoice_line_item: line.invoice_line_item }),
    livemode: false,
    metadata: line.metadata ?? {},
    pretax_credit_amounts: pretax([line]),
    quantity: line.quantity,
    tax_rates: line.tax_rates.map((id) => renderTaxRate(tx.need('tax_rate', id))),
    taxes: line.taxes.map(renderTax),
    type: line.invoice_line_item === null ? 'custom_line_item' : 'invoice_line_item',
    unit_amount: whole !== null && Number.isInteger(whole) ? whole : null,
    unit_amount_decimal: line.unit_amount_decimal,
  };
}

/** Renders a credit note. */
export function renderCreditNote(tx: Tx, note: CreditNoteRecord): Wire<Stripe.CreditNote> {
  const subtotal = note.lines.reduce((sum, line) => sum + line.amount, 0);
  const total = note.lines.reduce((sum, line) => sum + lineTotal(line), 0);
  const discounts = note.lines.flatMap((line) => line.discounts);
  const taxes = totalTaxes(note.lines);
  const tax = taxes.reduce((sum, each) => sum + each.amount, 0);
  const inside = taxes.reduce((sum, each) => sum + (each.inclusive ? each.amount : 0), 0);
  const by_discount = totalDiscounts(note.lines.map((line) => ({ discount_amounts: line.discounts })));
  return {
    id: note.id,
    object: 'credit_note',
    amount: total,
    amount_shipping: 0,
    created: note.created,
    currency: note.currency,
    customer: note.customer,
    customer_account: null,
    customer_balance_transaction: note.balance_transaction,
    discount_amount: discounts.reduce((sum, each) => sum + each.amount, 0),
    discount_amounts: by_discount,
    effective_at: note.effective_at,
    invoice: note.invoice,
    lines: embeddedList(
      `/v1/credit_notes/${note.id}/lines`,
      note.lines.map((line) => renderLine(tx, line)),
    ),
    livemode: false,
    memo: note.memo,
    metadata: note.metadata,
    number: note.number,
    out_of_band_amount: note.out_of_band_amount === 0 ? null : note.out_of_band_amount,
    pdf: `sandbox:/n/${note.page_token}/pdf`,
    post_payment_amount: note.post_payment_amount,
    pre_payment_amount: note.pre_payment_amount,
    pretax_credit_amounts: pretax(note.lines),
    reason: note.reason,
    refunds: note.refunds.map((each) => ({ ...each, payment_record_refund: null, type: 'refund' as const })),
    shipping_cost: null,
    status: note.voided_at === null ? 'issued' : 'void',
    subtotal,
    subtotal_excluding_tax: subtotal - inside,
    total,
    total_excluding_tax: total - tax,
    total_taxes: taxes.map(renderTax),
    type:
      note.pre_payment_amount > 0 && note.post_payment_amount > 0
        ? 'mixed'
        : note.pre_payment_amount > 0
          ? 'pre_payment'
          : 'post_payment',
    voided_at: note.voided_at,
  };
}

const createTable = {
  amount: integer(1),
  credit_amount: integer(0),
  effective_at: integer(),
  email_type: inert('Nothing is mailed.'),
  invoice: text(),
  lines: list(shape(lineTable), 250),
  memo: text(5_000),
  metadata: metadata(),
  out_of_band_amount: integer(0),
  reason: oneOf(['duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory']),
  refund_amount: integer(0),
  refunds: list(
    shape({
      amount_refunded: integer(1),
      payment_record_refund: refused('payments that other processors report are not kept here'),
      refund: text(),
      type: oneOf(['refund'], ['payment_record_refund']),
    }),
    20,
  ),
  shipping_cost: refused('invoices have no shipping cost here'),
};

/** The credit note a request asks for, not written yet. */
function planned(context: Context, params: Read<typeof createTable>): CreditNoteRecord {
  const { tx } = context;
  if (params.invoice === undefined) throw missingParam('invoice');
  const invoice = findInvoice(tx, params.invoice, 'invoice');
  if (!['open', 'paid', 'uncollectible'].includes(invoice.status)) {
    throw invalid(
      `You can only create credit notes for open, paid or uncollectible invoices; this one is ${invoice.status}.`,
      {
        param: 'invoice',
      },
    );
  }
  const lines = linesOf(context, invoice, params);
  const total = lines.reduce((sum, line) => sum + lineTotal(line), 0);
  const { pre, post, linked } = divide(tx, invoice, total, params);
  const earlier = tx.all('credit_note').filter((each) => each.invoice === invoice.id).length;
  return {
    id: tx.newId('cn_'),
    created: tx.now,
    balance_transaction: null,
    currency: invoice.currency,
    customer: invoice.customer,
    effective_at: params.effective_at ?? tx.now,
    invoice: invoice.id,
    lines,
    memo: params.memo ?? null,
    metadata: mergeMetadata({}, params.metadata),
    number: `${invoice.number}-CN-${String(earlier + 1).padStart(2, '0')}`,
    out_of_band_amount: params.out_of_band_amount ?? 0,
    post_payment_amount: post,
    pre_payment_amount: pre,
    reason: params.reason ?? null,
    refunds: linked,
    page_token: tx.newId('acct_sandbox_', 40),
    voided_at: null,
  };
}

function find(tx: Tx, id: string): CreditNoteRecord {
  const note = tx.get('credit_note', id);
  if (note === undefined) throw noSuch('credit note', id);
  return note;
}

function voidNote(context: Context, id: string): object {
  const { tx } = context;
  const old = find(tx, id);
  if (old.voided_at !== null) throw invalid('This credit note was voided already.');
  if (old.refunds.length > 0 || old.out_of_band_amount > 0) {
    throw invalid('You can only void credit notes whose money has not left: this one was refunded.');
  }
  undoCredit(context, old);
  if (old.balance_transaction !== null) {
    const moved = tx.need('balance_transaction', old.balance_transaction);
    const customer = tx.need('customer', old.customer);
    const { currency } = old;
    moveBalance(context, customer, { amount: -moved.amount, credit_note: id, currency, type: 'credit_note' });
  }
  const note = tx.put('credit_note', { ...old, voided_at: tx.now });
  emit(context, 'credit_note.voided', renderCreditNote(tx, note));
  return renderCreditNote(tx, note);
}

export const creditNoteRoutes = [
  route('POST /v1/credit_notes', createTable, (context, params) => {
    const note = settleCredit(context, context.tx.put('credit_note', planned(context, params)), {
      credit_amount: params.credit_amount ?? 0,
      refund_amount: params.refund_amount ?? 0,
      reason: params.reason === 'duplicate' || params.reason === 'fraudulent' ? params.reason : null,
    });
    emit(context, 'credit_note.created', renderCreditNote(context.tx, note));
    return renderCreditNote(context.tx, note);
  }),
  // Before the route of one note: `preview` is no id.
  route('GET /v1/credit_notes/preview', createTable, (context, params) =>
    renderCreditNote(context.tx, planned(context, params)),
  ),
  route('GET /v1/credit_notes/preview/lines', { ...pageParams, ...createTable }, (context, params) => {
    const { lines } = planned(context, params);
    const url = '/v1/credit_notes/preview/lines';
    return page(url, lines.toReversed(), params, 'credit_note_line_item', (line) => renderLine(context.tx, line));
  }),
  route('GET /v1/credit_notes/{id}', {}, ({ tx }, _params, id) => renderCreditNote(tx, find(tx, id))),
  route('POST /v1/credit_notes/{id}', { memo: text(5_000), metadata: metadata() }, (context, params, id) => {
    const { tx } = context;
    const old = find(tx, id);
    const kept = mergeMetadata(old.metadata, params.metadata);
    const note = tx.put('credit_note', { ...old, memo: params.memo ?? old.memo, metadata: kept });
    emitUpdate(context, 'credit_note.updated', renderCreditNote(tx, old), renderCreditNote(tx, note));
    return renderCreditNote(tx, note);
  }),
  route('POST /v1/credit_notes/{id}/void', {}, (context, _params, id) => voidNote(context, id)),
  route('GET /v1/credit_notes/{id}/lines', pageParams, ({ tx }, params, id) => {
    const lines = find(tx, id).lines.toReversed();
    return page(`/v1/credit_notes/${id}/lines`, lines, params, 'credit_note_line_item', (line) => renderLine(tx, line));
  }),
  route(
    'GET /v1/credit_notes',
    { ...pageParams, created: range(), customer: text(), invoice: text() },
    ({ tx }, params) => {
      const wanted = tx.all('credit_note').filter((note) => {
        if (params.customer !== undefined && note.customer !== params.customer) return false;
        if (params.invoice !== undefined && note.invoice !== params.invoice) return false;
        if (!listed(tx, note.customer, { customer: params.customer ?? params.invoice })) return false;
        return within(note.created, params.created);
      });
      return page('/v1/credit_notes', wanted, params, 'credit note', (each) => renderCreditNote(tx, each));
    },
  ),
];
