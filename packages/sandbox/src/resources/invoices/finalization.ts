import { carriedOf } from '../../billing/minimums.ts';
import { WILL_BE_DUE_SECONDS } from '../../billing/open-points.ts';
import { invoiceMoved } from '../../billing/states.ts';
import { invalid } from '../../http/api-error.ts';
import type { CustomerRecord, InvoiceRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { hasTaxLocation } from '../automatic-tax.ts';
import { type Context, emit, schedule, unschedule } from '../context.ts';
import { moveBalance } from '../customers/balance.ts';
import { updateCustomer } from '../customers/customers.ts';
import { taxIdsShown } from '../customers/tax-ids.ts';
import { renderPaymentIntent } from '../payments/payment-intents.ts';
import { updateInvoice, updateSubscription } from '../subscriptions/subscription-end.ts';
import { applyCredits } from '../usage/credit-ledger.ts';
import { refreshUsage } from '../usage/usage-lines.ts';
import { markPaid } from './collect.ts';
import { consumeOnce, unspent } from './discounts.ts';
import { amountDue, settle, totalOf } from './invoice-amounts.ts';
import { renderInvoice } from './invoice-render.ts';
import { replaceRevised, revisionFault } from './revisions.ts';

const DAY = 86_400;

/** Makes a draft final: number, amounts, addresses; a payment intent when there is something to pay. */
export function finalizeInvoice(context: Context, asked_for: InvoiceRecord): InvoiceRecord {
  const { tx, account_name } = context;
  const draft = taxedWhereKnown(context, asked_for);
  unschedule(context, 'finalize', draft.id);
  replaceRevised(context, draft);
  const rated = refreshUsage(context, draft);
  const discounted = settle(tx, { ...rated, discounts: unspent(tx, rated) });
  const settled = settle(tx, applyCredits(context, discounted));
  const customer = tx.need('customer', draft.customer);
  const { number, next } = numberOf(tx, draft, customer);
  const total = totalOf(settled);
  const asked = { ...settled, starting_balance: customer.balance };
  const carried = carriedOf(amountDue(asked), draft.currency);
  const applied = carried === 0 ? asked : { ...asked, carried };
  const due = amountDue(applied);
  // A credit (negative) is used up by the total; a negative total is added to it.
  const ending_balance = customer.balance + total - due;
  // The sequence moves without an event of its own.
  const numbered = tx.put('customer', { ...customer, next_invoice_sequence: next });
  const currency = customer.currency ?? draft.currency;
  if (ending_balance === customer.balance) updateCustomer(context, numbered, { currency });
  else {
    const move = { currency, invoice: draft.id };
    const amount = ending_balance - customer.balance - carried;
    if (amount !== 0) moveBalance(context, numbered, { ...move, amount, type: 'applied_to_invoice' }, { currency });
    if (carried !== 0) {
      const now = tx.need('customer', customer.id);
      moveBalance(context, now, { ...move, amount: carried, type: 'invoice_too_small' }, { currency });
    }
  }
  let invoice = tx.put('invoice', {
    ...applied,
    automatically_finalizes_at: null,
    customer_address: customer.address,
    customer_email: customer.email,
    customer_name: customer.name,
    customer_phone: customer.phone,
    customer_shipping: customer.shipping ?? null,
    custom_fields: applied.custom_fields ?? customer.invoice_custom_fields ?? null,
    footer: applied.footer ?? customer.invoice_footer ?? null,
    customer_tax_ids: taxIdsShown(tx, customer.id),
    ...(typeof applied.days_until_due !== 'number' ? {} : { due_date: tx.now + applied.days_until_due * DAY }),
    ending_balance,
    finalization_error: null,
    finalized_at: tx.now,
    next_payment_attempt: null,
    number,
    page_token: tx.newId('acct_sandbox_', 40),
    status: invoiceMoved(draft.status, 'finalize'),
  });
  if (due > 0) invoice = openPayment(context, invoice, due);
  emit(context, 'invoice.finalized', renderInvoice(tx, invoice, account_name));
  consumeOnce(context, invoice);
  if (due === 0) return markPaid(context, invoice, null);
  const { due_date } = invoice;
  if (typeof due_date === 'number') {
    schedule(context, due_date, 'overdue', invoice.id);
    if (due_date - WILL_BE_DUE_SECONDS > tx.now) {
      schedule(context, due_date - WILL_BE_DUE_SECONDS, 'will_be_due', invoice.id);
    }
  }
  return invoice;
}

/** Where nobody knows where the customer is, Stripe goes on without the tax, on the invoice and from then on. */
function taxedWhereKnown(context: Context, draft: InvoiceRecord): InvoiceRecord {
  const { tx } = context;
  if (draft.automatic_tax?.enabled !== true || hasTaxLocation(tx.need('customer', draft.customer))) return draft;
  const subscription = draft.subscription === null ? undefined : tx.get('subscription', draft.subscription);
  if (subscription?.automatic_tax?.enabled === true) {
    updateSubscription(context, subscription, {
      automatic_tax: { enabled: false, disabled_reason: 'requires_location_inputs' },
    });
  }
  return { ...draft, automatic_tax: { enabled: false, disabled_reason: 'finalization_requires_location_inputs' } };
}

/** The number a seller gave, or the next of the customer's sequence that no invoice has. */
function numberOf(tx: Tx, draft: InvoiceRecord, customer: CustomerRecord): { number: string; next: number } {
  let next = customer.next_invoice_sequence;
  if (draft.number !== null) return { number: draft.number, next };
  const taken = new Set(tx.all('invoice').map((each) => each.number));
  for (;;) {
    const number = `${customer.invoice_prefix}-${String(next).padStart(4, '0')}`;
    next += 1;
    if (!taken.has(number)) return { number, next };
  }
}

const purposes: Partial<Record<InvoiceRecord['billing_reason'], string>> = {
  manual: 'Payment for Invoice',
  subscription_create: 'Subscription creation',
};

function openPayment(context: Context, invoice: InvoiceRecord, amount: number): InvoiceRecord {
  const { tx } = context;
  const id = tx.newId('pi_');
  const intent = tx.put('payment_intent', {
    id,
    created: tx.wall,
    amount,
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    client_secret: tx.newId(`${id}_secret_`, 25),
    currency: invoice.currency,
    customer: invoice.customer,
    description: purposes[invoice.billing_reason] ?? 'Subscription update',
    invoice: invoice.id,
    last_failure: null,
    latest_charge: null,
    metadata: {},
    payment_method: null,
    status: 'requires_payment_method',
  });
  tx.put('invoice_payment', {
    id: tx.newId('inpay_'),
    created: tx.now,
    amount_paid: null,
    amount_requested: amount,
    canceled_at: null,
    currency: invoice.currency,
    invoice: invoice.id,
    paid_at: null,
    payment_intent: id,
    status: 'open',
  });
  emit(context, 'payment_intent.created', renderPaymentIntent(tx, intent));
  return tx.put('invoice', { ...invoice, payment_intent: id });
}

/** Why a draft cannot become final as things are; `null` when it can. */
function faultOf(tx: Tx, draft: InvoiceRecord): string | null {
  const original = draft.from_invoice === undefined ? undefined : tx.need('invoice', draft.from_invoice);
  return original === undefined ? null : revisionFault(tx, original);
}

/** Finalizes a draft, or says why it stays one: `null` then. */
export function tryFinalize(context: Context, draft: InvoiceRecord): InvoiceRecord | null {
  const { tx, account_name } = context;
  const finalization_error = faultOf(tx, draft);
  if (finalization_error === null) return finalizeInvoice(context, draft);
  unschedule(context, 'finalize', draft.id);
  const failed = updateInvoice(context, draft, {
    automatically_finalizes_at: null,
    finalization_error,
    next_payment_attempt: null,
  });
  emit(context, 'invoice.finalization_failed', renderInvoice(tx, failed, account_name));
  return null;
}

/** Finalizes a draft for a request, which is refused when that cannot be; the draft then says why. */
export function finalizeNow(context: Context, draft: InvoiceRecord): InvoiceRecord {
  const invoice = tryFinalize(context, draft);
  if (invoice !== null) return invoice;
  const { finalization_error } = context.tx.need('invoice', draft.id);
  throw invalid(finalization_error ?? 'This invoice cannot be finalized.', { keeps_effects: true });
}
