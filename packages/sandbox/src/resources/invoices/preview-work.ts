import { missingParam } from '../../contract/contract.ts';
import { ApiError, unsupported } from '../../http/api-error.ts';
import { mergeMetadata } from '../../http/params.ts';
import type { JobKind } from '../../store/machinery.ts';
import type { InvoiceRecord, Seconds, SubscriptionRecord } from '../../store/records.ts';
import type { ScheduleRecord } from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { atTime } from '../../time/test-clock.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { type Context, createContext } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { isLive } from '../schedules/schedule-end.ts';
import { runPlannedPause, runPlannedResume } from '../schedules/schedule-pauses.ts';
import { enterPhase } from '../schedules/schedule-phases.ts';
import { pause, resume } from '../subscriptions/paused-subscriptions.ts';
import { changesBilling, type Wish } from '../subscriptions/change-plan.ts';
import { applyWish } from '../subscriptions/subscription-change.ts';
import { renew } from '../subscriptions/subscription-cycle.ts';
import { billPending, creditEnd } from '../subscriptions/subscription-ending.ts';
import { newItemOf } from '../subscriptions/subscription-items-params.ts';
import { cancelSubscription } from '../subscriptions/subscription-end.ts';
import { startSubscription } from '../subscriptions/subscription-start.ts';
import { trialEndOf } from '../subscriptions/subscription-trials.ts';
import { finalizeInvoice } from './finalization.ts';
import { redeemAll, type Wanted } from './discounts.ts';
import type { Details } from './invoice-preview.ts';

/** There is nothing that would be billed. */
export function none(customer: string): Error {
  return new ApiError(404, 'invalid_request_error', `No upcoming invoices for customer: ${customer}`, {
    code: 'invoice_upcoming_none',
  });
}

/** The same work at another time, telling nobody. */
export function silently(context: Context, tx: Tx, seconds: Seconds): Context {
  const now = Math.max(seconds, tx.now);
  const silent = createContext(atTime(tx, now * 1000), context.account_name, null);
  return { ...silent, clock: context.clock };
}

const steps: Partial<Record<JobKind, (context: Context, schedule: string) => void>> = {
  enter_phase: enterPhase,
  planned_pause: runPlannedPause,
  planned_resume: runPlannedResume,
};

/** What a schedule does next, at this time or before. */
function nextPlan(tx: Tx, schedule: string, until: Seconds): { at: Seconds; run: (context: Context) => void } | null {
  const [job] = tx
    .all('job')
    .filter((each) => each.object_id === schedule && each.kind in steps && each.at_ms <= until * 1000)
    .toSorted((a, b) => a.at_ms - b.at_ms || a.seq - b.seq);
  if (job === undefined) return null;
  const run = (context: Context): void => {
    tx.remove('job', job.id);
    steps[job.kind]?.(context, schedule);
  };
  return { at: Math.floor(job.at_ms / 1000), run };
}

/** How many steps of a schedule may come before the next invoice. */
const MOST_STEPS = 40;

/** The invoice a subscription has got since; `null` when it has got none. */
function newest(tx: Tx, id: string, before: string | null): InvoiceRecord | null {
  const { latest_invoice } = tx.need('subscription', id);
  return latest_invoice === null || latest_invoice === before ? null : tx.need('invoice', latest_invoice);
}

/** A draft as it will be when its hour is over. */
function finished(context: Context, tx: Tx, invoice: InvoiceRecord): InvoiceRecord {
  if (invoice.status !== 'draft') return invoice;
  const due = invoice.automatically_finalizes_at ?? tx.now;
  const final = finalizeInvoice(silently(context, tx, due), invoice);
  return { ...final, automatically_finalizes_at: invoice.automatically_finalizes_at };
}

/** Runs what is planned and then the next renewal, as they would be, to the first invoice that comes of it. */
function nextRenewal(context: Context, tx: Tx, subscription: SubscriptionRecord): InvoiceRecord {
  const { customer, id, latest_invoice: before } = subscription;
  for (let count = 0; count < MOST_STEPS; count += 1) {
    const now = tx.need('subscription', id);
    const made = newest(tx, id, before);
    if (made !== null) return finished(context, tx, made);
    const end = Math.min(...now.items.map((item) => item.current_period_end));
    const step = now.schedule == null ? null : nextPlan(tx, now.schedule, now.status === 'paused' ? Infinity : end);
    if (step !== null) step.run(silently(context, tx, step.at));
    else if (now.ended_at !== null || now.status === 'paused') throw none(customer);
    else {
      renew(silently(context, tx, end), id);
      const invoice = newest(tx, id, before);
      if (invoice === null) throw none(customer);
      return finished(context, tx, invoice);
    }
  }
  throw none(customer);
}

/** The change of billing that details ask for. */
export function wishOf(given: Details): Wish {
  if (given.billing_cycle_anchor?.type === 'timestamp') {
    throw unsupported('a `timestamp` as the anchor of a preview', 'subscription_details[billing_cycle_anchor][type]');
  }
  return { ...given, resets_anchor: given.billing_cycle_anchor?.type === 'now' };
}

/** A subscription with what the details change of it besides its billing. */
function staged(tx: Tx, subscription: SubscriptionRecord, given: Details): SubscriptionRecord {
  const end = Math.min(...subscription.items.map((item) => item.current_period_end));
  const { cancel_at, cancel_at_period_end, default_tax_rates: rates } = given;
  const path = 'subscription_details[default_tax_rates]';
  const changed = {
    ...subscription,
    metadata: mergeMetadata(subscription.metadata, given.metadata),
    ...(rates === undefined ? {} : { default_tax_rates: findTaxRates(tx, rates ?? [], path) }),
  };
  if (cancel_at_period_end !== undefined) {
    return { ...changed, cancel_at: cancel_at_period_end ? end : null, cancel_at_period_end };
  }
  return cancel_at === undefined ? changed : { ...changed, cancel_at, cancel_at_period_end: false };
}

/** What ending, pausing or resuming now would bill. */
function stopped(context: Context, tx: Tx, old: SubscriptionRecord, given: Details): InvoiceRecord {
  const now = silently(context, tx, tx.now);
  if (given.cancel_now === true) {
    if (given.proration_behavior !== 'none') creditEnd(now, old, given.proration_date);
    billPending(now, cancelSubscription(now, old, 'cancellation_requested'));
  } else if (given.resume_at !== undefined) {
    resume(now, {}, old.id);
  } else {
    // Whatever becomes of it, the preview shows what the pause itself gives back and charges.
    pause(
      now,
      { ...given.pause, invoicing_behavior: 'invoice', type: 'subscription', bill_for: given.pause?.bill_for },
      old.id,
    );
  }
  const invoice = newest(tx, old.id, old.latest_invoice);
  if (invoice === null) throw none(old.customer);
  return finished(context, tx, invoice);
}

/** The invoice that a change of a subscription would lead to first. */
export function ofSubscription(
  context: Context,
  tx: Tx,
  subscription: SubscriptionRecord,
  given: Details,
): InvoiceRecord {
  const old = tx.put('subscription', staged(tx, subscription, given));
  if (given.cancel_now === true || given.pause !== undefined || given.resume_at !== undefined) {
    return stopped(context, tx, old, given);
  }
  const wish = wishOf(given);
  if (!changesBilling(wish)) return nextRenewal(context, tx, old);
  const { subscription: changed, invoice } = applyWish(silently(context, tx, tx.now), old, wish);
  return invoice ?? nextRenewal(context, tx, changed);
}

/** The first invoice of a subscription that is only thought of. */
export function ofNew(
  context: Context,
  tx: Tx,
  customer_id: string,
  given: Details,
  discounts: readonly Wanted[],
): InvoiceRecord {
  const { items = [], start_date } = given;
  if (items.length === 0) throw missingParam('subscription_details[items]');
  const param = 'subscription_details[start_date]';
  if (start_date !== undefined && start_date < tx.now) throw unsupported('a preview that begins in the past', param);
  const now = silently(context, tx, start_date ?? tx.now);
  const { subscription } = startSubscription(now, {
    customer: findCustomer(tx, customer_id, 'customer'),
    description: null,
    discounts: [...discounts],
    default_tax_rates: findTaxRates(tx, given.default_tax_rates ?? [], 'subscription_details[default_tax_rates]'),
    items: items.map((item, index) => newItemOf(now, item, `subscription_details[items][${index}]`)),
    metadata: mergeMetadata({}, given.metadata),
    default_payment_method: null,
    save_default_payment_method: 'off',
    pay_with: null,
    pay_later: true,
    off_session: false,
    authenticated: false,
    trial_end: trialEndOf(now.tx, given),
  });
  const invoice = newest(tx, subscription.id, null);
  return invoice ?? nextRenewal(context, tx, tx.put('subscription', { ...subscription, status: 'active' }));
}

/** The first invoice that a schedule leads to, as it stands in the rehearsal. */
export function ofSchedule(context: Context, tx: Tx, schedule: ScheduleRecord, before: string | null): InvoiceRecord {
  const [first] = schedule.phases;
  if (schedule.subscription === null && first !== undefined) {
    enterPhase(silently(context, tx, first.start_date), schedule.id);
  }
  const now = tx.need('subscription_schedule', schedule.id);
  const id = now.subscription ?? now.released_subscription;
  if (id === null || (!isLive(now) && now.status !== 'released')) throw none(schedule.customer);
  return nextRenewal(context, tx, { ...tx.need('subscription', id), latest_invoice: before });
}

/** Puts other discounts on a subscription, or on none: what a preview says of them replaces what is there. */
export function discounted(
  context: Context,
  tx: Tx,
  subscription: SubscriptionRecord,
  wanted: readonly Wanted[],
): SubscriptionRecord {
  const owner = { customer: subscription.customer, subscription: subscription.id };
  const has = subscription.discounts ?? [];
  const facts = { currency: subscription.currency, amount: null, has };
  const discounts = redeemAll(silently(context, tx, tx.now), wanted, owner, facts);
  return tx.put('subscription', { ...subscription, discounts });
}
