import type Stripe from 'stripe';
import { periodAt } from '../../billing/periods.ts';
import { canMove, moved } from '../../billing/states.ts';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { integer, oneOf, type Read, shape } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { BillingChange } from '../../store/change-records.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { attemptPayment, methodFor, voidInvoice } from '../invoices/collect.ts';
import { finalizeInvoice } from '../invoices/finalization.ts';
import { followPayment } from '../invoices/follow-payment.ts';
import { type Context, emit, emitUpdate, schedule, unschedule } from '../context.ts';
import { createDraft, pendingItems } from '../invoices/invoice-draft.ts';
import { isLive, scheduleOf } from '../schedules/schedule-end.ts';
import { cycleOf, intervalOf, periodEnd } from './billing-mode.ts';
import { setBilling } from './pending-updates.ts';
import { billRemovedUsage, chargeRemaining, creditUnused } from './prorations.ts';
import { sendInvoice } from './subscription-end.ts';
import { renderSubscription } from './subscription-render.ts';
import { checkCollectible } from './subscription-settings.ts';
import { isMetered } from '../usage/usage-lines.ts';

type Rendered = Wire<Stripe.Subscription>;

/** How a pause settles up; a preview takes the same. */
export const pauseTable = {
  type: oneOf(['subscription']),
  invoicing_behavior: oneOf(['invoice', 'pending_invoice_item']),
  bill_for: shape({
    outstanding_usage_through: shape({ type: oneOf(['none', 'now']) }),
    unused_time_from: shape({ type: oneOf(['item_current_period_start', 'none', 'now']) }),
  }),
};

const resumeTable = {
  billing_cycle_anchor: shape({ type: oneOf(['now', 'unchanged']) }),
  payment_behavior: oneOf(['resume_on_payment_attempt', 'resume_on_payment_success']),
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
  proration_date: integer(0),
};

/** How long an invoice that going on depends on waits for its payment. */
const RESUMPTION_SECONDS = 23 * 3_600;

function find(tx: Tx, id: string): SubscriptionRecord {
  const subscription = tx.get('subscription', id);
  if (subscription === undefined) throw noSuch('subscription', id);
  return subscription;
}

/** A final invoice over what is pending and, unless that is all, over the running periods. */
function invoiceNow(context: Context, subscription: SubscriptionRecord, pending_only: boolean): InvoiceRecord {
  const { tx } = context;
  const draft = createDraft(context, subscription, {
    billing_reason: 'subscription_update',
    automatically_finalizes_at: null,
    period: { start: subscription.items[0]?.current_period_start ?? tx.now, end: tx.now },
    pending_only,
  });
  context.changing.add(subscription.id);
  const invoice = finalizeInvoice(context, draft);
  context.changing.delete(subscription.id);
  tx.put('subscription', { ...tx.need('subscription', subscription.id), latest_invoice: invoice.id });
  return invoice;
}

/** Charges an open invoice, or sends it; the subscription follows. */
function collect(context: Context, invoice: InvoiceRecord, automatic: boolean): void {
  if (invoice.status !== 'open') return;
  if (invoice.collection_method === 'send_invoice') {
    sendInvoice(context, invoice);
    return;
  }
  const attempt = attemptPayment(context, invoice, {
    method: methodFor(context, invoice),
    off_session: true,
    automatic,
  });
  followPayment(context, context.tx.need('subscription', invoice.subscription ?? ''), attempt);
}

/** Gives back the rest of the period and bills what was used, as far as the request wants it. */
function settleUp(context: Context, subscription: SubscriptionRecord, params: Read<typeof pauseTable>): void {
  const { tx } = context;
  const unused = params.bill_for?.unused_time_from?.type ?? 'now';
  const usage = params.bill_for?.outstanding_usage_through?.type ?? 'now';
  for (const item of subscription.items) {
    if (isMetered(tx, item)) {
      if (usage === 'now') billRemovedUsage(context, subscription, item, false);
    } else if (unused !== 'none') {
      creditUnused(context, subscription, item, unused === 'now' ? tx.now : item.current_period_start);
    }
  }
}

/** Stops a subscription's billing. */
export function pause(context: Context, params: Read<typeof pauseTable>, id: string): Rendered {
  const { tx } = context;
  const old = find(tx, id);
  if (!canMove(old.status, 'pause')) {
    throw invalid(`You cannot pause a subscription that is \`${old.status}\`.`);
  }
  if (old.pending_update != null) voidInvoice(context, tx.need('invoice', old.pending_update.invoice));
  settleUp(context, old, params);
  const paused = { at: tx.now, reason: 'pause_requested' as const };
  const bills_usage = params.bill_for?.outstanding_usage_through?.type !== 'none';
  const items = old.items.map((item) =>
    bills_usage && isMetered(tx, item) ? { ...item, current_period_start: tx.now } : item,
  );
  const now = tx.put('subscription', {
    ...tx.need('subscription', id),
    items,
    paused,
    status: moved(old.status, 'pause'),
  });
  unschedule(context, 'cycle', id);
  const bills = params.invoicing_behavior === 'invoice' && pendingItems(context, now).length > 0;
  const invoice = bills ? invoiceNow(context, now, true) : null;
  const done = tx.need('subscription', id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, done));
  emit(context, 'customer.subscription.paused', renderSubscription(tx, done));
  if (invoice !== null) collect(context, invoice, true);
  return renderSubscription(tx, tx.need('subscription', id));
}

type Resume = Partial<Read<typeof resumeTable>>;

/** Going on: from a new anchor with a whole period, or in the period that runs by the old one. */
function resumedBilling(context: Context, old: SubscriptionRecord, params: Resume): BillingChange {
  const { tx } = context;
  const keeps = params.billing_cycle_anchor?.type === 'unchanged';
  const cycle = keeps ? cycleOf(old) : { anchor: tx.now, day: null };
  const items = old.items.map((item) => {
    const { start, end } = periodAt(cycle, intervalOf(tx, item), tx.now);
    // Usage that was billed by the pause counts from now on; what was not is billed at the end of the period.
    const counts_from = item.current_period_start === old.paused?.at ? tx.now : item.current_period_start;
    return { ...item, current_period_start: isMetered(tx, item) ? counts_from : start, current_period_end: end };
  });
  return { billing_cycle_anchor: cycle.anchor, items, trial_end: old.trial_end ?? null };
}

function dateOf(context: Context, change: BillingChange, wanted: number | undefined): number {
  const { now } = context.tx;
  if (wanted === undefined) return now;
  const start = Math.min(...change.items.map((item) => item.current_period_start));
  if (wanted < start || wanted >= periodEnd(change)) {
    throw invalidParam('The `proration_date` must lie within the current billing period.', 'proration_date');
  }
  return wanted;
}

/** The invoice of going on; `null` when there is nothing to bill now. */
function resumptionInvoice(
  context: Context,
  resumed: SubscriptionRecord,
  change: BillingChange,
  params: Resume,
): InvoiceRecord | null {
  const { tx } = context;
  if (params.billing_cycle_anchor?.type === 'unchanged') {
    const behavior = params.proration_behavior ?? 'create_prorations';
    const at = dateOf(context, change, params.proration_date);
    if (behavior !== 'none') chargeRemaining(context, resumed, resumed.items, at, true);
    const bills = behavior === 'always_invoice' && pendingItems(context, resumed).length > 0;
    return bills ? invoiceNow(context, resumed, true) : null;
  }
  const bills = resumed.items.some((item) => !isMetered(tx, item)) || pendingItems(context, resumed).length > 0;
  return bills ? invoiceNow(context, resumed, false) : null;
}

/** Goes on: at once, or when the invoice of going on is paid. */
export function resume(context: Context, params: Resume, id: string): Rendered {
  const { tx } = context;
  const old = find(tx, id);
  if (old.status !== 'paused') throw invalid('You can only resume a subscription that is `paused`.');
  checkCollectible(old, 'Resuming');
  if (old.paused?.resumption !== undefined) {
    voidInvoice(context, tx.need('invoice', old.paused.resumption.invoice));
  }
  const from = tx.need('subscription', id);
  const change = resumedBilling(context, from, params);
  const live = tx.put('subscription', { ...from, paused: null, status: moved(from.status, 'resume') });
  const resumed = setBilling(context, live, change);
  const invoice = resumptionInvoice(context, resumed, change, params);
  if (params.payment_behavior === 'resume_on_payment_success' && invoice?.status === 'open') {
    return waitForPayment(context, from, change, invoice);
  }
  const now = tx.need('subscription', id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, now));
  emit(context, 'customer.subscription.resumed', renderSubscription(tx, now));
  if (invoice !== null) collect(context, invoice, true);
  return renderSubscription(tx, tx.need('subscription', id));
}

/** Stays paused until the invoice is paid. */
function waitForPayment(
  context: Context,
  old: SubscriptionRecord,
  change: BillingChange,
  invoice: InvoiceRecord,
): Rendered {
  const { tx } = context;
  const { id } = old;
  const expires_at = tx.now + RESUMPTION_SECONDS;
  const paused = old.paused ?? { at: tx.now, reason: 'pause_requested' as const };
  const waiting = { ...paused, resumption: { change, expires_at, invoice: invoice.id } };
  unschedule(context, 'cycle', id);
  const waits = tx.put('subscription', { ...old, latest_invoice: invoice.id, paused: waiting });
  schedule(context, expires_at, 'expire_resumption', id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, waits));
  collect(context, invoice, false);
  return renderSubscription(tx, tx.need('subscription', id));
}

/** Nobody paid in time: the invoice is voided, and the subscription stays paused. */
export function expireResumption(context: Context, id: string): void {
  const { tx } = context;
  const resumption = tx.get('subscription', id)?.paused?.resumption;
  if (resumption === undefined) return;
  const invoice = tx.need('invoice', resumption.invoice);
  if (invoice.status === 'open') voidInvoice(context, invoice);
}

function refuseManaged(tx: Tx, id: string): void {
  const managing = scheduleOf(tx, find(tx, id));
  if (managing === null || !isLive(managing)) return;
  throw invalid(
    `The subscription is managed by the subscription schedule \`${managing.id}\` and cannot be paused directly. Use the \`pause_schedules\` of the schedule instead.`,
  );
}

export const pausedSubscriptionRoutes = [
  route('POST /v1/subscriptions/{id}/pause', pauseTable, (context, params, id) => {
    refuseManaged(context.tx, id);
    return pause(context, params, id);
  }),
  route('POST /v1/subscriptions/{id}/resume', resumeTable, resume),
];
