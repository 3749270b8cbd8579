import type { CheckoutSession } from '../../lib/wire.ts';

/** A paid checkout is seen within a second or two; after this long an open one was probably left. */
const unpaid_after_ms = 20_000;
/** The subscription follows the payment at once; after this long something is wrong on our side. */
const slow_after_ms = 45_000;

export type PaymentStep = 'waiting' | 'preparing' | 'paid' | 'unpaid' | 'slow' | 'expired';

/** Where a purchase stands, from the last answer and how long the buyer has waited. */
export function paymentStep(session: CheckoutSession | undefined, waited_ms: number): PaymentStep {
  if (session === undefined) return 'waiting';
  switch (session.state) {
    case 'expired':
      return 'expired';
    case 'open':
      return waited_ms < unpaid_after_ms ? 'waiting' : 'unpaid';
    case 'complete':
      if (session.subscription) return 'paid';
      return waited_ms < slow_after_ms ? 'preparing' : 'slow';
  }
}
