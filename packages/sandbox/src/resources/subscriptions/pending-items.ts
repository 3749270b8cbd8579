import { boundary } from '../../time/calendar.ts';
import { type Context, schedule } from '../context.ts';
import { createDraft, DRAFT_SECONDS, pendingItems } from '../invoices/invoice-draft.ts';
import { updateSubscription } from './subscription-end.ts';

/** `pending_invoice_item_interval` has gone by: what is pending is billed by an invoice with its draft hour. */
export function billPendingItems(context: Context, id: string): void {
  const { tx } = context;
  const subscription = tx.get('subscription', id);
  const every = subscription?.pending_invoice_item_interval;
  if (subscription === undefined || every == null || subscription.ended_at !== null) return;
  const next = boundary(tx.now, every, 1);
  schedule(context, next, 'pending_items', id);
  const bills = subscription.status !== 'paused' && pendingItems(context, subscription).length > 0;
  const invoice = bills
    ? createDraft(context, subscription, {
        billing_reason: 'automatic_pending_invoice_item_invoice',
        automatically_finalizes_at: tx.now + DRAFT_SECONDS,
        pending_only: true,
        period: { start: subscription.items[0]?.current_period_start ?? tx.now, end: tx.now },
      })
    : null;
  updateSubscription(context, subscription, {
    next_pending_invoice_item_invoice: next,
    ...(invoice === null ? {} : { latest_invoice: invoice.id }),
  });
}
