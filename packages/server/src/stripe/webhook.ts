import type Stripe from 'stripe';
import type { Hono } from 'hono';
import type { Database } from '../db/database.ts';
import type { AppEnv } from '../http/principal.ts';
import { router } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Queue } from '../queue/queue.ts';
import { insertEvent } from './store.ts';
import { subjectOf } from './translate.ts';

/** Stripe's largest events are well under this. */
const maxEventBytes = 1024 * 1024;

/**
 * Verify on the raw bytes, store, enqueue, 200: nothing else happens in the request. 200 is said only after the commit;
 * a repeated delivery is 200 as well. An empty secret shuts the door, since it would verify forgeries.
 */
export function createStripeWebhook(deps: {
  db: Database;
  clock: Clock;
  queue: Pick<Queue, 'enqueue'>;
  stripe: Stripe;
  secret: string;
}): Hono<AppEnv> {
  const { db, clock, queue } = deps;
  const app = router();
  app.post('/v1/stripe/webhooks', async (c) => {
    const signature = c.req.header('stripe-signature');
    if (deps.secret === '' || signature === undefined)
      throw new Problem('invalid_signature', 'This is not signed by Stripe.');
    const bytes = Buffer.from(await c.req.arrayBuffer());
    if (bytes.byteLength > maxEventBytes) throw new Problem('body_too_large', 'The event is larger than 1 MiB.');
    const event = verified(bytes, signature);
    const subject = subjectOf(event);
    await db.transaction(async (tx) => {
      const isNew = await insertEvent(tx, {
        id: event.id,
        type: event.type,
        object_id: subject.object_id,
        stripe_customer_id: subject.stripe_customer_id,
        api_version: event.api_version,
        livemode: event.livemode,
        body: JSON.stringify(event),
        stripe_created_at: new Date(event.created * 1000),
        received_at: new Date(clock.now()),
      });
      if (isNew) await queue.enqueue(tx, { name: 'stripe.event', data: { event_id: event.id } });
    });
    return c.json({ received: true });
  });
  return app;

  function verified(bytes: Buffer, signature: string): Stripe.Event {
    try {
      return deps.stripe.webhooks.constructEvent(bytes, signature, deps.secret);
    } catch (error) {
      throw new Problem('invalid_signature', 'The signature does not match this body and secret.', {
        detail: error instanceof Error ? error.message : error,
      });
    }
  }
}
