import type { Taxes } from '@farebox/core';
import Stripe from 'stripe';
import type { CheckoutIntent, Payments, TopUpIntent } from '../ports.ts';
import { Problem } from '../problem.ts';
import { ownMetadata } from './client.ts';
import { newItems, onceItems } from './items.ts';
import { reach, unavailable } from './reach.ts';
import { translateCheckoutState } from './translate.ts';
import { trialOf } from './trial.ts';

/** Stripe takes either a reduction or a field to type one in. */
function reductionOf(
  intent: CheckoutIntent,
): Pick<Stripe.Checkout.SessionCreateParams, 'discounts' | 'allow_promotion_codes'> {
  if (intent.stripe_promotion_code_id !== null)
    return { discounts: [{ promotion_code: intent.stripe_promotion_code_id }] };
  return intent.takes_codes ? { allow_promotion_codes: true } : {};
}

/**
 * What the page asks for besides the card. An address and a business name that were entered are the customer's from then on: the
 * tax of every later invoice follows from them (https://docs.stripe.com/tax/checkout/tax-ids).
 */
function taxesOf({ automatic, tax_ids }: Taxes): Partial<Stripe.Checkout.SessionCreateParams> {
  return {
    ...(automatic ? { automatic_tax: { enabled: true } } : {}),
    ...(tax_ids ? { tax_id_collection: { enabled: true } } : {}),
    ...(automatic || tax_ids ? { customer_update: { address: 'auto', name: 'auto' } } : {}),
  };
}

function opened({ id, url }: Stripe.Checkout.Session): { stripe_session_id: string; url: string } {
  if (url === null)
    throw new Problem('stripe_unavailable', 'Stripe opened a checkout without an address. Try again.', { detail: id });
  return { stripe_session_id: id, url };
}

/**
 * `Payments` over Stripe's API. Idempotency keys are pure functions of the intent (its row's id), so that a repeat after a
 * timeout finds what the first try made. Keys live at least 24 hours (docs.stripe.com/api/idempotent_requests).
 */
export function createPayments(deps: {
  stripe: Stripe;
  installation_id: string;
  taxes: Taxes;
  syncCustomer(customerId: string): Promise<void>;
  findStripeId(customerId: string): Promise<string | null>;
  /** How many customers at Stripe this one had that were deleted there: an old key would answer with a deleted one. */
  countGone(customerId: string): Promise<number>;
}): Payments {
  const { stripe, installation_id } = deps;
  return {
    async ensureCustomer(customer) {
      const known = await deps.findStripeId(customer.id);
      if (known !== null) return { stripe_customer_id: known, state: 'linked' };
      const gone = await deps.countGone(customer.id);
      return await reach(async () => {
        // Made before, and the answer or the link was lost: longer ago than idempotency keys live, only reading tells.
        for await (const found of stripe.customers.list({ email: customer.email, limit: 100 })) {
          if (isOurs(found, customer.id)) return { stripe_customer_id: found.id, state: 'found' };
        }
        for (let number = gone; ; number += 1) {
          const { id, lastResponse } = await stripe.customers.create(
            {
              name: customer.name,
              email: customer.email,
              metadata: ownMetadata(installation_id, { farebox_customer: customer.id }),
            },
            {
              idempotencyKey: `farebox:${installation_id}:customer:${customer.id}${number === 0 ? '' : `:${number}`}`,
            },
          );
          // As fetch has them, whatever their type says.
          const headers = new Headers(lastResponse.headers);
          if (headers.get('idempotent-replayed') !== 'true')
            return { stripe_customer_id: id, state: number === 0 ? 'made' : 'found' };
          // One that was never linked here may have been deleted there, and its key still answers with it.
          const made = await stripe.customers.retrieve(id);
          if (made.deleted !== true) return { stripe_customer_id: id, state: 'found' };
        }
      });

      function isOurs(found: Stripe.Customer, customerId: string): boolean {
        const { farebox_installation, farebox_customer } = found.metadata;
        return farebox_installation === installation_id && farebox_customer === customerId;
      }
    },

    async openCheckout(intent: CheckoutIntent) {
      const metadata = ownMetadata(installation_id, {
        farebox_customer: intent.customer_id,
        farebox_checkout: intent.id,
        farebox_plan_version: intent.plan_version_id,
      });
      const session = await reach(() =>
        stripe.checkout.sessions.create(
          {
            mode: 'subscription',
            customer: intent.stripe_customer_id,
            client_reference_id: intent.customer_id,
            line_items: [
              { price: intent.stripe_price_id, quantity: intent.quantity },
              ...newItems(intent.add_ons),
              ...(intent.stripe_setup_price_id === null ? [] : onceItems([intent.stripe_setup_price_id])),
              ...onceItems(intent.add_on_fees),
            ],
            success_url: intent.success_url,
            cancel_url: intent.cancel_url,
            expires_at: Math.floor(intent.expires_at / 1000),
            metadata,
            subscription_data: {
              metadata,
              ...(intent.trial_days === null ? {} : trialOf(intent.trial_days, !intent.needs_card)),
            },
            payment_method_collection: intent.needs_card ? 'always' : 'if_required',
            ...reductionOf(intent),
            ...taxesOf(deps.taxes),
          },
          { idempotencyKey: `farebox:${installation_id}:checkout:${intent.id}` },
        ),
      );
      return opened(session);
    },

    async openTopUp(intent: TopUpIntent) {
      const metadata = ownMetadata(installation_id, {
        farebox_customer: intent.customer_id,
        farebox_top_up: intent.id,
      });
      const price_data = {
        currency: intent.currency,
        unit_amount: intent.amount_minor,
        product_data: { name: 'Credit for usage' },
      };
      const session = await reach(() =>
        stripe.checkout.sessions.create(
          {
            mode: 'payment',
            customer: intent.stripe_customer_id,
            client_reference_id: intent.customer_id,
            line_items: [{ price_data, quantity: 1 }],
            // A receipt for the books, where the customer's other invoices are.
            invoice_creation: { enabled: true, invoice_data: { description: 'Credit for usage', metadata } },
            payment_intent_data: { metadata },
            success_url: intent.success_url,
            cancel_url: intent.cancel_url,
            expires_at: Math.floor(intent.expires_at / 1000),
            metadata,
            ...taxesOf(deps.taxes),
          },
          { idempotencyKey: `farebox:${installation_id}:top_up:${intent.id}` },
        ),
      );
      return opened(session);
    },

    async closeCheckout(stripeSessionId) {
      try {
        const session = await stripe.checkout.sessions.expire(stripeSessionId);
        return { state: translateCheckoutState(session) };
      } catch (error) {
        // Only an open session can be expired; whichever way it ended, reading says so.
        if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw unavailable(error);
        const session = await reach(() => stripe.checkout.sessions.retrieve(stripeSessionId));
        return { state: translateCheckoutState(session) };
      }
    },

    syncCustomer: (customerId) => reach(() => deps.syncCustomer(customerId)),
  };
}
