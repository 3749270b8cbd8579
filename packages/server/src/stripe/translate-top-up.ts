import type Stripe from 'stripe';
import type { MirrorTopUp } from '../credits/top-ups/mirror.ts';
import { Unreadable, idOf, translateCheckoutState } from './translate.ts';

/** The top-up that an invoice is of; null for all others. */
export function topUpOf(invoice: Pick<Stripe.Invoice, 'metadata'>): string | null {
  return invoice.metadata?.['farebox_top_up'] ?? null;
}

/**
 * What a checkout of one payment came to. A page that is complete may wait for a bank that takes days: only money that came is
 * credit. https://docs.stripe.com/payments/checkout/fulfillment#delayed-notification
 */
export function translateTopUp(session: Stripe.Checkout.Session): Omit<MirrorTopUp, 'id'> {
  const none = { stripe_payment_intent_id: null, paid_minor: null, failure_reason: null };
  const state = translateCheckoutState(session);
  if (state !== 'complete') return { ...none, state };
  const { payment_intent: intent, payment_status, amount_total } = session;
  if (intent === null || typeof intent === 'string' || amount_total === null)
    throw new Unreadable(`Checkout session ${session.id} is complete and names no payment.`);
  if (payment_status === 'paid')
    return { ...none, state: 'paid', stripe_payment_intent_id: idOf(intent), paid_minor: amount_total };
  if (intent.status !== 'requires_payment_method' && intent.status !== 'canceled') return { ...none, state: 'open' };
  return {
    ...none,
    state: 'failed',
    failure_reason: intent.last_payment_error?.message ?? 'The payment did not come.',
  };
}
