import { periodAt, periodFrom } from '../../billing/periods.ts';
import type { Span } from '../../billing/proration.ts';
import type { BillingChange } from '../../store/change-records.ts';
import type { Seconds, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import { priceAmount } from '../../billing/money.ts';
import { invalidParam } from '../../http/api-error.ts';
import type { Context } from '../context.ts';
import { isOnTrial } from '../invoices/invoice-draft.ts';
import { isMetered } from '../usage/usage-lines.ts';
import { cycleOf, intervalOf, isClassic, periodEnd } from './billing-mode.ts';
import { changedItems, costsOther, type ItemEntry, metersOther } from './subscription-items-params.ts';
import type { AddedEntry } from './add-invoice-items.ts';

export type PaymentBehavior =
  | 'allow_incomplete'
  | 'default_incomplete'
  | 'error_if_incomplete'
  | 'pending_if_incomplete';

/** What a request wants to be billed otherwise. */
export interface Wish {
  items?: readonly ItemEntry[] | undefined;
  /** The items as they shall be, from a schedule that was promised them. */
  next_items?: SubscriptionItemRecord[];
  add_invoice_items?: readonly AddedEntry[] | undefined;
  /** A new period begins now. */
  resets_anchor?: boolean;
  trial_end?: Seconds | 'now' | undefined;
  proration_behavior?: 'always_invoice' | 'create_prorations' | 'none' | undefined;
  proration_date?: Seconds | undefined;
  payment_behavior?: PaymentBehavior | undefined;
  off_session?: boolean | undefined;
}

/** Whether a request changes what is billed at all. */
export function changesBilling(wish: Wish): boolean {
  return changesItems(wish) || wish.resets_anchor === true || wish.trial_end !== undefined;
}

function changesItems(wish: Wish): boolean {
  return wish.items !== undefined || wish.next_items !== undefined;
}

/** What a wish comes to: nothing of it has happened yet. */
export interface Plan {
  change: BillingChange;
  /** From when the change counts. */
  at: Seconds;
  /** Ids of the items that begin a period anew: what they were charged for the old one is given back. */
  restarts: ReadonlySet<string>;
  /** Of items whose change counts from a later time: from where the period begins that they have then. */
  later?: ReadonlyMap<string, Seconds>;
  /** The new period is billed whole. */
  bills_period: boolean;
  /** It is billed in this request, whether or not that was asked for. */
  at_once: boolean;
}

function prorationDate(context: Context, subscription: SubscriptionRecord, wanted: Seconds | undefined): Seconds {
  const { now } = context.tx;
  if (wanted === undefined) return now;
  const start = Math.min(...subscription.items.map((item) => item.current_period_start));
  if (wanted < start || wanted >= periodEnd(subscription)) {
    throw invalidParam('The `proration_date` must lie within the current billing period.', 'proration_date');
  }
  return wanted;
}

/** Gives an item a period. What begins to be metered within it, or was billed up to now, counts from now. */
function withPeriod(
  context: Context,
  old: SubscriptionRecord,
  item: SubscriptionItemRecord,
  period: Span,
): SubscriptionItemRecord {
  const { tx } = context;
  const before = old.items.find((each) => each.id === item.id);
  const keeps = before !== undefined && before.current_period_end === period.end && !costsOther(before, item);
  // What was billed ahead at another price, or for other periods, is given back.
  const { billed_until, ...rest } = item;
  const own = keeps && billed_until !== undefined ? { ...rest, billed_until } : rest;
  if (!isMetered(tx, item)) return { ...own, current_period_start: period.start, current_period_end: period.end };
  const goes_on =
    before !== undefined && !metersOther(context, before, item) && before.current_period_end === period.end;
  const start = goes_on ? before.current_period_start : Math.max(tx.now, period.start);
  return { ...own, current_period_start: start, current_period_end: period.end };
}

function checkTrialEnd(context: Context, trial_end: Seconds): void {
  const { now } = context.tx;
  if (trial_end <= now)
    throw invalidParam('Invalid timestamp: must be an integer Unix timestamp in the future.', 'trial_end');
  if (trial_end > now + 731 * 86_400) {
    throw invalidParam('Invalid timestamp: can be no more than two years in the future.', 'trial_end');
  }
}

const every = (items: readonly SubscriptionItemRecord[]): ReadonlySet<string> => new Set(items.map((item) => item.id));

/** A trial until a time: everything is free until then, and counted from there. */
function toTrial(
  context: Context,
  old: SubscriptionRecord,
  items: SubscriptionItemRecord[],
  end: Seconds,
): Omit<Plan, 'at'> {
  checkTrialEnd(context, end);
  const on_trial = isOnTrial(old, context.tx.now);
  const change = {
    billing_cycle_anchor: old.trial_anchor === 'unchanged' ? old.billing_cycle_anchor : end,
    items: items.map((item) => {
      const before = old.items.find((each) => each.id === item.id);
      // A trial that is made longer goes on from where it began.
      if (on_trial && before !== undefined) return { ...item, current_period_end: end };
      const begins = on_trial ? (old.trial_start ?? context.tx.now) : context.tx.now;
      return withPeriod(context, old, item, { start: begins, end });
    }),
    trial_end: end,
  };
  return { change, restarts: on_trial ? new Set() : every(items), bills_period: false, at_once: false };
}

/** A period that begins now, for all items; from a new anchor, or as a part of one that is counted from the old. */
function toNow(
  context: Context,
  old: SubscriptionRecord,
  items: SubscriptionItemRecord[],
  wish: Wish,
): Omit<Plan, 'at'> {
  const { tx } = context;
  const ends_trial = isOnTrial(old, tx.now);
  const keeps_anchor = ends_trial && wish.resets_anchor !== true && old.trial_anchor === 'unchanged';
  const cycle = keeps_anchor ? cycleOf(old) : { anchor: tx.now, day: null };
  const change = {
    billing_cycle_anchor: cycle.anchor,
    items: items.map((item) => withPeriod(context, old, item, periodFrom(cycle, intervalOf(tx, item), tx.now).span)),
    trial_end: ends_trial ? tx.now : (old.trial_end ?? null),
  };
  // In flexible billing a new anchor alone makes no invoice. https://docs.stripe.com/billing/subscriptions/billing-mode
  const at_once = old.status === 'trialing' || changesItems(wish) || isClassic(old);
  return { change, restarts: every(items), bills_period: true, at_once };
}

function changesInterval(context: Context, before: { price: string }, item: { price: string }): boolean {
  const [one, other] = [intervalOf(context.tx, before), intervalOf(context.tx, item)];
  return one.interval !== other.interval || one.interval_count !== other.interval_count;
}

/** Where the period began in which an item joined. */
function wholeStart(context: Context, old: SubscriptionRecord, item: SubscriptionItemRecord, joined: Seconds): Seconds {
  const { tx } = context;
  if (isOnTrial(old, tx.now)) return old.trial_start ?? joined;
  return Math.max(periodAt(cycleOf(old), intervalOf(tx, item), joined).start, Math.min(joined, old.created));
}

/** Other items in the periods that run; the anchor stays, and an item of another interval gets the period it has there. */
function toItems(
  context: Context,
  old: SubscriptionRecord,
  items: SubscriptionItemRecord[],
  at: Seconds,
): Omit<Plan, 'at'> {
  const { tx } = context;
  const on_trial = isOnTrial(old, tx.now);
  const restarts = new Set<string>();
  const later = new Map<string, Seconds>();
  const placed = items.map((item) => {
    const before = old.items.find((each) => each.id === item.id);
    const alike = before ?? old.items.find((each) => !changesInterval(context, each, item));
    const source = on_trial ? (alike ?? old.items[0]) : alike;
    const is_other = before !== undefined && !on_trial && changesInterval(context, before, item);
    if (source === undefined || is_other) {
      const period = periodAt(cycleOf(old), intervalOf(tx, item), tx.now);
      if (is_other) restarts.add(item.id);
      if (period.start > at) later.set(item.id, period.start);
      return withPeriod(context, old, item, period);
    }
    const { current_period_start: start, current_period_end: end } = source;
    // What is there may have joined within the period; what is new and billed ahead has the period as a whole.
    const joined = before === undefined && !isMetered(tx, item);
    return withPeriod(context, old, item, { start: joined ? wholeStart(context, old, item, start) : start, end });
  });
  const { billing_cycle_anchor, trial_end = null } = old;
  const change = { billing_cycle_anchor, items: placed, trial_end };
  return { change, restarts, later, bills_period: false, at_once: false };
}

/** Classic billing counts anew when the interval changes and when what was free begins to cost. */
function resetsByItself(context: Context, old: SubscriptionRecord, items: readonly SubscriptionItemRecord[]): boolean {
  const { tx } = context;
  if (!isClassic(old) || isOnTrial(old, tx.now)) return false;
  const costs = (each: readonly SubscriptionItemRecord[]): boolean =>
    each.some((item) => isMetered(tx, item) || priceAmount(tx.need('price', item.price), item.quantity) > 0);
  const [was, is] = [old.items[0], items[0]];
  const is_other = was !== undefined && is !== undefined && changesInterval(context, was, is);
  return is_other || (!costs(old.items) && costs(items));
}

/** What a wish means for a subscription as it is. */
export function planChange(context: Context, old: SubscriptionRecord, wish: Wish): Plan {
  const { tx } = context;
  const items = wish.next_items ?? (wish.items === undefined ? old.items : changedItems(context, old, wish.items));
  const at = prorationDate(context, old, wish.proration_date);
  if (typeof wish.trial_end === 'number') return { at, ...toTrial(context, old, items, wish.trial_end) };
  const ends_trial = wish.trial_end === 'now' && isOnTrial(old, tx.now);
  if (ends_trial || wish.resets_anchor === true || resetsByItself(context, old, items)) {
    return { at, ...toNow(context, old, items, wish) };
  }
  return { at, ...toItems(context, old, items, at) };
}
