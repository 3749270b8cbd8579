import Stripe from 'stripe';
import type { Verdict } from '../intents/kinds.ts';

/**
 * What an error of a call that changes something says of its effect. Pure. Only an answer of Stripe to the request itself
 * says anything: too many at once, a lock, another call under the same key or a credential that is no longer good may come
 * after a first try whose answer was lost. https://docs.stripe.com/error-low-level
 */
export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof Stripe.errors.StripeError)) return { type: 'unknown' };
  const status = error.statusCode ?? 0;
  if (status >= 500) return { type: 'failed' };
  // The key was used with other parameters, and Stripe has answered that call.
  if (error instanceof Stripe.errors.StripeIdempotencyError) return { type: 'failed' };
  if (status < 400 || [401, 403, 409, 429].includes(status)) return { type: 'unknown' };
  return {
    type: 'refused',
    refusal: { code: error.code ?? null, message: error.message, param: error.param ?? null },
  };
}
