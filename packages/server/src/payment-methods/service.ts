import type { Orders } from '../intents/orders.ts';
import { createId } from '../lib/id.ts';
import type { Clock, PaymentMethod, Payments, PaymentsDesk } from '../ports.ts';
import { Problem } from '../problem.ts';

interface Owner {
  id: string;
  name: string;
  email: string;
  stripe_customer_id: string | null;
}

/** Who asks, and whose cards are meant. */
export interface OfCustomer {
  actor: string;
  customer_id: string;
}

type Desk = Pick<PaymentsDesk, 'paymentMethods' | 'openSetup' | 'openPortal' | 'balance'>;

/** A customer's cards. Their numbers are Stripe's alone: they are typed on its pages, and here is only what it shows of them. */
export function createPaymentMethods(deps: {
  clock: Clock;
  payments: Pick<Payments, 'ensureCustomer'>;
  desk: Desk;
  order: Orders;
  base_url: string;
  currency: string;
  findCustomer(id: string): Promise<Owner>;
  linkStripe(customerId: string, stripeCustomerId: string): Promise<boolean>;
  /** When the customer's subscription is paid next; null when it is not. */
  nextPaymentAt(customerId: string): Promise<number | null>;
}) {
  const { clock, desk, order } = deps;
  const home = `${deps.base_url}/dashboard`;

  async function ofCustomer(customerId: string): Promise<PaymentMethod[]> {
    const { stripe_customer_id } = await deps.findCustomer(customerId);
    return stripe_customer_id === null ? [] : await desk.paymentMethods(stripe_customer_id);
  }

  /** A card of somebody else answers as one that does not exist. */
  async function own(customerId: string, id: string): Promise<PaymentMethod> {
    const found = (await ofCustomer(customerId)).find((method) => method.id === id);
    if (found === undefined) throw new Problem('not_found', 'There is no such payment method.');
    return found;
  }

  async function atStripe(customerId: string): Promise<string> {
    const customer = await deps.findCustomer(customerId);
    if (customer.stripe_customer_id !== null) return customer.stripe_customer_id;
    const { stripe_customer_id } = await deps.payments.ensureCustomer(customer);
    await deps.linkStripe(customer.id, stripe_customer_id);
    return stripe_customer_id;
  }

  return {
    async list(customerId: string): Promise<{ methods: PaymentMethod[]; next_payment_at: number | null }> {
      return { methods: await ofCustomer(customerId), next_payment_at: await deps.nextPaymentAt(customerId) };
    },

    async setup(customerId: string): Promise<{ url: string }> {
      return await desk.openSetup({
        id: createId('setp', clock.now()),
        stripe_customer_id: await atStripe(customerId),
        currency: deps.currency,
        success_url: `${home}?card=added`,
        cancel_url: home,
      });
    },

    async makeDefault(of: OfCustomer, id: string): Promise<void> {
      const method = await own(of.customer_id, id);
      if (method.is_default) return;
      await order({
        ...of,
        object_id: id,
        kind: 'payment_method.default',
        action: 'payment_method.made_default',
        data: { stripe_customer_id: await atStripe(of.customer_id), stripe_payment_method_id: id },
      });
    },

    /** The card that the next payment is made with stays, so that access does not end by a slip. */
    async remove(of: OfCustomer, id: string): Promise<void> {
      const method = await own(of.customer_id, id);
      if (method.is_default && (await deps.nextPaymentAt(of.customer_id)) !== null)
        throw new Problem(
          'payment_method_in_use',
          'Your subscription is paid with this card. Make another one the default first.',
        );
      await order({
        ...of,
        object_id: id,
        kind: 'payment_method.detach',
        action: 'payment_method.removed',
        dedupe_key: `payment_method.detach:${id}`,
        data: { stripe_payment_method_id: id },
      });
    },

    async portal(customerId: string, return_url = home): Promise<{ url: string }> {
      return await desk.openPortal({ stripe_customer_id: await atStripe(customerId), return_url });
    },

    async balance(customerId: string): Promise<{ currency: string | null; credit_minor: number }> {
      const { stripe_customer_id } = await deps.findCustomer(customerId);
      return stripe_customer_id === null ? { currency: null, credit_minor: 0 } : await desk.balance(stripe_customer_id);
    },
  };
}
