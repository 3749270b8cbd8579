import Stripe from 'stripe';
import { Problem } from '../problem.ts';

/** A call on behalf of somebody who waits: what goes wrong at Stripe becomes a refusal they can act on. */
export async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw unavailable(error);
  }
}

export function unavailable(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  return new Problem(
    'stripe_unavailable',
    'Stripe could not be asked just now; nothing was charged. Try again in a moment.',
    { detail: { type: error.type, code: error.code, message: error.message, request_id: error.requestId } },
  );
}
