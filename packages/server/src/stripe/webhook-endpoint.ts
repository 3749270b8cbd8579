import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type Stripe from 'stripe';
import { stripeApiVersion } from './client.ts';

/**
 * Registers our endpoint at a local Stripe and answers its signing secret. Stripe tells the secret once, when the endpoint
 * is made, so it is kept in a file readable by its owner only; without the file the endpoint is made anew.
 */
export async function ensureWebhookEndpoint(options: {
  stripe: Stripe;
  url: string;
  secret_file: string;
}): Promise<string> {
  const { stripe, url, secret_file } = options;
  const { data } = await stripe.webhookEndpoints.list({ limit: 100 });
  const known = existsSync(secret_file) ? readFileSync(secret_file, 'utf8').trim().split(' ') : [];
  const [knownId, secret] = known;
  const existing = data.find((endpoint) => endpoint.id === knownId);
  if (existing !== undefined && secret !== undefined) {
    if (existing.url !== url) await stripe.webhookEndpoints.update(existing.id, { url });
    return secret;
  }
  for (const endpoint of data)
    if (endpoint.url === url || endpoint.id === knownId) await stripe.webhookEndpoints.del(endpoint.id);
  const made = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'], api_version: stripeApiVersion });
  if (made.secret === undefined) throw new Error('Stripe made a webhook endpoint without telling its secret.');
  writeFileSync(secret_file, `${made.id} ${made.secret}\n`, { mode: 0o600 });
  return made.secret;
}
