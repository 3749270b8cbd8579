import { type Instant, isWebhookGivenUp, webhookRetryAt } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import { invariant } from '../../lib/invariant.ts';
import { sha256 } from '../../lib/secret.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Events } from './events.ts';
import { endpointView, webhookEventView } from './schema.ts';
import type { Sent, createSender } from './send.ts';
import { openWebhookSecret, signatureHeaders } from './signature.ts';
import {
  type DeliveryRow,
  type EndpointRow,
  type EventRow,
  changeEndpoint,
  claimDelivery,
  closeAttempt,
  deleteEventsBefore,
  deliveryById,
  dropWaiting,
  dueDeliveries,
  endpointById,
  lockEndpoint,
  reopenDelivery,
} from './store.ts';

/** Under way to one endpoint at once, over all processes: one that is slow does not hold up the others. */
const mostUnderWay = 4;
/** Longer than the sender's timeout: what is not closed by then was cut short, and is sent again. */
const leaseMs = 60_000;
const mostSwept = 1000;
/** Retries that follow sooner than the next sweep are given a time of their own. */
const sweepMs = 60_000;
/** How long an event is kept, and how many are forgotten at a time. */
const keptMs = 90 * 86_400_000;
const forgottenAtOnce = 5000;

export type Deliveries = ReturnType<typeof createDeliveries>;

/** What an owner is told when its endpoint is switched off. */
export interface SwitchedOff {
  endpoint: EndpointRow;
  reason: 'failing' | 'gone';
  failing_since: Instant;
}

/**
 * Sends what the outbox holds: at least once, under the same id each time, in no promised order. A delivery is claimed in one
 * transaction, sent outside of any, and closed in another; whoever dies in between leaves a lease that runs out.
 */
export function createDeliveries(deps: {
  db: Database;
  clock: Clock;
  queue: Pick<Queue, 'enqueue' | 'work' | 'every'>;
  seal_key: Buffer;
  send: ReturnType<typeof createSender>;
  events: Events;
  /** In the transaction that switches an endpoint off. */
  tellOwner(tx: Tx, off: SwitchedOff): Promise<void>;
}) {
  const { db, clock, queue } = deps;

  /** One attempt, if it is due. `asked`: somebody waits for it, so it is made whatever else is under way, and once. */
  async function attempt(delivery_id: string, { asked }: { asked: boolean }): Promise<void> {
    const now = clock.now();
    const claim = { now: new Date(now), leased_until_at: new Date(now + leaseMs), most: mostUnderWay };
    const taken = await db.transaction((tx) => claimDelivery(tx, delivery_id, { ...claim, even_if_off: asked }));
    if (taken === null) return;
    const body = JSON.stringify(webhookEventView(taken.event));
    const sent = await deps.send(taken.endpoint.url, headersOf(taken.endpoint, taken.event, body, now), body);
    await close(delivery_id, taken, sent);
    await goOn(taken.endpoint.id);
  }

  function headersOf(endpoint: EndpointRow, event: EventRow, body: string, now: Instant): Record<string, string> {
    const { sealed_former: former, former_until_at: until } = endpoint;
    const signing = former !== null && until !== null && until.getTime() > now ? [former] : [];
    const secrets = [endpoint.sealed_secret, ...signing].map((sealed) =>
      openWebhookSecret(deps.seal_key, endpoint.id, sealed),
    );
    return {
      'content-type': 'application/json',
      'user-agent': `Farebox/${event.api_version} (webhooks)`,
      ...signatureHeaders({ id: event.id, now, body, secrets }),
    };
  }

  async function close(
    id: string,
    taken: { endpoint: EndpointRow; event: EventRow; attempts: number },
    sent: Sent,
  ): Promise<void> {
    const now = clock.now();
    const { event, attempts } = taken;
    const { status, answer, failure, duration_ms } = sent;
    const isTest = event.type === 'webhook_endpoint.test';
    const isTaken = failure === null;
    const retry_at = isTaken || isTest || status === 410 ? null : webhookRetryAt(attempts, chanceOf(id, attempts), now);
    await db.transaction(async (tx) => {
      const endpoint = await lockEndpoint(tx, null, taken.endpoint.id);
      if (endpoint === null) return;
      // One that was switched off meanwhile waits for nothing.
      const next = endpoint.disabled_at === null ? retry_at : null;
      const state = isTaken ? 'succeeded' : next === null ? 'failed' : 'pending';
      const next_attempt_at = next === null ? null : new Date(next);
      const outcome = { state, next_attempt_at, status, answer, failure, duration_ms };
      if (!(await closeAttempt(tx, id, attempts, outcome))) return;
      if (isTaken) return await changeEndpoint(tx, endpoint.id, { failing_since_at: null });
      if (isTest || endpoint.disabled_at !== null) return;
      await noteFailure(tx, endpoint, { now, isGone: status === 410 });
      if (next !== null && next - now < sweepMs) await enqueue(tx, id, next);
    });
  }

  async function noteFailure(
    tx: Tx,
    endpoint: EndpointRow,
    { now, isGone }: { now: Instant; isGone: boolean },
  ): Promise<void> {
    const failing_since = endpoint.failing_since_at?.getTime() ?? now;
    if (!isGone && !isWebhookGivenUp(failing_since, now))
      return await changeEndpoint(tx, endpoint.id, { failing_since_at: new Date(failing_since) });
    const reason = isGone ? 'gone' : 'failing';
    const at = new Date(now);
    const off = { failing_since_at: new Date(failing_since), disabled_at: at, disabled_reason: reason };
    await changeEndpoint(tx, endpoint.id, off);
    await dropWaiting(tx, endpoint.id, 'The endpoint was switched off.');
    const after = await endpointById(tx, null, endpoint.id);
    invariant(after !== null, 'the endpoint is locked');
    await deps.events.record(tx, {
      type: 'webhook_endpoint.disabled',
      customer_id: endpoint.customer_id,
      object: endpointView(after, now),
      before: endpointView(endpoint, now),
      dedupe_key: `webhook_endpoint.disabled:${endpoint.id}:${now}`,
    });
    await deps.tellOwner(tx, { endpoint: after, reason, failing_since });
  }

  /** What waited because enough was under way. */
  async function goOn(endpoint_id: string): Promise<void> {
    const limits = { each: mostUnderWay, all: mostUnderWay, endpoint_id };
    const due = await dueDeliveries(db.kysely, new Date(clock.now()), limits);
    await db.transaction(async (tx) => {
      for (const id of due) await enqueue(tx, id);
    });
  }

  async function enqueue(tx: Tx, delivery_id: string, startAfter?: Instant): Promise<void> {
    const job = { name: 'webhook.deliver', data: { delivery_id } } as const;
    // One that waits for its time does not stand in the way of one that is due by a clock that was moved.
    const singletonKey = `${delivery_id}:${startAfter ?? 'now'}`;
    await queue.enqueue(tx, { ...job, singletonKey, ...(startAfter === undefined ? {} : { startAfter }) });
  }

  /** What is due by the clock, and what was cut short. */
  async function sweep(): Promise<void> {
    const limits = { each: mostUnderWay, all: mostSwept };
    const due = await dueDeliveries(db.kysely, new Date(clock.now()), limits);
    await db.transaction(async (tx) => {
      for (const id of due) await enqueue(tx, id);
    });
  }

  async function get(scope: string | null, id: string): Promise<DeliveryRow> {
    const row = await deliveryById(db.kysely, scope, id);
    if (row === null) throw new Problem('not_found', 'There is no such delivery.');
    return row;
  }

  return {
    get,
    sweep,

    /** Sends now and waits for the outcome; once, and whatever the endpoint's state. */
    async sendNow(delivery_id: string): Promise<DeliveryRow> {
      await attempt(delivery_id, { asked: true });
      return await get(null, delivery_id);
    },

    /** Sends again, also what was taken before; the receiver knows it by its id. */
    async retry(scope: string | null, id: string): Promise<DeliveryRow> {
      const { endpoint_id } = await get(scope, id);
      await db.transaction(async (tx) => {
        const endpoint = await lockEndpoint(tx, scope, endpoint_id);
        if (endpoint === null) throw new Problem('not_found', 'There is no such delivery.');
        if (endpoint.disabled_at !== null)
          throw new Problem('webhook_endpoint_disabled', 'The endpoint is switched off. Enable it first.');
        await reopenDelivery(tx, id, new Date(clock.now()));
        await enqueue(tx, id);
      });
      return await get(scope, id);
    },

    register(): void {
      queue.work('webhook.deliver', ({ delivery_id }) => attempt(delivery_id, { asked: false }));
      queue.work('webhook.sweep', sweep);
      queue.work('webhook.forget', async () => {
        const before = new Date(clock.now() - keptMs);
        while ((await deleteEventsBefore(db.kysely, before, forgottenAtOnce)) === forgottenAtOnce);
      });
      queue.every('* * * * *', 'webhook.sweep');
      queue.every('45 3 * * *', 'webhook.forget');
    },
  };
}

/** The same for each process, another for each delivery and attempt: in [0, 1). */
function chanceOf(delivery_id: string, attempts: number): number {
  return sha256(`${delivery_id}:${attempts}`).readUInt32BE(0) / 2 ** 32;
}
