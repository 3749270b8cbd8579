import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bench, standing } from './harness.ts';

const START = Date.parse('2026-11-02T00:00:00Z') / 1000;
const HOUR = 3_600;
const DAY = 24 * HOUR;

interface Sent {
  at: number;
  value: number;
  canceled: boolean;
}

const sent = fc.record({
  at: fc.integer({ min: START - 3 * DAY, max: START - 1 }),
  value: fc.integer({ min: -500, max: 10_000 }).map((thousandths) => thousandths / 1_000),
  canceled: fc.boolean(),
});

/** What is left of the events of a span when each window keeps its last. Written from Stripe's description alone. */
function fold(events: Sent[], from: number, to: number, formula: string, window: number | null): number {
  const inside = events.filter((each) => !each.canceled && each.at >= from && each.at < to);
  const ordered = inside.toSorted((a, b) => a.at - b.at);
  const kept = ordered.filter((each, i) => {
    if (window === null) return true;
    return !ordered.slice(i + 1).some((later) => Math.floor(later.at / window) === Math.floor(each.at / window));
  });
  if (formula === 'count') return kept.length;
  if (formula === 'last') return kept.at(-1)?.value ?? 0;
  return kept.reduce((sum, each) => sum + Math.round(each.value * 1_000), 0) / 1_000;
}

test('a summary is the fold of the events that count, whole and window by window', { timeout: 60_000 }, async () => {
  const formulas = fc.constantFrom('count' as const, 'last' as const, 'sum' as const);
  const windows = fc.constantFrom(undefined, 'hour' as const, 'day' as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(sent, { maxLength: 25 }),
      formulas,
      windows,
      windows,
      async (events, formula, time, group) => {
        const { stripe, close } = await bench({ now: standing('2026-11-02T00:00:00Z'), frozen: true });
        const meter = await stripe.billing.meters.create({
          display_name: 'Requests',
          event_name: 'requests',
          default_aggregation: { formula },
          ...(time === undefined ? {} : { event_time_window: time }),
        });
        const customer = (await stripe.customers.create()).id;
        for (const [index, { at, value, canceled }] of events.entries()) {
          const payload = { stripe_customer_id: customer, value: String(value) };
          const identifier = `event ${index}`;
          await stripe.billing.meterEvents.create({ event_name: 'requests', payload, identifier, timestamp: at });
          if (!canceled) continue;
          await stripe.billing.meterEventAdjustments.create({
            event_name: 'requests',
            type: 'cancel',
            cancel: { identifier },
          });
        }
        const span = { customer, start_time: START - 2 * DAY, end_time: START };
        const [whole] = (await stripe.billing.meters.listEventSummaries(meter.id, span)).data;
        const window = time === undefined ? null : time === 'hour' ? HOUR : DAY;
        expect(whole?.aggregated_value).toBe(fold(events, span.start_time, span.end_time, formula, window));
        if (group !== undefined) {
          const rows = stripe.billing.meters.listEventSummaries(meter.id, {
            ...span,
            value_grouping_window: group,
            limit: 5,
          });
          const starts: number[] = [];
          for await (const row of rows) {
            starts.push(row.start_time);
            expect(row.end_time - row.start_time).toBe(group === 'hour' ? HOUR : DAY);
            expect(row.aggregated_value).toBe(fold(events, row.start_time, row.end_time, formula, window));
          }
          expect(starts).toEqual(starts.toSorted((a, b) => b - a));
        }
        await close();
      },
    ),
    { numRuns: 40 },
  );
});

test('a summary begins and ends on whole minutes, or on whole windows', async () => {
  const { stripe, close } = await bench({ now: standing('2026-11-02T00:00:00Z'), frozen: true });
  const meter = await stripe.billing.meters.create({
    display_name: 'Requests',
    event_name: 'requests',
    default_aggregation: { formula: 'sum' },
  });
  const customer = (await stripe.customers.create()).id;
  const ask = async (start_time: number, end_time: number, window?: 'day' | 'hour'): Promise<string | null> => {
    const span = { customer, start_time, end_time, ...(window === undefined ? {} : { value_grouping_window: window }) };
    return await stripe.billing.meters.listEventSummaries(meter.id, span).then(
      () => null,
      (cause: { param?: string }) => cause.param ?? '',
    );
  };
  expect([
    await ask(START - 60, START),
    await ask(START - 61, START),
    await ask(START - 60, START + 1),
    await ask(START - HOUR, START, 'hour'),
    await ask(START - HOUR, START, 'day'),
    await ask(START, START),
  ]).toEqual([null, 'start_time', 'end_time', null, 'start_time', 'end_time']);
  await close();
});
