import type { WebhookEventType } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import { invariant } from '../../lib/invariant.ts';
import type { Clock } from '../../ports.ts';
import type { Queue } from '../../queue/queue.ts';
import { insertDelivery, insertEvent } from './store.ts';

/** One thing that happened. */
export interface NewEvent {
  type: WebhookEventType;
  /** Whom it concerns; null: the seller alone. */
  customer_id: string | null;
  /** As REST answers it, after what happened. */
  object: object;
  /** The same before it; left out where there is no before. */
  before?: object | null;
  /**
   * The object and its transition, as a name, where the same transition may be seen twice: a second event of that name is not
   * written. Left out where the transaction that writes it can only happen once.
   */
  dedupe_key?: string;
}

export type Events = ReturnType<typeof createEvents>;

/** The outbox of webhooks: an event exists if and only if what it tells of was committed, and once. */
export function createEvents(deps: {
  db: Database;
  clock: Clock;
  queue: Pick<Queue, 'enqueue'>;
  livemode: boolean;
  /** Of the API whose views the events carry. */
  api_version: string;
}) {
  const { clock, queue } = deps;

  /** Null when an event of that name was written before. */
  async function write(tx: Tx, event: NewEvent): Promise<{ id: string; listeners: string[] } | null> {
    const now = clock.now();
    const id = createId('evnt', now);
    const listeners = await insertEvent(tx, {
      id,
      type: event.type,
      customer_id: event.customer_id,
      dedupe_key: event.dedupe_key ?? id,
      livemode: deps.livemode,
      api_version: deps.api_version,
      data: dataOf(event),
      created_at: new Date(now),
    });
    return listeners === null ? null : { id, listeners };
  }

  async function address(tx: Tx, event_id: string, endpoint_id: string): Promise<string> {
    const now = clock.now();
    const id = createId('whd', now);
    const at = new Date(now);
    await insertDelivery(tx, { id, endpoint_id, event_id, created_at: at, next_attempt_at: at });
    return id;
  }

  return {
    /** In the transaction of what it tells: the event, a delivery for each endpoint that hears of it, and their jobs. */
    async record(tx: Tx, event: NewEvent): Promise<void> {
      const told = await write(tx, event);
      if (told === null) return;
      for (const endpoint_id of told.listeners) {
        const delivery_id = await address(tx, told.id, endpoint_id);
        await queue.enqueue(tx, { name: 'webhook.deliver', data: { delivery_id } });
      }
    },

    /** For one endpoint alone, whatever it listens to, and without a job: whoever asks for it sends it. Answers the delivery. */
    async recordFor(tx: Tx, event: NewEvent, endpoint_id: string): Promise<string> {
      const told = await write(tx, event);
      invariant(told !== null, 'what somebody asks for is told once each time');
      return await address(tx, told.id, endpoint_id);
    },
  };
}

/** What was different, at the top level, as it was. */
function dataOf({ object, before = null }: NewEvent) {
  const after: Record<string, unknown> = { ...object };
  if (before === null) return { object: after, previous_attributes: null };
  const changed = Object.entries(before).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(after[name]),
  );
  return { object: after, previous_attributes: Object.fromEntries(changed) };
}
