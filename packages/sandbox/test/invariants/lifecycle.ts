import type {
  Kind,
  PriceRecord,
  Records,
  SubscriptionItemRecord,
  SubscriptionRecord,
} from '../../src/store/records.ts';
import { type Change, changesOf, type Told, type World } from './world.ts';

type Moves = Record<string, readonly string[]>;

/** 6. Where each status may go in one step. What has no entry, or an empty one, is terminal (5). */
const moves: Partial<Record<Kind, Moves>> = {
  subscription: {
    incomplete: ['active', 'trialing', 'incomplete_expired', 'canceled'],
    trialing: ['active', 'past_due', 'canceled', 'paused', 'unpaid'],
    active: ['past_due', 'trialing', 'canceled', 'paused', 'unpaid'],
    past_due: ['active', 'trialing', 'canceled', 'paused', 'unpaid'],
    unpaid: ['active', 'past_due', 'canceled', 'paused'],
    paused: ['active', 'past_due', 'canceled'],
    canceled: [],
    incomplete_expired: [],
  },
  invoice: {
    draft: ['open', 'paid'],
    open: ['paid', 'void', 'uncollectible'],
    uncollectible: ['paid', 'void'],
    paid: [],
    void: [],
  },
  payment_intent: {
    requires_payment_method: [
      'requires_confirmation',
      'requires_action',
      'requires_capture',
      'processing',
      'succeeded',
      'canceled',
    ],
    requires_confirmation: [
      'requires_payment_method',
      'requires_action',
      'requires_capture',
      'processing',
      'succeeded',
      'canceled',
    ],
    requires_action: [
      'requires_payment_method',
      'requires_confirmation',
      'requires_capture',
      'processing',
      'succeeded',
      'canceled',
    ],
    requires_capture: ['requires_payment_method', 'succeeded', 'canceled'],
    processing: ['requires_payment_method', 'succeeded', 'canceled'],
    succeeded: [],
    canceled: [],
  },
  setup_intent: {
    requires_payment_method: ['requires_confirmation', 'requires_action', 'processing', 'succeeded', 'canceled'],
    requires_confirmation: ['requires_payment_method', 'requires_action', 'processing', 'succeeded', 'canceled'],
    requires_action: ['requires_payment_method', 'requires_confirmation', 'processing', 'succeeded', 'canceled'],
    succeeded: [],
    canceled: [],
  },
  checkout_session: { open: ['complete', 'expired'], complete: [], expired: [] },
};

/** What is true of a record that has come to its end, whatever happens after. */
const settledFields: Partial<Record<Kind, readonly string[]>> = {
  subscription: ['items', 'ended_at', 'canceled_at', 'billing_cycle_anchor', 'customer', 'currency'],
  payment_intent: ['amount', 'amount_received', 'payment_method', 'canceled_at', 'currency'],
  checkout_session: ['subscription', 'invoice', 'customer', 'line_items'],
};

function reaches(table: Moves, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const each of seen) for (const next of table[each] ?? []) seen.add(next);
  return seen.has(to);
}

/** 5 and 6. A status goes where its table leads, and an end is an end. */
function statusFaults({ kind, id, before, after }: Change): string[] {
  const table = moves[kind];
  if (table === undefined || before === null || after === null) return [];
  const was = before as object as Told;
  const is = after as object as Told;
  const [from, to] = [String(was['status']), String(is['status'])];
  const faults = reaches(table, from, to) ? [] : [`6. ${id} went from ${from} to ${to}`];
  if (table[from]?.length !== 0) return faults;
  for (const name of settledFields[kind] ?? []) {
    if (JSON.stringify(was[name]) !== JSON.stringify(is[name]))
      faults.push(`5. ${id} is ${from}, and its ${name} changed`);
  }
  return faults;
}

const DAY = 86_400;

/** Days since 1970 of a civil date, by arithmetic alone. */
function civil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const in_era = y - era * 400;
  const of_year = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + in_era * 365 + Math.floor(in_era / 4) - Math.floor(in_era / 100) + of_year - 719_468;
}

const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function monthsAfter(anchor: number, months: number, day: number | null): number {
  const date = new Date(anchor * 1_000);
  const index = date.getUTCFullYear() * 12 + date.getUTCMonth() + months;
  const [year, month] = [Math.floor(index / 12), index - Math.floor(index / 12) * 12];
  const is_leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const last = month === 1 && is_leap ? 29 : (monthLengths[month] ?? 31);
  return civil(year, month + 1, Math.min(day ?? date.getUTCDate(), last)) * DAY + (anchor % DAY);
}

/** Whether a time is so many whole intervals away from an anchor. */
function isBoundary(
  anchor: number,
  every: NonNullable<PriceRecord['recurring']>,
  at: number,
  day: number | null,
): boolean {
  const { interval, interval_count } = every;
  if (interval === 'day' || interval === 'week') {
    return (at - anchor) % (DAY * interval_count * (interval === 'week' ? 7 : 1)) === 0;
  }
  const step = interval_count * (interval === 'year' ? 12 : 1);
  const guess = Math.round((at - anchor) / (30.436_875 * DAY) / step);
  return [guess - 1, guess, guess + 1].some((n) => monthsAfter(anchor, n * step, day) === at);
}

/** 4. A period follows the one before, without a gap, or cuts it off; a new interval or a pause begins anew. */
function followFaults(world: World, was: SubscriptionItemRecord, is: SubscriptionItemRecord, status: string): string[] {
  if (was.current_period_start === is.current_period_start) return [];
  const { current_period_start: start, current_period_end: end } = was;
  const from = is.current_period_start;
  if (from === end || (from >= start && from < end) || status === 'paused') return [];
  const interval = (id: string): string => {
    const { interval: unit, interval_count } = world.get('price', id)?.recurring ?? {};
    return `${interval_count} ${unit}`;
  };
  if (interval(was.price) !== interval(is.price)) return [];
  return [`4. ${is.id}: a period from ${from} follows one from ${start} to ${end}`];
}

/** 4. Item periods lie on the anchor's grid. */
function gridFaults(world: World, subscription: SubscriptionRecord): string[] {
  const { anchor_config, billing_cycle_anchor: anchor, cancel_at, ended_at, status, trial_end = null } = subscription;
  const day = anchor_config?.day_of_month ?? null;
  if (ended_at !== null || status === 'paused') return [];
  return subscription.items.flatMap((item) => {
    const { current_period_start: start, current_period_end: end } = item;
    if (end <= start) return [`4. ${item.id}: its period from ${start} to ${end} is none`];
    const recurring = world.get('price', item.price)?.recurring ?? null;
    if (recurring === null || end === trial_end || end === cancel_at || isBoundary(anchor, recurring, end, day))
      return [];
    return [`4. ${item.id}: ${end} is no boundary of ${anchor}`];
  });
}

function periodFaults(world: World, { before, after }: Change<'subscription'>): string[] {
  if (after === null) return [];
  const faults = gridFaults(world, after);
  for (const item of after.items) {
    const was = before?.items.find((each) => each.id === item.id);
    if (was !== undefined) faults.push(...followFaults(world, was, item, before?.status ?? ''));
  }
  return faults;
}

/** 4. One renewal invoice for each period of a subscription. */
function cycleFaults(world: World, changes: readonly Change[]): string[] {
  return changesOf(changes, 'invoice').flatMap(({ after, before }) => {
    if (after === null || before !== null || after.billing_reason !== 'subscription_cycle') return [];
    const same = world
      .of('invoice', 'subscription', after.subscription ?? '')
      .filter((each) => each.billing_reason === 'subscription_cycle' && each.period_end === after.period_end);
    return same.length === 1 ? [] : [`4. ${after.subscription} has ${same.length} renewals for ${after.period_end}`];
  });
}

/** 6. What is active has paid its beginning. */
function beginningFaults(world: World, { after, before }: Change<'subscription'>): string[] {
  if (after?.status !== 'active' || before?.status === 'active') return [];
  const owed = world
    .of('invoice', 'subscription', after.id)
    .find(
      (each) =>
        each.billing_reason === 'subscription_create' &&
        each.status === 'open' &&
        each.collection_method !== 'send_invoice',
    );
  return owed === undefined ? [] : [`6. ${after.id} is active, and its first invoice ${owed.id} is open`];
}

const dated = ['created', 'date', 'finalized_at', 'paid_at', 'voided_at', 'canceled_at', 'ended_at'];
const onClocks: readonly Kind[] = ['subscription', 'invoice', 'invoice_item', 'credit_grant'];

/** 11. Nothing on a test clock has happened after the clock's time. */
function clockFaults(world: World, { kind, id, after }: Change): string[] {
  if (after === null || !onClocks.includes(kind)) return [];
  const { customer } = after as Records['invoice'];
  const clock = world.get('test_clock', world.get('customer', customer)?.test_clock);
  if (clock === undefined) return [];
  const now = Math.floor(clock.frozen_ms / 1_000);
  return dated.flatMap((name) => {
    const at = (after as object as Told)[name];
    return typeof at === 'number' && at > now ? [`11. ${id}: ${name} is ${at}, its clock says ${now}`] : [];
  });
}

/** Invariants 4, 5, 6 and 11. */
export function lifecycleFaults(world: World, changes: readonly Change[]): string[] {
  const faults = changes.flatMap((change) => [...statusFaults(change), ...clockFaults(world, change)]);
  for (const change of changesOf(changes, 'subscription')) {
    faults.push(...periodFaults(world, change), ...beginningFaults(world, change));
  }
  return [...faults, ...cycleFaults(world, changes)];
}
