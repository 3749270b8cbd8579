import type Stripe from 'stripe';
import { API_VERSION, type Wire } from '../../contract/wire.ts';
import { noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { flag, list, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { EventRecord } from '../../store/machinery.ts';
import type { Tx } from '../../store/store.ts';
import { planDeliveries } from '../../webhooks/chaos.ts';
import type { Context } from '../context.ts';
import { queueThinEvents, tellDestinations } from './thin-events.ts';

/** An event as the API and the webhook body show it. Its object has whatever shape its type has. */
export type RenderedEvent = Omit<Wire<Stripe.EventBase>, 'data' | 'type'> & {
  data: { object: object; previous_attributes?: object };
  type: string;
};

/** Renders an event; `pending_webhooks` counts the deliveries nobody has answered yet. */
export function renderEvent(tx: Tx, event: EventRecord): RenderedEvent {
  const pending = tx.all('delivery').filter((each) => each.event === event.id && each.state === 'pending').length;
  return {
    id: event.id,
    object: 'event',
    api_version: API_VERSION,
    created: event.created,
    data: {
      object: event.object,
      ...(event.previous_attributes === null ? {} : { previous_attributes: event.previous_attributes }),
    },
    livemode: false,
    pending_webhooks: pending,
    request: { id: event.request_id, idempotency_key: event.idempotency_key },
    type: event.type,
  };
}

function queueDeliveries(
  tx: Tx,
  event: EventRecord,
  place: { index: number; count: number; machine_ms: number },
): void {
  for (const endpoint of tx.all('webhook_endpoint')) {
    const wanted = endpoint.enabled_events.includes('*') || endpoint.enabled_events.includes(event.type);
    if (endpoint.status !== 'enabled' || !wanted) continue;
    for (const planned of planDeliveries(tx, { endpoint, event: event.id, ...place })) {
      tx.put('delivery', {
        id: tx.newId('dlv_'),
        attempts: [],
        endpoint: endpoint.id,
        event: event.id,
        ...planned,
      });
    }
  }
}

/** Stores what a transaction emitted, in order, with a delivery for every endpoint that wants it. */
export function storeEvents(context: Context, machine_ms: number): void {
  const { tx, request } = context;
  const count = context.events.length;
  for (const [index, emitted] of context.events.entries()) {
    const event = tx.put('event', {
      id: tx.newId('evt_'),
      // At Stripe too events happen in real time, whatever a test clock says.
      created: tx.wall,
      idempotency_key: request?.idempotency_key ?? null,
      object: emitted.object,
      previous_attributes: emitted.previous_attributes,
      request_id: request?.id ?? null,
      type: emitted.type,
    });
    queueDeliveries(tx, event, { index, count, machine_ms });
    tellDestinations(context, event, { index, count, machine_ms });
  }
  queueThinEvents(context, machine_ms);
  context.events = [];
}

/** `invoice.*` names every type that begins with `invoice.`. */
function matches(type: string, pattern: string): boolean {
  return pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}

function deliverySucceeded(tx: Tx, event: EventRecord): boolean {
  return tx.all('delivery').every((each) => each.event !== event.id || each.state === 'delivered');
}

export const eventRoutes = [
  route('GET /v1/events/{id}', {}, ({ tx }, _params, id) => {
    const event = tx.get('event', id);
    if (event === undefined) throw noSuch('event', id);
    return renderEvent(tx, event);
  }),
  route(
    'GET /v1/events',
    { ...pageParams, created: range(), type: text(), types: list(text(), 20), delivery_success: flag() },
    ({ tx }, params) => {
      const wanted = tx.all('event').filter((event) => {
        if (params.type !== undefined && !matches(event.type, params.type)) return false;
        if (params.types !== undefined && !params.types.some((type) => matches(event.type, type))) return false;
        if (!within(event.created, params.created)) return false;
        return params.delivery_success === undefined || deliverySucceeded(tx, event) === params.delivery_success;
      });
      return page('/v1/events', wanted, params, 'event', (event) => renderEvent(tx, event));
    },
  ),
];
