import { CANCELLATION_REASON } from '../../billing/open-points.ts';
import { periodAt } from '../../billing/periods.ts';
import { moved } from '../../billing/states.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { integer, oneOf, type Param } from '../../http/params.ts';
import type { Seconds, SubscriptionRecord } from '../../store/records.ts';
import { attemptPayment, methodFor, voidInvoice } from '../invoices/collect.ts';
import { finalizeInvoice } from '../invoices/finalization.ts';
import { type Context, schedule, toJson, unschedule } from '../context.ts';
import { createDraft, DRAFT_SECONDS, pendingItems } from '../invoices/invoice-draft.ts';
import { removeItem } from '../invoices/invoice-item-record.ts';
import { isMetered, usageOf } from '../usage/usage-lines.ts';
import { cycleOf, intervalOf, isClassic, periodEnd } from './billing-mode.ts';
import { chargeRemaining, creditUnused } from './prorations.ts';
import { renderSubscription } from './subscription-render.ts';
import { cancelSubscription, sendInvoice, updateSubscription } from './subscription-end.ts';

type Named = 'max_billed_until' | 'max_period_end' | 'min_period_end';

/** `cancel_at`: a time, or one that follows from the running periods. */
export const cancelAtParam: Param<Named | Seconds> = {
  read: (value, path) =>
    typeof value === 'string' && /^\d/.test(value)
      ? integer(0).read(value, path)
      : oneOf<Named>(['max_billed_until', 'max_period_end', 'min_period_end']).read(value, path),
};

/** How a request says when a subscription ends. */
export interface EndingWish {
  cancel_at?: Named | Seconds | null | undefined;
  cancel_at_period_end?: boolean | undefined;
  proration_behavior?: 'always_invoice' | 'create_prorations' | 'none' | undefined;
}

function dateOf(subscription: SubscriptionRecord, wanted: Named | Seconds): Seconds {
  if (typeof wanted === 'number') return wanted;
  if (wanted === 'min_period_end') return periodEnd(subscription, 'first');
  const billed = subscription.items.map((item) => item.billed_until ?? item.current_period_end);
  return wanted === 'max_period_end' ? periodEnd(subscription, 'last') : Math.max(...billed);
}

/** A date inside a running period ends that period there; what was charged beyond it is given back. */
function cutPeriods(context: Context, subscription: SubscriptionRecord, at: Seconds): SubscriptionRecord {
  const { tx } = context;
  const is_cut = (item: { current_period_end: Seconds }): boolean => item.current_period_end > at;
  if (!subscription.items.some(is_cut)) return subscription;
  for (const item of subscription.items) {
    if (is_cut(item) && !isMetered(tx, item) && subscription.status !== 'trialing') {
      creditUnused(context, subscription, item, at);
    }
  }
  const items = subscription.items.map((item) => (is_cut(item) ? { ...item, current_period_end: at } : item));
  unschedule(context, 'cycle', subscription.id);
  schedule(context, at, 'cycle', subscription.id);
  // Classic billing also counts from then on. https://docs.stripe.com/billing/subscriptions/billing-mode/compare
  const anchored = isClassic(subscription) ? { anchor_config: null, billing_cycle_anchor: at } : {};
  return { ...subscription, ...anchored, items };
}

/** A date that is taken back, or put off, lets the periods that it cut off run on; what was given back is charged again. */
function mendPeriods(context: Context, subscription: SubscriptionRecord, wish: EndingWish): SubscriptionRecord {
  const { tx } = context;
  const was = subscription.cancel_at;
  // Classic billing counts from that date now: there is nothing to mend.
  if (was === null || isClassic(subscription) || subscription.status === 'trialing') return subscription;
  const items = subscription.items.map((item) => {
    if (item.current_period_end !== was) return item;
    const { end } = periodAt(cycleOf(subscription), intervalOf(tx, item), item.current_period_start);
    return { ...item, current_period_end: end };
  });
  const mended = items.filter((item, index) => item !== subscription.items[index] && item.current_period_end !== was);
  if (mended.length === 0) return subscription;
  const whole = { ...subscription, items };
  unschedule(context, 'cycle', subscription.id);
  schedule(context, periodEnd(whole), 'cycle', subscription.id);
  if (wish.proration_behavior !== 'none') chargeRemaining(context, whole, mended, was, true);
  return whole;
}

/** Applies `cancel_at` and `cancel_at_period_end`, which are two names of one date. */
export function applyEnding(context: Context, subscription: SubscriptionRecord, wish: EndingWish): SubscriptionRecord {
  const { tx } = context;
  if (wish.cancel_at === undefined && wish.cancel_at_period_end === undefined) return subscription;
  if (wish.cancel_at !== undefined && wish.cancel_at_period_end === true) {
    throw invalid('You may only specify one of these parameters: cancel_at, cancel_at_period_end.', {
      param: 'cancel_at',
    });
  }
  const named = wish.cancel_at_period_end === true ? 'min_period_end' : (wish.cancel_at ?? null);
  const wanted = named === null ? null : dateOf(subscription, named);
  if (wanted !== null && wanted <= tx.now) {
    throw invalidParam('The `cancel_at` timestamp must be in the future.', 'cancel_at');
  }
  unschedule(context, 'cancel', subscription.id);
  if (wanted !== null) schedule(context, wanted, 'cancel', subscription.id);
  const mended = wanted === subscription.cancel_at ? subscription : mendPeriods(context, subscription, wish);
  const cuts = wanted !== null && wish.proration_behavior !== 'none';
  return tx.put('subscription', {
    ...(cuts ? cutPeriods(context, mended, wanted) : mended),
    cancel_at: wanted,
    cancel_at_period_end: wish.cancel_at_period_end ?? false,
    canceled_at: wanted === null ? null : tx.now,
    cancellation: { ...subscription.cancellation, reason: wanted === null ? null : 'cancellation_requested' },
  });
}

/** `cancel_at` has come. */
export function endAtDate(context: Context, id: string): void {
  const subscription = context.tx.get('subscription', id);
  if (subscription === undefined || subscription.ended_at !== null) return;
  if (subscription.cancel_at === null || subscription.cancel_at > context.tx.now) return;
  const canceled = cancelSubscription(context, subscription, 'cancellation_requested');
  billLast(context, canceled);
}

/** What was used in the last period, and what is pending, is billed after it by an invoice of its own with its draft hour. */
function billLast(context: Context, canceled: SubscriptionRecord): void {
  const { tx } = context;
  const usage = canceled.trial_end != null && canceled.trial_end >= tx.now ? [] : usageOf(tx, canceled);
  const pending = pendingItems(context, canceled).filter((item) => item.subscription === canceled.id);
  if (usage.length + pending.length === 0) return;
  const invoice = createDraft(context, canceled, {
    billing_reason: 'subscription_cycle',
    automatically_finalizes_at: tx.now + DRAFT_SECONDS,
    period: { start: canceled.items[0]?.current_period_start ?? tx.now, end: tx.now },
    usage,
  });
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

/** Bills what is pending, and usage, when a subscription is canceled with `invoice_now`; without any there is no invoice. */
export function billPending(context: Context, canceled: SubscriptionRecord): SubscriptionRecord {
  const { tx } = context;
  const usage = usageOf(tx, canceled);
  if (pendingItems(context, canceled).length + usage.length === 0) return canceled;
  const draft = createDraft(context, canceled, {
    pending_only: true,
    billing_reason: CANCELLATION_REASON,
    automatically_finalizes_at: null,
    period: { start: canceled.items[0]?.current_period_start ?? tx.now, end: tx.now },
    usage,
  });
  context.changing.add(canceled.id);
  const invoice = finalizeInvoice(context, draft);
  context.changing.delete(canceled.id);
  if (invoice.status === 'open' && invoice.collection_method === 'send_invoice') sendInvoice(context, invoice);
  else if (invoice.status === 'open') {
    attemptPayment(context, invoice, { method: methodFor(context, invoice), off_session: true, automatic: false });
  }
  return tellLatest(context, canceled.id, invoice.id);
}

/** What an ended subscription was charged for the rest of its periods is given back, by the next invoice. */
export function creditEnd(context: Context, subscription: SubscriptionRecord, at: Seconds = context.tx.now): void {
  for (const item of subscription.items) {
    if (!isMetered(context.tx, item)) creditUnused(context, subscription, item, at);
  }
}

/** A cancellation that bills nothing takes back the prorations that still waited for an invoice. */
export function dropProrations(context: Context, subscription: SubscriptionRecord): void {
  for (const item of pendingItems(context, subscription)) {
    if (item.subscription !== subscription.id || item.proration === undefined) continue;
    removeItem(context, item);
  }
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
  updateSubscription(context, subscription, {
    ended_at: tx.now,
    status: moved(subscription.status, 'first_invoice_expires'),
  });
}
