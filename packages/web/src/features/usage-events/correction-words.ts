import { formatMoney } from '@farebox/core';
import type { UsageCorrection, UsageEvent } from '../../lib/wire-usage.ts';

/** What is to be put right of an event. */
export interface CorrectionWish {
  event: UsageEvent;
  kind: 'void' | 'correct';
  quantity?: number;
  reason: string;
}

/** What each meter made of it: `requests 5`, or why none did. */
export function countedWords({ meters }: UsageEvent): string {
  const counted = meters.flatMap(({ meter_id, amount }) => (amount === null ? [] : [`${meter_id} ${amount}`]));
  return counted.length > 0 ? counted.join(', ') : (meters[0]?.reason ?? 'no meter');
}

/** Of an event the meters that looked at it and did not count it, with their reasons. Nothing of one that no meter counts: it says why itself. */
export function uncountedWords({ meters }: UsageEvent): string[] {
  if (meters.every(({ amount }) => amount === null)) return [];
  return meters.flatMap(({ meter_id, amount, reason }) =>
    amount === null && reason !== null ? [`${meter_id} did not count it: ${reason}`] : [],
  );
}

/** What became of a bill by it: `$0.40 less on the next invoice`. */
export function effectWords({ adjustments }: UsageCorrection): string {
  if (adjustments.length === 0) return 'Nothing was billed of it yet: it costs nothing.';
  const parts = adjustments.flatMap(({ line_minor, credited_minor, currency }) => [
    ...(line_minor === 0
      ? []
      : [`${formatMoney(Math.abs(line_minor), currency)} ${line_minor < 0 ? 'less' : 'more'} on the next invoice`]),
    ...(credited_minor === 0 ? [] : [`${formatMoney(-credited_minor, currency)} back to the credit`]),
  ]);
  return `${parts.join(', ')}.`;
}
