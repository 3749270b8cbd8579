import {
  type Instant,
  type Interval,
  type Meter,
  type Period,
  type RatedLine,
  overridesAt,
  periodAt,
  rateUsage,
  withOverrides,
} from '@farebox/core';
import { overridesOf } from '../customers/overrides/store.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { customerExists, livePlan, usageByWindow, usageOfScopes } from './store.ts';

export interface UsageSummary {
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

export interface UsageSeries {
  meter_id: string;
  window: 'hour' | 'day';
  data: { start_at: Instant; quantity: number }[];
}

const windowMs = { hour: 3_600_000, day: 86_400_000 };
/** What a series shows when it is not told from when. */
const defaultPoints = { hour: 48, day: 30 };
const mostPoints = 1000;

/** What was used and what it costs, per what is written. */
export function createUsageReader(deps: { db: Pick<Database, 'kysely'>; clock: Clock; meters: readonly Meter[] }) {
  const { db, clock, meters } = deps;
  return {
    /** The current billing period: per meter of the plan what was used, what is left and what it costs so far. */
    async summary(customerId: string): Promise<UsageSummary> {
      const live = await livePlan(db.kysely, customerId);
      if (live === null && !(await customerExists(db.kysely, customerId))) throw noSuchCustomer();
      if (live === null)
        throw new Problem('subscription_required', 'There is no subscription, and so no billing period.');
      const plan = withOverrides(live.plan, overridesAt(await overridesOf(db.kysely, customerId), clock.now()));
      const periodOf = (interval: Interval) => periodAt(live.billing_anchor_at, interval, clock.now());
      // The quota's period, which a yearly price has twelve of; of several quotas, that of the first.
      const period = periodOf(plan.usage[0]?.interval ?? plan.price.interval);
      const scopes = plan.usage.map(({ meter_id, interval }) => ({
        ...periodOf(interval),
        customer_id: customerId,
        meter_id,
      }));
      const used = await usageOfScopes(db.kysely, scopes);
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
      const base = live.base_minor;
      return {
        period,
        currency: plan.price.currency,
        meters: summaries,
        base_amount_minor: base,
        cost_so_far_minor: cost,
        total_so_far_minor: base + cost,
      };
    },

    /** One meter over time: every hour or day (UTC) from the one that holds `from` to the one before `to`'s end, zeros included. */
    async series(
      customerId: string,
      asked: {
        meter_id?: string | undefined;
        window: 'hour' | 'day';
        from?: Instant | undefined;
        to?: Instant | undefined;
      },
    ): Promise<UsageSeries> {
      const meter_id = meterOf(meters, asked.meter_id);
      const step = windowMs[asked.window];
      const end_at = Math.ceil((asked.to ?? clock.now() + 1) / step) * step;
      const start_at =
        asked.from === undefined ? end_at - defaultPoints[asked.window] * step : Math.floor(asked.from / step) * step;
      const points = (end_at - start_at) / step;
      if (points <= 0) throw new Problem('invalid_request', 'from: Must lie before `to`.', { param: 'from' });
      if (points > mostPoints) {
        throw new Problem('invalid_request', `from: At most ${mostPoints} points in one answer.`, { param: 'from' });
      }
      if (!(await customerExists(db.kysely, customerId))) throw noSuchCustomer();
      const found = await usageByWindow(
        db.kysely,
        { customer_id: customerId, meter_id, start_at, end_at },
        asked.window,
      );
      const quantities = new Map(found.map((point) => [point.start_at, point.quantity]));
      const data = Array.from({ length: points }, (_, index) => {
        const at = start_at + index * step;
        return { start_at: at, quantity: quantities.get(at) ?? 0 };
      });
      return { meter_id, window: asked.window, data };
    },
  };
}

/** As `customerScope` answers for a customer that is not the caller's. */
function noSuchCustomer(): Problem {
  return new Problem('not_found', 'There is no such customer.', { param: 'customer_id' });
}

function meterOf(meters: readonly Meter[], asked: string | undefined): string {
  const known = asked === undefined ? meters[0] : meters.find(({ id }) => id === asked);
  if (known !== undefined) return known.id;
  const names = meters.map(({ id }) => id).join(', ');
  throw new Problem('invalid_request', `meter: There is no such meter. There are: ${names}.`, { param: 'meter' });
}
