import { decideEntry, phaseAt } from '../../billing/phases.ts';
import { ApiError } from '../../http/api-error.ts';
import type { Seconds, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { PhaseRecord, ScheduleRecord } from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { atTime } from '../../time/test-clock.ts';
import { type Context, createContext, emit, emitUpdate, schedule as plan, unschedule } from '../context.ts';
import { endDiscounts, redeemAll } from '../invoices/discounts.ts';
import { mergeMetadata } from '../../http/params.ts';
import { billRemovedUsage, creditUnused } from '../subscriptions/prorations.ts';
import { changeSubscription } from '../subscriptions/subscription-change.ts';
import { renew } from '../subscriptions/subscription-cycle.ts';
import { endAtDate } from '../subscriptions/subscription-ending.ts';
import { updateSubscription } from '../subscriptions/subscription-end.ts';
import { costsOther, itemDiscounts } from '../subscriptions/subscription-items-params.ts';
import { renderSubscription } from '../subscriptions/subscription-render.ts';
import { isMetered } from '../usage/usage-lines.ts';
import { addItems, addToDraft } from './schedule-added-items.ts';
import { closeSchedule, isLive, unscheduleAll, updateSchedule } from './schedule-end.ts';
import { settingsIn } from './schedule-params.ts';
import { renderSchedule } from './schedule-render.ts';
import { collectionOf, redeemable, startWith } from './schedule-start.ts';

/** How long before its end a schedule is announced to expire. */
const NOTICE_SECONDS = 7 * 86_400;

/** Puts what a schedule does next into the queue of time: its next phase, or its end. */
export function planNext(context: Context, { current, id, phases }: ScheduleRecord): void {
  const { tx } = context;
  unschedule(context, 'enter_phase', id);
  unschedule(context, 'schedule_expiring', id);
  const at = current === null ? phases[0]?.start_date : phases[current]?.end_date;
  if (at !== undefined) plan(context, at, 'enter_phase', id);
  const notice = (phases.at(-1)?.end_date ?? 0) - NOTICE_SECONDS;
  if (notice > tx.now) plan(context, notice, 'schedule_expiring', id);
}

/** A week before a schedule ends. */
export function tellExpiring(context: Context, id: string): void {
  const schedule = context.tx.get('subscription_schedule', id);
  if (schedule === undefined || !isLive(schedule)) return;
  emit(context, 'subscription_schedule.expiring', renderSchedule(context.tx, schedule));
}

/** When a subscription ends by its schedule; known while the last phase runs. */
function endOf(schedule: ScheduleRecord, phase: PhaseRecord): Seconds | null {
  return schedule.end_behavior === 'cancel' && schedule.phases.at(-1) === phase ? phase.end_date : null;
}

/** The subscription with everything of the phase that is not billing, and its discounts. */
function staged(
  context: Context,
  old: SubscriptionRecord,
  schedule: ScheduleRecord,
  phase: PhaseRecord,
): SubscriptionRecord {
  const { tx } = context;
  const has = old.discounts ?? [];
  const owner = { customer: old.customer, subscription: old.id };
  const facts = { currency: old.currency, amount: null, has };
  const discounts = redeemAll(context, redeemable(tx, old.customer, phase, has), owner, facts);
  endDiscounts(
    context,
    has.filter((each) => !discounts.includes(each)),
  );
  const { default_payment_method, description, ...settings } = settingsIn(schedule, phase);
  const { billing_thresholds = null, invoice_settings = null } = settings;
  const cancel_at = endOf(schedule, phase);
  const ends_otherwise = cancel_at !== old.cancel_at;
  return {
    ...old,
    ...(ends_otherwise
      ? {
          cancel_at,
          cancel_at_period_end: false,
          canceled_at: cancel_at === null ? null : tx.now,
          cancellation: { ...old.cancellation, reason: cancel_at === null ? null : 'cancellation_requested' },
        }
      : {}),
    ...collectionOf(settings),
    ...(billing_thresholds === null && old.billing_thresholds === undefined ? {} : { billing_thresholds }),
    ...(invoice_settings === null ? {} : { invoice_settings }),
    default_payment_method,
    default_tax_rates: phase.default_tax_rates,
    description,
    discounts,
    metadata: mergeMetadata(old.metadata, phase.metadata),
    schedule: schedule.id,
  };
}

/** The items a phase wants: those of the same price stay, others go and come. */
function itemsIn(context: Context, old: SubscriptionRecord, phase: PhaseRecord): SubscriptionItemRecord[] {
  const { tx } = context;
  const [first] = old.items;
  const items = phase.items.map((wanted): SubscriptionItemRecord => {
    const { billing_thresholds = null, metadata, price, quantity, tax_rates } = wanted;
    const kept = old.items.find((item) => item.price === price);
    const id = kept?.id ?? tx.newId('si_', 14);
    const has = kept?.discounts ?? [];
    const discounts = itemDiscounts(context, old, { id, has }, redeemable(tx, old.customer, phase, has, wanted));
    return {
      ...(kept ?? {
        created: tx.now,
        current_period_end: first?.current_period_end ?? tx.now,
        current_period_start: first?.current_period_start ?? tx.now,
        price,
      }),
      id,
      ...(billing_thresholds === null && kept?.billing_thresholds === undefined ? {} : { billing_thresholds }),
      ...(discounts.length === 0 && kept?.discounts === undefined ? {} : { discounts }),
      metadata,
      quantity,
      ...(tax_rates.length === 0 && kept?.tax_rates === undefined ? {} : { tax_rates }),
    };
  });
  const still = new Set(items.flatMap((item) => item.discounts ?? []));
  endDiscounts(
    context,
    old.items.flatMap((item) => item.discounts ?? []).filter((each) => !still.has(each)),
  );
  return items;
}

function changes(old: readonly SubscriptionItemRecord[], items: readonly SubscriptionItemRecord[]): boolean {
  return (
    old.length !== items.length ||
    items.some((item) => {
      const before = old.find((each) => each.id === item.id);
      return before === undefined || costsOther(before, item);
    })
  );
}

function intervalsOf(tx: Tx, items: readonly { price: string }[]): Set<string> {
  return new Set(
    items.map(({ price }) => {
      const { interval, interval_count } = tx.need('price', price).recurring ?? { interval: '', interval_count: 0 };
      return `${interval} ${interval_count}`;
    }),
  );
}

/** A phase that begins in the second in which a period ends: what it wants is billed by the renewal, whole. */
function renewInto(
  context: Context,
  old: SubscriptionRecord,
  wanted: SubscriptionRecord,
  items: SubscriptionItemRecord[],
  resets_anchor: boolean,
): void {
  const { tx } = context;
  for (const item of old.items) {
    if (items.some((each) => each.id === item.id) || old.status === 'trialing') continue;
    if (isMetered(tx, item)) billRemovedUsage(context, old, item, false);
    // Of several intervals, one that goes may have been paid for longer.
    else if (item.current_period_end > tx.now) creditUnused(context, old, item, tx.now);
  }
  const is_old = new Set(old.items.map((item) => item.id));
  const subscription = tx.put('subscription', {
    ...tx.need('subscription', old.id),
    ...wanted,
    ...(resets_anchor ? { anchor_config: null, billing_cycle_anchor: tx.now } : {}),
    // What comes is due now like the rest, but has not been used in the period that is over.
    items: items.map((item) =>
      is_old.has(item.id)
        ? item
        : {
            ...item,
            current_period_end: tx.now,
            current_period_start: isMetered(tx, item) ? tx.now : item.current_period_start,
          },
    ),
  });
  emitUpdate(
    context,
    'customer.subscription.updated',
    renderSubscription(tx, old),
    renderSubscription(tx, subscription),
  );
  unschedule(context, 'cycle', old.id);
  renew(context, old.id);
}

/** Makes a subscription what a phase says. `proration_behavior` is the phase's own, or that of the request. */
export function applyPhase(
  context: Context,
  schedule: ScheduleRecord,
  phase: PhaseRecord,
  proration_behavior: PhaseRecord['proration_behavior'],
): void {
  const { tx } = context;
  const old = tx.need('subscription', schedule.subscription ?? '');
  if (old.ended_at !== null) return;
  const wanted = staged(context, old, schedule, phase);
  const items = itemsIn(context, old, phase);
  const period_end = Math.min(...old.items.map((item) => item.current_period_end));
  const before = intervalsOf(tx, old.items);
  const entry = decideEntry({
    now: tx.now,
    anchor: settingsIn(schedule, phase).billing_cycle_anchor ?? 'automatic',
    changes_interval: [...intervalsOf(tx, items)].every((each) => !before.has(each)),
    changes_items: changes(old.items, items),
    is_paused: old.status === 'paused',
    period_end,
    trial_end: old.trial_end ?? null,
    phase_trial_end: phase.trial_end,
  });
  addItems(context, old, phase, entry.kind === 'renewal');
  if (entry.kind === 'settings') updateSubscription(context, old, { ...wanted, items });
  else if (entry.kind === 'renewal') renewInto(context, old, wanted, items, entry.resets_anchor);
  else {
    changeSubscription(context, old, wanted, {
      next_items: items,
      off_session: true,
      proration_behavior,
      resets_anchor: entry.resets_anchor,
      trial_end: entry.trial_end ?? undefined,
    });
  }
}

/** Begins a phase: its subscription, or what it changes of it. */
export function beginPhase(context: Context, old: ScheduleRecord, index: number): ScheduleRecord {
  const { tx } = context;
  const phase = old.phases[index];
  if (phase === undefined) throw new Error(`${old.id} has no phase ${index}.`);
  const running = { ...old, current: index, status: 'active' as const };
  if (old.subscription === null) {
    const subscription = startWith(context, running, phase);
    const begun = updateSchedule(context, old, { ...running, subscription });
    addToDraft(context, tx.need('subscription', subscription), phase);
    const cancel_at = endOf(begun, phase);
    if (cancel_at !== null) {
      updateSubscription(context, tx.need('subscription', subscription), {
        cancel_at,
        canceled_at: tx.now,
        cancellation: { comment: null, feedback: null, reason: 'cancellation_requested' },
      });
    }
    planNext(context, begun);
    return begun;
  }
  applyPhase(context, running, phase, phase.proration_behavior);
  const begun = updateSchedule(context, tx.need('subscription_schedule', old.id), running);
  if (isLive(begun)) planNext(context, begun);
  return begun;
}

/** Lets go of the subscription, which goes on by itself. */
export function releaseSchedule(context: Context, old: ScheduleRecord, keeps_cancel_date: boolean): ScheduleRecord {
  const { tx } = context;
  unscheduleAll(context, old.id);
  const released = tx.put('subscription_schedule', {
    ...old,
    current: null,
    released_at: tx.now,
    released_subscription: old.subscription,
    status: 'released',
    subscription: null,
  });
  const subscription = old.subscription === null ? undefined : tx.get('subscription', old.subscription);
  if (subscription !== undefined && subscription.ended_at === null) {
    const is_planned = subscription.cancel_at !== null;
    if (is_planned && keeps_cancel_date) plan(context, subscription.cancel_at ?? tx.now, 'cancel', subscription.id);
    updateSubscription(context, subscription, {
      schedule: null,
      ...(is_planned && !keeps_cancel_date
        ? { cancel_at: null, canceled_at: null, cancellation: { ...subscription.cancellation, reason: null } }
        : {}),
    });
  }
  emit(context, 'subscription_schedule.released', renderSchedule(tx, released));
  return released;
}

/** The last phase is over. A schedule that has a pause to end stays until it has. */
function finish(context: Context, schedule: ScheduleRecord): void {
  const subscription = context.tx.get('subscription', schedule.subscription ?? '');
  const waits = schedule.pause_schedules.some((each) => each.resume?.state === 'scheduled');
  if (waits && subscription?.status === 'paused' && schedule.end_behavior === 'release') return;
  if (schedule.end_behavior === 'release') releaseSchedule(context, schedule, false);
  else if (schedule.subscription !== null) endAtDate(context, schedule.subscription);
}

function step(context: Context, id: string): void {
  const schedule = context.tx.need('subscription_schedule', id);
  const index = phaseAt(schedule.phases, context.tx.now);
  if (index === -1) finish(context, schedule);
  else if (index !== schedule.current) beginPhase(context, schedule, index);
}

/** Whether the step is refused by a rule of the API, such as a customer that has gone since it was planned. */
function isRefused(context: Context, id: string): boolean {
  const { tx } = context;
  return tx.rehearse((own) => {
    const silent = createContext(atTime(own, tx.now_ms), context.account_name, null);
    try {
      step({ ...silent, clock: context.clock }, id);
      return false;
    } catch (cause) {
      if (cause instanceof ApiError) return true;
      throw cause;
    }
  });
}

/**
 * A phase of a schedule begins, or its last one is over. A phase that the rules of the API refuse by then ends the
 * schedule and leaves the subscription as it is: due work must never stop for it.
 */
export function enterPhase(context: Context, id: string): void {
  const schedule = context.tx.get('subscription_schedule', id);
  if (schedule === undefined || !isLive(schedule)) return;
  if (!isRefused(context, id)) {
    step(context, id);
    return;
  }
  closeSchedule(context, schedule, 'canceled');
  const subscription = context.tx.get('subscription', schedule.subscription ?? '');
  if (subscription !== undefined) updateSubscription(context, subscription, { schedule: null });
}
