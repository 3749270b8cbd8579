import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideEntry, type EntryFacts, phaseAt, tilePhases, trialOf } from '../src/billing/phases.ts';

const START = Date.UTC(2026, 0, 31) / 1_000;
const DAY = 86_400;
const month = { interval: 'month', interval_count: 1 } as const;

const asked = fc.record({
  start_date: fc.constant(null),
  end_date: fc.option(fc.integer({ min: START + DAY, max: START + 3_000 * DAY })),
  duration: fc.option(
    fc.record({
      interval: fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'year' as const),
      interval_count: fc.integer({ min: 1, max: 12 }),
    }),
  ),
  interval: fc.constant(month),
});

test('phases tile time: each begins where the one before it ends, and every second lies in exactly one', () => {
  fc.assert(
    fc.property(fc.array(asked, { minLength: 1, maxLength: 10 }), fc.nat(4_000 * DAY), (phases, offset) => {
      const spans = tilePhases(phases, START);
      if (!Array.isArray(spans)) {
        expect(phases[spans.index]?.end_date).not.toBeNull();
        return;
      }
      expect(spans).toHaveLength(phases.length);
      expect(spans.map((span) => span.start)).toEqual([START, ...spans.slice(0, -1).map((span) => span.end)]);
      expect(spans.every((span) => span.end > span.start)).toBe(true);
      const dated = spans.map(({ start, end }) => ({ start_date: start, end_date: end }));
      const at = START + offset;
      const holding = dated.filter((span) => span.start_date <= at && at < span.end_date);
      expect(holding).toHaveLength(at < (dated.at(-1)?.end_date ?? 0) ? 1 : 0);
      expect(phaseAt(dated, at)).toBe(holding[0] === undefined ? -1 : dated.indexOf(holding[0]));
    }),
  );
});

test('months are counted from the beginning of the phase, and a phase that says nothing lasts one interval', () => {
  const bare = { start_date: null, end_date: null, duration: null, interval: month };
  expect(tilePhases([bare, { ...bare, duration: { interval: 'month', interval_count: 3 } }], START)).toEqual([
    { start: START, end: Date.UTC(2026, 1, 28) / 1_000 },
    { start: Date.UTC(2026, 1, 28) / 1_000, end: Date.UTC(2026, 4, 28) / 1_000 },
  ]);
  const later = START + 10 * DAY;
  expect(tilePhases([bare, { ...bare, start_date: later, end_date: later + DAY }], START)).toEqual([
    { start: START, end: later },
    { start: later, end: later + DAY },
  ]);
});

test('a gap, an end before the beginning and two ends are named by phase and parameter', () => {
  const bare = { start_date: null, end_date: null, duration: null, interval: month };
  const ended = { ...bare, end_date: START + DAY };
  expect(tilePhases([ended, { ...bare, start_date: START + 2 * DAY }], START)).toMatchObject({
    index: 1,
    field: 'start_date',
  });
  expect(tilePhases([{ ...bare, end_date: START }], START)).toMatchObject({ index: 0, field: 'end_date' });
  expect(tilePhases([{ ...ended, duration: month }], START)).toMatchObject({ index: 0, field: 'duration' });
});

test('a trial lies within its phase, fills it with `trial`, and cannot begin a new cycle', () => {
  const span = { start: START, end: START + 10 * DAY };
  expect(trialOf(span, { trial: true, trial_end: null, anchor: null }, 0)).toEqual({ trial_end: span.end });
  expect(trialOf(span, { trial: false, trial_end: START + DAY, anchor: null }, 0)).toEqual({ trial_end: START + DAY });
  expect(trialOf(span, { trial: false, trial_end: null, anchor: 'phase_start' }, 0)).toEqual({ trial_end: null });
  for (const trial_end of [START, span.end + 1]) {
    expect(trialOf(span, { trial: false, trial_end, anchor: null }, 3)).toMatchObject({ index: 3, field: 'trial_end' });
  }
  expect(trialOf(span, { trial: true, trial_end: START + DAY, anchor: null }, 0)).toMatchObject({ field: 'trial_end' });
  expect(trialOf(span, { trial: true, trial_end: null, anchor: 'phase_start' }, 0)).toMatchObject({
    field: 'billing_cycle_anchor',
  });
});

const running: EntryFacts = {
  now: START,
  anchor: 'automatic',
  changes_interval: false,
  changes_items: true,
  is_paused: false,
  period_end: START + 5 * DAY,
  trial_end: null,
  phase_trial_end: null,
};

test.each([
  ['other items within a period are a change', {}, { kind: 'change', resets_anchor: false, trial_end: null }],
  [
    'at the end of a period they are left to the renewal',
    { period_end: START },
    { kind: 'renewal', resets_anchor: false },
  ],
  ['the same items touch no period', { changes_items: false }, { kind: 'settings' }],
  [
    'another interval moves the anchor',
    { changes_interval: true },
    { kind: 'change', resets_anchor: true, trial_end: null },
  ],
  [
    '`phase_start` moves it too, at a renewal as well',
    { anchor: 'phase_start', changes_items: false, period_end: START },
    { kind: 'renewal', resets_anchor: true },
  ],
  [
    'a trial begins',
    { phase_trial_end: START + DAY },
    { kind: 'change', resets_anchor: false, trial_end: START + DAY },
  ],
  [
    'a trial goes on',
    { trial_end: START + DAY, phase_trial_end: START + DAY, changes_items: false },
    { kind: 'settings' },
  ],
  ['a trial ends early', { trial_end: START + DAY }, { kind: 'change', resets_anchor: false, trial_end: 'now' }],
  [
    'a trial that is over is renewed',
    { trial_end: START, period_end: START },
    { kind: 'renewal', resets_anchor: false },
  ],
  ['what is paused is not billed', { is_paused: true, period_end: START }, { kind: 'settings' }],
] as const)('%s', (_name, facts, entry) => {
  expect(decideEntry({ ...running, ...facts })).toEqual(entry);
});
