import type Stripe from 'stripe';
import { API_VERSION, type Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalidParam, noSuch } from '../../http/api-error.ts';
import {
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Param,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { Tx } from '../../store/store.ts';
import type { EventDestinationRecord } from '../../store/usage-records.ts';
import type { Context } from '../context.ts';
import { emitThin, renderThinEvent } from './thin-events.ts';

type Destination = Wire<Stripe.V2.Core.EventDestination>;

/** Renders a destination; its address and its secret only where `include` names them. */
function render(destination: EventDestinationRecord, include: readonly string[] = []): Destination {
  const shows = (name: string): boolean => include.includes(`webhook_endpoint.${name}`);
  return {
    id: destination.id,
    object: 'v2.core.event_destination',
    created: new Date(destination.created_ms).toISOString(),
    description: destination.description,
    enabled_events: destination.enabled_events,
    event_payload: destination.event_payload,
    events_from: ['self'],
    livemode: false,
    metadata: destination.metadata,
    name: destination.name,
    ...(destination.event_payload === 'snapshot' ? { snapshot_api_version: API_VERSION } : {}),
    status: destination.status,
    ...(destination.status === 'disabled' ? { status_details: { disabled: { reason: 'user' } } } : {}),
    type: 'webhook_endpoint',
    updated: new Date(destination.updated_ms).toISOString(),
    webhook_endpoint: {
      ...(shows('signing_secret') ? { signing_secret: destination.secret } : {}),
      ...(shows('url') ? { url: destination.url } : {}),
    },
  };
}

function find(tx: Tx, id: string): EventDestinationRecord {
  const destination = tx.get('event_destination', id);
  if (destination === undefined) throw noSuch('event destination', id);
  return destination;
}

function checkUrl(url: string | undefined): string {
  if (url === undefined) throw missingParam('webhook_endpoint[url]');
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw invalidParam('Invalid URL: An explicit scheme (such as https) must be provided.', 'webhook_endpoint[url]');
}

/** Thin destinations listen to names that carry their API's version, the others to names without. */
function checkEvents(names: readonly string[], event_payload: 'snapshot' | 'thin'): string[] {
  for (const [index, name] of names.entries()) {
    const is_thin = /^v[12]\./.test(name);
    if (name !== '*' && (!/^[a-z_0-9]+(\.[a-z_0-9]+)*(\.\*)?$/.test(name) || is_thin !== (event_payload === 'thin'))) {
      throw invalidParam(
        `Invalid enabled_events[${index}]: ${name} is not an event type with a ${event_payload} payload.`,
        `enabled_events[${index}]`,
      );
    }
  }
  return [...names];
}

const include = list(text(), 10);
const webhook_endpoint = shape({ url: text() });

const createTable = {
  description: text(),
  enabled_events: list(text(), 300),
  event_payload: oneOf(['snapshot', 'thin']),
  events_from: list(oneOf(['self'], ['other_accounts'])),
  include,
  metadata: metadata(),
  name: text(),
  // One shape is rendered; asking for another would promise what is not kept.
  snapshot_api_version: oneOf([API_VERSION]),
  type: oneOf(['webhook_endpoint'], ['amazon_eventbridge', 'azure_event_grid']),
  webhook_endpoint,
};

function create(context: Context, params: Read<typeof createTable>): Destination {
  const { tx } = context;
  const event_payload = params.event_payload ?? 'thin';
  const destination = tx.put('event_destination', {
    id: tx.newId('ed_test_', 30),
    created_ms: tx.wall * 1000,
    updated_ms: tx.wall * 1000,
    description: params.description ?? '',
    enabled_events: checkEvents(params.enabled_events ?? [], event_payload),
    event_payload,
    metadata: mergeMetadata({}, params.metadata),
    name: params.name ?? '',
    secret: tx.newId('whsec_', 32),
    status: 'enabled',
    url: checkUrl(params.webhook_endpoint?.url),
  });
  return render(destination, params.include);
}

const updateTable = {
  description: text(),
  enabled_events: list(text(), 300),
  include,
  metadata: metadata(),
  name: text(),
  webhook_endpoint,
};

function change(context: Context, id: string, to: Partial<EventDestinationRecord>): EventDestinationRecord {
  const { tx } = context;
  return tx.put('event_destination', { ...find(tx, id), ...to, updated_ms: tx.wall * 1000 });
}

function update(context: Context, params: Read<typeof updateTable>, id: string): Destination {
  const old = find(context.tx, id);
  const changed = change(context, id, {
    description: params.description ?? old.description,
    enabled_events: checkEvents(params.enabled_events ?? old.enabled_events, old.event_payload),
    metadata: mergeMetadata(old.metadata, params.metadata),
    name: params.name ?? old.name,
    url: params.webhook_endpoint === undefined ? old.url : checkUrl(params.webhook_endpoint.url),
  });
  return render(changed, params.include);
}

/** A page of a v2 list. Its address carries the place where the next one begins. */
function pageOf<T>(
  path: string,
  rows: readonly T[],
  params: { limit?: number | undefined; page?: number | undefined },
  render_row: (row: T) => object,
): object {
  const { limit = 20, page = 0 } = params;
  const at = (start: number): string => `${path}${path.includes('?') ? '&' : '?'}limit=${limit}&page=${start}`;
  return {
    data: rows.slice(page, page + limit).map(render_row),
    next_page_url: page + limit < rows.length ? at(page + limit) : null,
    previous_page_url: page > 0 ? at(Math.max(0, page - limit)) : null,
  };
}

const pageTable = { limit: integer(1, 100), page: integer(0) };

const instantBound: Param<number> = {
  read(value, path) {
    const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(at)) throw invalidParam('Invalid timestamp: it must be an RFC 3339 date and time.', path);
    return at;
  },
};

const eventsTable = {
  ...pageTable,
  created: shape({ gt: instantBound, gte: instantBound, lt: instantBound, lte: instantBound }),
  object_id: text(),
  types: list(text(), 20),
};

function query(params: Read<typeof eventsTable>): string {
  const pairs = new URLSearchParams();
  if (params.object_id !== undefined) pairs.set('object_id', params.object_id);
  for (const [index, type] of (params.types ?? []).entries()) pairs.set(`types[${index}]`, type);
  for (const [name, at] of Object.entries(params.created ?? {})) {
    if (at !== undefined) pairs.set(`created[${name}]`, new Date(at).toISOString());
  }
  return pairs.size === 0 ? '' : `?${pairs.toString()}`;
}

function events({ tx }: Context, params: Read<typeof eventsTable>): object {
  const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity } = params.created ?? {};
  const wanted = tx.all('thin_event').filter((event) => {
    if (params.types !== undefined && !params.types.includes(event.type)) return false;
    if (params.object_id !== undefined && event.related_object?.id !== params.object_id) return false;
    const at = event.created_ms;
    return at > gt && at >= gte && at < lt && at <= lte;
  });
  return pageOf(`/v2/core/events${query(params)}`, wanted.toReversed(), params, renderThinEvent);
}

export const eventDestinationRoutes = [
  route('POST /v2/core/event_destinations', createTable, create),
  route('GET /v2/core/event_destinations/{id}', { include }, ({ tx }, params, id) =>
    render(find(tx, id), params.include),
  ),
  route('POST /v2/core/event_destinations/{id}', updateTable, update),
  route('GET /v2/core/event_destinations', { ...pageTable, include }, ({ tx }, params) => {
    const rows = tx.all('event_destination').toReversed();
    return pageOf('/v2/core/event_destinations', rows, params, (each) => render(each, params.include));
  }),
  route('DELETE /v2/core/event_destinations/{id}', {}, ({ tx }, _params, id) => {
    tx.remove('event_destination', find(tx, id).id);
    return { id, object: 'v2.core.event_destination' };
  }),
  route('POST /v2/core/event_destinations/{id}/disable', {}, (context, _params, id) =>
    render(change(context, id, { status: 'disabled' })),
  ),
  route('POST /v2/core/event_destinations/{id}/enable', {}, (context, _params, id) =>
    render(change(context, id, { status: 'enabled' })),
  ),
  route('POST /v2/core/event_destinations/{id}/ping', {}, (context, _params, id) => {
    const related_object = {
      id: find(context.tx, id).id,
      type: 'v2.core.event_destination',
      url: `/v2/core/event_destinations/${id}`,
    };
    const type = 'v2.core.event_destination.ping';
    return renderThinEvent(emitThin(context, { type, data: null, related_object }, id));
  }),
  route('GET /v2/core/events', eventsTable, events),
  route('GET /v2/core/events/{id}', {}, ({ tx }, _params, id) => {
    const event = tx.get('thin_event', id);
    if (event === undefined) throw noSuch('event', id);
    return renderThinEvent(event);
  }),
];
