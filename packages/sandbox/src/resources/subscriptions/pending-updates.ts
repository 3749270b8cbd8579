import { moved } from '../../billing/states.ts';
import type { BillingChange } from '../../store/change-records.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import { type Context, emit, schedule, unschedule } from '../context.ts';
import { periodEnd } from './billing-mode.ts';
import { updateSubscription } from './subscription-end.ts';
import { renderSubscription } from './subscription-render.ts';

/** How long before its end a trial is announced. */
const NOTICE_SECONDS = 3 * 86_400;

/** Says that a trial is about to end: three days before, or at once when it is shorter or ended early. */
export function announceTrialEnd(context: Context, subscription: SubscriptionRecord): void {
  const { tx } = context;
  unschedule(context, 'trial_will_end', subscription.id);
  if (subscription.trial_end == null) return;
  const at = subscription.trial_end - NOTICE_SECONDS;
  if (at > tx.now) schedule(context, at, 'trial_will_end', subscription.id);
  else emit(context, 'customer.subscription.trial_will_end', renderSubscription(tx, subscription));
}

/** The time of the announcement has come. */
export function tellTrialEnd(context: Context, id: string): void {
  const subscription = context.tx.get('subscription', id);
  if (subscription?.status !== 'trialing') return;
  emit(context, 'customer.subscription.trial_will_end', renderSubscription(context.tx, subscription));
}

/** Gives a subscription other items, another period or another trial; the next renewal follows. No event of its own. */
export function setBilling(context: Context, old: SubscriptionRecord, change: BillingChange): SubscriptionRecord {
  const { tx } = context;
  const end = periodEnd(change);
  const is_trial = change.trial_end !== null && change.trial_end > tx.now;
  const was_trial = old.status === 'trialing';
  const trial = is_trial && !was_trial ? 'trial_begins' : was_trial && !is_trial ? 'trial_ends' : null;
  const subscription = tx.put('subscription', {
    ...old,
    ...change,
    // A new anchor is no longer the one that was configured.
    anchor_config: change.billing_cycle_anchor === old.billing_cycle_anchor ? (old.anchor_config ?? null) : null,
    cancel_at: old.cancel_at_period_end ? end : old.cancel_at,
    status: trial === null ? old.status : moved(old.status, trial),
    trial_start: is_trial && !was_trial ? tx.now : (old.trial_start ?? null),
  });
  unschedule(context, 'cycle', old.id);
  if (subscription.status !== 'paused') schedule(context, end, 'cycle', old.id);
  if (old.cancel_at_period_end) {
    unschedule(context, 'cancel', old.id);
    schedule(context, end, 'cancel', old.id);
  }
  return subscription;
}

/** The invoice that a parked change waited for is paid: the change happens. */
export function applyPendingUpdate(context: Context, invoice: InvoiceRecord): SubscriptionRecord | null {
  const { tx } = context;
  const old = invoice.subscription === null ? undefined : tx.get('subscription', invoice.subscription);
  const pending = old?.pending_update;
  if (old === undefined || pending == null || pending.invoice !== invoice.id || old.ended_at !== null) return null;
  unschedule(context, 'expire_pending_update', old.id);
  const subscription = tx.put('subscription', { ...setBilling(context, old, pending.change), pending_update: null });
  // The change of the record is told by the update, and that it was a parked one by an event of its own.
  updateSubscription(context, old, subscription);
  emit(context, 'customer.subscription.pending_update_applied', renderSubscription(tx, subscription));
  if ((subscription.trial_end ?? null) !== (old.trial_end ?? null)) announceTrialEnd(context, subscription);
  return subscription;
}

/** The invoice that a parked change waited for will not be paid: the change is forgotten. */
export function dropPendingUpdate(context: Context, invoice: InvoiceRecord): void {
  const { tx } = context;
  const old = invoice.subscription === null ? undefined : tx.get('subscription', invoice.subscription);
  if (old?.pending_update == null || old.pending_update.invoice !== invoice.id) return;
  unschedule(context, 'expire_pending_update', old.id);
  const subscription = updateSubscription(context, old, { pending_update: null });
  emit(context, 'customer.subscription.pending_update_expired', renderSubscription(tx, subscription));
}
