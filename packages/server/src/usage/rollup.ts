import { type Aggregation, type Instant, type Meter, keptDimensions } from '@farebox/core';
import { invariant } from '../lib/invariant.ts';
import { type Amount, amountOf, greater, plus } from './amount.ts';
import type { StoredEvent } from './events/event.ts';

/** What some events add to one hour of one meter. */
export interface HourRow {
  customer_id: string;
  meter_id: string;
  hour_at: Instant;
  key_id: string;
  endpoint: string;
  /** Canonical JSON. */
  dimensions: string;
  /** A sum, a maximum or a last value, by the meter. */
  quantity: Amount;
  events: number;
  last_at: Instant | null;
  last_id: string | null;
}

/** A value that an hour of a meter of different values has. */
export interface ValueRow extends Pick<
  HourRow,
  'customer_id' | 'meter_id' | 'hour_at' | 'key_id' | 'endpoint' | 'dimensions'
> {
  value: string;
}

/** Rows to merge, by how they are: each list in one order, so that two writers never wait for each other in a circle. */
export interface Rollup {
  add: HourRow[];
  max: HourRow[];
  last: HourRow[];
  unique: ValueRow[];
}

export const hourMs = 3_600_000;

/** What events add to the hours in which they count. */
export function rollUp(meters: ReadonlyMap<string, Meter>, events: readonly StoredEvent[]): Rollup {
  const hours: Record<'add' | 'max' | 'last', Map<string, HourRow>> = {
    add: new Map(),
    max: new Map(),
    last: new Map(),
  };
  const values = new Map<string, ValueRow>();
  for (const event of events) {
    for (const meter_id in event.counted) {
      const meter = meters.get(meter_id) ?? formerMeter(meter_id);
      const amount = event.counted[meter_id];
      invariant(amount !== undefined, 'what a meter counted has an amount');
      const hour_at = Math.floor(event.counted_at / hourMs) * hourMs;
      const dimensions = meter.group_by === undefined ? '{}' : dimensionsText(meter, event);
      const { customer_id, endpoint } = event;
      const key_id = event.key_id ?? '';
      const name = `${customer_id}\u0000${meter_id}\u0000${hour_at}\u0000${key_id}\u0000${endpoint}\u0000${dimensions}`;
      if (meter.aggregation === 'unique') {
        const place = { customer_id, meter_id, hour_at, key_id, endpoint, dimensions };
        values.set(`${name}\u0000${amount}`, { ...place, value: amount });
        continue;
      }
      const kind = kindOf(meter.aggregation);
      const known = hours[kind].get(name);
      if (known !== undefined) merge(kind, known, event, amount);
      else {
        const { last_at, last_id } = kind === 'last' ? { last_at: event.occurred_at, last_id: event.id } : neverLast;
        const quantity = amountOf(amount);
        const own = { customer_id, meter_id, hour_at, key_id, endpoint, dimensions };
        hours[kind].set(name, { ...own, quantity, events: 1, last_at, last_id });
      }
    }
  }
  return { add: inOrder(hours.add), max: inOrder(hours.max), last: inOrder(hours.last), unique: inOrder(values) };
}

/** A meter that the price list has no more and older versions of plans still count by. */
function formerMeter(id: string): Meter {
  return { id, name: id, unit: 'unit', aggregation: 'count' };
}

type Kind = 'add' | 'max' | 'last';

function kindOf(aggregation: Exclude<Aggregation, 'unique'>): Kind {
  return aggregation === 'max' || aggregation === 'last' ? aggregation : 'add';
}

const neverLast = { last_at: null, last_id: null };

/** In the order of the names, so that equal dimensions are equal texts. */
function dimensionsText(meter: Meter, event: StoredEvent): string {
  const kept = Object.entries(keptDimensions(meter, event)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(kept));
}

function merge(kind: Kind, row: HourRow, event: StoredEvent, amount: string): void {
  row.events += 1;
  if (kind === 'add') row.quantity = plus(row.quantity, amount);
  else if (kind === 'max') row.quantity = greater(row.quantity, amount);
  else if (isLater(event, row)) {
    row.quantity = amountOf(amount);
    row.last_at = event.occurred_at;
    row.last_id = event.id;
  }
}

function isLater({ occurred_at, id }: StoredEvent, { last_at, last_id }: HourRow): boolean {
  if (last_at === null || last_id === null || occurred_at > last_at) return true;
  return occurred_at === last_at && id > last_id;
}

function inOrder<T>(rows: ReadonlyMap<string, T>): T[] {
  return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}
