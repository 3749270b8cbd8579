import {
  type CapOwner,
  type Instant,
  type Interval,
  type Meter,
  type Period,
  type PricedPlan,
  type RatedLine,
  type UsageCharge,
  capMonthOf,
  countsToMinimum,
  minimumFor,
  periodAt,
  paceSpan,
  planMinimumFor,
  projectedUnits,
  rateUsage,
  usualAlertPercents,
  shortfallOf,
} from '@farebox/core';
import type { Database } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { effectivePlan } from '../subscriptions/effective.ts';
import { oneOf } from '../subscriptions/held.ts';
import { type SubscriptionWithPlan, liveWithPlans } from '../subscriptions/store.ts';
import { type CappedCharges, type RunningCharge, capRunning } from './caps/room.ts';
import { createSeries, noSuchCustomer } from './series.ts';
import type { AskedScope } from './service.ts';
import { customerExists } from './store.ts';

export interface UsageSummary {
  /** Of the subscription it is about. */
  group: string;
  subscription_id: string;
  /** At which parts of what is included the plan tells its customers, in percent. */
  alert_percents: readonly number[];
  period: Period;
  currency: string;
  meters: MeterSummary[];
  /** What all priced usage of the plan comes to at least in its period, and what it lacks to that now; null: there is none. */
  minimum: { interval: Interval; amount_minor: number; shortfall_minor: number } | null;
  /** What the plan costs without usage. */
  base_amount_minor: number;
  /** What usage past the included amounts adds so far, as far as it is billed, and what it lacks to its minimums. */
  cost_so_far_minor: number;
  /** What more it would be without the spend cap. */
  capped_minor: number;
  /** The cap over all usage of the customer, and what is left of it in the month this period ends in; null: none. */
  spend_cap: { owner: CapOwner; amount_minor: number; remaining_minor: number; month: string } | null;
  total_so_far_minor: number;
}

export interface MeterSummary {
  meter_id: string;
  name: string;
  unit: string;
  quantity: number;
  included: number;
  quota: 'soft' | 'hard';
  /** Left of the included amount. */
  remaining: number;
  overage: number;
  amount_minor: number;
  /** What of it is not billed, for the spend cap. */
  capped_minor: number;
  /** What the period comes to at least, and what usage lacks to that now. */
  minimum_minor: number;
  shortfall_minor: number;
  /** Whether it counts towards the minimum of the plan's whole usage. */
  to_plan_minimum: boolean;
  /** Of its own included amount. */
  period_start_at: Instant;
  period_end_at: Instant;
  lines: RatedLine[];
}

/** What the period comes to when usage goes on as it did in the time before. */
export interface Projection {
  method: 'recent_pace';
  /** Since when the pace is taken. */
  pace_since_at: Instant;
  meters: { meter_id: string; quantity: number; amount_minor: number }[];
  /** As `cost_so_far_minor` and `total_so_far_minor` will be: capped, and with what lacks to a minimum. */
  cost_minor: number;
  total_minor: number;
}

/** What was used and what it costs, per what is written. */
export function createUsageReader(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  meters: readonly Meter[];
  kept_ms: number;
  usedInPeriods(scopes: readonly AskedScope[]): Promise<number[]>;
}) {
  const { db, clock, meters } = deps;
  return {
    series: createSeries(deps),

    /** What usage of the periods that run costs so far, by meter, of every subscription. */
    async runningCharges(customerId: string): Promise<UsageCharge[]> {
      return (await summariesOf(customerId, await begunBy(customerId))).flatMap(({ meters: used }) =>
        used.map(({ meter_id, amount_minor, capped_minor }) => ({
          meter_id,
          amount_minor: amount_minor - capped_minor,
        })),
      );
    },

    /** Of every subscription. */
    async summaries(customerId: string): Promise<UsageSummary[]> {
      return await summariesOf(customerId, await begunBy(customerId));
    },

    /** What the spend cap makes of the periods that run; null: there is none. */
    async underCap(customerId: string): Promise<CappedCharges | null> {
      const summaries = await Promise.all((await begunBy(customerId)).map(summaryOf));
      return await capRunning(db.kysely, customerId, summaries.flatMap(chargesOf), clock.now());
    },

    /**
     * The current billing period of a subscription: per meter of the plan what was used, what is left and what it costs so far.
     * Of several groups one is named.
     */
    async summary(customerId: string, group?: string): Promise<UsageSummary> {
      const { live, row } = await askedFor(customerId, group);
      return ownOf(row, await summariesOf(customerId, live));
    },

    /** As `summary`, with what its period comes to at the pace of the time before. */
    async projected(customerId: string, group?: string): Promise<UsageSummary & { projection: Projection }> {
      const { live, row } = await askedFor(customerId, group);
      const [counted, theirs] = await Promise.all([
        paceOf(row),
        Promise.all(live.filter(({ id }) => id !== row.id).map(summaryOf)),
      ]);
      const others = new Map(theirs.map((summary) => [summary.subscription_id, summary]));
      const ownWith = async (units: readonly number[]) => {
        const summaries = live.map(({ id }) => others.get(id) ?? summarize(row, counted, units));
        return ownOf(row, await capped(customerId, summaries));
      };
      const [own, later] = await Promise.all([ownWith(counted.used), ownWith(counted.projected)]);
      const { meters, cost_so_far_minor, total_so_far_minor } = later;
      const projection: Projection = {
        method: 'recent_pace',
        pace_since_at: counted.span.start_at,
        meters: meters.map(({ meter_id, quantity, amount_minor }) => ({ meter_id, quantity, amount_minor })),
        cost_minor: cost_so_far_minor,
        total_minor: total_so_far_minor,
      };
      return { ...own, projection };
    },
  };

  /** The subscription that is meant, and all of its customer. */
  async function askedFor(customerId: string, group?: string) {
    const live = await begunBy(customerId);
    if (live.length === 0 && !(await customerExists(db.kysely, customerId))) throw noSuchCustomer();
    const row = oneOf(live, group);
    if (row === null) throw new Problem('subscription_required', 'There is no subscription, and so no billing period.');
    return { live, row };
  }

  /** Of each meter of the plan, in its order, the units of now and those at the end of its period. */
  async function paceOf(row: SubscriptionWithPlan) {
    const now = clock.now();
    const running = await runningOf(row);
    const { plan, scopes } = running;
    const span = paceSpan(Math.min(now, row.stripe_created_at.getTime()), now);
    const { start_at, end_at } = span;
    const measured = await deps.usedInPeriods([...scopes, ...scopes.map((scope) => ({ ...scope, start_at, end_at }))]);
    const used = measured.slice(0, scopes.length);
    const projected = plan.usage.map((usage, index) =>
      projectedUnits({
        used: used[index] ?? 0,
        recent: measured[scopes.length + index] ?? 0,
        span,
        aggregation: meters.find(({ id }) => id === usage.meter_id)?.aggregation ?? 'count',
        included: usage.included,
        quota: usage.quota,
        end_at: scopes[index]?.end_at ?? now,
        now,
      }),
    );
    return { ...running, span, used, projected };
  }

  /** Of these subscriptions, with what the spend cap leaves unbilled. */
  async function summariesOf(customerId: string, live: readonly SubscriptionWithPlan[]): Promise<UsageSummary[]> {
    return await capped(customerId, await Promise.all(live.map(summaryOf)));
  }

  /** The cap is over all subscriptions together. */
  async function capped(customerId: string, summaries: readonly UsageSummary[]): Promise<UsageSummary[]> {
    const under = await capRunning(db.kysely, customerId, summaries.flatMap(chargesOf), clock.now());
    return under === null ? [...summaries] : withCap(summaries, under);
  }

  /** What a customer is subscribed to, without what was never paid. */
  async function begunBy(customerId: string): Promise<SubscriptionWithPlan[]> {
    return (await liveWithPlans(db.kysely, customerId)).filter(({ status }) => status !== 'incomplete');
  }

  /** What a subscription's plan counts, each in its period that runs. */
  async function runningOf(row: SubscriptionWithPlan) {
    const plan = await effectivePlan(db.kysely, row, clock.now());
    const anchor = row.billing_anchor_at.getTime();
    const periodOf = (interval: Interval) => periodAt(anchor, interval, clock.now());
    const scopes = plan.usage.map(({ meter_id, interval }) => ({
      ...periodOf(interval),
      customer_id: row.customer_id,
      meter_id,
    }));
    return { plan, periodOf, scopes };
  }

  async function summaryOf(row: SubscriptionWithPlan): Promise<UsageSummary> {
    const running = await runningOf(row);
    return summarize(row, running, await deps.usedInPeriods(running.scopes));
  }

  /** What these units of each meter cost. */
  function summarize(
    row: SubscriptionWithPlan,
    { plan, periodOf, scopes }: Awaited<ReturnType<typeof runningOf>>,
    used: readonly number[],
  ): UsageSummary {
    // The quota's period, which a yearly price has twelve of; of several quotas, that of the first.
    const period = periodOf(plan.usage[0]?.interval ?? plan.price.interval);
    const summaries = plan.usage.map((usage, index): MeterSummary => {
      const { included_used, ...rated } = rateUsage(usage, used[index] ?? 0);
      const meter = meters.find(({ id }) => id === usage.meter_id);
      const remaining = rated.included - included_used;
      const { start_at, end_at } = scopes[index] ?? period;
      const minimum_minor = minimumFor(usage, { start_at, end_at }, { start_at, end_at });
      return {
        ...rated,
        capped_minor: 0,
        to_plan_minimum: countsToMinimum(plan, usage),
        minimum_minor,
        shortfall_minor: shortfallOf(minimum_minor, rated.amount_minor),
        period_start_at: start_at,
        period_end_at: end_at,
        name: meter?.name ?? usage.meter_id,
        unit: meter?.unit ?? 'unit',
        quota: usage.quota,
        remaining,
      };
    });
    const minimum = minimumOf(plan, summaries, periodOf);
    const base = [{ plan: row.plan, quantity: row.quantity }, ...row.held_add_ons].reduce(
      (sum, { plan: { price }, quantity }) => sum + price.amount_minor * quantity,
      0,
    );
    return summed({
      group: row.group,
      subscription_id: row.id,
      alert_percents: plan.alerts ?? usualAlertPercents,
      period,
      currency: plan.price.currency,
      meters: summaries,
      minimum,
      base_amount_minor: base,
      spend_cap: null,
    });
  }
}

function ownOf(row: SubscriptionWithPlan, summaries: readonly UsageSummary[]): UsageSummary {
  const own = summaries.find(({ subscription_id }) => subscription_id === row.id);
  invariant(own !== undefined, 'a subscription that is live has a summary');
  return own;
}

/** The minimum of a plan's whole usage, in the period it is billed by. */
function minimumOf(
  plan: PricedPlan,
  meters: readonly MeterSummary[],
  periodOf: (interval: Interval) => Period,
): UsageSummary['minimum'] {
  if (plan.minimum === undefined || !meters.some(({ to_plan_minimum }) => to_plan_minimum)) return null;
  const { interval } = plan.minimum;
  const whole = periodOf(interval);
  return { interval, amount_minor: planMinimumFor(plan, whole, whole), shortfall_minor: 0 };
}

/** With what all meters come to, and what they lack together. */
function summed(
  summary: Omit<UsageSummary, 'cost_so_far_minor' | 'capped_minor' | 'total_so_far_minor'>,
): UsageSummary {
  const { meters, minimum, base_amount_minor } = summary;
  const billed = (meter: MeterSummary) => meter.amount_minor - meter.capped_minor;
  const counted = meters
    .filter(({ to_plan_minimum }) => to_plan_minimum)
    .reduce((sum, meter) => sum + billed(meter), 0);
  const lacking = minimum === null ? 0 : shortfallOf(minimum.amount_minor, counted);
  const cost = meters.reduce((sum, meter) => sum + billed(meter) + meter.shortfall_minor, lacking);
  return {
    ...summary,
    minimum: minimum && { ...minimum, shortfall_minor: lacking },
    cost_so_far_minor: cost,
    capped_minor: meters.reduce((sum, meter) => sum + meter.capped_minor, 0),
    total_so_far_minor: base_amount_minor + cost,
  };
}

function chargesOf({ subscription_id, currency, meters }: UsageSummary): RunningCharge[] {
  return meters.map(({ meter_id, amount_minor, period_end_at: end_at }) => ({
    subscription_id,
    meter_id,
    end_at,
    amount_minor,
    currency,
  }));
}

/** In the order of the charges, which is that of the summaries and of their meters. */
function withCap(summaries: readonly UsageSummary[], { cap, capped, months }: CappedCharges): UsageSummary[] {
  let at = 0;
  return summaries.map((summary) => {
    const meters = summary.meters.map((meter) => {
      const capped_minor = capped[at++] ?? 0;
      // A cap bounds what usage costs, and not what was committed to.
      const shortfall_minor = shortfallOf(meter.minimum_minor, meter.amount_minor - capped_minor);
      return { ...meter, capped_minor, shortfall_minor };
    });
    const month = capMonthOf(meters[0]?.period_end_at ?? summary.period.end_at);
    const left = months.find((each) => each.month === month)?.remaining_minor ?? cap.amount_minor;
    const spend_cap = { owner: cap.owner, amount_minor: cap.amount_minor, remaining_minor: left, month };
    return summed({ ...summary, meters, spend_cap });
  });
}
