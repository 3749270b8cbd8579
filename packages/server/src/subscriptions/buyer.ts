import type { Payments } from '../ports.ts';

/** Who buys. */
export interface Buyer {
  id: string;
  external_id: string | null;
  name: string;
  email: string;
}

/** Makes sure that the buyer is a customer at Stripe and is linked to it; answers Stripe's id. */
export function createLinking(deps: {
  payments: Pick<Payments, 'ensureCustomer'>;
  linkStripe(customerId: string, stripeCustomerId: string): Promise<void>;
}) {
  return async function ensureLinked(buyer: Buyer): Promise<string> {
    const { stripe_customer_id } = await deps.payments.ensureCustomer(buyer);
    await deps.linkStripe(buyer.id, stripe_customer_id);
    return stripe_customer_id;
  };
}
