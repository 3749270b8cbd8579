import { createHmac } from 'node:crypto';

/**
 * The `Stripe-Signature` header of a body. The key is the whole secret, `whsec_` included.
 * https://docs.stripe.com/webhooks#verify-manually
 */
export function signatureHeader(secret: string, timestamp: number, body: string): string {
  const v1 = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return `t=${timestamp},v1=${v1}`;
}
