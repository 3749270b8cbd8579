import Stripe from 'stripe';
import type { CreditNote, InvoicePreview, PaymentMethod, PaymentsDesk } from '../ports.ts';
import { Problem } from '../problem.ts';
import { ownMetadata } from './client.ts';
import { addOnChanges, onceItems } from './items.ts';
import { reach } from './reach.ts';
import { baseItem, idOf, lineKind, meterOfLine } from './translate.ts';

/** `PaymentsDesk` over Stripe's API. */
export function createDesk(deps: { stripe: Stripe; installation_id: string }): PaymentsDesk {
  const { stripe, installation_id } = deps;
  return {
    previewChange: (change) =>
      reach(async () => {
        const subscription = await stripe.subscriptions.retrieve(change.stripe_subscription_id);
        const preview = await stripe.invoices.createPreview({
          customer: change.stripe_customer_id,
          subscription: change.stripe_subscription_id,
          subscription_details: {
            items: [
              { id: baseItem(subscription).id, price: change.stripe_price_id, quantity: change.quantity },
              ...addOnChanges(subscription, change.add_ons),
            ],
            proration_behavior: 'always_invoice',
            proration_date: Math.floor(change.proration_at / 1000),
            ...(change.resets_anchor ? { billing_cycle_anchor: { type: 'now' } } : {}),
          },
          ...(change.add_on_fees.length === 0 ? {} : { invoice_items: onceItems(change.add_on_fees) }),
        });
        return translatePreview(preview, null);
      }),

    async previewNext({ stripe_customer_id, stripe_subscription_id }) {
      try {
        const subscription = await stripe.subscriptions.retrieve(stripe_subscription_id);
        const preview = await stripe.invoices.createPreview({
          customer: stripe_customer_id,
          subscription: stripe_subscription_id,
        });
        return withoutUsage(preview, translatePreview(preview, baseItem(subscription).current_period_end * 1000));
      } catch (error) {
        if (error instanceof Stripe.errors.StripeError && error.code === 'invoice_upcoming_none') return null;
        return await reach(() => Promise.reject(error));
      }
    },

    findPromotionCode: (code) =>
      reach(async () => {
        const { data } = await stripe.promotionCodes.list({ code, active: true, limit: 1 });
        const [found] = data;
        return found === undefined ? null : { stripe_promotion_code_id: found.id };
      }),

    paymentMethods: (stripeCustomerId) =>
      reach(async () => {
        const customer = await stripe.customers.retrieve(stripeCustomerId);
        const settled = customer.deleted === true ? null : customer.invoice_settings.default_payment_method;
        // What a subscription names wins over the customer's: it is what the next payment is made with.
        const { data: subscriptions } = await stripe.subscriptions.list({ customer: stripeCustomerId, limit: 100 });
        const named = subscriptions.flatMap((each) => each.default_payment_method ?? []);
        const current = new Set(
          (named.length > 0 ? named : [settled]).flatMap((each) => (each === null ? [] : idOf(each))),
        );
        const { data } = await stripe.customers.listPaymentMethods(stripeCustomerId, { limit: 100 });
        return data.map((method) => translateMethod(method, current.has(method.id)));
      }),

    openSetup: (wish) =>
      reach(async () => {
        const session = await stripe.checkout.sessions.create(
          {
            mode: 'setup',
            customer: wish.stripe_customer_id,
            currency: wish.currency,
            success_url: wish.success_url,
            cancel_url: wish.cancel_url,
            metadata: ownMetadata(installation_id),
          },
          { idempotencyKey: `farebox:${installation_id}:setup:${wish.id}` },
        );
        return { url: addressOf(session.url) };
      }),

    openPortal: (wish) =>
      reach(async () => {
        const session = await stripe.billingPortal.sessions.create({
          customer: wish.stripe_customer_id,
          return_url: wish.return_url,
        });
        return { url: addressOf(session.url) };
      }),

    balance: (stripeCustomerId) =>
      reach(async () => {
        const customer = await stripe.customers.retrieve(stripeCustomerId);
        if (customer.deleted === true) return { currency: null, credit_minor: 0 };
        // Stripe counts what the customer has as negative.
        return { currency: customer.currency ?? null, credit_minor: customer.balance === 0 ? 0 : -customer.balance };
      }),

    creditNotes: (stripeInvoiceId) =>
      reach(async () => {
        const { data } = await stripe.creditNotes.list({ invoice: stripeInvoiceId, limit: 100 });
        return data.map(translateNote);
      }),
  };
}

function translatePreview(invoice: Stripe.Invoice, due: number | null): InvoicePreview {
  const discount_minor = (invoice.total_discount_amounts ?? []).reduce((sum, { amount }) => sum + amount, 0);
  const tax_minor = (invoice.total_taxes ?? []).reduce((sum, { amount }) => sum + amount, 0);
  return {
    currency: invoice.currency,
    subtotal_minor: invoice.subtotal,
    discount_minor,
    tax_minor,
    total_minor: invoice.total,
    balance_used_minor: invoice.total - invoice.amount_due,
    amount_due_minor: invoice.amount_due,
    due_at: due,
    lines: invoice.lines.data.map((line) => ({
      kind: lineKind(line),
      description: line.description ?? 'Charge',
      quantity: line.quantity,
      amount_minor: line.amount,
      period_start_at: line.period.start * 1000,
      period_end_at: line.period.end * 1000,
    })),
  };
}

/** What was sent to a meter so far stands in Stripe's preview; the usage beside it has all of it, and is told once. */
function withoutUsage(invoice: Stripe.Invoice, preview: InvoicePreview): InvoicePreview {
  const metered = invoice.lines.data.filter((line) => meterOfLine(line) !== null);
  const amount = metered.reduce((sum, line) => sum + line.amount, 0);
  return {
    ...preview,
    subtotal_minor: preview.subtotal_minor - amount,
    total_minor: preview.total_minor - amount,
    amount_due_minor: Math.max(0, preview.amount_due_minor - amount),
    lines: preview.lines.filter((_, index) => {
      const line = invoice.lines.data[index];
      return line === undefined || !metered.includes(line);
    }),
  };
}

function translateMethod(method: Stripe.PaymentMethod, is_default: boolean): PaymentMethod {
  return {
    id: method.id,
    type: method.type,
    brand: method.card?.brand ?? null,
    last4: method.card?.last4 ?? null,
    exp_month: method.card?.exp_month ?? null,
    exp_year: method.card?.exp_year ?? null,
    is_default,
  };
}

function translateNote(note: Stripe.CreditNote): CreditNote {
  const refunded_minor = note.refunds.reduce((sum, { amount_refunded }) => sum + amount_refunded, 0);
  return {
    stripe_credit_note_id: note.id,
    number: note.number,
    status: note.status,
    currency: note.currency,
    amount_minor: note.amount,
    refunded_minor,
    // What went to the balance has a transaction there.
    balance_minor: note.customer_balance_transaction === null ? 0 : note.amount - refunded_minor,
    reason: note.reason,
    memo: note.memo,
    pdf_url: note.pdf,
    created_at: note.created * 1000,
  };
}

function addressOf(url: string | null): string {
  if (url === null) throw new Problem('stripe_unavailable', 'Stripe opened a page without an address. Try again.');
  return url;
}
