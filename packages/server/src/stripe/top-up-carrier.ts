import type { Taxes } from '@farebox/core';
import Stripe from 'stripe';
import type { Carrier, Intents } from '../intents/kinds.ts';
import { ownMetadata } from './client.ts';
import { topUpOf } from './translate-top-up.ts';
import { idOf, translateObstacle } from './translate.ts';

type Kind = 'top_up.charge';
type Result = Intents[Kind]['result'];

/**
 * Buys credit with the customer's card, on an invoice of its own that is paid at once or void. The invoice names the top-up and
 * is looked for before one is made, so that one purchase has one invoice also after keys are forgotten at Stripe.
 */
export function createTopUpCarrier(deps: { stripe: Stripe; installation_id: string; taxes: Taxes }): Carrier<Kind> {
  const { stripe, installation_id } = deps;

  return {
    async find({ data }) {
      const invoice = await invoiceOf(data);
      return invoice === null ? null : await cameTo(invoice);
    },

    async send({ data }, idempotencyKey) {
      const card = await cardOf(data.stripe_customer_id);
      if (card === null) return { state: 'declined', code: 'no_card', reason: 'There is no card to charge.' };
      const key = (what: string) => ({ idempotencyKey: `${idempotencyKey}:${what}` });
      let invoice = (await invoiceOf(data)) ?? (await draft(data, card, key('invoice')));
      if (invoice.status === 'draft' && invoice.lines.data.length === 0) await addLine(data, invoice.id, key('item'));
      if (invoice.status === 'draft')
        invoice = await stripe.invoices.finalizeInvoice(invoice.id, { auto_advance: false }, key('finalize'));
      if (invoice.status === 'open') await pay(invoice.id, card, key('pay'));
      const result = await cameTo(await stripe.invoices.retrieve(invoice.id));
      if (result === null) throw new Error(`Stripe took the payment of ${invoice.id} and says nothing of it.`);
      return result;
    },
  };

  async function invoiceOf(data: Intents[Kind]['data']): Promise<Stripe.Invoice | null> {
    for await (const invoice of stripe.invoices.list({ customer: data.stripe_customer_id, limit: 100 }))
      if (topUpOf(invoice) === data.top_up_id) return invoice;
    return null;
  }

  /** The customer's default, or what one of its subscriptions is paid with: a checkout leaves its card there. */
  async function cardOf(customer: string): Promise<string | null> {
    const owner = await stripe.customers.retrieve(customer);
    const own = owner.deleted === true ? null : owner.invoice_settings.default_payment_method;
    if (own !== null) return idOf(own);
    const { data } = await stripe.subscriptions.list({ customer, limit: 100 });
    const named = data.flatMap(({ default_payment_method: card }) => (card === null ? [] : idOf(card)));
    return named[0] ?? null;
  }

  async function draft(
    data: Intents[Kind]['data'],
    card: string,
    options: Stripe.RequestOptions,
  ): Promise<Stripe.Invoice> {
    return await stripe.invoices.create(
      {
        customer: data.stripe_customer_id,
        currency: data.currency,
        default_payment_method: card,
        auto_advance: false,
        pending_invoice_items_behavior: 'exclude',
        description: 'Credit for usage',
        ...(deps.taxes.automatic ? { automatic_tax: { enabled: true } } : {}),
        metadata: ownMetadata(installation_id, { farebox_top_up: data.top_up_id }),
      },
      options,
    );
  }

  async function addLine(data: Intents[Kind]['data'], invoice: string, options: Stripe.RequestOptions): Promise<void> {
    await stripe.invoiceItems.create(
      {
        customer: data.stripe_customer_id,
        invoice,
        amount: data.amount_minor,
        currency: data.currency,
        description: 'Credit for usage',
        metadata: ownMetadata(installation_id, { farebox_top_up: data.top_up_id }),
      },
      options,
    );
  }

  async function pay(invoice: string, card: string, options: Stripe.RequestOptions): Promise<void> {
    try {
      await stripe.invoices.pay(invoice, { payment_method: card, off_session: true }, options);
    } catch (error) {
      // A refused card is read from the invoice, as after a lost answer.
      if (!(error instanceof Stripe.errors.StripeCardError)) throw error;
    }
  }

  /** Null while it was not tried. What was tried and is not paid is void from then on: nobody pays it later by mistake. */
  async function cameTo(invoice: Stripe.Invoice): Promise<Result | null> {
    if (invoice.status === 'draft') return null;
    const { data } = await stripe.invoicePayments.list({ invoice: invoice.id, limit: 1 });
    const named = data[0]?.payment.payment_intent;
    const payment = named == null ? null : await stripe.paymentIntents.retrieve(idOf(named));
    if (invoice.status === 'paid') {
      const stripe_payment_intent_id = payment?.id ?? null;
      return { state: 'paid', stripe_payment_intent_id, paid_minor: invoice.amount_paid };
    }
    const obstacle = payment === null ? null : translateObstacle(payment);
    if (invoice.status === 'open') {
      if (obstacle === null || obstacle.payment_state === 'none') return null;
      const ended = await stripe.invoices.voidInvoice(invoice.id);
      if (ended.status !== 'void') return await cameTo(ended);
    }
    return obstacle?.payment_state === 'action_required'
      ? { state: 'declined', code: 'authentication_required', reason: 'The bank wants to ask its customer.' }
      : { state: 'declined', code: 'declined', reason: obstacle?.failure_reason ?? 'The card was declined.' };
  }
}
