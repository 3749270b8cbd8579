import { billedUnits } from './meter.ts';
import { addDecimal } from './money.ts';
import type { Instant } from './plan.ts';
import { rateUsage } from './price.ts';
import type { PricedUsage } from './priced-plan.ts';

/** What a meter came to in one hour of a period: a decimal string, as it is added up. */
export interface CountedHour {
  hour_at: Instant;
  quantity: string;
}

/** Whole units of one hour, as Stripe's meter is told of them. */
export interface HourUnits {
  hour_at: Instant;
  units: number;
}

/**
 * What of a period is to be sent to Stripe's meter, hour by hour, so that all that was sent comes to what is billed of it. `sent` is
 * what was sent of it before, in any order; several of one hour add up. `most`: the units that a spend cap leaves; null: there is
 * none. Nothing is ever taken back: what was sent too much is made up for by later hours, and what no hour makes up for is a
 * line of its own.
 */
export function unitsToSend(
  counted: readonly CountedHour[],
  sent: readonly HourUnits[],
  most: number | null,
): HourUnits[] {
  const hours = counted.toSorted((a, b) => a.hour_at - b.hour_at);
  const before = sent.toSorted((a, b) => a.hour_at - b.hour_at);
  const within = (units: number) => Math.min(units, most ?? units);
  const due = within(billedUnits(hours.reduce((sum, { quantity }) => addDecimal(sum, quantity), '0')));
  let left = due - before.reduce((sum, { units }) => sum + units, 0);
  let total = '0';
  let reached = 0;
  let next = 0;
  const found: HourUnits[] = [];
  for (const { hour_at, quantity } of hours) {
    total = addDecimal(total, quantity);
    for (let each = before[next]; each !== undefined && each.hour_at <= hour_at; each = before[next]) {
      reached += each.units;
      next += 1;
    }
    const units = Math.min(within(billedUnits(total)) - reached, left);
    if (units <= 0) continue;
    found.push({ hour_at, units });
    reached += units;
    left -= units;
  }
  return found;
}

/** Units that were sent under one price. A change of plan within a period makes two of them, and Stripe rates each alone. */
export interface SentUnder {
  usage: PricedUsage;
  units: number;
}

/** What Stripe's own lines come to for what it was told. */
export function meteredMinor(sent: readonly SentUnder[]): number {
  return sent.reduce((sum, { usage, units }) => sum + rateUsage(usage, units).amount_minor, 0);
}
