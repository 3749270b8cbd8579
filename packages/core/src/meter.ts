import type { Instant, Meter } from './plan.ts';

/** A value of an event's properties. */
export type PropertyValue = string | number | boolean;

/** One thing that happened, as meters see it. */
export interface MeteredEvent {
  type: string;
  /** How often it counts: a whole number, 1 of a plain event. */
  quantity: number;
  occurred_at: Instant;
  key_id: string | null;
  /** Empty when unknown. */
  endpoint: string;
  properties: Readonly<Record<string, PropertyValue>>;
}

/** Dimensions that every event has: usage of every meter can be told apart by them. */
export const ownDimensions = ['key_id', 'endpoint'] as const;

/**
 * What a meter makes of an event: the amount it adds (a decimal string; of `unique` the value itself), or why it adds none.
 * `other_type` is no fault: the event is somebody else's to count.
 */
export type Measured =
  | { counted: true; amount: string }
  | { counted: false; reason: 'other_type' | 'filtered' | 'no_value'; detail: string };

/** Types of events that a meter counts: those it names, or the one that is called as it is. */
export function eventTypesOf(meter: Pick<Meter, 'id' | 'events'>): readonly string[] {
  return meter.events ?? [meter.id];
}

/** What a meter makes of an event. A fact about the two: the same whenever it is asked. */
export function measure(meter: Meter, event: MeteredEvent): Measured {
  const types = eventTypesOf(meter);
  if (!types.includes(event.type))
    return { counted: false, reason: 'other_type', detail: `counts ${types.join(', ')}, not ${event.type}` };
  for (const [name, values] of Object.entries(meter.filters ?? {})) {
    const value = dimensionOf(event, name);
    if (!values.includes(value))
      return {
        counted: false,
        reason: 'filtered',
        detail: `takes ${name} ${values.join(' or ')}, not ${shown(value)}`,
      };
  }
  if (meter.value === undefined) return { counted: true, amount: String(event.quantity) };
  const value = event.properties[meter.value];
  if (meter.aggregation === 'unique') {
    if (value === undefined || value === '')
      return { counted: false, reason: 'no_value', detail: `needs the property ${meter.value}` };
    return { counted: true, amount: String(value) };
  }
  const amount = amountOf(value);
  if (amount === null)
    return { counted: false, reason: 'no_value', detail: `needs a number in the property ${meter.value}` };
  return { counted: true, amount };
}

/** What an event is in a dimension, as text; empty where it says nothing. */
export function dimensionOf(event: Omit<MeteredEvent, 'type' | 'quantity' | 'occurred_at'>, name: string): string {
  if (name === 'key_id') return event.key_id ?? '';
  if (name === 'endpoint') return event.endpoint;
  const value = event.properties[name];
  return value === undefined ? '' : String(value);
}

/** The dimensions by which a meter's usage can be told apart, those of every event among them. */
export function dimensionsOf(meter: Pick<Meter, 'group_by'>): string[] {
  return [...ownDimensions, ...(meter.group_by ?? []).filter((name) => !isOwn(name))];
}

/** What an event is in the dimensions that a meter keeps beside those of every event; what it does not say is left out. */
export function keptDimensions(meter: Pick<Meter, 'group_by'>, event: MeteredEvent): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of meter.group_by ?? []) {
    const value = isOwn(name) ? '' : dimensionOf(event, name);
    if (value !== '') kept[name] = value;
  }
  return kept;
}

function isOwn(name: string): boolean {
  return name === 'key_id' || name === 'endpoint';
}

/** Past it a number of JSON is not exact to the unit. */
const mostAmount = 1e15;
const plainNumber = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?$/;

/**
 * A number of an event as a decimal string, as it was written: `0.1` is a tenth and not the float beside it. Null where it is
 * no plain number of at most 15 digits before the point and 12 after it.
 */
function amountOf(value: PropertyValue | undefined): string | null {
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || Math.abs(value) >= mostAmount) return null;
    const text = String(value);
    return plainNumber.test(text) ? text : plainOf(value);
  }
  return typeof value === 'string' && plainNumber.test(value) ? value : null;
}

/** `1e-7` is written out; what needs more places is no amount. */
function plainOf(value: number): string | null {
  const text = value.toFixed(12).replace(/\.?0+$/, '');
  return Number(text) === value && plainNumber.test(text) ? text : null;
}

function shown(value: string): string {
  return value === '' ? 'one that is not said' : JSON.stringify(value.slice(0, 60));
}

/**
 * Units of a period that are billed: what was measured, to the nearest whole unit (a half upwards), and none for less than
 * none. A price is per whole unit, and nobody is paid for usage.
 */
export function billedUnits(measured: string): number {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(measured);
  if (match === null) throw new RangeError(`${JSON.stringify(measured)} is not a decimal number.`);
  const [, sign = '', whole = '0', places = '0'] = match;
  if (sign === '-') return 0;
  const units = Number(whole) + (places.charCodeAt(0) >= 53 ? 1 : 0);
  if (!Number.isSafeInteger(units)) throw new RangeError(`${measured} is more than can be billed.`);
  return units;
}

/**
 * What a meter comes to over some events, by going through them one by one: the definition that every other way of counting is
 * held against. A decimal string; of an average with at most 12 places. Of equals, `last` takes the later id.
 */
export function foldMeter(meter: Meter, events: readonly (MeteredEvent & { id: string })[]): string {
  const measured = events.flatMap((event) => {
    const found = measure(meter, event);
    return found.counted ? [{ event, amount: found.amount }] : [];
  });
  if (meter.aggregation === 'unique') return String(new Set(measured.map(({ amount }) => amount)).size);
  if (measured.length === 0) return '0';
  const exact = measured.map(({ amount }) => scaled(amount));
  if (meter.aggregation === 'max') return unscaled(exact.reduce((most, each) => (each > most ? each : most)));
  if (meter.aggregation === 'last') {
    const last = measured.reduce((found, each) => (isLater(each.event, found.event) ? each : found));
    return unscaled(scaled(last.amount));
  }
  const sum = exact.reduce((total, each) => total + each, 0n);
  if (meter.aggregation !== 'average') return unscaled(sum);
  return unscaled(divided(sum, BigInt(measured.length)));
}

function isLater(a: { occurred_at: Instant; id: string }, b: { occurred_at: Instant; id: string }): boolean {
  return a.occurred_at > b.occurred_at || (a.occurred_at === b.occurred_at && a.id > b.id);
}

const places = 12;

function scaled(amount: string): bigint {
  const [whole = '0', rest = ''] = amount.replace('-', '').split('.');
  const magnitude = BigInt(whole + rest.padEnd(places, '0'));
  return amount.startsWith('-') ? -magnitude : magnitude;
}

/** Half away from zero, as PostgreSQL rounds a numeric. */
function divided(sum: bigint, count: bigint): bigint {
  const magnitude = sum < 0n ? -sum : sum;
  const rounded = (magnitude * 2n + count) / (count * 2n);
  return sum < 0n ? -rounded : rounded;
}

function unscaled(value: bigint): string {
  const text = (value < 0n ? -value : value).toString().padStart(places + 1, '0');
  const rest = text.slice(-places).replace(/0+$/, '');
  const whole = `${value < 0n ? '-' : ''}${text.slice(0, -places)}`;
  return rest === '' ? whole : `${whole}.${rest}`;
}
