import {
  type Currency,
  type Instant,
  type Interval,
  type PricedPlan,
  periodAt,
  rateUsage,
  type RatedLine,
} from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';

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
  currency: Currency;
  lines: RatedLine[];
  state: string;
}

export interface ReportableSubscription {
  id: string;
  customer_id: string;
  billing_anchor_at: Date;
  current_period_start_at: Date;
}

/** Billing periods that Stripe has closed, oldest first: from the anchor to the start of the current one. Bounded to the last 40: a month of days and some. */
export function closedPeriods(
  anchor: Instant,
  interval: Interval,
  currentStart: Instant,
): { start_at: Instant; end_at: Instant }[] {
  const periods: { start_at: Instant; end_at: Instant }[] = [];
  let end = currentStart;
  while (end > anchor && periods.length < 40) {
    const period = periodAt(anchor, interval, end - 1);
    periods.unshift({ start_at: period.start_at, end_at: period.end_at });
    end = period.start_at;
  }
  return periods;
}

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
  },
  subscription: ReportableSubscription,
  plan: PricedPlan,
): Promise<string[]> {
  const known = await tx
    .selectFrom('usage_report')
    .select(['meter_id', 'period_start_at'])
    .where('subscription_id', '=', subscription.id)
    .execute();
  const isKnown = (meterId: string, start: Instant) =>
    known.some((row) => row.meter_id === meterId && row.period_start_at.getTime() === start);
  const opened: string[] = [];
  for (const usage of plan.usage) {
    for (const period of closedPeriods(
      subscription.billing_anchor_at.getTime(),
      usage.interval,
      subscription.current_period_start_at.getTime(),
    )) {
      if (isKnown(usage.meter_id, period.start_at)) continue;
      const quantity = await deps.usageOfPeriod(tx, subscription.customer_id, usage.meter_id, period);
      const rated = rateUsage(usage, quantity);
      const now = deps.clock.now();
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
          amount_minor: rated.amount_minor,
          currency: plan.price.currency,
          lines: JSON.stringify(rated.lines),
          state: rated.amount_minor === 0 ? 'sent' : 'pending',
          sent_at: rated.amount_minor === 0 ? new Date(now) : null,
          created_at: new Date(now),
        })
        .onConflict((conflict) => conflict.columns(['subscription_id', 'meter_id', 'period_start_at']).doNothing())
        .returning(['id', 'state'])
        .executeTakeFirst();
      if (row?.state === 'pending') opened.push(row.id);
    }
  }
  return opened;
}

export async function reportById(db: Reader, id: string): Promise<UsageReport | null> {
  const row = await db
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
      'currency',
      'state',
    ])
    .select(sql<RatedLine[]>`lines`.as('lines'))
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
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
