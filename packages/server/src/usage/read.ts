import {
  type Interval,
  type Meter,
  type Period,
  type RatedLine,
  type UsageCharge,
  periodAt,
  rateUsage,
} from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { effectivePlan } from '../subscriptions/effective.ts';
import { oneOf } from '../subscriptions/held.ts';
import { type SubscriptionWithPlan, liveWithPlans } from '../subscriptions/store.ts';
import { createSeries, noSuchCustomer } from './series.ts';
import type { AskedScope } from './service.ts';
import { customerExists } from './store.ts';

export interface UsageSummary {
  /** Of the subscription it is about. */
  group: string;
  subscription_id: string;
  period: Period;
  currency: string;
  meters: MeterSummary[];
  /** What the plan costs without usage. */
  base_amount_minor: number;
  /** What usage past the included amounts adds so far. */
  cost_so_far_minor: number;
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
  lines: RatedLine[];
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
      const summaries = await Promise.all((await begunBy(customerId)).map(summaryOf));
      return summaries.flatMap(({ meters: used }) =>
        used.map(({ meter_id, amount_minor }) => ({ meter_id, amount_minor })),
      );
    },

    /**
     * The current billing period of a subscription: per meter of the plan what was used, what is left and what it costs so far.
     * Of several groups one is named.
     */
    async summary(customerId: string, group?: string): Promise<UsageSummary> {
      const live = await begunBy(customerId);
      if (live.length === 0 && !(await customerExists(db.kysely, customerId))) throw noSuchCustomer();
      const row = oneOf(live, group);
      if (row === null)
        throw new Problem('subscription_required', 'There is no subscription, and so no billing period.');
      return await summaryOf(row);
    },
  };

  /** What a customer is subscribed to, without what was never paid. */
  async function begunBy(customerId: string): Promise<SubscriptionWithPlan[]> {
    return (await liveWithPlans(db.kysely, customerId)).filter(({ status }) => status !== 'incomplete');
  }

  async function summaryOf(row: SubscriptionWithPlan): Promise<UsageSummary> {
    const plan = await effectivePlan(db.kysely, row, clock.now());
    const anchor = row.billing_anchor_at.getTime();
    const periodOf = (interval: Interval) => periodAt(anchor, interval, clock.now());
    // The quota's period, which a yearly price has twelve of; of several quotas, that of the first.
    const period = periodOf(plan.usage[0]?.interval ?? plan.price.interval);
    const scopes = plan.usage.map(({ meter_id, interval }) => ({
      ...periodOf(interval),
      customer_id: row.customer_id,
      meter_id,
    }));
    const used = await deps.usedInPeriods(scopes);
    const summaries = plan.usage.map((usage, index): MeterSummary => {
      const { included_used, ...rated } = rateUsage(usage, used[index] ?? 0);
      const meter = meters.find(({ id }) => id === usage.meter_id);
      const remaining = rated.included - included_used;
      return {
        ...rated,
        name: meter?.name ?? usage.meter_id,
        unit: meter?.unit ?? 'unit',
        quota: usage.quota,
        remaining,
      };
    });
    const cost = summaries.reduce((sum, meter) => sum + meter.amount_minor, 0);
    const base = [{ plan: row.plan, quantity: row.quantity }, ...row.held_add_ons].reduce(
      (sum, { plan: { price }, quantity }) => sum + price.amount_minor * quantity,
      0,
    );
    return {
      group: row.group,
      subscription_id: row.id,
      period,
      currency: plan.price.currency,
      meters: summaries,
      base_amount_minor: base,
      cost_so_far_minor: cost,
      total_so_far_minor: base + cost,
    };
  }
}
