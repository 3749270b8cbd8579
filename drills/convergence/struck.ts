import Stripe from 'stripe';
import { Problem } from '../../packages/server/src/problem.ts';

/** How Stripe's SDK names what the adversary does: too many requests, an answer of 500, none at all. */
const ways: ReadonlySet<unknown> = new Set(['StripeRateLimitError', 'StripeAPIError', 'StripeConnectionError']);

/** Whether something failed because Stripe was made to fail, and not by a fault of its own. */
export function isStruck(error: unknown): boolean {
  if (error instanceof Stripe.errors.StripeError) return ways.has(error.type);
  const { detail } = error instanceof Problem && error.code === 'stripe_unavailable' ? error : { detail: null };
  return typeof detail === 'object' && detail !== null && 'type' in detail && ways.has(detail.type);
}
