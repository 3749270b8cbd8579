import type Stripe from 'stripe';
import { idOf, subscriber } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

/** A customer who can pay, with one item of 700 on a draft invoice. */
async function draft(stripe: Stripe): Promise<{ customer: string; id: string }> {
  const customer = (await stripe.customers.create({ email: 'ada@example.com' })).id;
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method.id } });
  const { id } = await stripe.invoices.create({ customer, currency: 'usd', pending_invoice_items_behavior: 'exclude' });
  await stripe.invoiceItems.create({ customer, invoice: id, amount: 700, currency: 'usd', description: 'Setup' });
  return { customer, id };
}

async function open(stripe: Stripe): Promise<{ customer: string; id: string }> {
  const made = await draft(stripe);
  await stripe.invoices.finalizeInvoice(made.id, { auto_advance: false });
  return made;
}

async function credited(stripe: Stripe): Promise<Stripe.CreditNote> {
  const invoice = (await open(stripe)).id;
  return await stripe.creditNotes.create({ invoice, amount: 200, reason: 'order_change' });
}

/** Invoices, their lines, items and payments, and credit notes. */
export const invoiceProbes: Probes = {
  'POST /v1/invoices': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const invoice = await stripe.invoices.create({ customer, currency: 'usd' });
    has(invoice, { object: 'invoice', status: 'draft', billing_reason: 'manual', parent: null, number: null });
    const tax_id = await stripe.taxIds.create({ type: 'eu_vat', value: 'DE123456789', owner: { type: 'self' } });
    const said = {
      account_tax_ids: [tax_id.id],
      custom_fields: [{ name: 'PO', value: '7' }],
      rendering: { amount_tax_display: 'exclude_tax' as const, pdf: { page_size: 'a4' as const } },
      shipping_details: { name: 'Ada', address: { line1: '1 Street' } },
      statement_descriptor: 'SKYCAST',
    };
    has(await stripe.invoices.create({ customer, currency: 'usd', ...said }), said);
  },
  'an invoice is revised, and one that is paid is not': async ({ stripe }) => {
    const { id } = await open(stripe);
    const from_invoice = { action: 'revision' as const, invoice: id };
    const [first, late] = [
      await stripe.invoices.create({ from_invoice }),
      await stripe.invoices.create({ from_invoice }),
    ];
    const final = await stripe.invoices.finalizeInvoice(first.id);
    has(final, { status: 'open', from_invoice });
    has(await stripe.invoices.retrieve(id), { status: 'void', latest_revision: first.id });
    const refused = await stripe.invoices.finalizeInvoice(late.id).catch((cause: unknown) => cause);
    if (!(refused instanceof Error)) throw new Error('A second revision of one invoice became final.');
    has(await stripe.invoices.retrieve(late.id), { last_finalization_error: { type: 'invalid_request_error' } });
  },
  'POST /v1/invoices/create_preview': async ({ stripe }) => {
    const { customer, subscription } = await subscriber(stripe);
    const preview = await stripe.invoices.createPreview({ customer: customer.id, subscription: subscription.id });
    has(preview, { object: 'invoice', billing_reason: 'upcoming', status: 'draft', total: 49_900 });
    if (!preview.id.startsWith('upcoming_in_')) throw new Error(`A preview has the id ${preview.id}.`);
  },
  'GET /v1/invoices/{id}': async ({ stripe }) => {
    const { id } = await draft(stripe);
    has(await stripe.invoices.retrieve(id, { expand: ['payments'] }), { id, total: 700, payments: { object: 'list' } });
  },
  'POST /v1/invoices/{id}': async ({ stripe }) => {
    const { id } = await draft(stripe);
    has(await stripe.invoices.update(id, { description: 'Thanks' }), { id, description: 'Thanks' });
  },
  'DELETE /v1/invoices/{id}': async ({ stripe }) => {
    const { id } = await draft(stripe);
    has(await stripe.invoices.del(id), { id, object: 'invoice', deleted: true });
  },
  'GET /v1/invoices': async ({ stripe }) => {
    const { customer, id } = await draft(stripe);
    lists(await stripe.invoices.list({ customer, status: 'draft' }), id);
  },
  'POST /v1/invoices/{id}/finalize': async ({ stripe }) => {
    const { id } = await draft(stripe);
    const finalized = await stripe.invoices.finalizeInvoice(id, { auto_advance: false });
    has(finalized, { id, status: 'open', amount_due: 700 });
    for (const field of [finalized.number, finalized.hosted_invoice_url, finalized.invoice_pdf]) {
      if (typeof field !== 'string') throw new Error('A finalized invoice has a number, a page and a PDF.');
    }
  },
  'POST /v1/invoices/{id}/pay': async ({ stripe }) => {
    const { id } = await open(stripe);
    has(await stripe.invoices.pay(id), { id, status: 'paid', amount_paid: 700, amount_remaining: 0 });
    const named = (await draft(stripe)).id;
    await stripe.invoices.update(named, { statement_descriptor: 'SKYCAST JAN' });
    await stripe.invoices.pay(named);
    has(await stripe.charges.list({ limit: 1 }), { data: [{ statement_descriptor: 'SKYCAST JAN' }] });
    const other = (await open(stripe)).id;
    const outside = await stripe.invoices.pay(other, { paid_out_of_band: true });
    has(outside, { status: 'paid', amount_paid_off_stripe: 700 });
    const noted = await stripe.creditNotes.create({ invoice: other, amount: 50, out_of_band_amount: 50 });
    has(noted, { out_of_band_amount: 50, type: 'post_payment' });
  },
  'POST /v1/invoices/{id}/send': async ({ stripe }) => {
    const customer = (await stripe.customers.create({ email: 'ada@example.com' })).id;
    const { id } = await stripe.invoices.create({ customer, collection_method: 'send_invoice', days_until_due: 30 });
    await stripe.invoiceItems.create({ customer, invoice: id, amount: 700, currency: 'usd' });
    has(await stripe.invoices.sendInvoice(id), { id, status: 'open', collection_method: 'send_invoice' });
  },
  'POST /v1/invoices/{id}/void': async ({ stripe }) => {
    const { id } = await open(stripe);
    has(await stripe.invoices.voidInvoice(id), { id, status: 'void' });
  },
  'POST /v1/invoices/{id}/mark_uncollectible': async ({ stripe }) => {
    const { id } = await open(stripe);
    const given_up = await stripe.invoices.markUncollectible(id);
    has(given_up, { id, status: 'uncollectible', status_details: { uncollectible: { reason: 'user_forgiven' } } });
  },
  'GET /v1/invoices/{id}/lines': async ({ stripe }) => {
    const { id } = await draft(stripe);
    const [line] = (await stripe.invoices.listLineItems(id)).data;
    has(line ?? {}, { object: 'line_item', amount: 700, invoice: id, parent: { type: 'invoice_item_details' } });
  },
  'POST /v1/invoices/{id}/attach_payment': async ({ stripe }) => {
    const { customer, id } = await open(stripe);
    const paid = await stripe.paymentIntents.create({
      amount: 300,
      currency: 'usd',
      customer,
      payment_method: 'pm_card_visa',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      confirm: true,
    });
    const invoice = await stripe.invoices.attachPayment(id, { payment_intent: paid.id });
    has(invoice, { id, status: 'open', amount_paid: 300, amount_remaining: 400 });
  },
  'POST /v1/invoices/{id}/add_lines': async ({ stripe }) => {
    const { id } = await draft(stripe);
    const invoice = await stripe.invoices.addLines(id, { lines: [{ amount: 50, description: 'Postage' }] });
    has(invoice, { id, total: 750, lines: { data: [{ amount: 700 }, { amount: 50, description: 'Postage' }] } });
  },
  'POST /v1/invoices/{id}/update_lines': async ({ stripe }) => {
    const { id } = await draft(stripe);
    const line = (await stripe.invoices.listLineItems(id)).data[0]?.id ?? '';
    has(await stripe.invoices.updateLines(id, { lines: [{ id: line, amount: 650 }] }), { id, total: 650 });
  },
  'POST /v1/invoices/{id}/remove_lines': async ({ stripe }) => {
    const { id } = await draft(stripe);
    const line = (await stripe.invoices.listLineItems(id)).data[0]?.id ?? '';
    const left = await stripe.invoices.removeLines(id, { lines: [{ id: line, behavior: 'delete' }] });
    has(left, { id, total: 0, lines: { data: [] } });
  },
  'POST /v1/invoices/{id}/lines/{id}': async ({ stripe }) => {
    const { id } = await draft(stripe);
    const line = (await stripe.invoices.listLineItems(id)).data[0]?.id ?? '';
    has(await stripe.invoices.updateLineItem(id, line, { quantity: 2 }), { id: line, amount: 1_400, quantity: 2 });
  },
  'POST /v1/invoiceitems': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const item = await stripe.invoiceItems.create({ customer, amount: 900, currency: 'usd' });
    has(item, { object: 'invoiceitem', amount: 900, customer, invoice: null, proration: false });
  },
  'GET /v1/invoiceitems/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.invoiceItems.create({ customer, amount: 900, currency: 'usd' });
    has(await stripe.invoiceItems.retrieve(id), { id, amount: 900 });
  },
  'POST /v1/invoiceitems/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.invoiceItems.create({ customer, amount: 900, currency: 'usd' });
    has(await stripe.invoiceItems.update(id, { amount: 950 }), { id, amount: 950 });
  },
  'DELETE /v1/invoiceitems/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.invoiceItems.create({ customer, amount: 900, currency: 'usd' });
    has(await stripe.invoiceItems.del(id), { id, object: 'invoiceitem', deleted: true });
  },
  'GET /v1/invoiceitems': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.invoiceItems.create({ customer, amount: 900, currency: 'usd' });
    lists(await stripe.invoiceItems.list({ customer, pending: true }), id);
  },
  'GET /v1/invoice_payments': async ({ stripe }) => {
    const invoice = idOf((await subscriber(stripe)).subscription.latest_invoice);
    const [payment] = (await stripe.invoicePayments.list({ invoice })).data;
    has(payment ?? {}, { object: 'invoice_payment', invoice, status: 'paid', payment: { type: 'payment_intent' } });
  },
  'GET /v1/invoice_payments/{id}': async ({ stripe }) => {
    await subscriber(stripe);
    const id = (await stripe.invoicePayments.list()).data[0]?.id ?? '';
    const found = await stripe.invoicePayments.retrieve(id, { expand: ['payment.payment_intent'] });
    has(found, { id, payment: { payment_intent: { object: 'payment_intent', status: 'succeeded' } } });
  },
  'POST /v1/credit_notes': async ({ stripe }) => {
    has(await credited(stripe), { object: 'credit_note', amount: 200, status: 'issued', type: 'pre_payment' });
  },
  'GET /v1/credit_notes/preview': async ({ stripe }) => {
    const invoice = (await open(stripe)).id;
    has(await stripe.creditNotes.preview({ invoice, amount: 200 }), { object: 'credit_note', amount: 200, invoice });
    has(await stripe.creditNotes.list({ invoice }), { data: [] });
  },
  'GET /v1/credit_notes/preview/lines': async ({ stripe }) => {
    const invoice = (await open(stripe)).id;
    has(await stripe.creditNotes.listPreviewLineItems({ invoice, amount: 200 }), { data: [{ amount: 200 }] });
  },
  'GET /v1/credit_notes/{id}': async ({ stripe }) => {
    const { id } = await credited(stripe);
    has(await stripe.creditNotes.retrieve(id), { id, reason: 'order_change' });
  },
  'POST /v1/credit_notes/{id}': async ({ stripe }) => {
    const { id } = await credited(stripe);
    has(await stripe.creditNotes.update(id, { memo: 'Sorry' }), { id, memo: 'Sorry' });
  },
  'POST /v1/credit_notes/{id}/void': async ({ stripe }) => {
    const { id } = await credited(stripe);
    has(await stripe.creditNotes.voidCreditNote(id), { id, status: 'void' });
  },
  'GET /v1/credit_notes': async ({ stripe }) => {
    const { id, invoice } = await credited(stripe);
    lists(await stripe.creditNotes.list({ invoice: idOf(invoice) }), id);
  },
  'GET /v1/credit_notes/{id}/lines': async ({ stripe }) => {
    const { id } = await credited(stripe);
    has(await stripe.creditNotes.listLineItems(id), { data: [{ object: 'credit_note_line_item' }] });
  },
};
