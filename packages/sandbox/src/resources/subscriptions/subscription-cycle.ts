import type { SubscriptionRecord } from '../../store/records.ts';
import { boundary } from '../../time/calendar.ts';
import {
  attemptPayment,
  finalizeInvoice,
  followPayment,
  methodFor,
  subscriptionOf,
  voidInvoice,
} from '../invoices/collect.ts';
import { type Context, emitUpdate, orderEvents, schedule, toJson, unschedule } from '../context.ts';
import { createDraft, pendingItems } from '../invoices/invoice-draft.ts';
import { cancelSubscription, sendInvoice, updateSubscription } from './subscription-end.ts';
import { renderSubscription } from './subscription-render.ts';
import { isGivenUp } from './subscription-pause.ts';
import { endsWithoutMethod } from './subscription-trials.ts';
import { hardDeclines } from '../payments/test-cards.ts';
import { usageOf } from '../usage/usage-lines.ts';

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
  return ['active', 'past_due', 'trialing'].includes(subscription.status);
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
  if (old.status === 'trialing' && endsWithoutMethod(context, old)) return;
  const price = tx.need('price', old.items[0]?.price ?? '');
  if (price.recurring === null) throw new Error(`${id} renews by a one-time price.`);
  const period_index = old.period_index + 1;
  const start = boundary(old.billing_cycle_anchor, price.recurring, period_index);
  const end = boundary(old.billing_cycle_anchor, price.recurring, period_index + 1);
  const items = old.items.map((item) => ({ ...item, current_period_start: start, current_period_end: end }));
  const status = old.status === 'trialing' ? 'active' : old.status;
  const renewed = tx.put('subscription', { ...old, items, period_index, status });
  const stays_draft = old.pause_collection?.behavior === 'keep_as_draft';
  const finalizes_at = stays_draft ? null : tx.now + DRAFT_SECONDS;
  const invoice = createDraft(context, renewed, {
    billing_reason: 'subscription_cycle',
    automatically_finalizes_at: finalizes_at,
    stays_draft,
    // The period of the invoice is the one that has just passed; its lines carry the new one.
    period: { start: old.items[0]?.current_period_start ?? start, end: start },
    // What is used in a trial costs nothing.
    usage: old.status === 'trialing' ? [] : usageOf(tx, old),
  });
  const subscription = tx.put('subscription', { ...renewed, latest_invoice: invoice.id });
  emitUpdate(
    context,
    'customer.subscription.updated',
    renderSubscription(tx, old),
    renderSubscription(tx, subscription),
  );
  if (finalizes_at !== null) schedule(context, finalizes_at, 'finalize', invoice.id);
  schedule(context, end, 'cycle', id);
}

/** The draft hour is over: finalize and collect. */
export function finishDraft(context: Context, invoice_id: string): void {
  const { tx } = context;
  const draft = tx.get('invoice', invoice_id);
  if (draft?.status !== 'draft' || !draft.auto_advance) return;
  const invoice = finalizeInvoice(context, draft);
  const subscription = subscriptionOf(tx, invoice);
  if (isGivenUp(context, subscription, invoice)) return;
  if (invoice.collection_method === 'send_invoice') {
    sendInvoice(context, invoice);
    return;
  }
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
  const subscription = subscriptionOf(tx, invoice);
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
  const canceled = cancelSubscription(context, subscription, 'cancellation_requested');
  billLastUsage(context, canceled);
}

/** What was used in the last period is billed after it, by an invoice of its own with its draft hour. */
function billLastUsage(context: Context, canceled: SubscriptionRecord): void {
  const { tx } = context;
  const usage = usageOf(tx, canceled);
  if (usage.length === 0) return;
  const invoice = createDraft(context, canceled, {
    billing_reason: 'subscription_cycle',
    automatically_finalizes_at: tx.now + DRAFT_SECONDS,
    period: { start: canceled.items[0]?.current_period_start ?? tx.now, end: tx.now },
    usage,
  });
  schedule(context, tx.now + DRAFT_SECONDS, 'finalize', invoice.id);
  tellLatest(context, canceled.id, invoice.id);
}

/** The invoice of an ending belongs to it: the event that told of the ending shows it too. */
function tellLatest(context: Context, id: string, latest_invoice: string): SubscriptionRecord {
  const { tx } = context;
  const subscription = tx.put('subscription', { ...tx.need('subscription', id), latest_invoice });
  for (const event of context.events) {
    if (event.type === 'customer.subscription.deleted' && event.object['id'] === id)
      event.object = toJson(renderSubscription(tx, subscription));
  }
  return subscription;
}

/** The API lists no reason of its own for the invoice of a cancellation; which of its reasons Stripe writes is not documented. */
const CANCEL_REASON = 'subscription_update';

/** Bills what is pending, and usage, when a subscription is canceled with `invoice_now`; without any there is no invoice. */
export function billPending(context: Context, canceled: SubscriptionRecord): SubscriptionRecord {
  const { tx } = context;
  const usage = usageOf(tx, canceled);
  if (pendingItems(context, canceled).length + usage.length === 0) return canceled;
  const draft = createDraft(context, canceled, {
    pending_only: true,
    billing_reason: CANCEL_REASON,
    automatically_finalizes_at: null,
    period: { start: canceled.items[0]?.current_period_start ?? tx.now, end: tx.now },
    usage,
  });
  const invoice = finalizeInvoice(context, draft);
  if (invoice.status === 'open') {
    attemptPayment(context, invoice, { method: methodFor(context, invoice), off_session: true, automatic: false });
  }
  return tellLatest(context, canceled.id, invoice.id);
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
