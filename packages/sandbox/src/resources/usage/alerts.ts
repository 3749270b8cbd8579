import type Stripe from 'stripe';
import { missingParam } from '../../contract/contract.ts';
import type { Wire } from '../../contract/wire.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { integer, list, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { Tx } from '../../store/store.ts';
import type { AlertRecord, MeterRecord } from '../../store/usage-records.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { aggregate, eventsIn } from './meter-usage.ts';
import { findMeter, renderMeter } from './meter-render.ts';

/** Renders an alert, its meter inside. */
function render(tx: Tx, alert: AlertRecord): Wire<Stripe.Billing.Alert> {
  return {
    id: alert.id,
    object: 'billing.alert',
    alert_type: 'usage_threshold',
    livemode: false,
    status: alert.status,
    title: alert.title,
    usage_threshold: {
      filters: alert.customer === null ? null : [{ customer: alert.customer, type: 'customer' }],
      gte: alert.gte,
      meter: renderMeter(tx.need('meter', alert.meter)),
      recurrence: 'one_time',
    },
  };
}

function find(tx: Tx, id: string): AlertRecord {
  const alert = tx.get('alert', id);
  if (alert === undefined || alert.status === 'archived') throw noSuch('billing alert', id);
  return alert;
}

/** Rings the alerts of a meter whose threshold a customer's usage has reached, once for each customer. */
export function ringAlerts(context: Context, meter: MeterRecord, customer: string): void {
  const { tx } = context;
  const waiting = tx
    .all('alert')
    .filter(
      (alert) =>
        alert.meter === meter.id &&
        alert.status === 'active' &&
        (alert.customer ?? customer) === customer &&
        !alert.triggered.includes(customer),
    );
  if (waiting.length === 0) return;
  const value = Number(aggregate(meter, eventsIn(tx, meter, customer, { start: 0, end: Infinity })));
  for (const alert of waiting) {
    if (value < alert.gte) continue;
    tx.put('alert', { ...alert, triggered: [...alert.triggered, customer] });
    emit(context, 'billing.alert.triggered', {
      object: 'billing.alert_triggered',
      alert: render(tx, alert),
      created: tx.now,
      customer,
      livemode: false,
      value,
    } satisfies Wire<Stripe.Billing.AlertTriggered>);
  }
}

const createTable = {
  alert_type: oneOf(['usage_threshold']),
  title: text(256),
  usage_threshold: shape({
    filters: list(shape({ customer: text(), type: oneOf(['customer']) }), 1),
    gte: integer(1),
    meter: text(),
    recurrence: oneOf(['one_time']),
  }),
};

function create(context: Context, params: Read<typeof createTable>): Wire<Stripe.Billing.Alert> {
  const { tx } = context;
  const threshold = params.usage_threshold;
  if (threshold === undefined) throw missingParam('usage_threshold');
  const [filter] = threshold.filters ?? [];
  const named = filter?.customer;
  const customer = named === undefined ? null : findCustomer(tx, named, 'usage_threshold[filters][0][customer]').id;
  const meter = findMeter(tx, threshold.meter ?? '', 'usage_threshold[meter]');
  const alert = tx.put('alert', {
    id: tx.newId('alrt_'),
    created: tx.now,
    customer,
    gte: threshold.gte ?? 1,
    meter: meter.id,
    status: 'active',
    title: params.title ?? '',
    triggered: [],
  });
  return render(tx, alert);
}

function setStatus(context: Context, id: string, status: AlertRecord['status']): Wire<Stripe.Billing.Alert> {
  const { tx } = context;
  const alert = find(tx, id);
  if (alert.status === status) throw invalid(`The alert is already ${status}.`);
  // Activated again it may ring again.
  const triggered = status === 'active' ? [] : alert.triggered;
  return render(tx, tx.put('alert', { ...alert, status, triggered }));
}

export const alertRoutes = [
  route('POST /v1/billing/alerts', createTable, create),
  route('GET /v1/billing/alerts/{id}', {}, ({ tx }, _params, id) => render(tx, find(tx, id))),
  route(
    'GET /v1/billing/alerts',
    { ...pageParams, alert_type: createTable.alert_type, meter: text() },
    ({ tx }, params) => {
      const wanted = tx
        .all('alert')
        .filter((alert) => alert.status !== 'archived' && (params.meter ?? alert.meter) === alert.meter);
      return page('/v1/billing/alerts', wanted, params, 'billing alert', (alert) => render(tx, alert));
    },
  ),
  route('POST /v1/billing/alerts/{id}/activate', {}, (context, _params, id) => setStatus(context, id, 'active')),
  route('POST /v1/billing/alerts/{id}/deactivate', {}, (context, _params, id) => setStatus(context, id, 'inactive')),
  route('POST /v1/billing/alerts/{id}/archive', {}, (context, _params, id) => setStatus(context, id, 'archived')),
];
