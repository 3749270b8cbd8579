import type { Taxes } from '@farebox/core';
import type Stripe from 'stripe';
import type { Carrier, Carriers } from '../intents/kinds.ts';
import { ownMetadata } from './client.ts';
import { createInvoiceCarriers } from './invoice-carriers.ts';
import { createSubscriptionCarriers } from './subscription-carriers.ts';
import { createTopUpCarrier } from './top-up-carrier.ts';
import { idOf } from './translate.ts';

/** How each kind of intent is carried out at Stripe, and how it is seen there once it was. */
export function createCarriers(deps: { stripe: Stripe; installation_id: string; taxes: Taxes }): Carriers {
  return {
    'subscription.undo': undoSubscription(deps),
    ...createSubscriptionCarriers(deps),
    ...createInvoiceCarriers(deps),
    'top_up.charge': createTopUpCarrier(deps),
  };
}

/**
 * A second live subscription of one customer is a mistake of a race: it is ended and what it took is given back. Several
 * calls, each read first: ending an ended subscription and refunding a refunded charge are found done.
 */
function undoSubscription(deps: { stripe: Stripe; installation_id: string }): Carrier<'subscription.undo'> {
  const { stripe, installation_id } = deps;
  return {
    async find({ data }) {
      const { isEnded, payments } = await look(data.stripe_subscription_id);
      const refunds = payments.flatMap((payment) => payment.refund ?? []);
      return isEnded && refunds.length === payments.length ? { stripe_refund_ids: refunds } : null;
    },

    async send({ data }, idempotencyKey) {
      const { isEnded, payments } = await look(data.stripe_subscription_id);
      if (!isEnded) {
        const wish = { prorate: false, invoice_now: false };
        await stripe.subscriptions.cancel(data.stripe_subscription_id, wish, {
          idempotencyKey: `${idempotencyKey}:end`,
        });
      }
      const stripe_refund_ids: string[] = [];
      for (const { payment_intent, refund } of payments) {
        stripe_refund_ids.push(
          refund ?? (await giveBack(payment_intent, `${idempotencyKey}:refund:${payment_intent}`)),
        );
      }
      return { stripe_refund_ids };
    },
  };

  async function look(id: string) {
    const subscription = await stripe.subscriptions.retrieve(id, { expand: ['latest_invoice.payments'] });
    const isEnded = subscription.status === 'canceled' || subscription.status === 'incomplete_expired';
    const invoice = subscription.latest_invoice;
    const payments: { payment_intent: string; refund: string | null }[] = [];
    if (invoice === null || typeof invoice === 'string' || invoice.status !== 'paid') return { isEnded, payments };
    for (const { payment } of invoice.payments?.data ?? []) {
      const intent = payment.payment_intent;
      if (intent === undefined || intent === null) continue;
      const refunds = await stripe.refunds.list({ payment_intent: idOf(intent), limit: 1 });
      payments.push({ payment_intent: idOf(intent), refund: refunds.data[0]?.id ?? null });
    }
    return { isEnded, payments };
  }

  async function giveBack(payment_intent: string, idempotencyKey: string): Promise<string> {
    const refund = await stripe.refunds.create(
      { payment_intent, reason: 'duplicate', metadata: ownMetadata(installation_id) },
      { idempotencyKey },
    );
    return refund.id;
  }
}
