import { formatHour, formatShortDay } from '../../lib/format.ts';
import type { UsageSeries } from '../../lib/wire.ts';

const hour_ms = 3_600_000;
const day_ms = 86_400_000;

export type View = 'period' | 'day';

export interface Period {
  start_at: string;
  end_at: string;
}

/** The part of the usage series a view asks for: whole hours, so that the question stays the same for an hour. */
export interface Range {
  window: 'hour' | 'day';
  from: string;
  to: string;
}

/**
 * The present as the chart draws it: inside the period. The two are read at different moments, and a test clock may
 * have been moved in between.
 */
export function presentIn(period: Period, now: number): number {
  const start = Date.parse(period.start_at);
  const end = Date.parse(period.end_at);
  if (now < start) return Math.min(start + day_ms, end - 1);
  return Math.min(now, end - 1);
}

/** A young period has too few days to draw: its hours are shown. */
export function defaultView(period: Period, present: number): View {
  return present - Date.parse(period.start_at) < 2 * day_ms ? 'day' : 'period';
}

export function rangeOf(view: View, period: Period, present: number): Range {
  if (view === 'period') return { window: 'day', from: period.start_at, to: period.end_at };
  const to = (Math.floor(present / hour_ms) + 1) * hour_ms;
  return { window: 'hour', from: new Date(to - day_ms).toISOString(), to: new Date(to).toISOString() };
}

/** Points of the chart. What lies ahead is null, so that the line ends at the present while the axis shows the whole period. */
export function chartPoints(series: UsageSeries, present: number): { label: string; value: number | null }[] {
  const lastUsed = series.data.findLastIndex((point) => point.quantity > 0);
  const label = series.window === 'hour' ? formatHour : formatShortDay;
  return series.data.map((point, index) => ({
    label: label(point.start_at),
    value: Date.parse(point.start_at) > present && index > lastUsed ? null : point.quantity,
  }));
}

/** The quantities up to the present: the sparkline. */
export function pastValues(series: UsageSeries, present: number): number[] {
  return chartPoints(series, present).flatMap((point) => (point.value === null ? [] : [point.value]));
}

/** One sentence that says what the picture shows. */
export function chartSummary(
  points: readonly { label: string; value: number | null }[],
  format: (n: number) => string,
): string {
  const known = points.flatMap((point) => (point.value === null ? [] : [{ label: point.label, value: point.value }]));
  const total = known.reduce((sum, point) => sum + point.value, 0);
  if (total === 0) return 'No requests yet.';
  const top = known.reduce((best, point) => (point.value > best.value ? point : best));
  return `${format(total)} in total, most at ${top.label}: ${format(top.value)}.`;
}
