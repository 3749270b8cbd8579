import { type BilledSoFar, type Currency, type Instant, type PricedUsage, rateUsage, shortfallOf } from '@farebox/core';
import type { Reader } from '../../db/database.ts';
import { roomOfPeriod } from '../caps/room.ts';
import { spendCapsOf } from '../caps/store.ts';
import { type CountedReport, countedReports, spanOf } from './store.ts';

/** A billed period that is worked out again. */
export interface BilledPeriodOf {
  id: string;
  customer_id: string;
  subscription_id: string;
  period_start_at: Date;
  period_end_at: Date;
  currency: Currency;
  priced: PricedUsage;
  minimum_minor: number;
}

/** What is owed of usage and of what it lacks to its minimum, beside what was billed of it so far. */
export interface Owed {
  due_minor: number;
  billed: BilledSoFar;
}

/**
 * What a period owes now that its usage of one meter comes to `quantity`, under the cap of then. Where a minimum is over the plan's
 * whole usage, both are those of all its meters together, since what one costs more another may have been lacking. `measure` says
 * what usage of the others comes to now.
 */
export async function owedOf(
  db: Reader,
  report: BilledPeriodOf,
  quantity: number,
  billed: BilledSoFar,
  measure: (meterId: string, period: { start_at: Instant; end_at: Instant }) => Promise<number>,
): Promise<Owed> {
  const { id, customer_id, currency, minimum_minor } = report;
  const span = spanOf(report);
  const caps = await spendCapsOf(db, customer_id);
  const usage = await underCap(report, quantity);
  const counted =
    report.priced.overage === null ? [] : await countedReports(db, { ...report, interval: report.priced.interval });
  const over = counted.find(({ plan_minimum }) => plan_minimum !== null);
  if (over === undefined) return { due_minor: usage + shortfallOf(minimum_minor, usage), billed };
  const others = counted.filter((each) => each.id !== id);
  let sum = usage;
  for (const other of others) sum += await usageNow(other);
  return {
    due_minor: sum + shortfallOf(over.minimum_minor, sum),
    billed: {
      amount_minor: others.reduce((total, { billed_minor }) => total + billed_minor, billed.amount_minor),
      credited_minor: others.reduce((total, { credited_minor }) => total + credited_minor, billed.credited_minor),
    },
  };

  /** As it was billed, unless it was put right since. */
  async function usageNow(other: CountedReport): Promise<number> {
    const now = await measure(other.meter_id, span);
    return now === other.quantity ? other.amount_minor : await underCap(other, now);
  }

  async function underCap(of: Pick<CountedReport, 'id' | 'priced'>, units: number): Promise<number> {
    const rated = rateUsage(of.priced, units).amount_minor;
    const room = await roomOfPeriod(db, caps, { customer_id, currency, end_at: span.end_at, but: of.id });
    return Math.min(rated, room ?? rated);
  }
}
