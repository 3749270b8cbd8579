import { createHmac } from 'node:crypto';

/**
 * The `Stripe-Signature` header of a body. The key is the whole secret, `whsec_` included. While a rolled secret
 * overlaps there are two signatures.
 * https://docs.stripe.com/webhooks#verify-manually
 */
export function signatureHeader(secrets: string | readonly string[], timestamp: number, body: string): string {
  const signatures = [secrets].flat().map((secret) => {
    const v1 = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    return `,v1=${v1}`;
  });
  return `t=${timestamp}${signatures.join('')}`;
}
