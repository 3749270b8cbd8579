import { invoiceMoved } from '../../billing/states.ts';
import { invalid } from '../../http/api-error.ts';
import type { InvoiceRecord } from '../../store/records.ts';
import { subscriptionOf } from './collect.ts';
import { followPayment } from './follow-payment.ts';
import { type Context, emit, unschedule } from '../context.ts';
import { refuseAttached } from './invoice-payment-record.ts';
import { renderInvoice } from './invoice-render.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';

/** Gives up an open invoice: a bad debt. */
export function markUncollectible(
  context: Context,
  id: string,
  uncollectible_reason: NonNullable<InvoiceRecord['uncollectible_reason']>,
): object {
  const { tx, account_name } = context;
  const old = tx.need('invoice', id);
  if (old.status !== 'open') throw invalid("You can only pass in open invoices. This invoice isn't open.");
  refuseAttached(context, old, 'mark uncollectible');
  unschedule(context, 'retry', id);
  unschedule(context, 'overdue', id);
  unschedule(context, 'will_be_due', id);
  const invoice = updateInvoice(context, old, {
    auto_advance: false,
    marked_uncollectible_at: tx.now,
    next_payment_attempt: null,
    status: invoiceMoved(old.status, 'mark_uncollectible'),
    uncollectible_reason,
  });
  emit(context, 'invoice.marked_uncollectible', renderInvoice(tx, invoice, account_name));
  // Giving up on an invoice settles it for the subscription as paying does.
  const subscription = subscriptionOf(tx, invoice);
  if (subscription !== null && ['past_due', 'paused', 'unpaid'].includes(subscription.status)) {
    followPayment(context, subscription, { outcome: 'paid', invoice });
  }
  return renderInvoice(tx, tx.need('invoice', id), account_name);
}
