import type { InvoiceRecord, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import { periodFrom } from '../../billing/periods.ts';
import { type Context, schedule, unschedule } from '../context.ts';
import { createDraft, DRAFT_SECONDS, pendingItems } from '../invoices/invoice-draft.ts';
import { isMetered, usageLines, usageQuantity } from '../usage/usage-lines.ts';
import { intervalOf } from './billing-mode.ts';
import { setBilling } from './pending-updates.ts';
import { creditUnused } from './prorations.ts';
import { updateSubscription } from './subscription-end.ts';

/** Looks, when this second is over, whether what a customer used has reached a threshold. */
export function watchThresholds(context: Context, customer: string): void {
  const { tx } = context;
  for (const subscription of tx.all('subscription')) {
    if (subscription.customer !== customer || !isWatched(subscription)) continue;
    unschedule(context, 'threshold', subscription.id);
    schedule(context, tx.now + 1, 'threshold', subscription.id);
  }
}

function isWatched(subscription: SubscriptionRecord): boolean {
  if (!['active', 'past_due'].includes(subscription.status)) return false;
  const has_amount = subscription.billing_thresholds?.amount_gte != null;
  return has_amount || subscription.items.some((item) => item.billing_thresholds != null);
}

/** Usage up to now, exclusive. */
function upTo(
  context: Context,
  item: SubscriptionItemRecord,
): { item: SubscriptionItemRecord; period: { start: number; end: number } } {
  return { item, period: { start: item.current_period_start, end: context.tx.now } };
}

/** What an invoice now would come to, before discounts and taxes. */
function accrued(
  context: Context,
  subscription: SubscriptionRecord,
  metered: readonly SubscriptionItemRecord[],
): number {
  const used = metered.flatMap((item) => usageLines(context, subscription, upTo(context, item)));
  const amounts = [...used, ...pendingItems(context, subscription)].map((each) => each.amount);
  return amounts.reduce((sum, amount) => sum + amount, 0);
}

/** The metered items whose usage has reached their own threshold. */
function reached(
  context: Context,
  subscription: SubscriptionRecord,
  metered: readonly SubscriptionItemRecord[],
): SubscriptionItemRecord[] {
  return metered.filter((item) => {
    const limit = item.billing_thresholds?.usage_gte;
    return limit !== undefined && Number(usageQuantity(context.tx, subscription, upTo(context, item))) >= limit;
  });
}

/**
 * A threshold is reached: what was used so far is billed, and counted from now on anew. With
 * `reset_billing_cycle_anchor` all items begin a period now.
 */
export function reachThresholds(context: Context, id: string): void {
  const { tx } = context;
  const old = tx.get('subscription', id);
  if (old === undefined || !isWatched(old)) return;
  const metered = old.items.filter((item) => isMetered(tx, item) && item.current_period_start < tx.now);
  const amount_gte = old.billing_thresholds?.amount_gte ?? null;
  const by_amount = amount_gte !== null && accrued(context, old, metered) >= amount_gte;
  const by_usage = reached(context, old, metered);
  if (!by_amount && by_usage.length === 0) return;
  const resets = old.billing_thresholds?.reset_billing_cycle_anchor === true;
  const subscription = resets ? restart(context, old) : countAnew(context, old, metered);
  const draft = createDraft(context, subscription, {
    billing_reason: 'subscription_threshold',
    automatically_finalizes_at: tx.now + DRAFT_SECONDS,
    pending_only: !resets,
    period: { start: Math.min(...old.items.map((item) => item.current_period_start)), end: tx.now },
    usage: metered.map((item) => upTo(context, item)),
  });
  const invoice = explain(context, draft, by_amount ? amount_gte : null, by_usage);
  updateSubscription(context, old, { ...subscription, latest_invoice: invoice.id });
}

function explain(
  context: Context,
  draft: InvoiceRecord,
  amount_gte: number | null,
  by_usage: readonly SubscriptionItemRecord[],
): InvoiceRecord {
  const item_reasons = by_usage.map((item) => ({
    line_item_ids: draft.lines.filter((line) => line.subscription_item === item.id).map((line) => line.id),
    usage_gte: item.billing_thresholds?.usage_gte ?? 0,
  }));
  return context.tx.put('invoice', { ...draft, threshold_reason: { amount_gte, item_reasons } });
}

function countAnew(
  context: Context,
  old: SubscriptionRecord,
  metered: readonly SubscriptionItemRecord[],
): SubscriptionRecord {
  const { tx } = context;
  const items = old.items.map((item) => (metered.includes(item) ? { ...item, current_period_start: tx.now } : item));
  return tx.put('subscription', { ...old, items });
}

function restart(context: Context, old: SubscriptionRecord): SubscriptionRecord {
  const { tx } = context;
  for (const item of old.items) if (!isMetered(tx, item)) creditUnused(context, old, item, tx.now);
  const cycle = { anchor: tx.now, day: null };
  const items = old.items.map((item) => {
    const { span } = periodFrom(cycle, intervalOf(tx, item), tx.now);
    return { ...item, current_period_start: span.start, current_period_end: span.end };
  });
  return setBilling(context, old, { billing_cycle_anchor: tx.now, items, trial_end: old.trial_end ?? null });
}
