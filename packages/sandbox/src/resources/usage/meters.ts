import type Stripe from 'stripe';
import { missingParam } from '../../contract/contract.ts';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { type List, page, pageParams } from '../../http/lists.ts';
import { integer, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { Tx } from '../../store/store.ts';
import type { MeterRecord } from '../../store/usage-records.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { findMeter, renderMeter } from './meter-render.ts';
import { aggregate, eventsIn, type Span } from './meter-usage.ts';

const MINUTE = 60;
const groups = { hour: 3_600, day: 86_400 };

/** One active meter listens to an event name. */
function claimName(tx: Tx, event_name: string): string {
  const holder = tx.all('meter').find((meter) => meter.event_name === event_name && meter.status === 'active');
  if (holder !== undefined) {
    throw invalid(`An active meter (\`${holder.id}\`) already exists with the event name ${event_name}.`, {
      param: 'event_name',
    });
  }
  return event_name;
}

const createTable = {
  customer_mapping: shape({ event_payload_key: text(100), type: oneOf(['by_id']) }),
  default_aggregation: shape({ formula: oneOf(['count', 'last', 'sum']) }),
  display_name: text(250),
  event_name: text(100),
  event_time_window: oneOf(['day', 'hour']),
  value_settings: shape({ event_payload_key: text(100) }),
};

function create(context: Context, params: Read<typeof createTable>): Wire<Stripe.Billing.Meter> {
  const { tx } = context;
  const formula = params.default_aggregation?.formula ?? 'sum';
  if (formula === 'count' && params.value_settings !== undefined) {
    throw invalidParam('A meter that counts events has no `value_settings`.', 'value_settings');
  }
  const meter = tx.put('meter', {
    id: tx.newId('mtr_test_', 26),
    created: tx.now,
    updated: tx.now,
    customer_key: params.customer_mapping?.event_payload_key ?? 'stripe_customer_id',
    deactivated_at: null,
    display_name: params.display_name ?? '',
    event_name: claimName(tx, params.event_name ?? ''),
    event_time_window: params.event_time_window ?? null,
    formula,
    status: 'active',
    value_key: params.value_settings?.event_payload_key ?? 'value',
  });
  emit(context, 'billing.meter.created', renderMeter(meter));
  return renderMeter(meter);
}

function setStatus(context: Context, id: string, status: MeterRecord['status']): Wire<Stripe.Billing.Meter> {
  const { tx } = context;
  const old = findMeter(tx, id);
  if (old.status === status) {
    throw invalid(`You cannot ${status === 'active' ? 'reactivate' : 'deactivate'} a meter that is ${status}.`);
  }
  if (status === 'active') claimName(tx, old.event_name);
  const deactivated_at = status === 'active' ? null : tx.now;
  const meter = tx.put('meter', { ...old, deactivated_at, status, updated: tx.now });
  const type = status === 'active' ? 'billing.meter.reactivated' : 'billing.meter.deactivated';
  emitUpdate(context, type, renderMeter(old), renderMeter(meter));
  return renderMeter(meter);
}

const summaryTable = {
  ...pageParams,
  customer: text(),
  end_time: integer(0),
  start_time: integer(0),
  value_grouping_window: oneOf(['day', 'hour']),
};

function spanOf(params: Read<typeof summaryTable>): Span {
  const { start_time: start, end_time: end, value_grouping_window: window } = params;
  if (start === undefined) throw missingParam('start_time');
  if (end === undefined) throw missingParam('end_time');
  const step = window === undefined ? MINUTE : groups[window];
  const misaligned = start % step !== 0 ? 'start_time' : end % step !== 0 ? 'end_time' : null;
  if (misaligned !== null) {
    const name = window === undefined ? 'minute' : window === 'day' ? 'daily UTC' : 'hourly';
    throw invalidParam(`The \`${misaligned}\` must be aligned with ${name} boundaries.`, misaligned);
  }
  if (end <= start) throw invalidParam('The `end_time` must be after the `start_time`.', 'end_time');
  return { start, end };
}

/** Usage as it stands: of the whole span, or of each window in which there was any. */
function summaries(
  context: Context,
  params: Read<typeof summaryTable>,
  id: string,
): List<Wire<Stripe.Billing.MeterEventSummary>> {
  const { tx } = context;
  const meter = findMeter(tx, id);
  const customer = findCustomer(tx, params.customer ?? '', 'customer').id;
  const span = spanOf(params);
  const events = eventsIn(tx, meter, customer, span);
  const step = params.value_grouping_window === undefined ? null : groups[params.value_grouping_window];
  const starts = step === null ? [span.start] : [...new Set(events.map((e) => e.timestamp - (e.timestamp % step)))];
  const rows = starts.map((start) => {
    const end = step === null ? span.end : start + step;
    const inside = events.filter((event) => event.timestamp >= start && event.timestamp < end);
    return { id: `mtrusg_test_${meter.id.slice(-8)}${customer.slice(-8)}${start}_${end}`, start, end, inside };
  });
  return page(`/v1/billing/meters/${id}/event_summaries`, rows, params, 'billing meter event summary', (row) => ({
    id: row.id,
    object: 'billing.meter_event_summary',
    aggregated_value: Number(aggregate(meter, row.inside)),
    end_time: row.end,
    livemode: false,
    meter: meter.id,
    start_time: row.start,
  }));
}

export const meterRoutes = [
  route('POST /v1/billing/meters', createTable, create),
  route('GET /v1/billing/meters/{id}', {}, ({ tx }, _params, id) => renderMeter(findMeter(tx, id))),
  route('POST /v1/billing/meters/{id}', { display_name: text(250) }, (context, params, id) => {
    const { tx } = context;
    const old = findMeter(tx, id);
    const meter = tx.put('meter', {
      ...old,
      display_name: params.display_name ?? old.display_name,
      updated: tx.now,
    });
    emitUpdate(context, 'billing.meter.updated', renderMeter(old), renderMeter(meter));
    return renderMeter(meter);
  }),
  route('GET /v1/billing/meters', { ...pageParams, status: oneOf(['active', 'inactive']) }, ({ tx }, params) => {
    const wanted = tx.all('meter').filter((meter) => params.status === undefined || meter.status === params.status);
    return page('/v1/billing/meters', wanted, params, 'billing meter', renderMeter);
  }),
  route('POST /v1/billing/meters/{id}/deactivate', {}, (context, _params, id) => setStatus(context, id, 'inactive')),
  route('POST /v1/billing/meters/{id}/reactivate', {}, (context, _params, id) => setStatus(context, id, 'active')),
  route('GET /v1/billing/meters/{id}/event_summaries', summaryTable, summaries),
];
