import { round } from './exact.ts';
import type { ProrationExplanation, Reason } from '../store/change-records.ts';

/** A span of time in whole seconds: from `start` up to, not including, `end`. */
export interface Span {
  start: number;
  end: number;
}

/** What prorating comes to, and why. */
export interface Prorated {
  /** In minor units; a credit is negative. */
  amount: number;
  explanation: ProrationExplanation;
}

function utc(at: number): string {
  return `${new Date(at * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function reasons(amount: number, part: Span, period: Span, because: readonly Reason[]): Reason[] {
  const seconds = Math.max(0, part.end - part.start);
  return [
    { says: 'the whole period costs', amount, because: [...because] },
    { says: `${seconds} seconds, from ${utc(part.start)} to ${utc(part.end)}`, amount: null, because: [] },
    {
      says: `of ${period.end - period.start} seconds, from ${utc(period.start)} to ${utc(period.end)}`,
      amount: null,
      because: [],
    },
  ];
}

/**
 * The share of a period's amount that falls on a part of it: to the second, exact, rounded once. Knows nothing of
 * subscriptions; `amount` is what the whole `period` costs, and `because` is why.
 */
export function prorate(
  kind: 'charge' | 'credit',
  amount: number,
  part: Span,
  period: Span,
  because: readonly Reason[] = [],
): Prorated {
  const seconds = Math.max(0, part.end - part.start);
  const of_seconds = period.end - period.start;
  if (of_seconds <= 0) throw new Error('A period has no length.');
  const sign = kind === 'credit' ? -1n : 1n;
  const result = round({ n: sign * BigInt(amount) * BigInt(seconds), d: BigInt(of_seconds) });
  const share = `${amount} × ${seconds} ÷ ${of_seconds}`;
  const formula = `${kind === 'credit' ? `-(${share})` : share} = ${result}`;
  const explanation = { amount, seconds, of_seconds, formula, because: reasons(amount, part, period, because) };
  return { amount: result, explanation };
}
