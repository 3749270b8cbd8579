import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { oneOf, refused, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoicePaymentRecord, InvoiceRecord, PaymentIntentRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { clockOfCustomer, onClock } from '../../time/test-clock.ts';
import type { Context } from '../context.ts';
import { markPaid, subscriptionOf } from './collect.ts';
import { followPayment } from './follow-payment.ts';
import { amountRemaining } from './invoice-amounts.ts';
import { cancelPayment, isDefault } from './invoice-payment-record.ts';
import { renderInvoice, renderInvoicePayment } from './invoice-render.ts';
import { findInvoice } from './invoices.ts';

/** Money came for an invoice through a payment that was attached to it. */
function credit(context: Context, payment: InvoicePaymentRecord, received: number): void {
  const { tx } = context;
  const invoice = tx.need('invoice', payment.invoice);
  const subscription = subscriptionOf(tx, invoice);
  const paid = markPaid(context, invoice, { payment, received });
  if (paid.status === 'paid' && invoice.status !== 'paid') {
    followPayment(context, subscription, { outcome: 'paid', invoice: paid });
  }
}

/** An intent that is attached to an invoice succeeded, was canceled, or asks for another amount. */
export function followIntent(context: Context, intent: PaymentIntentRecord): void {
  const { tx } = context;
  const payment = tx
    .all('invoice_payment')
    .find((each) => each.payment_intent === intent.id && each.status === 'open' && !isDefault(each));
  if (payment === undefined) return;
  // The invoice lives at the time of its customer's clock.
  const own = onClock(context, clockOfCustomer(tx, intent.customer));
  if (intent.status === 'succeeded') credit(own, payment, intent.amount_received);
  else if (intent.status === 'canceled') cancelPayment(own, payment, null);
  else tx.put('invoice_payment', { ...payment, amount_requested: intent.amount });
}

/** Why an intent cannot pay an invoice; `null` when it can. */
function misfit(tx: Tx, invoice: InvoiceRecord, intent: PaymentIntentRecord): string | null {
  const others = tx.all('invoice_payment').filter((each) => each.payment_intent === intent.id);
  if (intent.invoice !== null || others.some((each) => each.status !== 'canceled')) {
    return `The PaymentIntent ${intent.id} is attached to an invoice already.`;
  }
  if (intent.status === 'canceled') return `The PaymentIntent ${intent.id} is canceled.`;
  if (intent.customer !== invoice.customer) return 'The PaymentIntent must have the customer of the invoice.';
  if (intent.currency !== invoice.currency) return 'The PaymentIntent must have the currency of the invoice.';
  const charge = intent.latest_charge === null ? undefined : tx.get('charge', intent.latest_charge);
  if (intent.status === 'succeeded' && (charge?.amount_refunded ?? 0) > 0) {
    return `The PaymentIntent ${intent.id} was refunded.`;
  }
  const left = amountRemaining(invoice);
  const amount = intent.status === 'succeeded' ? intent.amount_received : intent.amount;
  // What was received already is credited whole; what is still to come must be owed.
  if (intent.status !== 'succeeded' && amount > left) {
    return `The amount of the PaymentIntent (${amount}) is greater than the amount remaining on the invoice (${left}).`;
  }
  if (amount < left && invoice.subscription !== null && invoice.collection_method !== 'send_invoice') {
    return 'Partial payments are not supported for invoices of subscriptions that are charged automatically.';
  }
  return null;
}

function attach(context: Context, id: string | undefined, invoice_id: string): object {
  const { tx, account_name } = context;
  const invoice = findInvoice(tx, invoice_id);
  if (id === undefined) throw missingParam('payment_intent');
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible') {
    throw invalid(`You can only attach payments to open invoices. This invoice has a status of ${invoice.status}.`);
  }
  const intent = tx.get('payment_intent', id);
  if (intent === undefined) throw noSuch('payment_intent', id, 'payment_intent');
  const fault = misfit(tx, invoice, intent);
  if (fault !== null) throw invalid(fault, { param: 'payment_intent' });
  tx.put('invoice_payment', {
    id: tx.newId('inpay_'),
    created: tx.now,
    amount_paid: null,
    amount_requested: intent.amount,
    canceled_at: null,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: false,
    paid_at: null,
    payment_intent: intent.id,
    status: 'open',
  });
  followIntent(context, intent);
  return renderInvoice(tx, tx.need('invoice', invoice.id), account_name);
}

const paymentParam = shape({
  payment_intent: text(),
  payment_record: refused('payments that other processors report are not kept here'),
  type: oneOf(['payment_intent'], ['payment_record']),
});

export const invoicePaymentRoutes = [
  route(
    'POST /v1/invoices/{id}/attach_payment',
    { payment_intent: text(), payment_record: refused('payments that other processors report are not kept here') },
    (context, params, id) => attach(context, params.payment_intent, id),
  ),
  route(
    'GET /v1/invoice_payments',
    {
      ...pageParams,
      created: range(),
      invoice: text(),
      payment: paymentParam,
      status: oneOf(['open', 'paid', 'canceled']),
    },
    ({ tx }, params) => {
      const { payment_intent } = params.payment ?? {};
      if (params.payment !== undefined && payment_intent === undefined) {
        throw invalidParam('Name the PaymentIntent whose payments to list.', 'payment[payment_intent]');
      }
      const wanted = tx.all('invoice_payment').filter((payment) => {
        if (params.invoice !== undefined && payment.invoice !== params.invoice) return false;
        if (payment_intent !== undefined && payment.payment_intent !== payment_intent) return false;
        if (params.status !== undefined && payment.status !== params.status) return false;
        return within(payment.created, params.created);
      });
      return page('/v1/invoice_payments', wanted, params, 'invoice_payment', renderInvoicePayment);
    },
  ),
  route('GET /v1/invoice_payments/{id}', {}, ({ tx }, _params, id) => {
    const payment = tx.get('invoice_payment', id);
    if (payment === undefined) throw noSuch('invoice_payment', id);
    return renderInvoicePayment(payment);
  }),
];
