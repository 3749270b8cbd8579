import type Stripe from 'stripe';
import type { MirrorTopUp } from '../credits/top-ups/mirror.ts';
import type { Outcome } from '../intents/kinds.ts';
import { Unreadable, idOf, translateCheckoutState } from './translate.ts';

/** Of a top-up that brought nothing, so far. */
export const unpaid = { stripe_payment_intent_id: null, paid_minor: null, failure_code: null, failure_reason: null };

/** What a purchase with a saved card came to, as far as it is known. */
export function chargedTopUp(outcome: Outcome<'top_up.charge'> | null): Omit<MirrorTopUp, 'id'> {
  if (outcome === null || outcome.state === 'unknown') return { ...unpaid, state: 'open' };
  if (outcome.state === 'refused')
    return { ...unpaid, state: 'failed', failure_code: 'refused', failure_reason: outcome.refusal.message };
  const { result } = outcome;
  if (result.state === 'declined')
    return { ...unpaid, state: 'failed', failure_code: result.code, failure_reason: result.reason };
  const { stripe_payment_intent_id, paid_minor } = result;
  return { ...unpaid, state: 'paid', stripe_payment_intent_id, paid_minor };
}

/** The top-up that an invoice is of; null for all others. */
export function topUpOf(invoice: Pick<Stripe.Invoice, 'metadata'>): string | null {
  return invoice.metadata?.['farebox_top_up'] ?? null;
}

/**
 * What a checkout of one payment came to. A page that is complete may wait for a bank that takes days: only money that came is
 * credit. https://docs.stripe.com/payments/checkout/fulfillment#delayed-notification
 */
export function translateTopUp(session: Stripe.Checkout.Session): Omit<MirrorTopUp, 'id'> {
  const state = translateCheckoutState(session);
  if (state !== 'complete') return { ...unpaid, state };
  const { payment_intent: intent, payment_status, amount_total } = session;
  if (intent === null || typeof intent === 'string' || amount_total === null)
    throw new Unreadable(`Checkout session ${session.id} is complete and names no payment.`);
  if (payment_status === 'paid')
    return { ...unpaid, state: 'paid', stripe_payment_intent_id: idOf(intent), paid_minor: amount_total };
  if (intent.status !== 'requires_payment_method' && intent.status !== 'canceled') return { ...unpaid, state: 'open' };
  return {
    ...unpaid,
    state: 'failed',
    failure_reason: intent.last_payment_error?.message ?? 'The payment did not come.',
  };
}
