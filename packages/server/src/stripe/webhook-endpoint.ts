import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type Stripe from 'stripe';
import { stripeApiVersion } from './client.ts';
import { thinMeterTypes } from './event-types.ts';

/** Where Stripe is to send what, and the file that keeps the secret it signs with. */
export interface Destination {
  stripe: Stripe;
  url: string;
  secret_file: string;
}

/** One kind of destination at Stripe, as far as it is looked for, moved and made. */
interface Made {
  id: string;
  url: string | null;
}

interface Kind {
  list(): Promise<Made[]>;
  move(id: string): Promise<unknown>;
  remove(id: string): Promise<unknown>;
  make(): Promise<{ id: string; secret: string | undefined }>;
}

/**
 * Registers our endpoint at a local Stripe and answers its signing secret. Stripe tells the secret once, when the endpoint
 * is made, so it is kept in a file readable by its owner only; without the file the endpoint is made anew.
 */
export async function ensureWebhookEndpoint({ stripe, url, secret_file }: Destination): Promise<string> {
  return await ensure(url, secret_file, {
    list: async () => (await stripe.webhookEndpoints.list({ limit: 100 })).data,
    move: async (id) => await stripe.webhookEndpoints.update(id, { url }),
    remove: async (id) => await stripe.webhookEndpoints.del(id),
    async make() {
      const made = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'], api_version: stripeApiVersion });
      return { id: made.id, secret: made.secret };
    },
  });
}

/** The same for thin events, which no webhook endpoint hears: what Stripe's meters took and did not count. */
export async function ensureEventDestination({ stripe, url, secret_file }: Destination): Promise<string> {
  const destinations = stripe.v2.core.eventDestinations;
  return await ensure(url, secret_file, {
    async list() {
      const { data } = await destinations.list({ limit: 100, include: ['webhook_endpoint.url'] });
      return data.map(({ id, webhook_endpoint }) => ({ id, url: webhook_endpoint?.url ?? null }));
    },
    move: async (id) => await destinations.update(id, { webhook_endpoint: { url } }),
    remove: async (id) => await destinations.del(id),
    async make() {
      const made = await destinations.create({
        name: 'Farebox',
        description: "What Stripe's meters took and did not count",
        type: 'webhook_endpoint',
        event_payload: 'thin',
        enabled_events: [...thinMeterTypes],
        webhook_endpoint: { url },
        include: ['webhook_endpoint.signing_secret', 'webhook_endpoint.url'],
      });
      return { id: made.id, secret: made.webhook_endpoint?.signing_secret };
    },
  });
}

async function ensure(url: string, secret_file: string, kind: Kind): Promise<string> {
  const there = await kind.list();
  const known = existsSync(secret_file) ? readFileSync(secret_file, 'utf8').trim().split(' ') : [];
  const [knownId, secret] = known;
  const existing = there.find(({ id }) => id === knownId);
  if (existing !== undefined && secret !== undefined) {
    if (existing.url !== url) await kind.move(existing.id);
    return secret;
  }
  for (const each of there) if (each.url === url || each.id === knownId) await kind.remove(each.id);
  const made = await kind.make();
  if (made.secret === undefined) throw new Error('Stripe made a destination of events without telling its secret.');
  writeFileSync(secret_file, `${made.id} ${made.secret}\n`, { mode: 0o600 });
  return made.secret;
}
