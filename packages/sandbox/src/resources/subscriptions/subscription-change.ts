import type { BillingChange } from '../../store/change-records.ts';
import type { InvoiceRecord, Seconds, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { boundary } from '../../time/calendar.ts';
import { attemptPayment, finalizeInvoice, followPayment, methodFor, voidInvoice } from '../invoices/collect.ts';
import { type Context, emitUpdate, orderEvents, schedule, unschedule } from '../context.ts';
import { createDraft, isOnTrial, pendingItems } from '../invoices/invoice-draft.ts';
import { cardError, noMethod } from '../payments/payment-methods.ts';
import { followItems } from '../schedules/schedule-end.ts';
import { announceTrialEnd, setBilling } from './pending-updates.ts';
import { billRemovedUsage, chargeRemaining, creditUnused, periodAt } from './prorations.ts';
import { changedItems, costsOther, type ItemEntry, metersOther } from './subscription-items-params.ts';
import { renderSubscription } from './subscription-render.ts';
import { isMetered } from '../usage/usage-lines.ts';

const UPDATE_ORDER = [
  'invoiceitem.created',
  'invoice.created',
  'invoice.finalized',
  'payment_intent.created',
  'charge.succeeded',
  'charge.failed',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.requires_action',
  'invoice.payment_action_required',
  'invoice.paid',
  'invoice.payment_succeeded',
  'invoice.payment_failed',
  'customer.subscription.updated',
  'invoice_payment.paid',
];

/** How long a parked change waits for its payment. */
const PENDING_SECONDS = 23 * 3_600;

export type PaymentBehavior =
  | 'allow_incomplete'
  | 'default_incomplete'
  | 'error_if_incomplete'
  | 'pending_if_incomplete';

/** What a request wants to be billed otherwise. */
export interface Wish {
  items?: readonly ItemEntry[] | undefined;
  /** The items as they shall be, from a schedule that was promised them. */
  next_items?: SubscriptionItemRecord[];
  /** A new period begins now. */
  resets_anchor?: boolean;
  trial_end?: Seconds | 'now' | undefined;
  proration_behavior?: 'always_invoice' | 'create_prorations' | 'none' | undefined;
  proration_date?: Seconds | undefined;
  payment_behavior?: PaymentBehavior | undefined;
  off_session?: boolean | undefined;
}

/** Whether a request changes what is billed at all. */
export function changesBilling(wish: Wish): boolean {
  return changesItems(wish) || wish.resets_anchor === true || wish.trial_end !== undefined;
}

function changesItems(wish: Wish): boolean {
  return wish.items !== undefined || wish.next_items !== undefined;
}

interface Plan {
  change: BillingChange;
  /** From when the change counts. */
  at: Seconds;
  /** All items begin a period anew, and what they were charged for the old one is given back. */
  restarts: boolean;
  /** The new period is billed whole. */
  bills_period: boolean;
}

function prorationDate(context: Context, subscription: SubscriptionRecord, wanted: Seconds | undefined): Seconds {
  const { now } = context.tx;
  if (wanted === undefined) return now;
  const [item] = subscription.items;
  if (item === undefined || wanted < item.current_period_start || wanted >= item.current_period_end) {
    throw invalidParam('The `proration_date` must lie within the current billing period.', 'proration_date');
  }
  return wanted;
}

function recurringOf(context: Context, items: readonly SubscriptionItemRecord[]): Parameters<typeof periodAt>[1] {
  const recurring = context.tx.need('price', items[0]?.price ?? '').recurring;
  if (recurring === null) throw new Error('A subscription has a one-time price.');
  return recurring;
}

/** Gives items a period. What begins to be metered within it, or was billed up to now, counts from now. */
function withPeriod(
  context: Context,
  old: SubscriptionRecord,
  items: readonly SubscriptionItemRecord[],
  period: { start: Seconds; end: Seconds },
): SubscriptionItemRecord[] {
  const { tx } = context;
  return items.map((item) => {
    if (!isMetered(tx, item)) return { ...item, current_period_start: period.start, current_period_end: period.end };
    const before = old.items.find((each) => each.id === item.id);
    const goes_on =
      before !== undefined && !metersOther(context, before, item) && before.current_period_end === period.end;
    const start = goes_on ? before.current_period_start : Math.max(tx.now, period.start);
    return { ...item, current_period_start: start, current_period_end: period.end };
  });
}

function checkTrialEnd(context: Context, trial_end: Seconds): void {
  const { now } = context.tx;
  if (trial_end <= now)
    throw invalidParam('Invalid timestamp: must be an integer Unix timestamp in the future.', 'trial_end');
  if (trial_end > now + 731 * 86_400) {
    throw invalidParam('Invalid timestamp: can be no more than two years in the future.', 'trial_end');
  }
}

function plan(context: Context, old: SubscriptionRecord, wish: Wish): Plan {
  const { tx } = context;
  const items = wish.next_items ?? (wish.items === undefined ? old.items : changedItems(context, old, wish.items));
  const at = prorationDate(context, old, wish.proration_date);
  const recurring = recurringOf(context, items);
  const { billing_cycle_anchor, period_index } = old;
  const start = old.items[0]?.current_period_start ?? tx.now;
  const end = old.items[0]?.current_period_end ?? tx.now;
  const on_trial = isOnTrial(old, tx.now);
  if (typeof wish.trial_end === 'number') {
    checkTrialEnd(context, wish.trial_end);
    const period = { start: on_trial ? start : tx.now, end: wish.trial_end };
    const change = {
      billing_cycle_anchor: wish.trial_end,
      items: withPeriod(context, old, items, period),
      period_index: -1,
      trial_end: wish.trial_end,
    };
    return { change, at, restarts: !on_trial, bills_period: false };
  }
  const ends_trial = wish.trial_end === 'now' && on_trial;
  if (ends_trial || wish.resets_anchor === true) {
    const period = { start: tx.now, end: boundary(tx.now, recurring, 1) };
    const change = {
      billing_cycle_anchor: tx.now,
      items: withPeriod(context, old, items, period),
      period_index: 0,
      trial_end: on_trial ? tx.now : (old.trial_end ?? null),
    };
    return { change, at, restarts: true, bills_period: true };
  }
  const trial_end = old.trial_end ?? null;
  const was = recurringOf(context, old.items);
  const is_other = was.interval !== recurring.interval || was.interval_count !== recurring.interval_count;
  // The anchor stays in flexible billing: the new interval's periods are counted from it too.
  const period =
    is_other && !on_trial ? periodAt(billing_cycle_anchor, recurring, at) : { start, end, index: period_index };
  const change = {
    billing_cycle_anchor,
    items: withPeriod(context, old, items, period),
    period_index: period.index,
    trial_end,
  };
  return { change, at, restarts: is_other && !on_trial, bills_period: false };
}

/** Writes what the change gives back and charges, as items that wait for an invoice. */
function writeProrations(
  context: Context,
  old: SubscriptionRecord,
  subscription: SubscriptionRecord,
  planned: Plan,
  facts: { credits: boolean; charges: boolean; whole: boolean },
): void {
  const { tx } = context;
  const { at, restarts } = planned;
  const next = (id: string): SubscriptionItemRecord | undefined => subscription.items.find((item) => item.id === id);
  for (const item of old.items) {
    const after = next(item.id);
    const is_gone = after === undefined || metersOther(context, item, after);
    if (isMetered(tx, item)) {
      if ((is_gone || restarts) && old.status !== 'trialing') billRemovedUsage(context, subscription, item, !is_gone);
      continue;
    }
    if (facts.credits && (is_gone || restarts || costsOther(item, after)))
      creditUnused(context, subscription, item, at);
  }
  if (!facts.charges || isOnTrial(subscription, tx.now)) return;
  const charged = subscription.items.filter((item) => {
    const before = old.items.find((each) => each.id === item.id);
    return restarts || before === undefined || costsOther(before, item);
  });
  chargeRemaining(context, subscription, charged, facts.whole ? tx.now : at);
}

/** What the change billed at once; `null` when it waits for the next invoice. */
export interface Changed {
  subscription: SubscriptionRecord;
  invoice: InvoiceRecord | null;
}

/**
 * Changes what is billed, writes its prorations and, when the change asks for it, a final invoice that nobody has
 * tried to collect yet. A preview runs the same and undoes it.
 */
export function applyWish(context: Context, old: SubscriptionRecord, wish: Wish): Changed {
  const { tx } = context;
  const behavior = wish.proration_behavior ?? 'create_prorations';
  const planned = plan(context, old, wish);
  const subscription = setBilling(context, old, planned.change);
  const ends_trial = planned.bills_period && old.status === 'trialing';
  // In flexible billing a new anchor alone makes no invoice. https://docs.stripe.com/billing/subscriptions/billing-mode
  const at_once = behavior === 'always_invoice' || ends_trial || (planned.bills_period && changesItems(wish));
  const by_lines = planned.bills_period && at_once;
  writeProrations(context, old, subscription, planned, {
    credits: behavior !== 'none',
    charges: !by_lines && (behavior !== 'none' || planned.bills_period),
    whole: planned.bills_period,
  });
  if (subscription.trial_end !== (old.trial_end ?? null)) announceTrialEnd(context, subscription);
  if (!at_once || (!by_lines && pendingItems(context, subscription).length === 0))
    return { subscription, invoice: null };
  const draft = createDraft(context, subscription, {
    billing_reason: 'subscription_update',
    automatically_finalizes_at: null,
    period: { start: old.items[0]?.current_period_start ?? tx.now, end: tx.now },
    pending_only: !by_lines,
  });
  const invoice = finalizeInvoice(context, draft);
  const billed = tx.put('subscription', { ...tx.need('subscription', old.id), latest_invoice: invoice.id });
  return { subscription: billed, invoice };
}

/** Puts the old billing back and keeps the new one for when its invoice is paid. */
function park(context: Context, old: SubscriptionRecord, changed: SubscriptionRecord, invoice: string): void {
  const { tx } = context;
  const { billing_cycle_anchor, items, period_index } = changed;
  const before = {
    billing_cycle_anchor: old.billing_cycle_anchor,
    items: old.items,
    period_index: old.period_index,
    trial_end: old.trial_end ?? null,
  };
  const restored = setBilling(
    context,
    { ...changed, status: old.status, trial_start: old.trial_start ?? null },
    before,
  );
  const expires_at = Math.min(tx.now + PENDING_SECONDS, old.items[0]?.current_period_end ?? tx.now);
  tx.put('subscription', {
    ...restored,
    pending_update: {
      change: { billing_cycle_anchor, items, period_index, trial_end: changed.trial_end ?? null },
      expires_at,
      invoice,
    },
  });
  schedule(context, expires_at, 'expire_pending_update', old.id);
}

const needsAction = {
  code: 'subscription_payment_intent_requires_action',
  decline_code: null,
  message: 'Payment for this subscription requires additional user action before it can be completed successfully.',
};

/**
 * Changes what a subscription bills and collects what that costs at once. `staged` is the subscription with what else
 * the request changed, `old` as it was; `customer.subscription.updated` tells of both.
 */
export function changeSubscription(
  context: Context,
  old: SubscriptionRecord,
  staged: SubscriptionRecord,
  wish: Wish,
): SubscriptionRecord {
  const { tx } = context;
  if (old.status === 'incomplete' || old.status === 'paused') {
    throw invalid(`You cannot change what a subscription bills while it is \`${old.status}\`.`);
  }
  const behavior = wish.payment_behavior ?? 'allow_incomplete';
  let from = staged;
  if (old.pending_update != null) {
    // A newer change takes the place of the one that waits.
    voidInvoice(context, tx.need('invoice', old.pending_update.invoice));
    from = { ...staged, pending_update: null };
  }
  const { invoice } = applyWish(context, tx.put('subscription', from), wish);
  const open = invoice?.status === 'open' ? invoice : null;
  const waits = behavior === 'default_incomplete';
  const attempt =
    open === null || waits
      ? null
      : attemptPayment(context, open, {
          method: methodFor(context, open),
          off_session: wish.off_session ?? false,
          automatic: behavior === 'allow_incomplete',
        });
  const is_paid = open === null || attempt?.outcome === 'paid';
  if (!is_paid && behavior === 'error_if_incomplete') {
    if (attempt?.outcome === 'failed' && attempt.failure === null) throw noMethod();
    const failure = attempt?.outcome === 'failed' ? attempt.failure : null;
    throw cardError(failure ?? needsAction, {}, 'undone');
  }
  if (!is_paid && behavior === 'pending_if_incomplete') park(context, staged, tx.need('subscription', old.id), open.id);
  const now = tx.need('subscription', old.id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, now));
  if (!is_paid && behavior !== 'pending_if_incomplete') {
    followPayment(context, now, attempt ?? { outcome: 'needs_action', invoice: open });
  } else if (attempt?.outcome === 'paid') {
    followPayment(context, now, attempt);
  }
  if (wish.items !== undefined) followItems(context, tx.need('subscription', old.id));
  orderEvents(context, UPDATE_ORDER);
  return tx.need('subscription', old.id);
}

/** What a subscription that ends within its period was charged for the rest of it is given back, by the next invoice. */
export function creditEnd(context: Context, subscription: SubscriptionRecord): void {
  for (const item of subscription.items) {
    if (!isMetered(context.tx, item)) creditUnused(context, subscription, item, context.tx.now);
  }
}

/** The payment that a parked change waited for did not come: its invoice is voided, and the change with it. */
export function expirePendingUpdate(context: Context, id: string): void {
  const { tx } = context;
  const pending = tx.get('subscription', id)?.pending_update;
  if (pending == null) return;
  unschedule(context, 'expire_pending_update', id);
  const invoice = tx.need('invoice', pending.invoice);
  if (invoice.status === 'open') voidInvoice(context, invoice);
}
