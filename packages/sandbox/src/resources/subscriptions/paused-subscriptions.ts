import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { oneOf, type Read, shape } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { boundary } from '../../time/calendar.ts';
import { attemptPayment, finalizeInvoice, followPayment, methodFor, voidInvoice } from '../invoices/collect.ts';
import { type Context, emit, emitUpdate, unschedule } from '../context.ts';
import { createDraft, pendingItems } from '../invoices/invoice-draft.ts';
import { isLive, scheduleOf } from '../schedules/schedule-end.ts';
import { setBilling } from './pending-updates.ts';
import { billRemovedUsage, creditUnused } from './prorations.ts';
import { renderSubscription } from './subscription-render.ts';
import { isMetered } from '../usage/usage-lines.ts';

type Rendered = Wire<Stripe.Subscription>;

const pauseTable = {
  type: oneOf(['subscription']),
  invoicing_behavior: oneOf(['invoice', 'pending_invoice_item']),
  bill_for: shape({
    outstanding_usage_through: shape({ type: oneOf(['none', 'now']) }),
    unused_time_from: shape({ type: oneOf(['item_current_period_start', 'none', 'now']) }),
  }),
};

const resumeTable = {
  billing_cycle_anchor: shape({ type: oneOf(['now'], ['unchanged']) }),
  payment_behavior: oneOf(['resume_on_payment_attempt'], ['resume_on_payment_success']),
  // With the anchor set to now, as it always is here, nothing is prorated.
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
};

function find(tx: Tx, id: string): SubscriptionRecord {
  const subscription = tx.get('subscription', id);
  if (subscription === undefined) throw noSuch('subscription', id);
  return subscription;
}

/** An invoice of what is to be billed now, final and not yet collected. */
function bill(context: Context, subscription: SubscriptionRecord, pending_only: boolean): InvoiceRecord {
  const { tx } = context;
  const draft = createDraft(context, subscription, {
    billing_reason: 'subscription_update',
    automatically_finalizes_at: null,
    period: { start: subscription.items[0]?.current_period_start ?? tx.now, end: tx.now },
    pending_only,
  });
  const invoice = finalizeInvoice(context, draft);
  tx.put('subscription', { ...tx.need('subscription', subscription.id), latest_invoice: invoice.id });
  return invoice;
}

function collect(context: Context, invoice: InvoiceRecord | null): void {
  const { tx } = context;
  if (invoice?.status !== 'open' || invoice.subscription === null) return;
  const billed = tx.need('subscription', invoice.subscription);
  const facts = { method: methodFor(context, invoice), off_session: true, automatic: true };
  followPayment(context, billed, attemptPayment(context, invoice, facts));
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
  if (!['active', 'past_due'].includes(old.status)) {
    throw invalid(`You cannot pause a subscription that is \`${old.status}\`.`);
  }
  if (old.pending_update != null) voidInvoice(context, tx.need('invoice', old.pending_update.invoice));
  settleUp(context, old, params);
  const paused = { at: tx.now, reason: 'pause_requested' as const };
  const now = tx.put('subscription', { ...tx.need('subscription', id), paused, status: 'paused' });
  unschedule(context, 'cycle', id);
  const bills = params.invoicing_behavior === 'invoice' && pendingItems(context, now).length > 0;
  const invoice = bills ? bill(context, now, true) : null;
  const done = tx.need('subscription', id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, done));
  emit(context, 'customer.subscription.paused', renderSubscription(tx, done));
  collect(context, invoice);
  return renderSubscription(tx, tx.need('subscription', id));
}

/** Goes on with a new period from now. */
export function resume(context: Context, id: string): Rendered {
  const { tx } = context;
  const old = find(tx, id);
  if (old.status !== 'paused') throw invalid('You can only resume a subscription that is `paused`.');
  const recurring = tx.need('price', old.items[0]?.price ?? '').recurring;
  if (recurring === null) throw new Error(`${id} has a one-time price.`);
  const period = { current_period_start: tx.now, current_period_end: boundary(tx.now, recurring, 1) };
  const change = {
    billing_cycle_anchor: tx.now,
    items: old.items.map((item) => ({ ...item, ...period })),
    period_index: 0,
    trial_end: old.trial_end ?? null,
  };
  const live = tx.put('subscription', { ...old, paused: null, status: 'active' });
  const resumed = setBilling(context, live, change);
  const bills = resumed.items.some((item) => !isMetered(tx, item)) || pendingItems(context, resumed).length > 0;
  const invoice = bills ? bill(context, resumed, false) : null;
  const now = tx.need('subscription', id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, now));
  emit(context, 'customer.subscription.resumed', renderSubscription(tx, now));
  collect(context, invoice);
  return renderSubscription(tx, tx.need('subscription', id));
}

function refuseManaged(tx: Tx, id: string): void {
  const schedule = scheduleOf(tx, find(tx, id));
  if (schedule === null || !isLive(schedule)) return;
  throw invalid(
    `The subscription is managed by the subscription schedule \`${schedule.id}\` and cannot be paused directly. Use the \`pause_schedules\` of the schedule instead.`,
  );
}

export const pausedSubscriptionRoutes = [
  route('POST /v1/subscriptions/{id}/pause', pauseTable, (context, params, id) => {
    refuseManaged(context.tx, id);
    return pause(context, params, id);
  }),
  route('POST /v1/subscriptions/{id}/resume', resumeTable, (context, _params, id) => resume(context, id)),
];
