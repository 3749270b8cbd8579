import type { Database } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import { insertEvent, parkedEvents, reopenEvent } from './store.ts';
import { type EventHead, subjectOf } from './translate.ts';

/** An event as it came. `body` is what Stripe wrote; only ids and the type are ever taken from it. */
export interface Received extends EventHead {
  body: unknown;
  /** By Stripe's signature; null for an event that was read from Stripe's list. */
  signed_at: Date | null;
}

/**
 * The one way in: an event is stored and its job added in one transaction, or it was known. Deliveries and what is read from
 * Stripe's list after a downtime come the same way, so that both are handled by the same code.
 */
export function createInbox(deps: { db: Database; clock: Clock; queue: Pick<Queue, 'enqueue'> }) {
  const { db, clock, queue } = deps;
  return async function receive(event: Received): Promise<boolean> {
    const subject = subjectOf(event.body);
    return await db.transaction(async (tx) => {
      const isNew = await insertEvent(tx, {
        id: event.id,
        type: event.type,
        object_id: subject.object_id,
        stripe_customer_id: subject.stripe_customer_id,
        api_version: event.api_version,
        livemode: event.livemode,
        body: JSON.stringify(event.body),
        stripe_created_at: event.created_at,
        signed_at: event.signed_at,
        received_at: new Date(clock.now()),
      });
      if (isNew) await queue.enqueue(tx, { name: 'stripe.event', data: { event_id: event.id } });
      return isNew;
    });
  };
}

/** Most parked events that one replay takes. */
const mostReplayed = 1_000;

/** Events to be handled again: what parked them may be repaired, or a newer Farebox may understand them. */
export function createReplay(deps: { db: Database; queue: Pick<Queue, 'enqueue'> }) {
  const { db, queue } = deps;

  async function one(eventId: string): Promise<boolean> {
    return await db.transaction(async (tx) => {
      const isOpen = await reopenEvent(tx, eventId);
      if (isOpen) await queue.enqueue(tx, { name: 'stripe.event', data: { event_id: eventId } });
      return isOpen;
    });
  }

  async function parked(): Promise<number> {
    const ids = await parkedEvents(db.kysely, mostReplayed);
    let replayed = 0;
    for (const id of ids) if (await one(id)) replayed += 1;
    return replayed;
  }

  return { one, parked };
}
