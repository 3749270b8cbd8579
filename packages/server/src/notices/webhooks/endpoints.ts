import type { Database, Tx } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import { invariant } from '../../lib/invariant.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Deliveries } from './deliveries.ts';
import type { Events } from './events.ts';
import { endpointView } from './schema.ts';
import { urlFault } from './send.ts';
import { createWebhookSecret, sealWebhookSecret } from './signature.ts';
import {
  type DeliveryRow,
  type EndpointRow,
  type EventRow,
  changeEndpoint,
  countEndpoints,
  deleteEndpoint,
  deleteEndpointsOf,
  dropWaiting,
  endpointById,
  eventById,
  insertEndpoint,
  listDeliveries,
  listEndpoints,
  listEvents,
  lockEndpoint,
} from './store.ts';

/** Of one owner. */
const mostEndpoints = 20;

/** What is to be different; what is left out stays. */
export interface EndpointWish {
  url?: string | undefined;
  description?: string | undefined;
  event_types?: readonly string[] | undefined;
  enabled?: boolean | undefined;
}

export type Endpoints = ReturnType<typeof createEndpoints>;

/** Where events are posted to, and what was. A null scope is the seller, who sees all; a customer sees its own. */
export function createEndpoints(deps: {
  db: Database;
  clock: Clock;
  seal_key: Buffer;
  allows_loopback: boolean;
  events: Events;
  deliveries: Pick<Deliveries, 'sendNow'>;
  audit: AuditTrail;
  /** Throws `not_found`. */
  findCustomer(id: string): Promise<unknown>;
}) {
  const { db, clock } = deps;

  async function get(scope: string | null, id: string): Promise<EndpointRow> {
    const row = await endpointById(db.kysely, scope, id);
    if (row === null) throw noSuchEndpoint();
    return row;
  }

  /** In one transaction, the row held. */
  async function change(
    scope: string | null,
    id: string,
    verb: (tx: Tx, row: EndpointRow) => Promise<void>,
  ): Promise<EndpointRow> {
    return await db.transaction(async (tx) => {
      const row = await lockEndpoint(tx, scope, id);
      if (row === null) throw noSuchEndpoint();
      await verb(tx, row);
      const after = await endpointById(tx, null, id);
      invariant(after !== null, 'the endpoint is locked');
      return after;
    });
  }

  function refuseUrl(url: string): void {
    const fault = urlFault(url, deps);
    if (fault !== null) throw new Problem('invalid_request', `url: ${fault}`, { param: 'url' });
  }

  return {
    get,

    /** Newest first; one row more than `limit` when there is more. */
    list: (page: Parameters<typeof listEndpoints>[1]) => listEndpoints(db.kysely, { ...page, limit: page.limit + 1 }),
    listEvents: (page: Parameters<typeof listEvents>[1]) => listEvents(db.kysely, { ...page, limit: page.limit + 1 }),
    listDeliveries: (page: Parameters<typeof listDeliveries>[1]): Promise<DeliveryRow[]> =>
      listDeliveries(db.kysely, { ...page, limit: page.limit + 1 }),

    async event(scope: string | null, id: string): Promise<EventRow> {
      const row = await eventById(db.kysely, scope, id);
      if (row === null) throw new Problem('not_found', 'There is no such event.');
      return row;
    },

    /** The secret is in the answer and, sealed, in the row. */
    async create(
      actor: string,
      owner: string | null,
      wish: { url: string; description: string; event_types: readonly string[] },
    ): Promise<{ endpoint: EndpointRow; secret: string }> {
      refuseUrl(wish.url);
      if (owner !== null) await deps.findCustomer(owner);
      const secret = createWebhookSecret();
      const now = clock.now();
      const id = createId('whk', now);
      const endpoint: EndpointRow = {
        id,
        customer_id: owner,
        url: wish.url,
        description: wish.description,
        event_types: [...new Set(wish.event_types)],
        sealed_secret: sealWebhookSecret(deps.seal_key, id, secret),
        sealed_former: null,
        former_until_at: null,
        failing_since_at: null,
        disabled_at: null,
        disabled_reason: null,
        created_at: new Date(now),
      };
      // Counted and written under one lock, so that two calls at once cannot both be the last one.
      await db.withLock(`webhook_endpoints:${owner ?? 'seller'}`, () =>
        db.transaction(async (tx) => {
          if ((await countEndpoints(tx, owner)) >= mostEndpoints)
            throw new Problem(
              'webhook_endpoint_limit_reached',
              `There are ${mostEndpoints} endpoints. Delete one first.`,
            );
          await insertEndpoint(tx, endpoint);
          const detail = { url: wish.url };
          const entry = { actor, customer_id: owner, object_id: id, detail };
          await deps.audit.record(tx, { ...entry, action: 'webhook_endpoint.created' });
        }),
      );
      return { endpoint, secret };
    },

    async update(actor: string, scope: string | null, id: string, wish: EndpointWish): Promise<EndpointRow> {
      if (wish.url !== undefined) refuseUrl(wish.url);
      return await change(scope, id, async (tx, row) => {
        const changed = changeOf(row, wish, new Date(clock.now()));
        await changeEndpoint(tx, id, changed);
        if (changed.disabled_at != null) await dropWaiting(tx, id, 'The endpoint was switched off.');
        const detail = { changed: Object.keys(changed) };
        const entry = { actor, customer_id: row.customer_id, object_id: id, detail };
        await deps.audit.record(tx, { ...entry, action: 'webhook_endpoint.updated' });
      });
    },

    async remove(actor: string, scope: string | null, id: string): Promise<void> {
      await db.transaction(async (tx) => {
        const row = await lockEndpoint(tx, scope, id);
        if (row === null) throw noSuchEndpoint();
        await deleteEndpoint(tx, id);
        const entry = { actor, customer_id: row.customer_id, object_id: id, detail: { url: row.url } };
        await deps.audit.record(tx, { ...entry, action: 'webhook_endpoint.deleted' });
      });
    },

    /** Those of a customer who goes. */
    async removeAllOf(tx: Tx, customer_id: string): Promise<void> {
      await deleteEndpointsOf(tx, customer_id);
    },

    /** Both sign while they overlap; one from an earlier rotation stops now. */
    async rotate(
      actor: string,
      scope: string | null,
      id: string,
      overlap_seconds: number,
    ): Promise<{ endpoint: EndpointRow; secret: string }> {
      const secret = createWebhookSecret();
      const endpoint = await change(scope, id, async (tx, row) => {
        const now = clock.now();
        const stays = overlap_seconds > 0;
        await changeEndpoint(tx, id, {
          sealed_secret: sealWebhookSecret(deps.seal_key, id, secret),
          sealed_former: stays ? row.sealed_secret : null,
          former_until_at: stays ? new Date(now + overlap_seconds * 1000) : null,
        });
        const entry = { actor, customer_id: row.customer_id, object_id: id };
        await deps.audit.record(tx, { ...entry, action: 'webhook_endpoint.secret_rotated' });
      });
      return { endpoint, secret };
    },

    /** Posts an event of its own kind to this endpoint alone, at once, and answers what came of it. */
    async test(scope: string | null, id: string): Promise<DeliveryRow> {
      const row = await get(scope, id);
      const { delivery_id } = await db.transaction(async (tx) => {
        const event = {
          type: 'webhook_endpoint.test',
          customer_id: row.customer_id,
          object: endpointView(row, clock.now()),
        } as const;
        return { delivery_id: await deps.events.recordFor(tx, event, id) };
      });
      return await deps.deliveries.sendNow(delivery_id);
    },
  };
}

function changeOf(row: EndpointRow, wish: EndpointWish, now: Date): Partial<EndpointRow> {
  const { url, description, event_types, enabled } = wish;
  return {
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    ...(event_types === undefined ? {} : { event_types: [...new Set(event_types)] }),
    ...(enabled === true && row.disabled_at !== null
      ? { disabled_at: null, disabled_reason: null, failing_since_at: null }
      : {}),
    ...(enabled === false && row.disabled_at === null ? { disabled_at: now, disabled_reason: 'by_hand' } : {}),
  };
}

function noSuchEndpoint(): Problem {
  return new Problem('not_found', 'There is no such webhook endpoint.');
}
