import {
  type Currency,
  type Instant,
  type PricedPlan,
  type PricedUsage,
  type RatedLine,
  type UsagePeriod,
  countsToMinimum,
  minimumFor,
  overridesAt,
  periodAt,
  rateUsage,
  shortfallOf,
  usagePeriods,
  withOverrides,
} from '@farebox/core';
import { sql } from 'kysely';
import { overridesOf } from '../customers/overrides/store.ts';
import type { Reader, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { roomOfPeriod } from './caps/room.ts';
import { spendCapsOf } from './caps/store.ts';
import { type PeriodName, type WantedPeriod, meteredStarts } from './metered/store.ts';
import type { BilledPlanMinimum } from './minimums/store.ts';
import { type ClosedTogether, commitTogether } from './minimums/together.ts';
import { holdBilledPeriods } from './store.ts';

/** What one period's usage of one meter costs beyond the base price, as it goes on the invoice. */
export interface UsageReport {
  id: string;
  customer_id: string;
  subscription_id: string;
  meter_id: string;
  period_start_at: Date;
  period_end_at: Date;
  quantity: number;
  amount_minor: number;
  /** What more it would cost without a spend cap, and is not billed. */
  capped_minor: number;
  /** What of it credit paid. */
  credited_minor: number;
  /** What the period comes to at least, and what usage lacks to it: charged besides. */
  minimum_minor: number;
  shortfall_minor: number;
  /** Both are of the plan's whole usage in the period, which this report stands for; null: of this meter's. */
  plan_minimum: BilledPlanMinimum | null;
  currency: Currency;
  lines: RatedLine[];
  /** By what it was rated; null of one from before that was kept. */
  priced: PricedUsage | null;
  state: string;
}

export interface ReportableSubscription {
  id: string;
  customer_id: string;
  status: string;
  current_period_start_at: Date;
  current_period_end_at: Date;
  ended_at: Date | null;
  paused_at: Date | null;
}

/** Terms of a subscription from an instant on, with the plan they mean. */
export interface PricedPhase {
  from_at: Date;
  /** Names what is paid for: plan, price and add-ons. */
  terms_id: string;
  billing_anchor_at: Date;
  /** By meter the price whose plan or add-on prices it. */
  price_ids: ReadonlyMap<string, string>;
  plan: PricedPlan;
}

export type PayFromCredit = (
  tx: Tx,
  report: { id: string; customer_id: string; meter_id: string; amount_minor: number; currency: Currency },
  at: Instant,
) => Promise<number>;

/** Periods looked back on at once: a month of days and some. */
const mostPeriods = 40;

/**
 * Commits the intent to bill every closed period of a subscription that has none yet, and answers the new intents. One row
 * per subscription, meter and period (unique index), so that no order of events or number of workers bills a period twice.
 * A period with nothing to bill is closed with an amount of zero.
 */
export async function closePeriods(
  tx: Tx,
  deps: {
    clock: Clock;
    usageOfPeriod(
      db: Reader,
      customerId: string,
      meterId: string,
      period: { start_at: Instant; end_at: Instant },
    ): Promise<number>;
    /** Pays from the customer's credit by what counts at `at`, in the transaction; answers how much. */
    payFromCredit: PayFromCredit;
  },
  subscription: ReportableSubscription,
  phases: readonly PricedPhase[],
): Promise<string[]> {
  const meters = metersOf(phases);
  if (meters.length === 0) return [];
  const known = await tx
    .selectFrom('usage_report')
    .select(['meter_id', 'period_start_at'])
    .where('subscription_id', '=', subscription.id)
    .execute();
  const isKnown = (meterId: string, start: Instant) =>
    known.some((row) => row.meter_id === meterId && row.period_start_at.getTime() === start);
  const overrides = await overridesOf(tx, subscription.customer_id);
  const caps = await spendCapsOf(tx, subscription.customer_id);
  const metered = await meteredStarts(tx, subscription.id);
  let isAlone = false;
  const opened: string[] = [];
  const together = new Map<string, ClosedTogether>();
  for (const meter_id of meters) {
    for (const period of closedPeriods(subscription, phases, meter_id, deps.clock.now())) {
      if (isKnown(meter_id, period.start_at)) continue;
      const phase = phases.find(({ terms_id }) => terms_id === period.terms_id);
      // By what was in force in the last instant of the period, as with the plan.
      const plan = phase && withOverrides(phase.plan, overridesAt(overrides, period.end_at - 1));
      const usage = plan?.usage.find((candidate) => candidate.meter_id === meter_id);
      if (phase === undefined || plan === undefined || usage === undefined) continue;
      // From here on no event of these periods is being written: it is read now, or it finds them billed.
      if (!isAlone) await holdBilledPeriods(tx);
      isAlone = true;
      const quantity = await deps.usageOfPeriod(tx, subscription.customer_id, meter_id, period);
      const { customer_id } = subscription;
      const { end_at } = period;
      const room = await roomOfPeriod(tx, caps, { customer_id, currency: plan.price.currency, end_at });
      const whole = periodAt(phase.billing_anchor_at.getTime(), usage.interval, end_at - 1);
      const minimum_minor = minimumFor(usage, period, whole);
      const is_metered = metered.some(
        (each) => each.meter_id === meter_id && each.period_start_at.getTime() === period.start_at,
      );
      if (countsToMinimum(plan, usage)) together.set(`${period.start_at}:${period.end_at}`, { plan, period, whole });
      const closed = { plan, usage, period, quantity, room, minimum_minor, is_metered };
      const report = await openReport(tx, deps.clock.now(), subscription, closed);
      if (report === null) continue;
      const credited_minor = report.amount_minor === 0 ? 0 : await deps.payFromCredit(tx, report, end_at - 1);
      if (credited_minor > 0) await creditReport(tx, report.id, credited_minor);
      opened.push(report.id);
    }
  }
  for (const each of together.values()) {
    const lacking = await commitTogether(tx, subscription.id, each);
    if (lacking !== null && !opened.includes(lacking)) opened.push(lacking);
  }
  return opened;
}

/**
 * The periods of one meter that are over: each by the plan it ended on. The last one ends with the subscription; a quota
 * shorter than the paid period (months of a year) closes by the clock.
 */
export function closedPeriods(
  subscription: ReportableSubscription,
  phases: readonly PricedPhase[],
  meterId: string,
  now: Instant,
): UsagePeriod[] {
  const terms = termsOf(phases, meterId);
  const last = terms.at(-1);
  if (last === undefined) return [];
  const over = subscription.ended_at ?? subscription.paused_at;
  const start = subscription.current_period_start_at.getTime();
  const byClock = periodAt(last.billing_anchor_at, last.interval, Math.max(start, now)).start_at;
  const until =
    over?.getTime() ??
    (isRunning(subscription) && byClock < subscription.current_period_end_at.getTime()
      ? Math.max(start, byClock)
      : start);
  return usagePeriods(terms, until, mostPeriods);
}

/** When usage is to be billed next within the paid period, of any meter; null when the period ends first. */
export function usageDueAt(
  subscription: ReportableSubscription,
  phases: readonly PricedPhase[],
  now: Instant,
): Instant | null {
  if (!isRunning(subscription)) return null;
  const start = subscription.current_period_start_at.getTime();
  const ends = metersOf(phases).flatMap((meterId) => {
    const last = termsOf(phases, meterId).at(-1);
    return last === undefined ? [] : [periodAt(last.billing_anchor_at, last.interval, Math.max(start, now)).end_at];
  });
  const first = Math.min(...ends);
  return first < subscription.current_period_end_at.getTime() ? first : null;
}

/** The periods that run whose usage goes to Stripe's meters, by the terms of now. */
export function meteredPeriods(
  subscription: ReportableSubscription,
  phases: readonly PricedPhase[],
  now: Instant,
): WantedPeriod[] {
  const current = phases.at(-1);
  if (current === undefined || !isRunning(subscription)) return [];
  const metered = current.plan.usage.filter(({ reporter }) => reporter === 'meters');
  return metered.flatMap(({ meter_id, interval }) => {
    const { end_at } = periodAt(current.billing_anchor_at.getTime(), interval, now);
    const [period] = usagePeriods(termsOf(phases, meter_id), end_at, 1);
    const plan_price_id = current.price_ids.get(meter_id);
    if (period === undefined || plan_price_id === undefined || period.start_at > now) return [];
    return [{ meter_id, start_at: period.start_at, end_at, plan_price_id }];
  });
}

function isRunning({ status, ended_at, paused_at }: ReportableSubscription): boolean {
  return (status === 'active' || status === 'past_due') && ended_at === null && paused_at === null;
}

function metersOf(phases: readonly PricedPhase[]): string[] {
  return [...new Set(phases.flatMap((phase) => phase.plan.usage.map((usage) => usage.meter_id)))];
}

/** What the usage periods of one meter are counted from. */
function termsOf(phases: readonly PricedPhase[], meterId: string) {
  return phases.map((phase) => ({
    from_at: phase.from_at.getTime(),
    terms_id: phase.terms_id,
    billing_anchor_at: phase.billing_anchor_at.getTime(),
    interval: phase.plan.usage.find((usage) => usage.meter_id === meterId)?.interval ?? phase.plan.price.interval,
  }));
}

async function openReport(
  tx: Tx,
  now: Instant,
  subscription: ReportableSubscription,
  closed: {
    plan: PricedPlan;
    usage: PricedPlan['usage'][number];
    period: UsagePeriod;
    quantity: number;
    /** What a spend cap leaves; null: there is none. */
    room: number | null;
    minimum_minor: number;
    /** Some of it was sent to Stripe's meter: what that came to is part of the bill. */
    is_metered: boolean;
  },
): Promise<Parameters<PayFromCredit>[1] | null> {
  const { plan, usage, period, quantity, room, minimum_minor, is_metered } = closed;
  const rated = rateUsage(usage, quantity);
  const amount_minor = Math.min(rated.amount_minor, room ?? rated.amount_minor);
  const shortfall_minor = shortfallOf(minimum_minor, amount_minor);
  const isNothing = amount_minor === 0 && shortfall_minor === 0 && !is_metered;
  const row = await tx
    .insertInto('usage_report')
    .values({
      id: createId('urep', now),
      customer_id: subscription.customer_id,
      subscription_id: subscription.id,
      meter_id: usage.meter_id,
      period_start_at: new Date(period.start_at),
      period_end_at: new Date(period.end_at),
      quantity,
      amount_minor,
      capped_minor: rated.amount_minor - amount_minor,
      minimum_minor,
      shortfall_minor,
      currency: plan.price.currency,
      lines: JSON.stringify(rated.lines),
      priced: JSON.stringify(usage),
      state: isNothing ? 'sent' : 'pending',
      sent_at: isNothing ? new Date(now) : null,
      created_at: new Date(now),
    })
    .onConflict((conflict) => conflict.columns(['subscription_id', 'meter_id', 'period_start_at']).doNothing())
    .returning(['id', 'state'])
    .executeTakeFirst();
  if (row?.state !== 'pending') return null;
  const { customer_id } = subscription;
  return {
    id: row.id,
    customer_id,
    meter_id: usage.meter_id,
    amount_minor,
    currency: plan.price.currency,
  };
}

async function creditReport(tx: Tx, id: string, credited_minor: number): Promise<void> {
  await tx.updateTable('usage_report').set({ credited_minor }).where('id', '=', id).execute();
}

function reports(db: Reader) {
  return db
    .selectFrom('usage_report')
    .select([
      'id',
      'customer_id',
      'subscription_id',
      'meter_id',
      'period_start_at',
      'period_end_at',
      'quantity',
      'amount_minor',
      'capped_minor',
      'credited_minor',
      'minimum_minor',
      'shortfall_minor',
      'state',
    ])
    .select([
      sql<RatedLine[]>`lines`.as('lines'),
      sql<Currency>`currency`.as('currency'),
      sql<PricedUsage | null>`priced`.as('priced'),
      sql<BilledPlanMinimum | null>`plan_minimum`.as('plan_minimum'),
    ]);
}

export async function reportById(db: Reader, id: string): Promise<UsageReport | null> {
  return (await reports(db).where('id', '=', id).executeTakeFirst()) ?? null;
}

/** Those of these ids that there are, by their ids. */
export async function reportsByIds(db: Reader, ids: readonly string[]): Promise<Map<string, UsageReport>> {
  if (ids.length === 0) return new Map();
  const rows = await reports(db).where('id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, row]));
}

export async function pendingReports(db: Reader, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('usage_report')
    .select('id')
    .where('state', '=', 'pending')
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.id);
}

export async function markReportSent(db: Reader, id: string, at: Date): Promise<void> {
  await db
    .updateTable('usage_report')
    .set({ state: 'sent', sent_at: at })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .execute();
}

/** What Stripe's own lines of a report come to, by what it was told. */
const metered = sql`coalesce((
  select (m.settled ->> -1)::bigint from metered_period m
  where m.subscription_id = usage_report.subscription_id and m.meter_id = usage_report.meter_id
    and m.period_start_at = usage_report.period_start_at
), 0)`;

/** Reports that were put on an invoice since, as they are compared with Stripe: what Farebox's own lines come to. */
export async function sentReports(
  db: Reader,
  since: Date,
): Promise<{ id: string; customer_id: string; amount_minor: number }[]> {
  return await db
    .selectFrom('usage_report')
    .select(['id', 'customer_id'])
    .select(sql<number>`amount_minor + shortfall_minor - ${metered}`.as('amount_minor'))
    .where('state', '=', 'sent')
    .where(sql<boolean>`amount_minor + shortfall_minor - ${metered} <> 0`)
    .where('sent_at', '>', since)
    .execute();
}

/** To be put on an invoice again: Stripe did not count some of what it was sent. */
export async function reopenReportOf(db: Reader, of: PeriodName): Promise<void> {
  const { subscription_id, meter_id, period_start_at } = of;
  await db
    .updateTable('usage_report')
    .set({ state: 'pending', sent_at: null })
    .where('subscription_id', '=', subscription_id)
    .where('meter_id', '=', meter_id)
    .where('period_start_at', '=', period_start_at)
    .execute();
}

/** To be put on an invoice again: its lines at Stripe were deleted. What is there is read first, so nothing is billed twice. */
export async function reopenReport(db: Reader, id: string): Promise<void> {
  await db.updateTable('usage_report').set({ state: 'pending', sent_at: null }).where('id', '=', id).execute();
}
