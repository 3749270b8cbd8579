import { type Meter, eventTypesOf } from '@farebox/core';
import { type UsageRecord, mostQuantity } from './events/event.ts';

/** An event that more can be added to, as long as it was not taken to be written. */
interface Open {
  record: UsageRecord;
  /** Whole seconds since 1970. */
  second: number;
  /** How many were pushed before it. */
  place: number;
  /** Of the same key, at another endpoint or of another meter. */
  next: Open | null;
}

/** Keys that are looked for in vain at most: what was written of them is forgotten when all is written, or at this. */
const mostOpen = 200_000;
/** So many endpoints of a key are looked through; of one that names a new one with each request, every request is an event. */
const mostLooks = 16;

/**
 * What the gate lets through, summed before it is written: requests of one key at one endpoint within one second are one event of
 * as many units, under the name of the first. A second is short enough for every bound that usage is cut at, and a key that is
 * busy costs the database one row instead of thousands. Meters that look at each event for itself (the greatest, the last, the
 * average, different values) get each for itself.
 */
export function createTally(deps: {
  meters: readonly Meter[];
  /** False where there is no room. */
  push: (record: UsageRecord) => boolean;
  /** Names an event that came without a name. */
  createId: (record: UsageRecord) => string;
}) {
  const { meters, push } = deps;
  const open = new Map<string, Open>();
  let pushed = 0;
  let gone = 0;
  const summed = new Map<string, boolean>();

  function isSummed(meter_id: string): boolean {
    let is = summed.get(meter_id);
    if (is === undefined) {
      is = meters.every((meter) => !eventTypesOf(meter).includes(meter_id) || countsUnits(meter));
      summed.set(meter_id, is);
    }
    return is;
  }

  function begin(usage: Readonly<UsageRecord>): UsageRecord | null {
    const record = { ...usage };
    if (record.id === '') record.id = deps.createId(record);
    if (!push(record)) return null;
    pushed += 1;
    return record;
  }

  return {
    /** An event for itself. Copies what it keeps, and is false where there is no room, as `add`. */
    each: (usage: Readonly<UsageRecord>) => begin(usage) !== null,

    add(usage: Readonly<UsageRecord>): boolean {
      const { key_id, meter_id, endpoint, quantity } = usage;
      if (key_id === null || !isSummed(meter_id)) return begin(usage) !== null;
      const second = Math.floor(usage.occurred_at / 1000);
      const first = open.get(key_id);
      let one: Open | null = first ?? null;
      let looks = 0;
      while (one !== null && (one.record.meter_id !== meter_id || one.record.endpoint !== endpoint)) {
        looks += 1;
        if (looks === mostLooks) return begin(usage) !== null;
        one = one.next;
      }
      if (
        one !== null &&
        one.place >= gone &&
        one.second === second &&
        one.record.quantity + quantity <= mostQuantity
      ) {
        one.record.quantity += quantity;
        return true;
      }
      const record = begin(usage);
      if (record === null) return false;
      const place = pushed - 1;
      if (one === null) open.set(key_id, { record, second, place, next: first ?? null });
      else {
        one.record = record;
        one.second = second;
        one.place = place;
      }
      return true;
    },

    /** So many of what was pushed, the oldest, are being written: nothing is added to them any more. */
    taken(count: number): void {
      gone += count;
      if (gone === pushed || open.size > mostOpen) open.clear();
    },
  };
}

/** Whether a meter adds up the units of events, so that some events and one of their sum are the same to it. */
function countsUnits({ aggregation, value }: Meter): boolean {
  // What the gate says has no properties: a meter of one counts none of it.
  return value !== undefined || aggregation === 'count' || aggregation === 'sum';
}
