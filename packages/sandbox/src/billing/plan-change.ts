import type { Interval } from '../time/calendar.ts';

/** What a plan costs, and how often. */
export interface Rate {
  /** In minor units, for a whole interval. */
  amount: number;
  interval: Interval;
}

/** When a change waits for the end of the period. */
export type Condition = 'decreasing_item_amount' | 'shortening_interval';

/** Twelfths of a day: a month is the twelfth part of 365 days, so that twelve months are a year. */
const lengths = { day: 12n, week: 84n, month: 365n, year: 4_380n } as const;

function lengthOf({ interval, interval_count }: Interval): bigint {
  return lengths[interval] * BigInt(interval_count);
}

/** Whether a change meets a condition; amounts of different intervals are compared by what they come to over time. */
export function waits(from: Rate, to: Rate, conditions: readonly Condition[]): boolean {
  const [was, is] = [lengthOf(from.interval), lengthOf(to.interval)];
  return conditions.some((condition) =>
    condition === 'shortening_interval' ? is < was : BigInt(to.amount) * was < BigInt(from.amount) * is,
  );
}

/** How many of a product a customer may take. */
export interface QuantityLimits {
  enabled: boolean;
  minimum: number;
  maximum: number | null;
}

/** Why a quantity cannot be taken; `null` when it can. What it is already can always stay. */
export function quantityFault(limits: QuantityLimits, quantity: number, current: number): string | null {
  if (quantity === current) return null;
  if (!limits.enabled) return `The quantity of this plan cannot be changed: it stays ${current}.`;
  if (!Number.isSafeInteger(quantity) || quantity < limits.minimum) {
    return `The quantity must be at least ${limits.minimum}.`;
  }
  if (limits.maximum !== null && quantity > limits.maximum) return `The quantity must be at most ${limits.maximum}.`;
  return null;
}
