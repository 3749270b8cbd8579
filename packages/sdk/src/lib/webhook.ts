import type { WebhookEventType } from '@farebox/core';
import { systemNow } from './clock.ts';

/** What Farebox posts to a webhook endpoint. */
export interface WebhookEvent {
  object: 'event';
  /** The same each time it is sent: what was handled under it is not handled again. */
  id: string;
  /** Later versions have further types. */
  type: WebhookEventType | (string & {});
  /** When it happened: ISO 8601. */
  created: string;
  livemode: boolean;
  api_version: string;
  data: {
    /** As the API answers it, after what happened. */
    object: Record<string, unknown>;
    /** Of what was different, how it was. */
    previous_attributes: Record<string, unknown> | null;
  };
}

/** The message is not one of ours, not whole, or too old. Answer 400 and do nothing. */
export class WebhookSignatureError extends Error {
  override name = 'WebhookSignatureError';
}

/** Headers as a framework has them: `Headers`, or an object by names in small letters. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

const toleranceS = 300;

/**
 * Tells that a message was signed with the endpoint's secret, as Standard Webhooks says, and answers its event. `body` is the
 * text as it came, before any parser. Throws `WebhookSignatureError`.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export async function verifyWebhook(
  secret: string,
  headers: WebhookHeaders,
  body: string | Uint8Array,
  options: {
    /** How far the message's time may be from now, both ways, in seconds. 300 if left out. */
    tolerance_seconds?: number;
    /** Milliseconds since 1970. */
    now?: number;
  } = {},
): Promise<WebhookEvent> {
  const { tolerance_seconds = toleranceS, now = systemNow() } = options;
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookSignatureError('webhook-timestamp is not a time in seconds.');
  if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > tolerance_seconds)
    throw new WebhookSignatureError('The message is too old, or from the future. Is this machine’s clock right?');
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${text}`);
  const key = await keyOf(secret);
  for (const part of headerOf(headers, 'webhook-signature').split(' ')) {
    const signature = part.startsWith('v1,') ? bytesOf(part.slice('v1,'.length)) : null;
    // Compares in a time that tells nothing.
    if (signature !== null && (await crypto.subtle.verify('HMAC', key, signature, signed))) return eventOf(text);
  }
  throw new WebhookSignatureError(
    'No signature matches. Is the secret the one of this endpoint, and the body as it came?',
  );
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : headers[name];
  if (typeof value !== 'string' || value === '') throw new WebhookSignatureError(`There is no ${name} header.`);
  return value;
}

function isHeaders(headers: WebhookHeaders): headers is { get(name: string): string | null } {
  return 'get' in headers && typeof headers.get === 'function';
}

async function keyOf(secret: string) {
  const bytes = secret.startsWith('whsec_') ? bytesOf(secret.slice('whsec_'.length)) : null;
  if (bytes === null || bytes.length === 0) throw new TypeError('secret must be the secret of an endpoint: whsec_….');
  return await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

/** Null for what is not base64. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.replace(/=+$/, '').length % 4 === 1) return null;
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function eventOf(text: string): WebhookEvent {
  const event: WebhookEvent = JSON.parse(text);
  return event;
}
