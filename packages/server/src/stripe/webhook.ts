import type Stripe from 'stripe';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from '../http/principal.ts';
import { access, createRoute, json, problems, router, z } from '../http/router.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { stripeApiVersion } from './client.ts';
import type { Received } from './inbox.ts';
import { eventHeadOf } from './translate.ts';

/** Stripe's largest events are well under this. */
const maxEventBytes = 1024 * 1024;
/** Stripe's own tolerance. A signature from further ahead is as wrong as one from further back. */
const tolerance_s = 300;
/** A clock this far from Stripe's is on its way to refusing every event. */
const alarmingSkew_s = 30;

const webhookRoute = createRoute({
  method: 'post',
  path: '/v1/stripe/webhooks',
  tags: ['Stripe'],
  summary: 'Where Stripe sends its events',
  description: 'Signed by Stripe in `Stripe-Signature`; a repeated delivery is answered as the first.',
  security: access.public,
  request: { body: { required: true, content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } } } },
  responses: {
    200: json(z.object({ received: z.literal(true) }), 'The event is stored.'),
    ...problems('invalid_signature', 'invalid_json', 'body_too_large'),
  },
});

/**
 * Verify on the raw bytes, store, enqueue, 200: nothing else happens in the request. 200 is said only after the commit;
 * a repeated delivery is 200 as well. Without a secret the door is shut, since an empty one would verify forgeries. Several
 * are taken, so that one can be rolled and a second destination (thin events) has its own.
 */
export function createStripeWebhook(deps: {
  clock: Clock;
  log: Log;
  stripe: Stripe;
  secrets: readonly string[];
  receive(event: Received): Promise<boolean>;
}): OpenAPIHono<AppEnv> {
  const { clock, log } = deps;
  const app = router();
  app.openAPIRegistry.registerPath(webhookRoute);
  app.post(webhookRoute.path, async (c) => {
    const signature = c.req.header('stripe-signature');
    if (deps.secrets.length === 0 || signature === undefined)
      throw new Problem('invalid_signature', 'This is not signed by Stripe.');
    const bytes = Buffer.from(await c.req.arrayBuffer());
    if (bytes.byteLength > maxEventBytes) throw new Problem('body_too_large', 'The event is larger than 1 MiB.');
    verify(bytes, signature);
    const body = parse(bytes);
    const head = eventHeadOf(body);
    if (head === null) {
      throw new Problem('invalid_request', 'This is signed, and is no event: it has no id, type or time.', {
        detail: body,
      });
    }
    if (head.api_version !== null && head.api_version !== stripeApiVersion)
      log.warn({ event: head.id, api_version: head.api_version }, `events should come in ${stripeApiVersion}`);
    await deps.receive({ ...head, body, signed_at: signedAt(signature) });
    return c.json({ received: true });
  });
  return app;

  /** On the bytes as they came, and at the door: a stored event is never verified again. */
  function verify(bytes: Buffer, header: string): void {
    const now = clock.now();
    const skew_s = (signedAt(header).getTime() - now) / 1000;
    const faults: unknown[] = [];
    const isSigned = deps.secrets.some((secret) => {
      try {
        return deps.stripe.webhooks.signature?.verifyHeader(bytes, header, secret, tolerance_s, undefined, now);
      } catch (error) {
        faults.push(error);
        return false;
      }
    });
    if (!isSigned || skew_s > tolerance_s) {
      const detail = faults.map((fault) => (fault instanceof Error ? fault.message : fault));
      throw new Problem('invalid_signature', 'The signature does not match this body, secret and time.', { detail });
    }
    if (Math.abs(skew_s) > alarmingSkew_s)
      log.error({ skew_s }, "this machine's clock is not Stripe's: past 300 s every event is refused");
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON.');
  }
}

/** `t=1792…,v1=…`; a header without a time is refused by the verification. */
function signedAt(header: string): Date {
  const seconds = /(?:^|,)\s*t=(\d{1,12})/.exec(header)?.[1];
  return new Date(Number(seconds ?? 0) * 1000);
}
