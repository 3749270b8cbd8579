import type { Instant } from './plan.ts';
import type { Period } from './period.ts';

type Span = Pick<Period, 'start_at' | 'end_at'>;

const dayMs = 86_400_000;

/** From this length on a period is a long one: a quarter, a year. */
export const longPeriodMs = 60 * dayMs;

/** How long before a period ends its invoice is announced. Of a long one earlier: what comes once a year is forgotten. */
export const renewalNoticeMs = { usual: 7 * dayMs, long: 30 * dayMs } as const;

export function isLongPeriod({ start_at, end_at }: Span): boolean {
  return end_at - start_at >= longPeriodMs;
}

/** When the invoice of what follows a period is announced: never before half of the period is over. */
export function renewalNoticeAt(period: Span): Instant {
  const { start_at, end_at } = period;
  const lead = isLongPeriod(period) ? renewalNoticeMs.long : renewalNoticeMs.usual;
  return end_at - Math.min(lead, Math.floor((end_at - start_at) / 2));
}
