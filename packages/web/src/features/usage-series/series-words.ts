import { withQuery } from '../../lib/http.ts';
import type { Meter, MeterSeries } from '../../lib/wire-usage.ts';

export type Window = 'hour' | 'day' | 'month';

/** What is asked of usage over time. */
export interface Wish {
  meter: string;
  window: Window;
  group_by: string | null;
}

/** More lines than that are no picture any more: what is left is one of them. */
const mostLines = 5;

/** What usage of a meter can be told apart by. */
export function dimensionChoices(meter: Meter | undefined): { value: string; label: string }[] {
  const own = meter?.group_by ?? [];
  return [
    { value: '', label: 'Nothing' },
    { value: 'key_id', label: 'API key' },
    { value: 'endpoint', label: 'Endpoint' },
    ...own.map((name) => ({ value: name, label: name })),
  ];
}

/** When a window begins, in the time zone the series is cut in: `14:00`, `23 Nov`, `Nov 2026`. */
export function windowLabel(
  start_at: string,
  { window, time_zone: timeZone }: Pick<MeterSeries, 'window' | 'time_zone'>,
): string {
  const shapes: Record<MeterSeries['window'], Intl.DateTimeFormatOptions> = {
    hour: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false },
    day: { day: 'numeric', month: 'short' },
    week: { day: 'numeric', month: 'short' },
    month: { month: 'short', year: 'numeric' },
  };
  return new Intl.DateTimeFormat('en-GB', { ...shapes[window], timeZone }).format(new Date(start_at));
}

/** What a group is called: the key's name, the value itself, or that nothing was said. */
export function groupLabel(value: string, group_by: string, keyNames: ReadonlyMap<string, string>): string {
  if (value === '') return group_by === 'key_id' ? 'Sent without a key' : 'Not said';
  return keyNames.get(value) ?? value;
}

/** Whether parts of usage come to its whole: a maximum or an average of parts does not. */
export function addsUp({ aggregation }: Pick<MeterSeries, 'aggregation'>): boolean {
  return aggregation === 'count' || aggregation === 'sum';
}

/** Told apart in both colour schemes; the last one is for the rest of many. */
const colors = [
  'var(--fx-brand)',
  'var(--fx-over)',
  'var(--fx-accent)',
  'var(--fx-bad)',
  'var(--fx-good)',
  'var(--fx-dim)',
];

/** What a line is drawn in; what is drawn as the rest of many has the colour of the rest. */
export function colorOf(index: number): string {
  return colors[Math.min(index, mostLines)] ?? 'var(--fx-dim)';
}

/** The lines with their colours, and one point of every line: by line name its quantity. */
export interface Lines {
  lines: { name: string; color: string }[];
  points: Record<string, string | number>[];
}

/** The lines of the picture. Of groups the largest; the rest of them is one more where parts come to the whole. */
export function linesOf(series: MeterSeries, nameOf: (value: string) => string): Lines {
  if (series.group_by === null)
    return {
      lines: [{ name: series.name, color: colorOf(0) }],
      points: series.data.map(({ start_at, quantity }) => ({
        label: windowLabel(start_at, series),
        [series.name]: quantity,
      })),
    };
  const shown = series.groups.slice(0, mostLines);
  const isRest = addsUp(series) && series.groups.length + series.more_groups > shown.length;
  const names = unique(shown.map(({ value }) => nameOf(value)));
  const points = series.data.map(({ start_at, quantity }, at) => {
    const parts = shown.map((group) => group.data[at]?.quantity ?? 0);
    const rest = quantity - parts.reduce((sum, part) => sum + part, 0);
    return {
      label: windowLabel(start_at, series),
      ...Object.fromEntries(names.map((name, index) => [name, parts[index] ?? 0])),
      ...(isRest ? { [others]: rest } : {}),
    };
  });
  const drawn = isRest ? [...names, others] : names;
  return {
    lines: drawn.map((name, index) => ({ name, color: colorOf(name === others ? mostLines : index) })),
    points,
  };
}

const others = 'All others';

/** Two keys of one name are two lines. */
function unique(names: readonly string[]): string[] {
  return names.map((name, index) => (names.indexOf(name) === index ? name : `${name} (${index + 1})`));
}

/** `12.5 %` of the whole; empty where parts do not come to it. */
export function shareOf(quantity: number, series: Pick<MeterSeries, 'aggregation' | 'quantity'>): string {
  if (!addsUp(series) || series.quantity <= 0) return '';
  return `${Math.round((quantity * 1000) / series.quantity) / 10} %`;
}

export const exports = [
  { of: 'events', format: 'csv', label: 'Every event, CSV' },
  { of: 'events', format: 'ndjson', label: 'Every event, NDJSON' },
  { of: 'hours', format: 'csv', label: 'By the hour, CSV' },
  { of: 'hours', format: 'ndjson', label: 'By the hour, NDJSON' },
] as const;

/** The file of what is shown, over the same time. */
export function exportHref(
  customer_id: string | undefined,
  series: Pick<MeterSeries, 'data' | 'end_at'>,
  { of, format }: { of: string; format: string },
): string {
  const from = series.data[0]?.start_at;
  return withQuery('/v1/usage/export', { customer_id, of, format, from, to: series.end_at });
}
