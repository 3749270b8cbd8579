import { periodFrom } from '../../billing/periods.ts';
import { moved } from '../../billing/states.ts';
import type { SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import { attemptPayment, methodFor, subscriptionOf } from '../invoices/collect.ts';
import { tryFinalize } from '../invoices/finalization.ts';
import { followPayment } from '../invoices/follow-payment.ts';
import { type Context, emitUpdate, orderEvents, schedule } from '../context.ts';
import { createDraft, DRAFT_SECONDS } from '../invoices/invoice-draft.ts';
import { isMetered, usageOf } from '../usage/usage-lines.ts';
import { cycleOf, intervalOf, periodEnd } from './billing-mode.ts';
import { endAtDate } from './subscription-ending.ts';
import { sendInvoice } from './subscription-end.ts';
import { renderSubscription } from './subscription-render.ts';
import { isGivenUp } from './subscription-pause.ts';
import { endsWithoutMethod } from './subscription-trials.ts';

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

/** Whether its periods go on by themselves. */
function isLive(subscription: SubscriptionRecord): boolean {
  return ['active', 'past_due', 'trialing', 'unpaid'].includes(subscription.status);
}

/** The next period of an item: from where the last ended, cut off where the subscription ends. */
function nextPeriod(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
): SubscriptionItemRecord {
  const every = intervalOf(context.tx, item);
  const { span } = periodFrom(cycleOf(subscription), every, item.current_period_end, subscription.cancel_at);
  return { ...item, current_period_start: span.start, current_period_end: span.end };
}

/** Periods end: the next ones begin, with one draft invoice for all items whose period ends now. */
export function renew(context: Context, id: string): void {
  const { tx } = context;
  const old = tx.get('subscription', id);
  if (old === undefined || !isLive(old)) return;
  if (old.cancel_at !== null && old.cancel_at <= tx.now) {
    endAtDate(context, id);
    return;
  }
  const ends_trial = old.status === 'trialing' && (old.trial_end ?? 0) <= tx.now;
  if (ends_trial && endsWithoutMethod(context, old)) return;
  const due = old.items.filter((item) => item.current_period_end <= tx.now);
  const items = old.items.map((item) => (due.includes(item) ? nextPeriod(context, old, item) : item));
  const status = ends_trial ? moved(old.status, 'trial_ends') : old.status;
  const renewed = tx.put('subscription', { ...old, items, status });
  const subscription = billPeriods(context, old, renewed, due, ends_trial);
  emitUpdate(
    context,
    'customer.subscription.updated',
    renderSubscription(tx, old),
    renderSubscription(tx, subscription),
  );
  schedule(context, periodEnd(subscription), 'cycle', id);
}

/** The draft for what begins and for what was used in what ended. */
function billPeriods(
  context: Context,
  old: SubscriptionRecord,
  renewed: SubscriptionRecord,
  due: readonly SubscriptionItemRecord[],
  ends_trial: boolean,
): SubscriptionRecord {
  const { tx } = context;
  const stays_draft = old.pause_collection?.behavior === 'keep_as_draft';
  const invoice = createDraft(context, renewed, {
    billing_reason: 'subscription_cycle',
    automatically_finalizes_at: stays_draft ? null : tx.now + DRAFT_SECONDS,
    items: renewed.items.filter((item) => due.some((each) => each.id === item.id)),
    stays_draft,
    // The period of the invoice is the one that has just passed; its lines carry the new one.
    period: { start: Math.min(...due.map((item) => item.current_period_start)), end: tx.now },
    // What is used in a trial costs nothing.
    usage: ends_trial ? [] : usageOf(tx, { ...old, items: due.filter((item) => isMetered(tx, item)) }),
  });
  return tx.put('subscription', { ...renewed, latest_invoice: invoice.id });
}

/** The draft hour is over: finalize and collect. */
export function finishDraft(context: Context, invoice_id: string): void {
  const { tx } = context;
  const draft = tx.get('invoice', invoice_id);
  if (draft?.status !== 'draft' || !draft.auto_advance) return;
  const invoice = tryFinalize(context, draft);
  if (invoice === null) return;
  const subscription = subscriptionOf(tx, invoice);
  if (isGivenUp(context, subscription, invoice)) return;
  if (invoice.collection_method === 'send_invoice' && invoice.status === 'open') {
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
