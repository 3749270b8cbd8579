import type { Instant, Meter } from '@farebox/core';
import type { Tx } from '../../db/database.ts';
import { saySteps } from '../../db/rounds.ts';
import { Problem } from '../../problem.ts';
import type { StoredEvent } from '../events/event.ts';
import { type HourRow, hourMs, rollUp } from '../rollup.ts';
import { mergeRollup } from '../store.ts';
import { type EventContent, emptyHour } from './store.ts';

/** Events of an hour came at most so long after it: all of them are kept as long as this is. */
const latestMs = 42 * 86_400_000;

/**
 * Puts the hour that an event counts in right, after the event was written anew. What adds up is taken off and added, however
 * many events the hour has; a maximum, a last value or different values are found anew from the events.
 */
export async function recount(
  tx: Tx,
  deps: { meters: readonly Meter[]; event: StoredEvent; after: EventContent; kept_since: Instant },
): Promise<void> {
  const { event, after } = deps;
  const meters = new Map(deps.meters.map((meter) => [meter.id, meter]));
  const added = rollUp(meters, [{ ...event, ...after }]);
  const taken = rollUp(meters, [event]);
  for (const add of [taken.add.map(takenOff), added.add])
    await saySteps(tx, mergeRollup({ add, max: [], last: [], unique: [] }));
  const hour_at = Math.floor(event.counted_at / hourMs) * hourMs;
  const others = [taken, added].flatMap(({ max, last, unique }) => [...max, ...last, ...unique]);
  const found = new Set(others.map(({ meter_id }) => meter_id));
  if (found.size > 0 && event.counted_at < deps.kept_since + latestMs)
    throw new Problem(
      'no_change',
      'Events of that time are no longer kept whole: what the hour comes to without this one cannot be told.',
    );
  for (const meter_id of found) {
    const events = await emptyHour(tx, event.customer_id, meter_id, hour_at);
    const own = events.map((each) => ({ ...each, counted: { [meter_id]: each.counted[meter_id] ?? '0' } }));
    await saySteps(tx, mergeRollup(rollUp(meters, own)));
  }
}

function takenOff(row: HourRow): HourRow {
  const text = String(row.quantity);
  const quantity = text.startsWith('-') ? text.slice(1) : `-${text}`;
  return { ...row, quantity, events: -row.events };
}
