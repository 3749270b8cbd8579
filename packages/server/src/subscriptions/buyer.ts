import type { Payments } from '../ports.ts';

/** Who buys. */
export interface Buyer {
  id: string;
  external_id: string | null;
  name: string;
  email: string;
}

/** A buyer at Stripe. */
export interface Linked {
  stripe_customer_id: string;
  /** Made and linked by this very call: nothing can have been bought, and a reading would find nothing. */
  is_new: boolean;
}

/** Makes sure that the buyer is a customer at Stripe and is linked to it. */
export function createLinking(deps: {
  payments: Pick<Payments, 'ensureCustomer'>;
  /** False when another call was earlier. */
  linkStripe(customerId: string, stripeCustomerId: string): Promise<boolean>;
}) {
  return async function ensureLinked(buyer: Buyer): Promise<Linked> {
    const { stripe_customer_id, state } = await deps.payments.ensureCustomer(buyer);
    const isFirst = state !== 'linked' && (await deps.linkStripe(buyer.id, stripe_customer_id));
    return { stripe_customer_id, is_new: isFirst && state === 'made' };
  };
}
