import type { Currency, Instant } from './plan.ts';
import { rateUsage } from './price.ts';
import type { PricedUsage } from './priced-plan.ts';

/** Who set a cap: the customer its own, the seller one for a customer. */
export type CapOwner = 'customer' | 'seller';

/** What an owner said from an instant on; null: no cap any more. Minor units. */
export interface SpendCapFrom {
  owner: CapOwner;
  from_at: Instant;
  amount_minor: number | null;
  currency: Currency;
}

/** The cap that counts, and whose it is. */
export interface SpendCap {
  owner: CapOwner;
  amount_minor: number;
  currency: Currency;
}

/** What is in force at `at`: of each owner the newest that began by then, and of both the lower one. */
export function spendCapAt(history: readonly SpendCapFrom[], at: Instant): SpendCap | null {
  let lowest: SpendCap | null = null;
  for (const owner of ['customer', 'seller'] as const) {
    const begun = history.filter((each) => each.owner === owner && each.from_at <= at);
    const last = begun.toSorted((a, b) => a.from_at - b.from_at).at(-1);
    if (last === undefined || last.amount_minor === null) continue;
    const { amount_minor, currency } = last;
    if (lowest === null || amount_minor < lowest.amount_minor) lowest = { owner, amount_minor, currency };
  }
  return lowest;
}

/**
 * The month that a usage period counts in, `2026-11`, in UTC: the one it ends in. A cap bounds what all periods of one month
 * cost together, whichever meters and subscriptions they are of, so that each period has exactly one cap over it.
 */
export function capMonthOf(period_end_at: Instant): string {
  return new Date(period_end_at - 1).toISOString().slice(0, 7);
}

/** What is left under a cap for usage that costs in this currency; null: there is no cap over it. */
export function roomUnder(cap: SpendCap | null, spent_minor: number, currency: Currency): number | null {
  if (cap === null || cap.currency !== currency) return null;
  return Math.max(0, cap.amount_minor - spent_minor);
}

/** What of charges is not billed: each takes what the ones before it left under the cap of its month. */
export function cappedParts(
  charges: readonly { month: string; amount_minor: number; currency: Currency }[],
  cap: SpendCap | null,
  spent: Readonly<Record<string, number>>,
): number[] {
  const sums = new Map(Object.entries(spent));
  return charges.map(({ month, amount_minor, currency }) => {
    const before = sums.get(month) ?? 0;
    const room = roomUnder(cap, before, currency) ?? amount_minor;
    const billed = Math.min(amount_minor, room);
    sums.set(month, before + billed);
    return amount_minor - billed;
  });
}

/** More than any period has. */
const mostUnits = 1_000_000_000_000_000;

/**
 * How many units of a period cost at most `room_minor`, as they are billed: one more would cost more. What is included costs
 * nothing. Under volume tiers a unit that makes all before it cheaper is not reached by passing what costs too much. Null: no
 * number of units costs more.
 */
export function unitsWithin(usage: PricedUsage, room_minor: number): number | null {
  const fits = (units: number) => rateUsage(usage, units).amount_minor <= room_minor;
  const price = usage.overage;
  if (price === null) return null;
  const ends = price.type === 'volume' ? price.tiers.flatMap(({ up_to }) => up_to ?? []) : [];
  let from = usage.included;
  for (const end of [...ends.map((up_to) => usage.included + up_to), mostUnits]) {
    const last = lastFitting(from, end, fits);
    if (last < end) return last;
    from = end;
  }
  return null;
}

/** Of `from` to `end` the last that fits, where what follows one that does not fit does not either. */
function lastFitting(from: number, end: number, fits: (units: number) => boolean): number {
  let low = from;
  let step = 1;
  // In steps that double: an amount far above what is asked for is never worked out.
  while (low < end && fits(Math.min(end, low + step))) {
    low = Math.min(end, low + step);
    step *= 2;
  }
  let high = Math.min(end, low + step);
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
