import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { emptyable, flag, list, mergeMetadata, metadata, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { WebhookEndpointRecord } from '../../store/machinery.ts';
import type { Tx } from '../../store/store.ts';

function render(endpoint: WebhookEndpointRecord): Wire<Stripe.WebhookEndpoint> {
  return {
    id: endpoint.id,
    object: 'webhook_endpoint',
    api_version: endpoint.api_version,
    application: null,
    created: endpoint.created,
    description: endpoint.description,
    enabled_events: endpoint.enabled_events,
    livemode: false,
    metadata: endpoint.metadata,
    status: endpoint.status,
    url: endpoint.url,
  };
}

function find(tx: Tx, id: string): WebhookEndpointRecord {
  const endpoint = tx.get('webhook_endpoint', id);
  if (endpoint === undefined) throw noSuch('webhook endpoint', id);
  return endpoint;
}

function checkUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw invalidParam('Invalid URL: An explicit scheme (such as https) must be provided.', 'url', 'url_invalid');
  }
  return url;
}

function checkEvents(names: string[]): string[] {
  for (const [index, name] of names.entries()) {
    if (name !== '*' && !/^[a-z_0-9]+(\.[a-z_0-9]+)+$/.test(name)) {
      throw invalidParam(`Invalid enabled_events[${index}]: ${name} is not an event type`, `enabled_events[${index}]`);
    }
  }
  return names;
}

export const webhookEndpointRoutes = [
  route(
    'POST /v1/webhook_endpoints',
    {
      url: text(),
      enabled_events: list(text()),
      api_version: text(),
      description: emptyable(text()),
      metadata: metadata(),
    },
    ({ tx }, params) => {
      const endpoint = tx.put('webhook_endpoint', {
        id: tx.newId('we_'),
        created: tx.now,
        api_version: params.api_version ?? null,
        description: params.description ?? null,
        enabled_events: checkEvents(params.enabled_events ?? []),
        metadata: mergeMetadata({}, params.metadata),
        old_secret: null,
        secret: tx.newId('whsec_', 32),
        status: 'enabled',
        url: checkUrl(params.url ?? ''),
      });
      return { ...render(endpoint), secret: endpoint.secret };
    },
  ),
  route('GET /v1/webhook_endpoints/{id}', {}, ({ tx }, _params, id) => render(find(tx, id))),
  route('GET /v1/webhook_endpoints', pageParams, ({ tx }, params) =>
    page('/v1/webhook_endpoints', tx.all('webhook_endpoint'), params, 'webhook endpoint', render),
  ),
  route(
    'POST /v1/webhook_endpoints/{id}',
    {
      url: text(),
      enabled_events: list(text()),
      description: emptyable(text()),
      disabled: flag(),
      metadata: metadata(),
    },
    ({ tx }, params, id) => {
      const endpoint = find(tx, id);
      const { disabled } = params;
      return render(
        tx.put('webhook_endpoint', {
          ...endpoint,
          description: params.description === undefined ? endpoint.description : params.description,
          enabled_events: checkEvents(params.enabled_events ?? endpoint.enabled_events),
          metadata: mergeMetadata(endpoint.metadata, params.metadata),
          status: disabled === undefined ? endpoint.status : disabled ? 'disabled' : 'enabled',
          url: checkUrl(params.url ?? endpoint.url),
        }),
      );
    },
  ),
  route('DELETE /v1/webhook_endpoints/{id}', {}, ({ tx }, _params, id) => {
    tx.remove('webhook_endpoint', find(tx, id).id);
    return { id, object: 'webhook_endpoint', deleted: true };
  }),
];
