import { formatCount } from '../../lib/format.ts';
import type { Answers } from '../../lib/wire-usage.ts';
import type { Tone } from '../../ui/Status.tsx';

export type Span = 'day' | 'week' | 'month';

/** A figure and its unit stand on one line. */
const space = '\u00a0';
const dayMs = 86_400_000;
export const spanMs: Record<Span, number> = { day: dayMs, week: 7 * dayMs, month: 30 * dayMs };

/** 499: the caller left before there was an answer. */
export function statusTone(status: number): Tone {
  if (status >= 500) return 'bad';
  if (status >= 400) return 'warn';
  return status < 300 ? 'good' : 'neutral';
}

/** A percentile is told by the bound it is under; null is over every bound. */
export function latencyText(ms: number | null): string {
  return ms === null ? `>${space}30${space}s` : `≤${space}${durationText(ms)}`;
}

export function durationText(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toFixed(1))}${space}s` : `${ms}${space}ms`;
}

/** `1,204 answers, 12 of them failures of the API.` */
export function sumText(rows: Answers['data']): string {
  const sum = (some: Answers['data']): number => some.reduce((total, { answers }) => total + answers, 0);
  const all = sum(rows);
  const failed = sum(rows.filter(({ status }) => status >= 500));
  const failures =
    failed === 0
      ? 'none of them a failure'
      : `${formatCount(failed)} of them ${failed === 1 ? 'a failure' : 'failures'}`;
  return `${formatCount(all)} ${all === 1 ? 'answer' : 'answers'}, ${failures} of the API.`;
}
