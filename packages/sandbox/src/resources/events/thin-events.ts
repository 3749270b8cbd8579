import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { EventRecord } from '../../store/machinery.ts';
import type { Tx } from '../../store/store.ts';
import type { EventDestinationRecord, ThinEventRecord } from '../../store/usage-records.ts';
import { planDeliveries } from '../../webhooks/chaos.ts';
import type { Context } from '../context.ts';

type RelatedObject = NonNullable<ThinEventRecord['related_object']>;

/** A thin event as a destination gets it: what happened to which object, and nothing of the object. */
export type RenderedNotification = Wire<Stripe.V2.Core.EventBase> & { related_object?: RelatedObject };

/** Renders the notification of a thin event. https://docs.stripe.com/event-destinations#thin-payload */
export function renderNotification(event: ThinEventRecord): RenderedNotification {
  return {
    id: event.id,
    object: 'v2.core.event',
    created: new Date(event.created_ms).toISOString(),
    livemode: false,
    ...(event.request_id === null
      ? {}
      : {
          reason: {
            type: 'request',
            request: { id: event.request_id, idempotency_key: event.idempotency_key ?? '' },
          },
        }),
    ...(event.related_object === null ? {} : { related_object: event.related_object }),
    ...(event.snapshot_event === null ? {} : { snapshot_event: event.snapshot_event }),
    type: event.type,
  };
}

/** Renders a thin event as it is retrieved: the notification with its data. */
export function renderThinEvent(event: ThinEventRecord): RenderedNotification & { data?: JsonObject } {
  return { ...renderNotification(event), ...(event.data === null ? {} : { data: event.data }) };
}

/** `v1.invoice.*` names every type that begins with `v1.invoice.`. */
function wants(destination: EventDestinationRecord, type: string): boolean {
  return destination.enabled_events.some((name) =>
    name.endsWith('*') ? type.startsWith(name.slice(0, -1)) : name === type,
  );
}

interface Place {
  index: number;
  count: number;
  machine_ms: number;
}

function queue(tx: Tx, destination: string, event: string, place: Place): void {
  for (const planned of planDeliveries(tx, { endpoint: { id: destination }, event, ...place })) {
    tx.put('delivery', { id: tx.newId('dlv_'), attempts: [], endpoint: destination, event, ...planned });
  }
}

function enabled(tx: Tx, payload: EventDestinationRecord['event_payload']): EventDestinationRecord[] {
  return tx.all('event_destination').filter((each) => each.status === 'enabled' && each.event_payload === payload);
}

interface Happened {
  type: string;
  data: JsonObject | null;
  related_object: RelatedObject | null;
}

function write(context: Context, happened: Happened, snapshot_event: string | null): ThinEventRecord {
  const { tx, request } = context;
  return tx.put('thin_event', {
    id: tx.newId('evt_test_', 48),
    created_ms: tx.wall * 1000,
    data: happened.data,
    idempotency_key: request?.idempotency_key ?? null,
    related_object: happened.related_object,
    request_id: request?.id ?? null,
    snapshot_event,
    type: happened.type,
  });
}

/** Notes a thin event that has no snapshot, for all who want it or for one destination. */
export function emitThin(context: Context, happened: Happened, only: string | null = null): ThinEventRecord {
  const event = write(context, happened, null);
  context.thin.push({ event, only });
  return event;
}

/** Where objects are read whose name is not their path. */
const folders: Record<string, string> = {
  'billing.alert_triggered': 'billing/alerts',
  invoiceitem: 'invoiceitems',
};

function relatedOf(event: EventRecord): RelatedObject | null {
  const { id, object: type } = event.object;
  if (typeof id !== 'string' || typeof type !== 'string') return null;
  return { id, type, url: `/v1/${folders[type] ?? `${type.replace('.', '/')}s`}/${id}` };
}

/**
 * Tells destinations of an event with a snapshot: those of snapshots get it as webhook endpoints do, those of thin
 * events get its twin, `v1.` before the type. Nobody asked: there is no twin.
 */
export function tellDestinations(context: Context, event: EventRecord, place: Place): void {
  const { tx } = context;
  for (const each of enabled(tx, 'snapshot')) if (wants(each, event.type)) queue(tx, each.id, event.id, place);
  const type = `v1.${event.type}`;
  const listeners = enabled(tx, 'thin').filter((each) => wants(each, type));
  if (listeners.length === 0) return;
  const twin = write(context, { type, data: null, related_object: relatedOf(event) }, event.id);
  for (const each of listeners) queue(tx, each.id, twin.id, place);
}

/** Queues the thin events of a transaction for the destinations that want them. */
export function queueThinEvents(context: Context, machine_ms: number): void {
  const { tx } = context;
  for (const [index, { event, only }] of context.thin.entries()) {
    const place = { index, count: context.thin.length, machine_ms };
    const listeners = enabled(tx, 'thin').filter((each) =>
      only === null ? wants(each, event.type) : each.id === only,
    );
    for (const each of listeners) queue(tx, each.id, event.id, place);
  }
  context.thin = [];
}
