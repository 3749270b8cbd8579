import type { Aggregation, Instant } from './plan.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The usage whose pace is taken, from a full hour or the beginning to the end of the hour that runs. */
export interface PaceSpan {
  start_at: Instant;
  end_at: Instant;
  /** How long the pace is measured, milliseconds. */
  elapsed_ms: number;
}

/**
 * The last seven days before `now`, or since `began_at` where that is less long. A pace is taken of a day at least: what somebody tries
 * out in the first minute is no month of it.
 */
export function paceSpan(began_at: Instant, now: Instant): PaceSpan {
  const hour = Math.floor(now / hourMs) * hourMs;
  const start_at = Math.max(hour - 7 * dayMs, began_at);
  return { start_at, end_at: hour + hourMs, elapsed_ms: Math.max(dayMs, now - start_at) };
}

/**
 * Units at the end of a period when usage goes on as it did lately: what was used, and the pace for the rest of the time. What is no sum of
 * events (the greatest, the last, the average, how many different ones) stays as it is, and a hard quota is not passed.
 */
export function projectedUnits(of: {
  used: number;
  /** Used in the span. */
  recent: number;
  span: PaceSpan;
  aggregation: Aggregation;
  included: number;
  quota: 'soft' | 'hard';
  end_at: Instant;
  now: Instant;
}): number {
  const { used, recent, span, aggregation, included, quota, end_at, now } = of;
  if (aggregation !== 'count' && aggregation !== 'sum') return used;
  const left_ms = Math.max(0, end_at - now);
  const projected = used + Math.round((Math.max(0, recent) * left_ms) / span.elapsed_ms);
  return quota === 'hard' ? Math.max(used, Math.min(projected, included)) : projected;
}
