import type { CustomerRecord, Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { MeterErrorCode, MeterEventRecord, MeterRecord } from '../../store/usage-records.ts';
import { sumOf } from '../../billing/exact.ts';

/** How far back an event may lie, and how far ahead. https://docs.stripe.com/api/billing/meter-event/create */
export const OLDEST_SECONDS = 35 * 86_400;
export const AHEAD_SECONDS = 5 * 60;

const MAX_DIGITS = 15;
const MAX_PLACES = 12;

/** Half-open: events at `start` are in, those at `end` are not. */
export interface Span {
  start: Seconds;
  end: Seconds;
}

/** What an event says, checked against the meters and customers there are when it comes. */
export type Verdict =
  | { meter: MeterRecord; customer: CustomerRecord; value: string }
  | { meter: MeterRecord | null; error: MeterErrorCode };

/** The meter that listens to a name: the active one, else the last that did. */
export function meterOf(tx: Tx, event_name: string): MeterRecord | null {
  const named = tx.all('meter').filter((meter) => meter.event_name === event_name);
  return named.find((meter) => meter.status === 'active') ?? named.at(-1) ?? null;
}

function valueOf(meter: MeterRecord, payload: Record<string, string>): { value: string } | { error: MeterErrorCode } {
  if (meter.formula === 'count') return { value: '1' };
  const text = payload[meter.value_key];
  if (text === undefined || text === '') return { error: 'meter_event_value_not_found' };
  const match = /^(-?)0*(\d+)(?:\.(\d*?)0*)?$/.exec(text);
  if (match === null) return { error: 'meter_event_invalid_value' };
  const [, sign = '', whole = '0', places = ''] = match;
  if (whole.length > MAX_DIGITS || places.length > MAX_PLACES) return { error: 'meter_event_value_too_many_digits' };
  return { value: `${sign}${whole}${places === '' ? '' : `.${places}`}` };
}

/** Whether an event counts, and for whom. */
export function judge(tx: Tx, event_name: string, payload: Record<string, string>, timestamp: Seconds): Verdict {
  const meter = meterOf(tx, event_name);
  if (meter === null) return { meter, error: 'no_meter' };
  if (meter.status !== 'active') return { meter, error: 'archived_meter' };
  if (timestamp < tx.now - OLDEST_SECONDS) return { meter, error: 'timestamp_too_far_in_past' };
  if (timestamp > tx.now + AHEAD_SECONDS) return { meter, error: 'timestamp_in_future' };
  const id = payload[meter.customer_key];
  if (id === undefined || id === '') return { meter, error: 'meter_event_no_customer_defined' };
  const customer = tx.get('customer', id);
  if (customer === undefined || customer.deleted) return { meter, error: 'meter_event_customer_not_found' };
  const value = valueOf(meter, payload);
  return 'error' in value ? { meter, error: value.error } : { meter, customer, value: value.value };
}

/** The events that count for a customer in a span, in order of time; of equal times the later arrival is the later. */
export function eventsIn(tx: Tx, meter: MeterRecord, customer: string, span: Span): MeterEventRecord[] {
  const own = tx
    .all('meter_event')
    .filter(
      (event) =>
        event.meter === meter.id &&
        event.customer === customer &&
        event.state === 'accepted' &&
        event.timestamp >= span.start &&
        event.timestamp < span.end,
    );
  return own.toSorted((a, b) => a.timestamp - b.timestamp);
}

const windows = { hour: 3_600, day: 86_400 };

/** Of a meter with a time window only the last event of each window counts. */
function counted(meter: MeterRecord, events: MeterEventRecord[]): MeterEventRecord[] {
  if (meter.event_time_window === null) return events;
  const length = windows[meter.event_time_window];
  const last = new Map<number, MeterEventRecord>();
  for (const event of events) last.set(Math.floor(event.timestamp / length), event);
  return [...last.values()];
}

/** The meter's formula over events in order of time, as a decimal. */
export function aggregate(meter: MeterRecord, events: MeterEventRecord[]): string {
  const values = counted(meter, events).map((event) => event.value);
  if (meter.formula === 'last') return values.at(-1) ?? '0';
  return meter.formula === 'count' ? String(values.length) : sumOf(values);
}
