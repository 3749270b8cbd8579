import { canMove, moved } from '../../billing/states.ts';
import { type Context, emit } from '../context.ts';
import { updateSubscription } from '../subscriptions/subscription-end.ts';
import { subscriptionOf } from './collect.ts';
import { renderInvoice } from './invoice-render.ts';

/** The due date of a sent invoice comes near. */
export function announceDue(context: Context, id: string): void {
  const { tx, account_name } = context;
  const invoice = tx.get('invoice', id);
  if (invoice?.status === 'open') emit(context, 'invoice.will_be_due', renderInvoice(tx, invoice, account_name));
}

/** The due date of a sent invoice has passed; its subscription is in arrears. */
export function fallOverdue(context: Context, id: string): void {
  const { tx, account_name } = context;
  const invoice = tx.get('invoice', id);
  if (invoice?.status !== 'open') return;
  emit(context, 'invoice.overdue', renderInvoice(tx, invoice, account_name));
  const subscription = subscriptionOf(tx, invoice);
  if (subscription === null || !canMove(subscription.status, 'falls_overdue')) return;
  updateSubscription(context, subscription, { status: moved(subscription.status, 'falls_overdue') });
}
