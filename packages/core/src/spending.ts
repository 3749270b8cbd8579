import type { Entry } from './entry.ts';
import { quotaOf } from './limit.ts';
import type { Period } from './period.ts';
import type { Instant } from './plan.ts';
import { rateUsage } from './price.ts';
import type { PricedUsage } from './priced-plan.ts';
import { type SpendCap, capMonthOf, roomUnder, unitsWithin } from './spend-cap.ts';

/** The cap over a customer's usage, with what periods that are billed have spent of it, by month. */
export interface Spending {
  cap: SpendCap;
  billed: Readonly<Record<string, number>>;
}

/** How much of a meter a cap leaves. */
export interface SpendLimit {
  cap: SpendCap;
  /** Units of the period; one more would cost more than the cap. */
  units: number;
  /** Until when it is so: what is spent in another period counts elsewhere when that one is over. */
  until_at: Instant;
}

/**
 * The cap as units of the quota's meter: with them the counter decides, at once and over all processes. What other meters cost
 * is as it was when the entry was read, which is read again while usage comes. Null: no cap is over it.
 */
export function spendLimitOf(
  entry: Entry,
  { usage, period }: { usage: PricedUsage; period: Period },
  now: Instant,
): SpendLimit | null {
  const { spending, plan } = entry;
  if (spending === null || plan === null) return null;
  const month = capMonthOf(period.end_at);
  let spent_minor = spending.billed[month] ?? 0;
  let until_at = period.end_at;
  for (const part of entry.parts ?? []) {
    const other = part === entry ? null : quotaOf(part, now);
    if (other === null || part.plan?.price.currency !== spending.cap.currency) continue;
    until_at = Math.min(until_at, other.period.end_at);
    if (capMonthOf(other.period.end_at) === month && part.quota_period_start_at === other.period.start_at)
      spent_minor += rateUsage(other.usage, part.quota_used).amount_minor;
  }
  const room = roomUnder(spending.cap, spent_minor, plan.price.currency);
  const units = room === null ? null : unitsWithin(usage, room);
  if (units === null) return null;
  // What came otherwise than through the gate is in the database and not in the counter.
  const isReached = entry.quota_period_start_at === period.start_at && entry.quota_used >= units;
  return { cap: spending.cap, units: isReached ? 0 : units, until_at };
}
