import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { emptyable, integer, list, oneOf, shape, text } from '../../http/params.ts';
import type { Seconds } from '../../store/records.ts';
import type { PauseScheduleRecord, ScheduleRecord } from '../../store/schedule-records.ts';
import { boundary } from '../../time/calendar.ts';
import { type Context, schedule as plan, unschedule } from '../context.ts';
import { pause, resume } from '../subscriptions/paused-subscriptions.ts';
import { isLive, updateSchedule } from './schedule-end.ts';
import { durationParam } from './schedule-params.ts';

const pauseParam = shape({
  pause_at: shape({ timestamp: integer(0), type: oneOf(['now', 'timestamp']) }),
  settings: shape({
    bill_for: shape({
      outstanding_usage_through: shape({ type: oneOf(['none', 'pause_at']) }),
      unused_time_from: shape({ type: oneOf(['item_current_period_start', 'none', 'pause_at']) }),
    }),
    invoicing_behavior: oneOf(['invoice', 'pending_invoice_item']),
    type: oneOf(['subscription']),
  }),
});

const resumeParam = shape({
  resume_at: shape({ duration: durationParam, timestamp: integer(0), type: oneOf(['duration', 'now', 'timestamp']) }),
  settings: shape({
    billing_cycle_anchor: oneOf(['resume_at', 'unchanged']),
    payment_behavior: oneOf(['resume_on_payment_attempt', 'resume_on_payment_success']),
    proration_behavior: oneOf(['always_invoice', 'create_prorations', 'none']),
  }),
});

/** `pause_schedules`: one entry, which `''` clears. */
export const pausesParam = emptyable(
  list(shape({ key: text(), pause: pauseParam, resume: emptyable(resumeParam) }), 1),
);

type Sent = NonNullable<ReturnType<typeof pausesParam.read>>[number];

const PATH = 'pause_schedules[0]';

function inFuture(context: Context, at: Seconds | undefined, param: string): Seconds {
  if (at === undefined) throw missingParam(param);
  if (at <= context.tx.now)
    throw invalidParam('Invalid timestamp: must be an integer Unix timestamp in the future.', param);
  return at;
}

function pauseOf(
  context: Context,
  sent: Sent['pause'],
  old: PauseScheduleRecord | undefined,
): PauseScheduleRecord['pause'] {
  if (sent === undefined) {
    if (old === undefined) throw missingParam(`${PATH}[pause]`);
    return old.pause;
  }
  const at = sent.pause_at;
  if (at?.type === undefined) throw missingParam(`${PATH}[pause][pause_at][type]`);
  const { bill_for, invoicing_behavior } = sent.settings ?? {};
  return {
    at: at.type === 'now' ? context.tx.now : inFuture(context, at.timestamp, `${PATH}[pause][pause_at][timestamp]`),
    bill_for: {
      outstanding_usage_through: bill_for?.outstanding_usage_through?.type ?? 'pause_at',
      unused_time_from: bill_for?.unused_time_from?.type ?? 'pause_at',
    },
    invoicing_behavior: invoicing_behavior ?? 'pending_invoice_item',
    state: 'scheduled',
    error: null,
  };
}

function resumeOf(
  context: Context,
  sent: Sent['resume'],
  paused_at: Seconds,
  old: PauseScheduleRecord | undefined,
): PauseScheduleRecord['resume'] {
  if (sent === undefined) return old?.resume ?? null;
  if (sent === null) return null;
  const wanted = sent.resume_at;
  const path = `${PATH}[resume][resume_at]`;
  if (wanted?.type === undefined) throw missingParam(`${path}[type]`);
  const { interval, interval_count = 1 } = wanted.duration ?? {};
  if (wanted.type === 'duration' && interval === undefined) throw missingParam(`${path}[duration][interval]`);
  const at =
    wanted.type === 'now'
      ? context.tx.now
      : interval !== undefined && wanted.type === 'duration'
        ? boundary(paused_at, { interval, interval_count }, 1)
        : inFuture(context, wanted.timestamp, `${path}[timestamp]`);
  if (at <= paused_at) throw invalidParam('A subscription must resume after it is paused.', `${path}[${wanted.type}]`);
  return {
    at,
    billing_cycle_anchor: sent.settings?.billing_cycle_anchor ?? 'resume_at',
    payment_behavior: sent.settings?.payment_behavior ?? 'resume_on_payment_attempt',
    proration_behavior: sent.settings?.proration_behavior ?? 'create_prorations',
    state: 'scheduled',
    error: null,
  };
}

/** The pauses a request plans, over those there were; nothing is put into the queue yet. */
export function pausesOf(
  context: Context,
  sent: readonly Sent[] | null | undefined,
  old: readonly PauseScheduleRecord[],
): PauseScheduleRecord[] {
  if (sent === undefined) return [...old];
  return (sent ?? []).map((each) => {
    const before = each.key === undefined ? undefined : old.find(({ key }) => key === each.key);
    if (each.key !== undefined && old.length > 0 && before === undefined) {
      throw invalid(`No such pause schedule: '${each.key}'`, { code: 'resource_missing', param: `${PATH}[key]` });
    }
    const stop = pauseOf(context, each.pause, before);
    const is_over = before !== undefined && before.pause.state !== 'scheduled';
    if (is_over && each.pause !== undefined) {
      throw invalid('A pause that has begun can no longer be planned otherwise.', { param: `${PATH}[pause]` });
    }
    return {
      key: before?.key ?? each.key ?? context.tx.newId('pause_sched_', 16),
      pause: stop,
      resume: resumeOf(context, each.resume, stop.at, before),
    };
  });
}

/** Pauses what is to be paused now, and puts what is to come into the queue of time. */
export function planPauses(context: Context, schedule: ScheduleRecord): void {
  const { id, pause_schedules, phases, subscription } = schedule;
  unschedule(context, 'planned_pause', id);
  unschedule(context, 'planned_resume', id);
  const [planned] = pause_schedules;
  if (planned === undefined) return;
  if (subscription === null && planned.pause.at < (phases[0]?.start_date ?? 0)) {
    throw invalidParam('A subscription cannot be paused before it begins.', `${PATH}[pause][pause_at]`);
  }
  if (planned.resume?.state === 'scheduled') plan(context, planned.resume.at, 'planned_resume', id);
  if (planned.pause.state !== 'scheduled') return;
  if (planned.pause.at > context.tx.now) plan(context, planned.pause.at, 'planned_pause', id);
  else runPlannedPause(context, id);
}

type State = Pick<PauseScheduleRecord['pause'], 'error' | 'state'>;

function note(context: Context, id: string, step: 'pause' | 'resume', state: State): void {
  const schedule = context.tx.need('subscription_schedule', id);
  const pause_schedules = schedule.pause_schedules.map((each): PauseScheduleRecord => {
    if (step === 'pause') return { ...each, pause: { ...each.pause, ...state } };
    return { ...each, resume: each.resume && { ...each.resume, ...state } };
  });
  updateSchedule(context, schedule, { pause_schedules });
}

const done: State = { error: null, state: 'succeeded' };

/** What a planned step works on; `null` when it has nothing left to do. */
function stepOf(
  context: Context,
  id: string,
): { planned: PauseScheduleRecord; subscription: string; status: string } | null {
  const schedule = context.tx.get('subscription_schedule', id);
  const [planned] = schedule?.pause_schedules ?? [];
  const subscription = context.tx.get('subscription', schedule?.subscription ?? '');
  if (schedule === undefined || !isLive(schedule) || planned === undefined || subscription === undefined) return null;
  return { planned, subscription: subscription.id, status: subscription.status };
}

/** A planned pause has come. */
export function runPlannedPause(context: Context, id: string): void {
  const step = stepOf(context, id);
  if (step === null) return;
  if (step.status !== 'active' && step.status !== 'past_due') {
    note(context, id, 'pause', { error: `The subscription is \`${step.status}\`.`, state: 'error' });
    return;
  }
  const { bill_for, invoicing_behavior } = step.planned.pause;
  const now = (type: 'none' | 'pause_at'): 'none' | 'now' => (type === 'none' ? 'none' : 'now');
  const { outstanding_usage_through: usage, unused_time_from: unused } = bill_for;
  pause(
    context,
    {
      type: 'subscription',
      invoicing_behavior,
      bill_for: {
        outstanding_usage_through: { type: now(usage) },
        unused_time_from: { type: unused === 'item_current_period_start' ? unused : now(unused) },
      },
    },
    step.subscription,
  );
  note(context, id, 'pause', done);
}

/** The end of a planned pause has come. */
export function runPlannedResume(context: Context, id: string): void {
  const step = stepOf(context, id);
  if (step === null) return;
  if (step.status !== 'paused') {
    note(context, id, 'resume', { error: `The subscription is \`${step.status}\`.`, state: 'error' });
    return;
  }
  const { resume: planned } = step.planned;
  const type = planned?.billing_cycle_anchor === 'unchanged' ? ('unchanged' as const) : ('now' as const);
  const { payment_behavior, proration_behavior } = planned ?? {
    payment_behavior: undefined,
    proration_behavior: undefined,
  };
  resume(context, { billing_cycle_anchor: { type }, payment_behavior, proration_behavior }, step.subscription);
  note(context, id, 'resume', done);
  const end = context.tx.need('subscription_schedule', id).phases.at(-1)?.end_date ?? 0;
  // A schedule that was only kept for this ends now.
  if (end <= context.tx.now) plan(context, context.tx.now, 'enter_phase', id);
}
