import { randomBytes } from 'node:crypto';
import type { Instant } from '@farebox/core';
import { invariant } from '../../lib/invariant.ts';
import { hmacSha256, seal, unseal } from '../../lib/secret.ts';

const prefix = 'whsec_';

/** A secret of 192 random bits, in the form of Standard Webhooks: `whsec_` and base64. */
export function createWebhookSecret(): string {
  return `${prefix}${randomBytes(24).toString('base64')}`;
}

/** A secret as its endpoint's row keeps it: bound to the row, so that it opens nowhere else. */
export function sealWebhookSecret(seal_key: Buffer, endpoint_id: string, secret: string): Buffer {
  return seal(seal_key, `${endpoint_id}:${secret}`);
}

export function openWebhookSecret(seal_key: Buffer, endpoint_id: string, sealed: Buffer): string {
  const text = unseal(seal_key, sealed);
  invariant(text.startsWith(`${endpoint_id}:`), 'a sealed secret is opened in its own row');
  return text.slice(endpoint_id.length + 1);
}

/**
 * The headers of Standard Webhooks: who holds any of the secrets can tell that the message is ours, whole, and new.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signatureHeaders(message: {
  id: string;
  now: Instant;
  body: string;
  secrets: readonly string[];
}): Record<string, string> {
  const timestamp = Math.floor(message.now / 1000);
  const signed = `${message.id}.${timestamp}.${message.body}`;
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': message.secrets
      .map((secret) => hmacSha256(Buffer.from(secret.slice(prefix.length), 'base64'), signed).toString('base64'))
      .map((signature) => `v1,${signature}`)
      .join(' '),
  };
}
