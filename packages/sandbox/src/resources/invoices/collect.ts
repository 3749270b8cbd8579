import { invoiceMoved } from '../../billing/states.ts';
import { declinedByFault } from '../../faults/declined.ts';
import type {
  InvoicePaymentRecord,
  InvoiceRecord,
  PaymentFailure,
  PaymentMethodRecord,
  SubscriptionRecord,
} from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { writeCharge } from '../payments/charges.ts';
import { moveBalance } from '../customers/balance.ts';
import { type Context, emit, unschedule } from '../context.ts';
import { reinstateCredits } from '../usage/credit-ledger.ts';
import { updateCustomer } from '../customers/customers.ts';
import { disputeIfAsked } from '../payments/disputes.ts';
import { amountRemaining } from './invoice-amounts.ts';
import { planRetry } from './dunning.ts';
import { cancelPayments, followRemaining, paymentsOf } from './invoice-payment-record.ts';
import { renderInvoice, renderInvoicePayment } from './invoice-render.ts';
import { renderPaymentIntent } from '../payments/payment-intents.ts';
import { answerOf } from '../payments/payment-methods.ts';
import { dropPendingUpdate } from '../subscriptions/pending-updates.ts';
import { dropResumption } from '../subscriptions/resumptions.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';

/** What came for an invoice: through one of its payments, or without Stripe. */
export type Receipt = { payment: InvoicePaymentRecord; received: number } | { off_stripe: number };

/** What an invoice is after money came: what was due of it is paid, what is more goes to the customer's balance. */
function credited(invoice: InvoiceRecord, receipt: Receipt | null): InvoiceRecord {
  if (receipt === null) return invoice;
  const came = 'payment' in receipt ? receipt.received : receipt.off_stripe;
  const used = Math.min(came, amountRemaining(invoice));
  return {
    ...invoice,
    amount_paid: invoice.amount_paid + used,
    ...(came === used ? {} : { amount_overpaid: (invoice.amount_overpaid ?? 0) + came - used }),
    ...('payment' in receipt
      ? {}
      : { amount_paid_off_stripe: (invoice.amount_paid_off_stripe ?? 0) + receipt.off_stripe }),
  };
}

/** Writes what came for an invoice; when nothing is left to pay, it is paid. */
export function markPaid(context: Context, open: InvoiceRecord, receipt: Receipt | null): InvoiceRecord {
  const { tx } = context;
  const after = credited(open, receipt);
  const over = (after.amount_overpaid ?? 0) - (open.amount_overpaid ?? 0);
  const was_paid = open.status === 'paid';
  const invoice =
    was_paid || amountRemaining(after) > 0 ? updateInvoice(context, open, after) : settled(context, after, receipt);
  if (receipt !== null && 'payment' in receipt) {
    const paid = tx.put('invoice_payment', {
      ...receipt.payment,
      amount_paid: receipt.received,
      paid_at: tx.now,
      status: 'paid',
    });
    emit(context, 'invoice_payment.paid', renderInvoicePayment(paid));
  }
  followRemaining(context, invoice);
  if (over > 0) {
    const { currency, id } = invoice;
    const customer = tx.need('customer', invoice.customer);
    moveBalance(context, customer, { amount: -over, currency, invoice: id, type: 'invoice_overpaid' });
  }
  return invoice;
}

function settled(context: Context, open: InvoiceRecord, receipt: Receipt | null): InvoiceRecord {
  const { tx, account_name } = context;
  unschedule(context, 'retry', open.id);
  unschedule(context, 'overdue', open.id);
  unschedule(context, 'will_be_due', open.id);
  const invoice = tx.put('invoice', {
    ...open,
    auto_advance: false,
    next_payment_attempt: null,
    paid_at: tx.now,
    status: invoiceMoved(open.status, 'pay'),
  });
  const shown = renderInvoice(tx, invoice, account_name);
  emit(context, 'invoice.paid', shown);
  // What came without Stripe was no attempt of its.
  if (receipt === null || 'payment' in receipt) emit(context, 'invoice.payment_succeeded', shown);
  if ((invoice.amount_overpaid ?? 0) > 0) emit(context, 'invoice.overpaid', shown);
  const customer = tx.need('customer', invoice.customer);
  if (customer.delinquent) updateCustomer(context, customer, { delinquent: false });
  return invoice;
}

/** The subscription an invoice is for; `null` for a one-off invoice. */
export function subscriptionOf(tx: Tx, invoice: InvoiceRecord): SubscriptionRecord | null {
  return invoice.subscription === null ? null : tx.need('subscription', invoice.subscription);
}

/** The payment method an invoice is charged to: its own, the subscription's, else the customer's. */
export function methodFor(context: Context, invoice: InvoiceRecord): PaymentMethodRecord | null {
  const { tx } = context;
  const id =
    invoice.default_payment_method ??
    subscriptionOf(tx, invoice)?.default_payment_method ??
    tx.need('customer', invoice.customer).default_payment_method;
  return id === null ? null : (tx.get('payment_method', id) ?? null);
}

function paySucceeded(
  context: Context,
  invoice: InvoiceRecord,
  method: PaymentMethodRecord,
  three_d_secure: boolean,
): InvoiceRecord {
  const { tx } = context;
  const intent = tx.need('payment_intent', invoice.payment_intent ?? '');
  const charge = writeCharge(context, intent, method, null, three_d_secure);
  disputeIfAsked(context, charge);
  const paid = tx.put('payment_intent', {
    ...intent,
    amount_received: intent.amount,
    last_failure: null,
    latest_charge: charge.id,
    payment_method: method.id,
    status: 'succeeded',
  });
  emit(context, 'payment_intent.succeeded', renderPaymentIntent(tx, paid));
  const attempted = { ...invoice, attempt_count: invoice.attempt_count + 1 };
  const payment = paymentsOf(tx, invoice.id).find((each) => each.payment_intent === intent.id);
  return markPaid(context, attempted, payment === undefined ? null : { payment, received: intent.amount });
}

function payFailed(
  context: Context,
  invoice: InvoiceRecord,
  method: PaymentMethodRecord,
  failure: PaymentFailure,
  three_d_secure: boolean,
): void {
  const { tx } = context;
  const asked = tx.need('payment_intent', invoice.payment_intent ?? '');
  const charge = writeCharge(context, asked, method, failure, three_d_secure).id;
  const intent = tx.put('payment_intent', {
    ...asked,
    last_failure: { ...failure, charge, payment_method: method.id },
    latest_charge: charge,
    payment_method: null,
    status: 'requires_payment_method',
  });
  emit(context, 'payment_intent.payment_failed', renderPaymentIntent(tx, intent));
}

function payAsked(context: Context, invoice: InvoiceRecord, method: PaymentMethodRecord): void {
  const { tx, account_name } = context;
  const intent = tx.put('payment_intent', {
    ...tx.need('payment_intent', invoice.payment_intent ?? ''),
    payment_method: method.id,
    status: 'requires_action',
  });
  emit(context, 'payment_intent.requires_action', renderPaymentIntent(tx, intent));
  emit(context, 'invoice.payment_action_required', renderInvoice(tx, invoice, account_name));
}

/** How an attempt to collect an open invoice went. */
export type Attempt =
  | { outcome: 'paid'; invoice: InvoiceRecord }
  | { outcome: 'failed'; invoice: InvoiceRecord; failure: PaymentFailure | null; method: PaymentMethodRecord | null }
  | { outcome: 'needs_action'; invoice: InvoiceRecord };

interface AttemptFacts {
  method: PaymentMethodRecord | null;
  off_session: boolean;
  /** Counted as one of the automatic attempts, with a next one planned. */
  automatic: boolean;
  /** Its holder has just passed 3-D Secure for this payment. */
  three_d_secure?: boolean;
}

/** Tries to collect an open invoice with a card. The subscription's status is the caller's to move. */
export function attemptPayment(context: Context, invoice: InvoiceRecord, facts: AttemptFacts): Attempt {
  const { tx, account_name } = context;
  const { method } = facts;
  if (method === null) {
    const failed = planRetry(context, invoice, facts.automatic);
    emit(context, 'invoice.payment_failed', renderInvoice(tx, failed, account_name));
    return { outcome: 'failed', invoice: failed, failure: null, method };
  }
  const asked = invoice.payment_settings?.request_three_d_secure ?? undefined;
  const answer = declinedByFault(context, method.card_number) ?? answerOf(method, facts.off_session, asked);
  if (answer === null)
    return { outcome: 'paid', invoice: paySucceeded(context, invoice, method, facts.three_d_secure ?? false) };
  if (answer === 'authenticate') {
    payAsked(context, invoice, method);
    return { outcome: 'needs_action', invoice };
  }
  payFailed(context, invoice, method, answer, facts.three_d_secure ?? false);
  const failed = planRetry(context, invoice, facts.automatic);
  emit(context, 'invoice.payment_failed', renderInvoice(tx, failed, account_name));
  return { outcome: 'failed', invoice: failed, failure: answer, method };
}

/** What a voided invoice took from the customer's balance goes back to it. */
function giveBack(context: Context, open: InvoiceRecord): void {
  const amount = open.starting_balance - (open.ending_balance ?? open.starting_balance);
  if (amount === 0) return;
  const customer = context.tx.need('customer', open.customer);
  const { currency, id } = open;
  moveBalance(context, customer, { amount, currency, invoice: id, type: 'unapplied_from_invoice' });
}

/** Voids an open invoice and what was to pay it. */
export function voidInvoice(context: Context, open: InvoiceRecord): InvoiceRecord {
  const { tx, account_name } = context;
  unschedule(context, 'retry', open.id);
  unschedule(context, 'overdue', open.id);
  unschedule(context, 'will_be_due', open.id);
  const invoice = tx.put('invoice', {
    ...open,
    auto_advance: false,
    next_payment_attempt: null,
    status: invoiceMoved(open.status, 'void'),
    voided_at: tx.now,
  });
  emit(context, 'invoice.voided', renderInvoice(tx, invoice, account_name));
  reinstateCredits(context, invoice);
  giveBack(context, open);
  cancelPayments(context, invoice);
  dropPendingUpdate(context, invoice);
  dropResumption(context, invoice);
  return updateInvoice(context, invoice, {});
}
