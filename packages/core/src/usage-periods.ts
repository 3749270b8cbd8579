import { periodAt } from './period.ts';
import type { Instant, Interval } from './plan.ts';

/** A subscription's terms from an instant on: their name, and what its periods are counted from. */
export interface Phase {
  from_at: Instant;
  terms_id: string;
  billing_anchor_at: Instant;
  interval: Interval;
}

/** A time whose usage is priced together, half-open, by the terms in force when it ended. */
export interface UsagePeriod {
  start_at: Instant;
  end_at: Instant;
  terms_id: string;
}

/**
 * The usage periods that are closed at `until`, oldest first; together they tile the time from the first anchor to `until`.
 * A change of plan within a period does not divide it: its usage is priced whole, by the plan it ended on. Another anchor or
 * interval does, and closes what was begun. Time before the anchor is a trial and is not billed. `until` is a boundary of
 * the current terms, or the end of the subscription, which closes the period it falls in. The newest `most` are answered.
 */
export function usagePeriods(phases: readonly Phase[], until: Instant, most = 24): UsagePeriod[] {
  const periods: UsagePeriod[] = [];
  let end = until;
  // From the newest on: what lies long ago was billed long ago, and nothing is read further back than is answered.
  for (let index = phases.length - 1; index >= 0 && periods.length < most; index -= 1) {
    const phase = phases[index];
    if (phase === undefined) break;
    const first = firstOfRun(phases, index);
    const begin = Math.max(first.from_at, phase.billing_anchor_at);
    while (end > begin && periods.length < most) {
      const period = periodAt(phase.billing_anchor_at, phase.interval, end - 1);
      const start_at = Math.max(period.start_at, begin);
      periods.unshift({ start_at, end_at: end, terms_id: termsAt(phases, end - 1).terms_id });
      end = start_at;
    }
    index = phases.indexOf(first);
    end = Math.min(end, first.from_at);
  }
  return periods;
}

/** The earliest phase from which anchor and interval are the same without a break up to `index`. */
function firstOfRun(phases: readonly Phase[], index: number): Phase {
  const last = phases[index];
  if (last === undefined) throw new RangeError('There is no such phase.');
  let first = last;
  for (let at = index - 1; at >= 0; at -= 1) {
    const before = phases[at];
    if (before?.billing_anchor_at !== last.billing_anchor_at || before.interval !== last.interval) break;
    first = before;
  }
  return first;
}

/** The terms in force at an instant: those that began last, at it or before; the first ones for any time before them. */
export function termsAt<P extends Pick<Phase, 'from_at'>>(phases: readonly P[], at: Instant): P {
  const [first] = phases;
  if (first === undefined) throw new RangeError('A subscription has terms.');
  return phases.findLast((phase) => phase.from_at <= at) ?? first;
}
