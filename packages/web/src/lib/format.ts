const counts = new Intl.NumberFormat('en-US');
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** `1,234,567` */
export function formatCount(quantity: number): string {
  return counts.format(quantity);
}

/** `1.2M`: where room is short; the exact number stands nearby. */
export function formatCompact(quantity: number): string {
  return compact.format(quantity);
}

/** `23 Nov 2026`, in UTC as billing periods are. */
export function formatDay(instant: string | number): string {
  const date = new Date(instant);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** `23 Nov` */
export function formatShortDay(instant: string | number): string {
  const date = new Date(instant);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
}

/** `14:00`, in UTC */
export function formatHour(instant: string | number): string {
  return hour.format(new Date(instant));
}

/** `23 Nov, 14:05 UTC` */
export function formatMoment(instant: string | number): string {
  return `${formatShortDay(instant)}, ${formatHour(instant)} UTC`;
}

/** The last day of a half-open period: one that ends at midnight on 1 Dec is said to run to 30 Nov. */
export function formatPeriod(start_at: string, end_at: string): string {
  return `${formatShortDay(start_at)} – ${formatDay(Date.parse(end_at) - 1)}`;
}

const steps: readonly [unit: Intl.RelativeTimeFormatUnit, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** `2 minutes ago`. The server's clock may be ahead (it can be moved in test mode): the future is `just now`. */
export function formatAgo(instant: string, now: number): string {
  const past_ms = now - Date.parse(instant);
  const step = steps.find(([, ms]) => past_ms >= ms);
  if (step === undefined) return 'just now';
  const [unit, ms] = step;
  return past_ms >= 30 * 86_400_000 ? formatDay(instant) : ago.format(-Math.floor(past_ms / ms), unit);
}
