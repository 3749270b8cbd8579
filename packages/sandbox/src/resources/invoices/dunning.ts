import type { DunningPolicy } from '../../store/machinery.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { moved } from '../../billing/states.ts';
import { type Context, emit, emitUpdate, schedule, unschedule } from '../context.ts';
import { cancelSubscription, updateInvoice, updateSubscription } from '../subscriptions/subscription-end.ts';
import { renderSubscription } from '../subscriptions/subscription-render.ts';

/** Three more attempts, then the end. Stripe's are set in its dashboard. */
const defaultDunning: DunningPolicy = { schedule_days: [3, 5, 7], after_all_fail: 'cancel' };

const endings: readonly DunningPolicy['after_all_fail'][] = ['cancel', 'past_due', 'paused', 'unpaid'];

const DAY = 86_400;

/** A policy in which what is left out stays as it is; a `RangeError` says what is wrong with it. */
export function dunningFrom(old: DunningPolicy, wish: Partial<DunningPolicy>): DunningPolicy {
  const policy = { ...old, ...wish };
  const { after_all_fail, schedule_days } = policy;
  if (!endings.includes(after_all_fail)) throw new RangeError(`\`after_all_fail\` is one of ${endings.join(', ')}.`);
  const is_day = (days: number): boolean => Number.isInteger(days) && days >= 1 && days <= 60;
  if (schedule_days.length > 8 || !schedule_days.every(is_day)) {
    throw new RangeError('`schedule_days` are at most 8 whole numbers of days, from 1 to 60.');
  }
  return policy;
}

/** How unpaid invoices are collected. */
export function dunningOf(tx: Tx): DunningPolicy {
  return tx.need('setting', 'sandbox').dunning ?? defaultDunning;
}

/** Counts an attempt; of an automatic one on a subscription that has begun, plans the next. */
export function planRetry(context: Context, invoice: InvoiceRecord, automatic: boolean): InvoiceRecord {
  const { tx } = context;
  const attempt_count = invoice.attempt_count + 1;
  const subscription = invoice.subscription === null ? undefined : tx.get('subscription', invoice.subscription);
  if (!automatic || subscription?.status === 'incomplete') {
    return tx.put('invoice', { ...invoice, attempt_count });
  }
  const days = dunningOf(tx).schedule_days[attempt_count - 1];
  const next_payment_attempt = days === undefined ? null : tx.now + days * DAY;
  if (next_payment_attempt !== null) schedule(context, next_payment_attempt, 'retry', invoice.id);
  return tx.put('invoice', { ...invoice, attempt_count, next_payment_attempt });
}

/** Every attempt failed: what the policy says happens to the subscription. */
export function exhaust(
  context: Context,
  subscription: SubscriptionRecord,
  invoice: InvoiceRecord,
): SubscriptionRecord {
  const { tx } = context;
  const { after_all_fail } = dunningOf(tx);
  if (after_all_fail === 'cancel') return cancelSubscription(context, subscription, 'payment_failed');
  updateInvoice(context, invoice, { auto_advance: false });
  if (after_all_fail === 'paused') return pauseUnpaid(context, subscription);
  const status = moved(subscription.status, `retries_exhausted_${after_all_fail}`);
  return updateSubscription(context, subscription, { status });
}

function pauseUnpaid(context: Context, old: SubscriptionRecord): SubscriptionRecord {
  const { tx } = context;
  unschedule(context, 'cycle', old.id);
  const paused = tx.put('subscription', {
    ...old,
    paused: { at: tx.now, reason: 'final_payment_failure' },
    status: moved(old.status, 'retries_exhausted_paused'),
  });
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, paused));
  emit(context, 'customer.subscription.paused', renderSubscription(tx, paused));
  return paused;
}
