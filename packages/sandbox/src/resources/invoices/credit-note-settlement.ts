import { invalid } from '../../http/api-error.ts';
import type { CreditNoteRecord } from '../../store/money-records.ts';
import { moveBalance } from '../customers/balance.ts';
import { markPaid, subscriptionOf } from './collect.ts';
import { chargesOf, refundable } from './credit-note-division.ts';
import { followPayment } from './follow-payment.ts';
import type { Context } from '../context.ts';
import { amountRemaining } from './invoice-amounts.ts';
import { followRemaining } from './invoice-payment-record.ts';
import { refundCharge } from '../payments/refunds.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';

interface Settlement {
  credit_amount: number;
  refund_amount: number;
  reason: 'duplicate' | 'fraudulent' | null;
}

/** Does what a credit note says: lowers what is to pay, refunds, and credits the customer's balance. */
export function settleCredit(context: Context, note: CreditNoteRecord, how: Settlement): CreditNoteRecord {
  const { tx } = context;
  const old = tx.need('invoice', note.invoice);
  const invoice = updateInvoice(context, old, {
    pre_payment_credit_notes_amount: (old.pre_payment_credit_notes_amount ?? 0) + note.pre_payment_amount,
    post_payment_credit_notes_amount: (old.post_payment_credit_notes_amount ?? 0) + note.post_payment_amount,
  });
  if (note.pre_payment_amount > 0) {
    if (amountRemaining(invoice) > 0) followRemaining(context, invoice);
    else {
      const paid = markPaid(context, invoice, null);
      followPayment(context, subscriptionOf(tx, paid), { outcome: 'paid', invoice: paid });
    }
  }
  let settled = note;
  if (how.credit_amount > 0) {
    const customer = tx.need('customer', note.customer);
    const { currency, id } = note;
    const move = {
      amount: -how.credit_amount,
      credit_note: id,
      currency,
      invoice: old.id,
      type: 'credit_note',
    } as const;
    settled = { ...settled, balance_transaction: moveBalance(context, customer, move).id };
  }
  let left = how.refund_amount;
  for (const charge of chargesOf(tx, old)) {
    const amount = Math.min(left, refundable(charge));
    if (amount <= 0) continue;
    left -= amount;
    const refund = refundCharge(context, charge, { amount, reason: how.reason });
    settled = { ...settled, refunds: [...settled.refunds, { refund: refund.id, amount_refunded: amount }] };
  }
  return tx.put('credit_note', settled);
}

/** A voided credit note asks for its amount again. */
export function undoCredit(context: Context, note: CreditNoteRecord): void {
  const old = context.tx.need('invoice', note.invoice);
  if (note.pre_payment_amount > 0 && old.status !== 'open') {
    throw invalid('You can only void a credit note of an open invoice, or one that credited the balance.');
  }
  const invoice = updateInvoice(context, old, {
    pre_payment_credit_notes_amount: (old.pre_payment_credit_notes_amount ?? 0) - note.pre_payment_amount,
    post_payment_credit_notes_amount: (old.post_payment_credit_notes_amount ?? 0) - note.post_payment_amount,
  });
  followRemaining(context, invoice);
}
