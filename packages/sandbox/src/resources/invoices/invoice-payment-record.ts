import { invalid } from '../../http/api-error.ts';
import type { InvoicePaymentRecord, InvoiceRecord, PaymentIntentRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { renderPaymentIntent } from '../payments/payment-intents.ts';
import { amountRemaining } from './invoice-amounts.ts';

/** The payments of an invoice, oldest first. */
export function paymentsOf(tx: Tx, invoice: string): InvoicePaymentRecord[] {
  return tx.all('invoice_payment').filter((payment) => payment.invoice === invoice);
}

/** The payment that was made when the invoice was finalized; the others were attached. */
export function isDefault(payment: InvoicePaymentRecord): boolean {
  return payment.is_default ?? true;
}

/** Writes that a payment is over without having paid, and cancels the default one's intent with it. */
export function cancelPayment(
  context: Context,
  payment: InvoicePaymentRecord,
  cancellation_reason: PaymentIntentRecord['cancellation_reason'],
): void {
  const { tx } = context;
  tx.put('invoice_payment', { ...payment, canceled_at: tx.now, status: 'canceled' });
  const intent = tx.need('payment_intent', payment.payment_intent);
  // What was attached belongs to whoever made it.
  if (!isDefault(payment) || intent.status === 'succeeded' || intent.status === 'canceled') return;
  const canceled = tx.put('payment_intent', {
    ...intent,
    canceled_at: tx.wall,
    cancellation_reason,
    status: 'canceled',
  });
  emit(context, 'payment_intent.canceled', renderPaymentIntent(tx, canceled));
}

/** Ends every payment of a voided invoice that did not come to pay. */
export function cancelPayments(context: Context, invoice: InvoiceRecord): void {
  for (const payment of paymentsOf(context.tx, invoice.id)) {
    if (payment.status === 'open') cancelPayment(context, payment, 'void_invoice');
  }
}

/** Keeps the default payment at what is left to pay; nothing left cancels it. */
export function followRemaining(context: Context, invoice: InvoiceRecord): void {
  const { tx } = context;
  const amount = amountRemaining(invoice);
  const payment = paymentsOf(tx, invoice.id).find((each) => each.status === 'open' && isDefault(each));
  if (payment === undefined) return;
  if (amount === 0) return cancelPayment(context, payment, null);
  tx.put('invoice_payment', { ...payment, amount_requested: amount });
  tx.put('payment_intent', { ...tx.need('payment_intent', payment.payment_intent), amount });
}

/** Refuses an end for an invoice that was paid in part, or may still be by what was attached to it. */
export function refuseAttached(context: Context, invoice: InvoiceRecord, doing: 'mark uncollectible' | 'void'): void {
  const attached = paymentsOf(context.tx, invoice.id).filter((payment) => !isDefault(payment));
  const open = attached.some((payment) => payment.status === 'open');
  const paid = doing === 'void' && invoice.amount_paid > 0;
  if (!open && !paid) return;
  throw invalid(
    `You cannot ${doing} an invoice that has ${open ? 'open' : 'paid'} payments attached. ${open ? 'Cancel their PaymentIntents first.' : 'Issue a credit note instead.'}`,
  );
}
