import { invalid } from '../../http/api-error.ts';
import { followPayment, subscriptionOf } from './collect.ts';
import { type Context, emit, unschedule } from '../context.ts';
import { renderInvoice } from './invoice-render.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';

/** Gives up an open invoice: a bad debt. */
export function markUncollectible(context: Context, id: string): object {
  const { tx, account_name } = context;
  const old = tx.need('invoice', id);
  if (old.status !== 'open') throw invalid("You can only pass in open invoices. This invoice isn't open.");
  unschedule(context, 'retry', id);
  unschedule(context, 'overdue', id);
  const invoice = updateInvoice(context, old, {
    auto_advance: false,
    marked_uncollectible_at: tx.now,
    next_payment_attempt: null,
    status: 'uncollectible',
  });
  emit(context, 'invoice.marked_uncollectible', renderInvoice(tx, invoice, account_name));
  // Giving up on an invoice settles it for the subscription as paying does.
  const subscription = subscriptionOf(tx, invoice);
  if (subscription?.status === 'past_due') followPayment(context, subscription, { outcome: 'paid', invoice });
  return renderInvoice(tx, tx.need('invoice', id), account_name);
}
