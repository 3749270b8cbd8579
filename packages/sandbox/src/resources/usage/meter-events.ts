import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { rejectedByFault } from '../../faults/meter-rejections.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import type { FormValue } from '../../http/form.ts';
import { integer, list, oneOf, type Param, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { MeterEventRecord } from '../../store/usage-records.ts';
import { atTime, clockOfCustomer, onClock } from '../../time/test-clock.ts';
import { watchThresholds } from '../subscriptions/thresholds.ts';
import { ringAlerts } from './alerts.ts';
import type { Context } from '../context.ts';
import { planReport } from './meter-reports.ts';
import { AHEAD_SECONDS, judge, meterOf, OLDEST_SECONDS } from './meter-usage.ts';

/** How long an identifier stays taken, and how long an event can be canceled. */
const DAY = 86_400;
const SESSION_MS = 15 * 60_000;

/** Names and values of text, as many as are sent. */
const payloadParam: Param<Record<string, string>> = {
  read(value: FormValue, path: string) {
    if (typeof value === 'string' || Array.isArray(value)) throw invalidParam('Invalid object', path);
    const read: Record<string, string> = {};
    for (const [key, each] of Object.entries(value)) {
      if (typeof each !== 'string') throw invalidParam(`Invalid string: ${JSON.stringify(each)}`, `${path}[${key}]`);
      read[key] = each;
    }
    return read;
  },
};

/** A time as v2 writes it, in seconds. */
const instantParam: Param<Seconds> = {
  read(value, path) {
    const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(at)) throw invalidParam('Invalid timestamp: it must be an RFC 3339 date and time.', path);
    return Math.floor(at / 1000);
  },
};

interface Sent {
  event_name: string;
  payload: Record<string, string>;
  identifier: string | undefined;
  timestamp: Seconds | undefined;
}

/** The time of the customer that an event names: a test clock's, if there is one. */
function ownTime(tx: Tx, sent: Sent): Tx {
  const key = meterOf(tx, sent.event_name)?.customer_key ?? 'stripe_customer_id';
  const clock = clockOfCustomer(tx, sent.payload[key]);
  return clock === null ? tx : atTime(tx, clock.frozen_ms);
}

function isTaken(tx: Tx, identifier: string): boolean {
  const held = tx.get('meter_identifier', identifier);
  return held !== undefined && held.received_at > tx.wall - DAY;
}

/** The prices of the subscription items that a meter's usage is billed by, as they are now. */
function pricesNow(tx: Tx, customer: string, meter: string): Record<string, string> {
  const live = tx.all('subscription').filter((each) => each.customer === customer && each.ended_at === null);
  const items = live.flatMap((each) => each.items);
  const metered = items.filter((item) => tx.get('price', item.price)?.recurring?.meter === meter);
  return Object.fromEntries(metered.map((item) => [item.id, item.price]));
}

/** Takes an event in. Whether it counts is decided now and told later. */
function take(context: Context, sent: Sent): MeterEventRecord {
  const { tx } = context;
  const own = ownTime(tx, sent);
  const timestamp = sent.timestamp ?? own.now;
  const judged = judge(own, sent.event_name, sent.payload, timestamp);
  const struck = rejectedByFault(context);
  const meter = struck === 'no_meter' ? null : judged.meter;
  const verdict = struck === null ? judged : { error: struck, meter };
  const facts = {
    id: tx.newId('mev_'),
    event_name: sent.event_name,
    identifier: sent.identifier ?? tx.newId('', 32),
    payload: sent.payload,
    received_at: tx.wall,
    timestamp,
  };
  tx.put('meter_identifier', { id: facts.identifier, event: facts.id, received_at: tx.wall });
  if ('error' in verdict) {
    planReport(context);
    return tx.put('meter_event', {
      ...facts,
      customer: null,
      error: verdict.error,
      meter: verdict.meter?.id ?? null,
      prices: {},
      reported: false,
      state: 'rejected',
      value: '0',
    });
  }
  const event = tx.put('meter_event', {
    ...facts,
    customer: verdict.customer.id,
    error: null,
    meter: verdict.meter.id,
    prices: pricesNow(tx, verdict.customer.id, verdict.meter.id),
    reported: true,
    state: 'accepted',
    value: verdict.value,
  });
  ringAlerts(context, verdict.meter, verdict.customer.id);
  watchThresholds(onClock(context, clockOfCustomer(tx, verdict.customer.id)), verdict.customer.id);
  return event;
}

/** What is checked before an event is taken: its time and its identifier. All else is checked afterwards. */
function checkSent(tx: Tx, sent: Sent, duplicate_code: string | null): void {
  const { now } = ownTime(tx, sent);
  const { timestamp = now, identifier } = sent;
  if (timestamp < now - OLDEST_SECONDS) {
    throw invalidParam(
      `The event timestamp cannot be more than 35 days in past. Expected a timestamp greater than or equal to ${now - OLDEST_SECONDS}.`,
      'timestamp',
    );
  }
  if (timestamp > now + AHEAD_SECONDS) {
    throw invalidParam(
      `The event timestamp cannot be more than 5 minutes in future. Expected a timestamp less than or equal to ${now + AHEAD_SECONDS}.`,
      'timestamp',
    );
  }
  if (identifier !== undefined && isTaken(tx, identifier)) {
    throw invalid(`An event already exists with identifier ${identifier}.`, {
      should_retry: false,
      ...(duplicate_code === null ? {} : { code: duplicate_code }),
    });
  }
}

const eventTable = { event_name: text(100), identifier: text(100), payload: payloadParam };
const v1Table = { ...eventTable, timestamp: integer(0) };
const v2Table = { ...eventTable, timestamp: instantParam };

function sentBy(params: Read<typeof v1Table>): Sent {
  const { event_name = '', payload = {}, identifier, timestamp } = params;
  return { event_name, payload, identifier, timestamp };
}

function iso(at: Seconds): string {
  return new Date(at * 1000).toISOString();
}

function create(context: Context, params: Read<typeof v1Table>): Wire<Stripe.Billing.MeterEvent> {
  const sent = sentBy(params);
  checkSent(context.tx, sent, null);
  const { event_name, identifier, payload, timestamp, received_at: created } = take(context, sent);
  return { object: 'billing.meter_event', created, event_name, identifier, livemode: false, payload, timestamp };
}

function createV2(context: Context, params: Read<typeof v2Table>): Wire<Stripe.V2.Billing.MeterEvent> {
  const sent = sentBy(params);
  checkSent(context.tx, sent, 'duplicate_meter_event');
  const event = take(context, sent);
  return {
    object: 'v2.billing.meter_event',
    created: iso(event.received_at),
    event_name: event.event_name,
    identifier: event.identifier,
    livemode: false,
    payload: event.payload,
    timestamp: iso(event.timestamp),
  };
}

const cancelTable = {
  cancel: shape({ identifier: text(100) }),
  event_name: text(100),
  type: oneOf(['cancel']),
};

/** Takes an event back. What is on a finalized invoice stays there. */
function cancel(context: Context, params: Read<typeof cancelTable>): { identifier: string; event_name: string } {
  const { tx } = context;
  const identifier = params.cancel?.identifier;
  if (identifier === undefined) {
    throw invalidParam('Missing required param: cancel[identifier].', 'cancel[identifier]', 'parameter_missing');
  }
  const event_name = params.event_name ?? '';
  const held = tx.get('meter_identifier', identifier);
  const event = held === undefined ? undefined : tx.need('meter_event', held.event);
  if (event === undefined || event.event_name !== event_name) {
    throw invalid(`No meter event named ${event_name} exists with identifier ${identifier}.`, {
      code: 'resource_missing',
      param: 'cancel[identifier]',
    });
  }
  if (event.received_at < tx.wall - DAY) {
    throw invalid('Meter events can only be canceled within 24 hours of being received.', {
      param: 'cancel[identifier]',
    });
  }
  if (event.state === 'canceled') throw invalid(`The meter event ${identifier} has already been canceled.`);
  tx.put('meter_event', { ...event, state: 'canceled' });
  return { identifier, event_name };
}

function session(context: Context): Wire<Stripe.V2.Billing.MeterEventSession> {
  const { tx } = context;
  const made = tx.put('meter_session', {
    id: tx.newId('mes_test_'),
    created_ms: tx.wall * 1000,
    expires_at_ms: tx.wall * 1000 + SESSION_MS,
    token: tx.newId('token_test_', 40),
  });
  return {
    id: made.id,
    object: 'v2.billing.meter_event_session',
    authentication_token: made.token,
    created: new Date(made.created_ms).toISOString(),
    expires_at: new Date(made.expires_at_ms).toISOString(),
    livemode: false,
  };
}

export const meterEventRoutes = [
  route('POST /v1/billing/meter_events', v1Table, create),
  route('POST /v1/billing/meter_event_adjustments', cancelTable, (context, params) => {
    const { identifier, event_name } = cancel(context, params);
    return {
      object: 'billing.meter_event_adjustment',
      cancel: { identifier },
      event_name,
      livemode: false,
      status: 'complete',
      type: 'cancel',
    } satisfies Wire<Stripe.Billing.MeterEventAdjustment>;
  }),
  route('POST /v2/billing/meter_events', v2Table, createV2),
  route('POST /v2/billing/meter_event_adjustments', cancelTable, (context, params) => {
    const { identifier, event_name } = cancel(context, params);
    return {
      id: context.tx.newId('mea_test_'),
      object: 'v2.billing.meter_event_adjustment',
      cancel: { identifier },
      created: iso(context.tx.wall),
      event_name,
      livemode: false,
      status: 'complete',
      type: 'cancel',
    } satisfies Wire<Stripe.V2.Billing.MeterEventAdjustment>;
  }),
  route('POST /v2/billing/meter_event_session', {}, session),
  // The stream checks everything afterwards; an identifier that is taken counts once.
  route('POST /v2/billing/meter_event_stream', { events: list(shape(v2Table), 100) }, (context, params) => {
    for (const event of params.events ?? []) {
      const sent = sentBy(event);
      if (sent.identifier === undefined || !isTaken(context.tx, sent.identifier)) take(context, sent);
    }
    return {};
  }),
];
