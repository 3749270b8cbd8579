import { phaseAt } from '../../billing/phases.ts';
import { missingParam } from '../../contract/contract.ts';
import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, type Range, range, within } from '../../http/lists.ts';
import { flag, mergeMetadata, metadata, oneOf, type Read, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { Seconds, SubscriptionRecord } from '../../store/records.ts';
import type { PhaseRecord, ScheduleRecord } from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { billingModeParam, wantedMode } from '../subscriptions/billing-mode.ts';
import { billPending, creditEnd } from '../subscriptions/subscription-ending.ts';
import { cancelSubscription, updateSubscription } from '../subscriptions/subscription-end.ts';
import { closeSchedule, isLive, scheduleOf, updateSchedule } from './schedule-end.ts';
import {
  checkSending,
  defaultsParam,
  moment,
  nothing,
  phasesOf,
  phasesParam,
  pricesOf,
  prorationParam,
  settingsOf,
} from './schedule-params.ts';
import { pausesOf, pausesParam, planPauses } from './schedule-pauses.ts';
import { applyPhase, beginPhase, planNext, releaseSchedule } from './schedule-phases.ts';
import { renderSchedule } from './schedule-render.ts';

type Rendered = Wire<Stripe.SubscriptionSchedule>;

const endBehavior = oneOf(['cancel', 'release'], ['none', 'renew']);

const createTable = {
  billing_mode: billingModeParam,
  customer: text(),
  default_settings: defaultsParam,
  end_behavior: endBehavior,
  from_subscription: text(),
  metadata: metadata(),
  pause_schedules: pausesParam,
  phases: phasesParam,
  start_date: moment,
};

function find(tx: Tx, id: string): ScheduleRecord {
  const schedule = tx.get('subscription_schedule', id);
  if (schedule === undefined) throw noSuch('subscription schedule', id);
  return schedule;
}

function checkLive(schedule: ScheduleRecord, verb: string, done: string): void {
  if (isLive(schedule)) return;
  throw invalid(
    `You cannot ${verb} a subscription schedule that is currently in the \`${schedule.status}\` status. It must be in \`not_started\`, \`active\` status to be ${done}.`,
  );
}

type NewSchedule = Pick<ScheduleRecord, 'customer' | 'default_settings' | 'end_behavior' | 'metadata' | 'phases'>;

function write(context: Context, facts: NewSchedule & Partial<ScheduleRecord>): ScheduleRecord {
  const { tx } = context;
  return tx.put('subscription_schedule', {
    id: tx.newId('sub_sched_'),
    created: tx.now,
    canceled_at: null,
    completed_at: null,
    current: null,
    pause_schedules: [],
    released_at: null,
    released_subscription: null,
    status: 'not_started',
    subscription: null,
    ...facts,
  });
}

function phaseOfSubscription(subscription: SubscriptionRecord, end_date: Seconds): PhaseRecord {
  return {
    ...nothing,
    start_date: subscription.items[0]?.current_period_start ?? subscription.created,
    end_date,
    add_invoice_items: [],
    currency: subscription.currency,
    default_tax_rates: subscription.default_tax_rates ?? [],
    discounts: (subscription.discounts ?? []).map((discount) => ({ discount })),
    items: subscription.items.map(
      ({ billing_thresholds = null, discounts = [], metadata: own, price, quantity, tax_rates = [] }) => ({
        ...(billing_thresholds === null ? {} : { billing_thresholds }),
        discounts: discounts.map((discount) => ({ discount })),
        metadata: own,
        price,
        quantity,
        tax_rates,
      }),
    ),
    metadata: {},
    proration_behavior: 'create_prorations',
    trial_end: subscription.trial_end != null && subscription.trial_end <= end_date ? subscription.trial_end : null,
  };
}

/** Puts a subscription that is there under a schedule of one phase: the period that runs. */
function scheduleFrom(context: Context, id: string): ScheduleRecord {
  const { tx } = context;
  const subscription = tx.get('subscription', id);
  if (subscription === undefined) throw noSuch('subscription', id, 'from_subscription');
  const param = 'from_subscription';
  const managing = scheduleOf(tx, subscription);
  if (managing !== null && isLive(managing)) {
    throw invalid(`You cannot migrate a subscription that is already attached to a schedule: \`${managing.id}\`.`, {
      param,
    });
  }
  if (!['active', 'past_due', 'trialing'].includes(subscription.status)) {
    throw invalid(`You cannot create a schedule from a subscription that is \`${subscription.status}\`.`, { param });
  }
  const end = subscription.cancel_at ?? Math.min(...subscription.items.map((item) => item.current_period_end));
  const schedule = write(context, {
    customer: subscription.customer,
    current: 0,
    default_settings: {
      ...nothing,
      collection_method: subscription.collection_method ?? null,
      days_until_due: subscription.days_until_due ?? null,
      default_payment_method: subscription.default_payment_method,
      description: subscription.description,
      billing_thresholds: subscription.billing_thresholds ?? null,
      invoice_settings: subscription.invoice_settings ?? null,
    },
    end_behavior: subscription.cancel_at === null ? 'release' : 'cancel',
    metadata: {},
    phases: [phaseOfSubscription(subscription, end)],
    status: 'active',
    subscription: id,
  });
  updateSubscription(context, subscription, { schedule: schedule.id });
  emit(context, 'subscription_schedule.created', renderSchedule(tx, schedule));
  planNext(context, schedule);
  return schedule;
}

function startOf(tx: Tx, at: Seconds | 'now' | undefined, param: string): Seconds {
  if (at === undefined) throw missingParam(param);
  return at === 'now' ? tx.now : at;
}

/** A schedule may begin in the past, but with a phase that still runs: what is over cannot be billed any more. */
function checkFirst(tx: Tx, phases: readonly PhaseRecord[]): void {
  const [first] = phases;
  if (first === undefined || first.end_date > tx.now) return;
  throw invalidParam('The first phase of a schedule that begins in the past must not be over.', 'phases[0][end_date]');
}

/** A new schedule of phases, written and told of; it begins when its first phase does. */
export function newSchedule(context: Context, params: Partial<Read<typeof createTable>>): ScheduleRecord {
  const { tx } = context;
  if (params.customer === undefined) throw missingParam('customer');
  if (params.phases === undefined || params.phases.length === 0) throw missingParam('phases');
  const customer = findCustomer(tx, params.customer, 'customer').id;
  const from = startOf(tx, params.start_date, 'start_date');
  const phases = phasesOf(context, customer, params.phases, from);
  checkFirst(tx, phases);
  const schedule = write(context, {
    billing_mode: wantedMode(params.billing_mode),
    customer,
    default_settings: settingsOf(context, customer, params.default_settings ?? {}, nothing, 'default_settings'),
    end_behavior: params.end_behavior ?? 'release',
    metadata: mergeMetadata({}, params.metadata),
    pause_schedules: pausesOf(context, params.pause_schedules, []),
    phases,
  });
  checkSending(schedule);
  emit(context, 'subscription_schedule.created', renderSchedule(tx, schedule));
  const begun = from <= tx.now ? beginPhase(context, schedule, 0) : schedule;
  if (begun === schedule) planNext(context, schedule);
  planPauses(context, begun);
  return find(tx, schedule.id);
}

function create(context: Context, params: Read<typeof createTable>): Rendered {
  const { from_subscription, ...others } = params;
  if (from_subscription === undefined) return renderSchedule(context.tx, newSchedule(context, params));
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw invalidParam(
      `You cannot set \`${other}\` if \`from_subscription\` is set. Update the schedule after it is created.`,
      other,
    );
  }
  return renderSchedule(context.tx, scheduleFrom(context, from_subscription));
}

/** What changes a schedule, but for its metadata and defaults; `invoices.createPreview` takes the same. */
export const changeTable = {
  end_behavior: endBehavior,
  pause_schedules: pausesParam,
  phases: phasesParam,
  proration_behavior: prorationParam,
};

const updateTable = {
  ...changeTable,
  default_settings: defaultsParam,
  metadata: metadata(),
};

export type ScheduleChange = Partial<Read<typeof updateTable>>;

/** The phases a request wants instead; of those that are over, the schedule keeps its own. */
function nextPhases(context: Context, old: ScheduleRecord, sent: NonNullable<ScheduleChange['phases']>): PhaseRecord[] {
  const { tx } = context;
  const [first] = sent;
  if (first === undefined) throw missingParam('phases');
  if (first.start_date === undefined) {
    throw invalidParam(
      'The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to.',
      'phases',
    );
  }
  const running = old.current === null ? undefined : old.phases[old.current];
  const known = pricesOf(old.phases);
  if (running === undefined) {
    const from = startOf(tx, first.start_date, 'phases[0][start_date]');
    const phases = phasesOf(context, old.customer, sent, from, known);
    checkFirst(tx, phases);
    return phases;
  }
  const from = first.start_date === 'now' ? tx.now : first.start_date;
  const phases = phasesOf(context, old.customer, sent, from, known);
  const index = phases.findIndex((phase) => phase.start_date === running.start_date);
  if (index === -1) {
    throw invalidParam('You can not modify the start date of the current phase.', 'phases[0][start_date]');
  }
  if (phaseAt(phases, tx.now) === -1) {
    throw invalidParam('A schedule needs a phase that runs now; to end it, release or cancel it.', 'phases');
  }
  const over = old.phases.filter((phase) => phase.end_date <= running.start_date);
  return [...over, ...phases.slice(index)];
}

/** Whether a phase asks for something else of its subscription than it did. */
function asksOther(old: PhaseRecord, phase: PhaseRecord): boolean {
  const { end_date: _end, proration_behavior: _by, ...was } = old;
  const { end_date: _other_end, proration_behavior: _other_by, ...is } = phase;
  return JSON.stringify(was) !== JSON.stringify(is);
}

function applyChange(
  context: Context,
  old: ScheduleRecord,
  changed: ScheduleRecord,
  proration_behavior: PhaseRecord['proration_behavior'],
): void {
  const { tx } = context;
  const index = phaseAt(changed.phases, tx.now);
  if (index === -1) return;
  const phase = changed.phases[index];
  const was = old.current === null ? undefined : old.phases[old.current];
  if (was === undefined || phase === undefined || was.start_date !== phase.start_date) {
    beginPhase(context, changed, index);
    return;
  }
  const running = updateSchedule(context, changed, { current: index });
  const general = JSON.stringify(old.default_settings) !== JSON.stringify(changed.default_settings);
  const ends_otherwise =
    (old.phases.at(-1) === was) !== (changed.phases.at(-1) === phase) ||
    old.end_behavior !== changed.end_behavior ||
    (changed.end_behavior === 'cancel' && was.end_date !== phase.end_date);
  if (!general && !ends_otherwise && !asksOther(was, phase)) return;
  // What a phase adds once was added when it began.
  const known = new Set(was.add_invoice_items.map((item) => JSON.stringify(item)));
  const added = phase.add_invoice_items.filter((item) => !known.has(JSON.stringify(item)));
  const wanted = { ...phase, add_invoice_items: added };
  const phases = running.phases.map((each) => (each === phase ? wanted : each));
  applyPhase(context, { ...running, phases }, wanted, proration_behavior);
}

/** Changes a schedule, and its subscription where the phase that runs is another one now. */
export function changeSchedule(context: Context, old: ScheduleRecord, params: ScheduleChange): ScheduleRecord {
  const { tx } = context;
  const changed = updateSchedule(context, old, {
    default_settings: settingsOf(
      context,
      old.customer,
      params.default_settings ?? {},
      old.default_settings,
      'default_settings',
    ),
    end_behavior: params.end_behavior ?? old.end_behavior,
    metadata: mergeMetadata(old.metadata, params.metadata),
    pause_schedules: pausesOf(context, params.pause_schedules, old.pause_schedules),
    phases: params.phases === undefined ? old.phases : nextPhases(context, old, params.phases),
  });
  checkSending(changed);
  applyChange(context, old, changed, params.proration_behavior ?? 'create_prorations');
  const now = tx.need('subscription_schedule', old.id);
  if (!isLive(now)) return now;
  planNext(context, now);
  if (params.pause_schedules !== undefined) planPauses(context, now);
  return find(tx, old.id);
}

function cancel(
  context: Context,
  params: { invoice_now?: boolean | undefined; prorate?: boolean | undefined },
  id: string,
): Rendered {
  const { tx } = context;
  const schedule = find(tx, id);
  checkLive(schedule, 'cancel', 'canceled');
  const subscription = tx.get('subscription', schedule.subscription ?? '');
  if (subscription === undefined || subscription.ended_at !== null) {
    return renderSchedule(tx, closeSchedule(context, schedule, 'canceled'));
  }
  if (params.prorate ?? true) creditEnd(context, subscription);
  const canceled = cancelSubscription(context, subscription, 'cancellation_requested');
  if (params.invoice_now ?? true) billPending(context, canceled);
  return renderSchedule(tx, find(tx, id));
}

/** Whether a time lies in a range; one that never came lies in none. */
function isIn(at: Seconds | null, bound: Range | undefined): boolean {
  return bound === undefined || (at !== null && within(at, bound));
}

export const scheduleRoutes = [
  route('POST /v1/subscription_schedules', createTable, create),
  route('GET /v1/subscription_schedules/{id}', {}, ({ tx }, _params, id) => renderSchedule(tx, find(tx, id))),
  route('POST /v1/subscription_schedules/{id}', updateTable, (context, params, id) => {
    const old = find(context.tx, id);
    checkLive(old, 'update', 'updated');
    return renderSchedule(context.tx, changeSchedule(context, old, params));
  }),
  route('POST /v1/subscription_schedules/{id}/cancel', { invoice_now: flag(), prorate: flag() }, cancel),
  route('POST /v1/subscription_schedules/{id}/release', { preserve_cancel_date: flag() }, (context, params, id) => {
    const schedule = find(context.tx, id);
    checkLive(schedule, 'release', 'released');
    return renderSchedule(context.tx, releaseSchedule(context, schedule, params.preserve_cancel_date ?? false));
  }),
  route(
    'GET /v1/subscription_schedules',
    {
      ...pageParams,
      canceled_at: range(),
      completed_at: range(),
      created: range(),
      customer: text(),
      released_at: range(),
      scheduled: flag(),
    },
    ({ tx }, params) => {
      const wanted = tx.all('subscription_schedule').filter((each) => {
        if (params.customer !== undefined && each.customer !== params.customer) return false;
        if (!listed(tx, each.customer, params)) return false;
        if (params.scheduled === true && each.status !== 'not_started') return false;
        return (
          isIn(each.canceled_at, params.canceled_at) &&
          isIn(each.completed_at, params.completed_at) &&
          isIn(each.released_at, params.released_at) &&
          within(each.created, params.created)
        );
      });
      return page('/v1/subscription_schedules', wanted, params, 'subscription schedule', (each) =>
        renderSchedule(tx, each),
      );
    },
  ),
];
