import { moved } from '../../billing/states.ts';
import type { JobKind } from '../../store/machinery.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import { type Context, emit, emitUpdate, unschedule } from '../context.ts';
import { settle } from '../invoices/invoice-amounts.ts';
import { renderInvoice } from '../invoices/invoice-render.ts';
import { closeWith } from '../schedules/schedule-end.ts';
import { renderSubscription } from './subscription-render.ts';

/** Replaces a subscription and says so. */
export function updateSubscription(
  context: Context,
  old: SubscriptionRecord,
  change: Partial<SubscriptionRecord>,
): SubscriptionRecord {
  const { tx } = context;
  const subscription = tx.put('subscription', { ...old, ...change });
  emitUpdate(
    context,
    'customer.subscription.updated',
    renderSubscription(tx, old),
    renderSubscription(tx, subscription),
  );
  return subscription;
}

/** Replaces an invoice and says so. */
export function updateInvoice(context: Context, old: InvoiceRecord, change: Partial<InvoiceRecord>): InvoiceRecord {
  const { tx, account_name } = context;
  const changed = { ...old, ...change };
  // While it is a draft, what an invoice comes to follows its lines, discounts and rates.
  const invoice = tx.put('invoice', changed.status === 'draft' ? settle(tx, changed) : changed);
  emitUpdate(
    context,
    'invoice.updated',
    renderInvoice(tx, old, account_name),
    renderInvoice(tx, invoice, account_name),
  );
  return invoice;
}

/** Says that an invoice went to its customer. No mail is sent. */
export function sendInvoice(context: Context, invoice: InvoiceRecord): void {
  emit(context, 'invoice.sent', renderInvoice(context.tx, invoice, context.account_name));
}

/** The work that waits for a subscription itself. */
const ownWork: readonly JobKind[] = [
  'cycle',
  'cancel',
  'expire_incomplete',
  'expire_pending_update',
  'expire_resumption',
  'pending_items',
  'resume_collection',
  'threshold',
  'trial_will_end',
];

type Ending = 'cancellation_requested' | 'payment_failed';

/** Ends a subscription now. Its unfinished invoices are no longer collected by themselves. */
export function cancelSubscription(
  context: Context,
  old: SubscriptionRecord,
  reason: Ending,
  details: Partial<SubscriptionRecord['cancellation']> = {},
): SubscriptionRecord {
  const { tx } = context;
  for (const kind of ownWork) unschedule(context, kind, old.id);
  for (const invoice of tx.all('invoice')) {
    if (invoice.subscription !== old.id || (invoice.status !== 'draft' && invoice.status !== 'open')) continue;
    unschedule(context, 'finalize', invoice.id);
    unschedule(context, 'retry', invoice.id);
    updateInvoice(context, invoice, {
      auto_advance: false,
      automatically_finalizes_at: null,
      next_payment_attempt: null,
    });
  }
  const subscription = tx.put('subscription', {
    ...old,
    canceled_at: old.canceled_at ?? tx.now,
    cancellation: { ...old.cancellation, reason: old.cancellation.reason ?? reason, ...details },
    ended_at: tx.now,
    pending_update: null,
    status: moved(old.status, reason === 'payment_failed' ? 'retries_exhausted_cancel' : 'cancel'),
  });
  emit(context, 'customer.subscription.deleted', renderSubscription(tx, subscription));
  closeWith(context, subscription, reason);
  return subscription;
}
