import Stripe from 'stripe';
import type { Carrier, Carriers } from '../intents/kinds.ts';
import { ownMetadata } from './client.ts';
import { idOf } from './translate.ts';

type Kinds = 'invoice.pay' | 'invoice.credit' | 'payment_method.default' | 'payment_method.detach';

/** How invoices are collected and given back at Stripe, and how a customer's cards are arranged. */
export function createInvoiceCarriers(deps: { stripe: Stripe; installation_id: string }): Pick<Carriers, Kinds> {
  const { stripe } = deps;
  return {
    'invoice.pay': pay(stripe),
    'invoice.credit': credit(deps),
    'payment_method.default': {
      async find({ data }) {
        const customer = await stripe.customers.retrieve(data.stripe_customer_id);
        if (customer.deleted === true) return null;
        const current = customer.invoice_settings.default_payment_method;
        return current !== null && idOf(current) === data.stripe_payment_method_id ? { state: 'done' } : null;
      },
      async send({ data }, idempotencyKey) {
        const invoice_settings = { default_payment_method: data.stripe_payment_method_id };
        await stripe.customers.update(data.stripe_customer_id, { invoice_settings }, { idempotencyKey });
        // A card named on the subscription would win over the customer's.
        for await (const each of stripe.subscriptions.list({ customer: data.stripe_customer_id, limit: 100 })) {
          if (each.default_payment_method === null) continue;
          const wish = { default_payment_method: data.stripe_payment_method_id };
          await stripe.subscriptions.update(each.id, wish, { idempotencyKey: `${idempotencyKey}:${each.id}` });
        }
        return { state: 'done' };
      },
    },
    'payment_method.detach': {
      async find({ data }) {
        const method = await stripe.paymentMethods.retrieve(data.stripe_payment_method_id);
        return method.customer === null ? { state: 'done' } : null;
      },
      async send({ data }, idempotencyKey) {
        await stripe.paymentMethods.detach(data.stripe_payment_method_id, {}, { idempotencyKey });
        return { state: 'done' };
      },
    },
  };
}

/** Tries an open invoice again with the default card. A bank that wants to be asked is asked on the invoice's own page. */
function pay(stripe: Stripe): Carrier<'invoice.pay'> {
  return {
    async find({ data }) {
      const invoice = await stripe.invoices.retrieve(data.stripe_invoice_id);
      return invoice.status === 'paid' ? { state: 'done' } : null;
    },
    async send({ data }, idempotencyKey) {
      try {
        await stripe.invoices.pay(data.stripe_invoice_id, await newerCard(data.stripe_invoice_id), { idempotencyKey });
        return { state: 'done' };
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeCardError)) throw error;
        const invoice = await stripe.invoices.retrieve(data.stripe_invoice_id, { expand: ['payments'] });
        if (invoice.status === 'paid') return { state: 'done' };
        const isAsked = /action|authentication/.test(`${error.code} ${error.decline_code}`);
        if (isAsked) return { state: 'action_required', url: invoice.hosted_invoice_url ?? null };
        return { state: 'declined', reason: error.message };
      }
    },
  };

  /** An invoice that names a card of its own keeps it; the customer may have another by now. */
  async function newerCard(id: string): Promise<Stripe.InvoicePayParams> {
    const invoice = await stripe.invoices.retrieve(id, { expand: ['customer'] });
    const { customer } = invoice;
    if (invoice.default_payment_method === null || customer === null || typeof customer === 'string') return {};
    const current = customer.deleted === true ? null : customer.invoice_settings.default_payment_method;
    return current === null ? {} : { payment_method: idOf(current) };
  }
}

/** Gives back by a credit note, on which the books can rest: to the card, or to the balance that the next invoice uses. */
function credit(deps: { stripe: Stripe; installation_id: string }): Carrier<'invoice.credit'> {
  const { stripe, installation_id } = deps;
  return {
    async find({ id, data }) {
      for await (const note of stripe.creditNotes.list({ invoice: data.stripe_invoice_id, limit: 100 }))
        if (note.metadata?.['farebox_intent'] === id) return { stripe_credit_note_id: note.id };
      return null;
    },
    async send({ id, data }, idempotencyKey) {
      const { amount_minor } = data;
      const note = await stripe.creditNotes.create(
        {
          invoice: data.stripe_invoice_id,
          amount: amount_minor,
          ...(data.to === 'card' ? { refund_amount: amount_minor } : {}),
          ...(data.to === 'balance' ? { credit_amount: amount_minor } : {}),
          ...(data.reason === null ? {} : { reason: data.reason }),
          ...(data.memo === null ? {} : { memo: data.memo }),
          metadata: ownMetadata(installation_id, { farebox_intent: id }),
        },
        { idempotencyKey },
      );
      return { stripe_credit_note_id: note.id };
    },
  };
}
