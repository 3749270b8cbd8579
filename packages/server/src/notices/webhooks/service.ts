import type { Database, Tx } from '../../db/database.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock } from '../../ports.ts';
import type { Queue } from '../../queue/queue.ts';
import { type SwitchedOff, createDeliveries } from './deliveries.ts';
import { createEndpoints } from './endpoints.ts';
import type { Events } from './events.ts';
import { createWebhookRoutes } from './routes.ts';
import { createSender } from './send.ts';

type EndpointDeps = Parameters<typeof createEndpoints>[0];

/** Outgoing webhooks: the outbox, where it is posted to, and the posting. */
export function createWebhooks(deps: {
  db: Database;
  clock: Clock;
  queue: Queue;
  seal_key: Buffer;
  events: Events;
  allows_loopback: boolean;
  audit: AuditTrail;
  findCustomer: EndpointDeps['findCustomer'];
  tellOwner(tx: Tx, off: SwitchedOff): Promise<void>;
}) {
  const deliveries = createDeliveries({ ...deps, send: createSender(deps) });
  const endpoints = createEndpoints({ ...deps, deliveries });
  return { endpoints, deliveries, documented: createWebhookRoutes({ ...deps, endpoints, deliveries }) };
}
