import { invalid } from '../../http/api-error.ts';
import type { InvoiceRecord, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import { attemptPayment, methodFor, voidInvoice } from '../invoices/collect.ts';
import { finalizeInvoice } from '../invoices/finalization.ts';
import { followPayment } from '../invoices/follow-payment.ts';
import { type Context, emitUpdate, orderEvents, schedule, unschedule } from '../context.ts';
import { createDraft, isOnTrial, pendingItems } from '../invoices/invoice-draft.ts';
import { cardError, noMethod } from '../payments/payment-methods.ts';
import { isMetered } from '../usage/usage-lines.ts';
import { followItems } from '../schedules/schedule-end.ts';
import { addInvoiceItems } from './add-invoice-items.ts';
import { isClassic, periodEnd } from './billing-mode.ts';
import { type Plan, planChange, type Wish } from './change-plan.ts';
import { announceTrialEnd, setBilling } from './pending-updates.ts';
import { billRemovedUsage, chargeRemaining, creditUnused } from './prorations.ts';
import { sendInvoice } from './subscription-end.ts';
import { costsOther, metersOther } from './subscription-items-params.ts';
import { renderSubscription } from './subscription-render.ts';

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

/** Writes what the change gives back and charges, as items that wait for an invoice. */
function writeProrations(
  context: Context,
  old: SubscriptionRecord,
  subscription: SubscriptionRecord,
  planned: Plan,
  facts: { credits: boolean; charges: boolean; whole: boolean },
): void {
  const { tx } = context;
  const { at } = planned;
  const was_trial = isOnTrial(old, tx.now) || old.status === 'trialing';
  const next = (id: string): SubscriptionItemRecord | undefined => subscription.items.find((item) => item.id === id);
  for (const item of old.items) {
    const after = next(item.id);
    const is_gone = after === undefined || metersOther(context, item, after);
    const restarts = planned.restarts.has(item.id);
    if (was_trial) continue;
    if (isMetered(tx, item)) {
      // Classic billing forgets what was used on an item that goes.
      if (is_gone ? !isClassic(old) : restarts) billRemovedUsage(context, subscription, item, !is_gone);
      continue;
    }
    const counts = planned.later?.get(item.id) ?? at;
    if (facts.credits && (is_gone || restarts || costsOther(item, after))) creditUnused(context, old, item, counts);
  }
  if (!facts.charges || isOnTrial(subscription, tx.now)) return;
  const charged = subscription.items.filter((item) => {
    const before = old.items.find((each) => each.id === item.id);
    return planned.restarts.has(item.id) || before === undefined || costsOther(before, item);
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
  const planned = planChange(context, old, wish);
  const subscription = setBilling(context, old, planned.change);
  const at_once = behavior === 'always_invoice' || planned.at_once;
  const by_lines = planned.bills_period && at_once;
  writeProrations(context, old, subscription, planned, {
    credits: behavior !== 'none',
    charges: !by_lines && (behavior !== 'none' || planned.bills_period),
    whole: planned.bills_period,
  });
  addInvoiceItems(context, subscription, wish.add_invoice_items ?? []);
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
  const { billing_cycle_anchor, items } = changed;
  const before = {
    billing_cycle_anchor: old.billing_cycle_anchor,
    items: old.items,
    trial_end: old.trial_end ?? null,
  };
  const restored = setBilling(
    context,
    { ...changed, status: old.status, trial_start: old.trial_start ?? null },
    before,
  );
  const expires_at = Math.min(tx.now + PENDING_SECONDS, periodEnd(old));
  tx.put('subscription', {
    ...restored,
    pending_update: {
      change: { billing_cycle_anchor, items, trial_end: changed.trial_end ?? null },
      expires_at,
      invoice,
    },
  });
  schedule(context, expires_at, 'expire_pending_update', old.id);
}

/** Says what changed, where nothing has to be collected. */
function told(context: Context, old: SubscriptionRecord): SubscriptionRecord {
  const { tx } = context;
  const now = tx.need('subscription', old.id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, now));
  if ((now.trial_end ?? null) !== (old.trial_end ?? null)) announceTrialEnd(context, now);
  orderEvents(context, UPDATE_ORDER);
  return now;
}

/** The refusal of a change, or a beginning, that must be paid at once and whose card asks its holder. */
export const needsAction = {
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
  context.changing.add(old.id);
  const { invoice } = applyWish(context, tx.put('subscription', from), wish);
  context.changing.delete(old.id);
  const open = invoice?.status === 'open' ? invoice : null;
  if (open?.collection_method === 'send_invoice') {
    sendInvoice(context, open);
    return told(context, old);
  }
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
  const done = tx.need('subscription', old.id);
  if ((done.trial_end ?? null) !== (old.trial_end ?? null)) announceTrialEnd(context, done);
  if (wish.items !== undefined) followItems(context, tx.need('subscription', old.id));
  orderEvents(context, UPDATE_ORDER);
  return tx.need('subscription', old.id);
}

/** The payment that a parked change waited for did not come: its invoice is voided, and the change with it. */
export function expirePendingUpdate(context: Context, id: string): void {
  const { tx } = context;
  const pending = tx.get('subscription', id)?.pending_update;
  if (pending == null) return;
  unschedule(context, 'expire_pending_update', id);
  const invoice = tx.need('invoice', pending.invoice);
  if (invoice.status === 'open' || invoice.status === 'uncollectible') voidInvoice(context, invoice);
}
