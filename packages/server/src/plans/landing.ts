/** What the landing page says about what just happened. */
export interface LandingNotice {
  kind: 'error' | 'info';
  text: string;
}

/** Why a card was refused, in the payer's words. Stripe: https://docs.stripe.com/declines/codes */
const declines: Record<string, string> = {
  card_declined: 'Your card was declined.',
  generic_decline: 'Your card was declined.',
  insufficient_funds: 'Your card has insufficient funds.',
  expired_card: 'Your card has expired.',
  incorrect_cvc: "Your card's security code is incorrect.",
  processing_error: 'Your card could not be processed just now.',
  lost_card: 'Your card was declined.',
  stolen_card: 'Your card was declined.',
  authentication_required: 'Your bank asks you to confirm the payment, and it was not confirmed.',
};

/**
 * From the query a checkout's back link carries: `?checkout=canceled&error=…`. The query chooses among our sentences and
 * never becomes one, so that a link cannot put words on the page.
 */
export function landingNotice(query: URLSearchParams): LandingNotice | null {
  if (query.get('checkout') !== 'canceled') return null;
  const error = query.get('error');
  if (error === null) return { kind: 'info', text: 'You left the checkout. Nothing was charged; the plans are below.' };
  const reason = Object.hasOwn(declines, error) ? declines[error] : 'The payment did not go through.';
  return { kind: 'error', text: `${reason} Nothing was charged. Try another card, or choose another plan.` };
}
