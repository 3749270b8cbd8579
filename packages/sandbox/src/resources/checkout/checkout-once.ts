import { priceAmount } from '../../billing/money.ts';
import type {
  CheckoutSessionRecord,
  InvoiceItemRecord,
  InvoiceRecord,
  PaymentIntentRecord,
  PaymentMethodRecord,
  SessionLineRecord,
} from '../../store/records.ts';
import { type Context, emit } from '../context.ts';
import { attemptPayment } from '../invoices/collect.ts';
import { finalizeInvoice } from '../invoices/finalization.ts';
import { redeemAll } from '../invoices/discounts.ts';
import { blankInvoice, lineOfInvoiceItem } from '../invoices/invoice-draft.ts';
import { settle } from '../invoices/invoice-amounts.ts';
import { renderInvoiceItem } from '../invoices/invoice-item-render.ts';
import { renderInvoice } from '../invoices/invoice-render.ts';
import { newIntent, payIntent, plain } from '../payments/intent-confirm.ts';
import { wantedOf } from './checkout-discounts.ts';
import { sumsOf } from './checkout-sums.ts';

/** The intent of a session's payment: the one a refused card left, or a new one. */
export function paymentOf(
  context: Context,
  session: CheckoutSessionRecord,
  facts: { amount: number; customer: string | null },
): PaymentIntentRecord {
  const { tx } = context;
  const left = session.attempt == null ? undefined : tx.get('payment_intent', session.attempt);
  if (left !== undefined) return tx.put('payment_intent', { ...left, ...facts });
  const data = session.mode === 'payment' ? session.payment_data : undefined;
  return newIntent(context, {
    ...facts,
    currency: session.currency,
    description: data?.description ?? null,
    direct: {
      ...plain,
      ...(data === undefined
        ? {}
        : {
            capture_method: data.capture_method,
            receipt_email: data.receipt_email,
            request_three_d_secure: data.request_three_d_secure,
            setup_future_usage: data.setup_future_usage,
            shipping: data.shipping ?? session.answers?.shipping ?? null,
            statement_descriptor: data.statement_descriptor,
            statement_descriptor_suffix: data.statement_descriptor_suffix,
            transfer_group: data.transfer_group,
          }),
    },
    metadata: data?.metadata ?? {},
    payment_method: null,
  });
}

/** A one-time line as an invoice item that waits for the next invoice, or stands on one. */
export function itemOf(
  context: Context,
  item: SessionLineRecord,
  facts: { customer: string; invoice: string | null },
): InvoiceItemRecord {
  const { tx } = context;
  const price = tx.need('price', item.price);
  const written = tx.put('invoice_item', {
    ...facts,
    id: tx.newId('ii_'),
    amount: priceAmount(price, item.quantity),
    currency: price.currency,
    date: tx.now,
    description: tx.get('product', price.product)?.name ?? null,
    discountable: true,
    metadata: item.metadata,
    period: { start: tx.now, end: tx.now },
    price: price.id,
    quantity: item.quantity,
    subscription: null,
    ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
    unit_amount_decimal: price.unit_amount_decimal ?? '0',
  });
  emit(context, 'invoiceitem.created', renderInvoiceItem(tx, written));
  return written;
}

/** A payment with an invoice: drafted, finalized and paid at once. */
function payInvoice(
  context: Context,
  session: CheckoutSessionRecord,
  customer: string,
  paying: { method: PaymentMethodRecord | null; three_d_secure: boolean },
): Partial<CheckoutSessionRecord> {
  const { tx, account_name } = context;
  const id = tx.newId('in_');
  const items = session.line_items.map((item) => itemOf(context, item, { customer, invoice: id }));
  const amount = items.reduce((sum, item) => sum + item.amount, 0);
  const owner = { checkout_session: session.id, customer, invoice: id };
  const facts = { amount, currency: session.currency, has: [] };
  const data = session.invoice_data ?? null;
  const draft: InvoiceRecord = blankInvoice(tx.now, {
    id,
    currency: session.currency,
    ...(data?.custom_fields == null || data.custom_fields.length === 0 ? {} : { custom_fields: data.custom_fields }),
    customer,
    description: data?.description ?? null,
    discounts: redeemAll(context, (session.discounts ?? []).map(wantedOf), owner, facts),
    footer: data?.footer ?? null,
    lines: items.map((item) => lineOfInvoiceItem(context, item)),
    metadata: data?.metadata ?? {},
  });
  const written = tx.put('invoice', settle(tx, draft));
  emit(context, 'invoice.created', renderInvoice(tx, written, account_name));
  const invoice = finalizeInvoice(context, written);
  if (invoice.status === 'open') {
    attemptPayment(context, invoice, { ...paying, off_session: false, automatic: false });
  }
  return { invoice: id, payment_intent: invoice.payment_intent };
}

/** What a one-time payment makes: an intent that is paid, and an invoice where the seller wants one. */
export function payOnce(
  context: Context,
  session: CheckoutSessionRecord,
  customer: string | null,
  paying: { method: PaymentMethodRecord | null; three_d_secure: boolean },
): Partial<CheckoutSessionRecord> {
  const { tx } = context;
  if (session.invoice_data != null && customer !== null) return payInvoice(context, session, customer, paying);
  const { subtotal, total: amount } = sumsOf(tx, session);
  const owner = { checkout_session: session.id, customer };
  const facts = { amount: subtotal, currency: session.currency, has: [] };
  redeemAll(context, (session.discounts ?? []).map(wantedOf), owner, facts);
  if (amount === 0 || paying.method === null) return { payment_intent: null };
  const intent = paymentOf(context, session, { amount, customer });
  payIntent(context, intent, paying.method, paying.three_d_secure);
  return { payment_intent: intent.id };
}
