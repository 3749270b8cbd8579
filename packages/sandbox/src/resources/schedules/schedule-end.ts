import { invalid } from '../../http/api-error.ts';
import type { SubscriptionRecord } from '../../store/records.ts';
import type { ScheduleRecord } from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate, unschedule } from '../context.ts';
import { renderSchedule } from './schedule-render.ts';

/** Whether a schedule still has something to do. */
export function isLive(schedule: ScheduleRecord): boolean {
  return schedule.status === 'not_started' || schedule.status === 'active';
}

/** The schedule that manages a subscription; `null` when none does. */
export function scheduleOf(tx: Tx, subscription: SubscriptionRecord): ScheduleRecord | null {
  return subscription.schedule == null ? null : tx.need('subscription_schedule', subscription.schedule);
}

/** When a managed subscription ends, its schedule says. */
export function refuseManagedEnding(
  tx: Tx,
  subscription: SubscriptionRecord,
  params: { cancel_at?: number | string | null | undefined; cancel_at_period_end?: boolean | undefined },
): void {
  if (params.cancel_at === undefined && params.cancel_at_period_end === undefined) return;
  const managing = scheduleOf(tx, subscription);
  if (managing === null || !isLive(managing)) return;
  throw invalid(
    `The subscription is managed by the subscription schedule \`${managing.id}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
    { param: params.cancel_at === undefined ? 'cancel_at_period_end' : 'cancel_at' },
  );
}

/** Replaces a schedule and says so. */
export function updateSchedule(context: Context, old: ScheduleRecord, change: Partial<ScheduleRecord>): ScheduleRecord {
  const { tx } = context;
  const schedule = tx.put('subscription_schedule', { ...old, ...change });
  emitUpdate(context, 'subscription_schedule.updated', renderSchedule(tx, old), renderSchedule(tx, schedule));
  return schedule;
}

/** Items that were changed directly are the current phase's from then on; the phases to come stay as they were planned. */
export function followItems(context: Context, subscription: SubscriptionRecord): void {
  const schedule = scheduleOf(context.tx, subscription);
  if (schedule === null || !isLive(schedule) || schedule.current === null) return;
  const items = subscription.items.map(
    ({ billing_thresholds = null, discounts = [], metadata, price, quantity, tax_rates = [] }) => ({
      ...(billing_thresholds === null ? {} : { billing_thresholds }),
      discounts: discounts.map((discount) => ({ discount })),
      metadata,
      price,
      quantity,
      tax_rates,
    }),
  );
  const phases = schedule.phases.map((phase, index) => (index === schedule.current ? { ...phase, items } : phase));
  updateSchedule(context, schedule, { phases });
}

/** Takes everything a schedule waits for out of the queue of time. */
export function unscheduleAll(context: Context, id: string): void {
  for (const kind of ['enter_phase', 'schedule_expiring', 'planned_pause', 'planned_resume'] as const) {
    unschedule(context, kind, id);
  }
}

/** How a schedule ends with its subscription: by itself, because it was asked to, or because nobody paid. */
export type ScheduleEnding = 'aborted' | 'canceled' | 'completed';

/** Ends a schedule. Its subscription is ended by the caller, or has ended already. */
export function closeSchedule(context: Context, old: ScheduleRecord, ending: ScheduleEnding): ScheduleRecord {
  const { tx } = context;
  unscheduleAll(context, old.id);
  const is_done = ending === 'completed';
  const schedule = tx.put('subscription_schedule', {
    ...old,
    canceled_at: is_done ? null : tx.now,
    completed_at: is_done ? tx.now : null,
    current: null,
    status: is_done ? 'completed' : 'canceled',
  });
  emit(context, `subscription_schedule.${ending}`, renderSchedule(tx, schedule));
  return schedule;
}

/** A subscription ends: what was planned for it ends too. */
export function closeWith(
  context: Context,
  subscription: SubscriptionRecord,
  reason: 'cancellation_requested' | 'payment_failed',
): void {
  const schedule = scheduleOf(context.tx, subscription);
  if (schedule === null || !isLive(schedule)) return;
  if (reason === 'payment_failed') {
    closeSchedule(context, schedule, 'aborted');
    return;
  }
  const end = schedule.phases.at(-1)?.end_date ?? 0;
  const is_planned = schedule.end_behavior === 'cancel' && end <= context.tx.now;
  closeSchedule(context, schedule, is_planned ? 'completed' : 'canceled');
}
