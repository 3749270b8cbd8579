import type { SubscriptionRecord } from '../store/records.ts';
import { boundary } from '../time/calendar.ts';
import { attemptPayment, finalizeInvoice, followPayment, methodFor, voidInvoice } from './collect.ts';
import { type Context, emitUpdate, orderEvents, schedule, unschedule } from './context.ts';
import { createDraft, pendingItems } from './invoice-draft.ts';
import { cancelSubscription, updateSubscription } from './subscription-end.ts';
import { renderSubscription } from './subscription-render.ts';
import { hardDeclines } from './test-cards.ts';

/** How long a renewal invoice stays a draft, so that the seller can add usage to it. */
export const DRAFT_SECONDS = 3_600;

const RENEWAL_ORDER = [
  'payment_intent.created',
  'payment_intent.succeeded',
  'charge.succeeded',
  'invoice.finalized',
  'invoice.paid',
  'invoice.payment_succeeded',
  'charge.failed',
  'payment_intent.payment_failed',
  'payment_intent.requires_action',
  'invoice.payment_failed',
  'invoice.updated',
  'customer.subscription.updated',
  'customer.subscription.deleted',
];

function isLive(subscription: SubscriptionRecord): boolean {
  return subscription.status === 'active' || subscription.status === 'past_due';
}

/** A period ends: the next one begins, with a draft invoice for it. */
export function renew(context: Context, id: string): void {
  const { tx } = context;
  const old = tx.get('subscription', id);
  if (old === undefined || !isLive(old)) return;
  if (old.cancel_at !== null && old.cancel_at <= tx.now) {
    endAtDate(context, id);
    return;
  }
  const price = tx.need('price', old.items[0]?.price ?? '');
  if (price.recurring === null) throw new Error(`${id} renews by a one-time price.`);
  const period_index = old.period_index + 1;
  const start = boundary(old.billing_cycle_anchor, price.recurring, period_index);
  const end = boundary(old.billing_cycle_anchor, price.recurring, period_index + 1);
  const items = old.items.map((item) => ({ ...item, current_period_start: start, current_period_end: end }));
  const renewed = tx.put('subscription', { ...old, items, period_index });
  const invoice = createDraft(context, renewed, {
    billing_reason: 'subscription_cycle',
    automatically_finalizes_at: tx.now + DRAFT_SECONDS,
    // The period of the invoice is the one that has just passed; its lines carry the new one.
    period: { start: old.items[0]?.current_period_start ?? start, end: start },
  });
  const subscription = tx.put('subscription', { ...renewed, latest_invoice: invoice.id });
  emitUpdate(
    context,
    'customer.subscription.updated',
    renderSubscription(tx, old),
    renderSubscription(tx, subscription),
  );
  schedule(context, tx.now + DRAFT_SECONDS, 'finalize', invoice.id);
  schedule(context, end, 'cycle', id);
}

/** The draft hour is over: finalize and collect. */
export function finishDraft(context: Context, invoice_id: string): void {
  const { tx } = context;
  const draft = tx.get('invoice', invoice_id);
  if (draft?.status !== 'draft' || !draft.auto_advance) return;
  const invoice = finalizeInvoice(context, draft);
  const subscription = tx.need('subscription', invoice.subscription);
  const attempt =
    invoice.status === 'paid'
      ? ({ outcome: 'paid', invoice } as const)
      : attemptPayment(context, invoice, { method: methodFor(context, invoice), off_session: true, automatic: true });
  followPayment(context, subscription, attempt);
  orderEvents(context, RENEWAL_ORDER);
}

/** A failed renewal is tried again; without a new card after a hard decline the attempt is only counted. */
export function retry(context: Context, invoice_id: string): void {
  const { tx } = context;
  const invoice = tx.get('invoice', invoice_id);
  if (invoice?.status !== 'open' || !invoice.auto_advance) return;
  const subscription = tx.need('subscription', invoice.subscription);
  const method = methodFor(context, invoice);
  const last = tx.get('payment_intent', invoice.payment_intent ?? '')?.last_failure ?? null;
  const is_barred =
    last !== null && hardDeclines.has(last.decline_code ?? last.code) && last.payment_method === method?.id;
  const attempt = attemptPayment(context, invoice, {
    method: is_barred ? null : method,
    off_session: true,
    automatic: true,
  });
  followPayment(context, subscription, attempt);
  orderEvents(context, RENEWAL_ORDER);
}

/** `cancel_at` has come. */
export function endAtDate(context: Context, id: string): void {
  const subscription = context.tx.get('subscription', id);
  if (subscription === undefined || subscription.ended_at !== null) return;
  if (subscription.cancel_at === null || subscription.cancel_at > context.tx.now) return;
  cancelSubscription(context, subscription, 'cancellation_requested');
}

/** Bills what is pending when a subscription is canceled with `invoice_now`; without pending items there is no invoice. */
export function billPending(context: Context, canceled: SubscriptionRecord): SubscriptionRecord {
  const { tx } = context;
  if (pendingItems(context, canceled).length === 0) return canceled;
  const draft = createDraft(context, canceled, {
    billing_reason: 'subscription_cancel',
    automatically_finalizes_at: null,
    period: { start: canceled.items[0]?.current_period_start ?? tx.now, end: tx.now },
  });
  const invoice = finalizeInvoice(context, draft);
  if (invoice.status === 'open') {
    attemptPayment(context, invoice, { method: methodFor(context, invoice), off_session: true, automatic: false });
  }
  return tx.put('subscription', { ...canceled, latest_invoice: invoice.id });
}

/** The first invoice was not paid in time. */
export function expireIncomplete(context: Context, id: string): void {
  const { tx } = context;
  const subscription = tx.get('subscription', id);
  if (subscription?.status !== 'incomplete') return;
  unschedule(context, 'cycle', id);
  unschedule(context, 'cancel', id);
  for (const invoice of tx.all('invoice')) {
    if (invoice.subscription === id && invoice.status === 'open') voidInvoice(context, invoice);
  }
  updateSubscription(context, subscription, { ended_at: tx.now, status: 'incomplete_expired' });
}
