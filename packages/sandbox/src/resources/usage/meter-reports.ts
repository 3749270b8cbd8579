import type { JsonObject } from '../../contract/json.ts';
import type { MeterErrorCode, MeterEventRecord } from '../../store/usage-records.ts';
import { type Context, schedule } from '../context.ts';
import { emitThin } from '../events/thin-events.ts';
import { grouped } from '../grouped.ts';

/** Errors are collected over windows of so many seconds of the sandbox's clock; each window ends with its reports. */
const WINDOW_SECONDS = 10;
const SAMPLES = 5;

const messages: Record<MeterErrorCode, (event: MeterEventRecord) => string> = {
  archived_meter: (event) => `The meter of the event name ${event.event_name} is not active.`,
  meter_event_customer_not_found: () => 'The customer that the payload names does not exist.',
  meter_event_invalid_value: () => 'The value in the payload is not a number.',
  meter_event_no_customer_defined: () => 'The payload has no key with the customer.',
  meter_event_value_not_found: () => 'The payload has no key with the value.',
  meter_event_value_too_many_digits: () => 'The value has more than 15 digits, or more than 12 decimal places.',
  no_meter: (event) => `No meter listens to the event name ${event.event_name}.`,
  timestamp_in_future: () => 'The timestamp is more than 5 minutes in the future.',
  timestamp_too_far_in_past: () => 'The timestamp is more than 35 days in the past.',
};

/** Sees to it that the errors of this window will be reported. */
export function planReport(context: Context): void {
  const { tx } = context;
  if (tx.all('job').some((job) => job.kind === 'meter_report')) return;
  const end = (Math.floor(tx.wall / WINDOW_SECONDS) + 1) * WINDOW_SECONDS;
  schedule({ ...context, clock: null }, end, 'meter_report', 'meter_events');
}

function errorType(code: MeterErrorCode, events: MeterEventRecord[]): JsonObject {
  return {
    code,
    error_count: events.length,
    sample_errors: events.slice(0, SAMPLES).map((event) => ({
      error_message: messages[code](event),
      request: { identifier: event.identifier },
    })),
  };
}

function reportOf(events: MeterEventRecord[], end_ms: number): JsonObject {
  const by_code = grouped(events, (event) => event.error ?? 'no_meter');
  const start = Math.min(...events.map((event) => event.received_at));
  const start_ms = (start - (start % WINDOW_SECONDS)) * 1000;
  return {
    developer_message_summary:
      events.length === 1 ? 'There is 1 invalid event.' : `There are ${events.length} invalid events.`,
    reason: {
      error_count: events.length,
      error_types: [...by_code].map(([code, each]) => errorType(code, each)),
    },
    validation_end: new Date(end_ms).toISOString(),
    validation_start: new Date(start_ms).toISOString(),
  };
}

/** A window is over: one report for each meter, and one for events that no meter listens to. */
export function reportMeterErrors(context: Context): void {
  const { tx } = context;
  const failed = tx.all('meter_event').filter((event) => event.error !== null && !event.reported);
  for (const [meter, events] of grouped(failed, (event) => event.meter)) {
    for (const event of events) tx.put('meter_event', { ...event, reported: true });
    emitThin(context, {
      type: meter === null ? 'v1.billing.meter.no_meter_found' : 'v1.billing.meter.error_report_triggered',
      data: reportOf(events, tx.now_ms),
      related_object: meter === null ? null : { id: meter, type: 'billing.meter', url: `/v1/billing/meters/${meter}` },
    });
  }
}
