import { boundary, type Interval } from '../time/calendar.ts';
import type { Span } from './proration.ts';

type Seconds = number;

/** What a request says about when a phase runs; `now` is a time already. */
export interface AskedSpan {
  start_date: Seconds | null;
  end_date: Seconds | null;
  duration: Interval | null;
  /** Of its first price: how long a phase runs that says nothing. */
  interval: Interval;
}

/** A phase that cannot be, and which of its parameters is wrong. */
export interface PhaseFault {
  index: number;
  field: 'billing_cycle_anchor' | 'duration' | 'end_date' | 'start_date' | 'trial_end';
  message: string;
}

function endOf(asked: readonly AskedSpan[], index: number, start: Seconds): Seconds {
  const phase = asked[index];
  if (phase === undefined) throw new Error('There is no such phase.');
  if (phase.end_date !== null) return phase.end_date;
  if (phase.duration !== null) return boundary(start, phase.duration, 1);
  return asked[index + 1]?.start_date ?? boundary(start, phase.interval, 1);
}

/** Lays phases one after the other from a time on: each begins where the one before it ends, without gap or overlap. */
export function tilePhases(asked: readonly AskedSpan[], from: Seconds): Span[] | PhaseFault {
  const spans: Span[] = [];
  let start = from;
  for (const [index, phase] of asked.entries()) {
    if (phase.end_date !== null && phase.duration !== null) {
      return {
        index,
        field: 'duration',
        message: 'You may only specify one of these parameters: duration, end_date.',
      };
    }
    if (phase.start_date !== null && phase.start_date !== start) {
      return {
        index,
        field: 'start_date',
        message: 'The `start_date` of a phase must be the `end_date` of the phase before it.',
      };
    }
    const end = endOf(asked, index, start);
    if (end <= start) {
      return { index, field: 'end_date', message: 'The `end_date` of a phase must be after its `start_date`.' };
    }
    spans.push({ start, end });
    start = end;
  }
  return spans;
}

/** Which phase runs at a time; -1 before the first and after the last. */
export function phaseAt(spans: readonly { start_date: Seconds; end_date: Seconds }[], at: Seconds): number {
  return spans.findIndex((span) => span.start_date <= at && at < span.end_date);
}

/** When a phase's trial ends: with the phase when all of it is one, or within it. */
export function trialOf(
  span: Span,
  asked: { trial: boolean; trial_end: Seconds | null; anchor: string | null },
  index: number,
): { trial_end: Seconds | null } | PhaseFault {
  const { trial, trial_end, anchor } = asked;
  const fault = (message: string): PhaseFault => ({ index, field: 'trial_end', message });
  if (trial && trial_end !== null && trial_end !== span.end) {
    return fault('When `trial` is true, `trial_end` must be the `end_date` of the phase.');
  }
  const ends = trial ? span.end : trial_end;
  if (ends !== null && (ends <= span.start || ends > span.end))
    return fault('The `trial_end` must be within the phase.');
  if (ends !== null && anchor === 'phase_start') {
    return {
      index,
      field: 'billing_cycle_anchor',
      message: '`billing_cycle_anchor` cannot be `phase_start` in a phase with a trial.',
    };
  }
  return { trial_end: ends };
}

/** How a subscription stands when a phase begins, and what the phase wants of it. */
export interface EntryFacts {
  now: Seconds;
  anchor: 'automatic' | 'phase_start';
  changes_interval: boolean;
  changes_items: boolean;
  is_paused: boolean;
  period_end: Seconds;
  /** Of the subscription, and of the phase. */
  trial_end: Seconds | null;
  phase_trial_end: Seconds | null;
}

/**
 * What beginning a phase does to the billing. `settings` touches no period; `renewal` leaves the billing to the period
 * that begins in the same second, so that nothing is prorated; `change` is a change within a period.
 */
export type Entry =
  | { kind: 'settings' }
  | { kind: 'renewal'; resets_anchor: boolean }
  | { kind: 'change'; resets_anchor: boolean; trial_end: Seconds | 'now' | null };

/** Decides it. With `automatic`, the anchor moves only where the interval is another one. */
export function decideEntry(facts: EntryFacts): Entry {
  const { now, phase_trial_end } = facts;
  if (facts.is_paused) return { kind: 'settings' };
  const is_trial = facts.trial_end !== null && facts.trial_end > now;
  const wants_trial = phase_trial_end !== null && phase_trial_end > now;
  if (wants_trial && phase_trial_end !== facts.trial_end) {
    return { kind: 'change', resets_anchor: false, trial_end: phase_trial_end };
  }
  if (is_trial && !wants_trial) return { kind: 'change', resets_anchor: false, trial_end: 'now' };
  const resets_anchor = !is_trial && (facts.anchor === 'phase_start' || facts.changes_interval);
  if (facts.period_end <= now) return { kind: 'renewal', resets_anchor };
  if (!facts.changes_items && !resets_anchor) return { kind: 'settings' };
  return { kind: 'change', resets_anchor, trial_end: null };
}
