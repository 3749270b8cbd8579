import type Stripe from 'stripe';
import { goodCard } from '../harness.ts';
import { has, type Probes } from './probe.ts';

const address = { line1: '1 Main St', city: 'Berlin', country: 'DE', postal_code: '10115' };

/** A draft with something on it, of a customer with a card. */
async function draftOf(stripe: Stripe, more: Stripe.InvoiceCreateParams = {}): Promise<Stripe.Invoice> {
  const customer = await stripe.customers.create({
    email: 'ada@example.com',
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const draft = await stripe.invoices.create({ customer: customer.id, ...more });
  await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 900, currency: 'usd' });
  return draft;
}

/** Answers of invoices and payments with the fields that the probes of routes leave empty. */
export const invoiceFieldProbes: Probes = {
  'all that a seller may say on an invoice, and its revision': async ({ stripe }) => {
    const tax_id = await stripe.taxIds.create({ type: 'eu_vat', value: 'DE123456789' });
    const draft = await draftOf(stripe, {
      account_tax_ids: [tax_id.id],
      rendering: { amount_tax_display: 'include_inclusive_tax' },
      shipping_details: { name: 'Ada', address },
      statement_descriptor: 'SKYCAST',
    });
    has(draft, { account_tax_ids: [tax_id.id], statement_descriptor: 'SKYCAST', shipping_details: { name: 'Ada' } });
    const original = await stripe.invoices.finalizeInvoice(draft.id);
    const revision = await stripe.invoices.create({ from_invoice: { action: 'revision', invoice: original.id } });
    has(revision, { from_invoice: { invoice: original.id } });
    await stripe.invoices.finalizeInvoice(revision.id);
    has(await stripe.invoices.retrieve(original.id), { latest_revision: revision.id });
  },

  'an invoice that was paid elsewhere, and what of it was given back there': async ({ stripe }) => {
    const draft = await draftOf(stripe);
    await stripe.invoices.finalizeInvoice(draft.id);
    const paid = await stripe.invoices.pay(draft.id, { paid_out_of_band: true });
    has(paid, { status: 'paid', amount_paid_off_stripe: 900 });
    const note = await stripe.creditNotes.create({ invoice: paid.id, amount: 300, out_of_band_amount: 300 });
    has(note, { out_of_band_amount: 300 });
  },

  'a payment with words of its own on the statement, and a setup by a confirmation token': async ({ stripe }) => {
    const intent = await stripe.paymentIntents.create({
      amount: 900,
      currency: 'usd',
      payment_method: 'pm_card_visa',
      confirm: true,
      off_session: true,
      statement_descriptor_suffix: 'PRO',
      transfer_group: 'none',
    });
    has(intent, { status: 'succeeded' });
    const token = await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa' });
    const setup = await stripe.setupIntents.create({
      confirmation_token: token.id,
      confirm: true,
      return_url: 'https://shop.test',
    });
    has(await stripe.confirmationTokens.retrieve(token.id), { setup_intent: setup.id });
  },

  'a discounted session of checkout, with the discount that it made': async ({ stripe, sandbox }) => {
    const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
    const price = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 900,
      recurring: { interval: 'month' },
      product_data: { name: 'Pro' },
    });
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 1, tax_rates: [rate.id] }],
      discounts: [{ coupon: coupon.id }],
      success_url: 'https://shop.test/done',
    });
    await sandbox.fetch(
      new Request(session.url ?? '', { method: 'POST', body: new URLSearchParams(goodCard), redirect: 'manual' }),
    );
    const done = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ['line_items', 'subscription.discounts', 'line_items.data.taxes'],
    });
    has(done, { status: 'complete', line_items: { data: [{ amount_tax: 154 }] } });
  },
};
