import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing, subscriber } from './harness.ts';
import { addsUp } from './totals.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
});
afterEach(async () => {
  await addsUp(b.stripe);
  await b.close();
});

async function payer(): Promise<string> {
  const customer = await b.stripe.customers.create({ email: 'ada@example.com', name: 'Ada' });
  const method = await b.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await b.stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
  return customer.id;
}

/** A paid one-off invoice of these amounts. */
async function paidInvoice(
  customer: string,
  amounts: number[],
  params: Partial<Stripe.InvoiceCreateParams> = {},
): Promise<Stripe.Invoice> {
  const draft = await b.stripe.invoices.create({ customer, ...params });
  for (const amount of amounts) {
    await b.stripe.invoiceItems.create({
      customer,
      invoice: draft.id,
      amount,
      currency: 'usd',
      description: `Item ${amount}`,
    });
  }
  return await b.stripe.invoices.pay(draft.id, { expand: ['payments'] });
}

async function types(prefix: string): Promise<string[]> {
  const events = await b.stripe.events.list({ limit: 100, type: `${prefix}*` });
  return events.data.map((event) => event.type).toReversed();
}

describe('one-off invoices', () => {
  test('pending items come along only when asked for; a draft can be deleted, a final one cannot', async () => {
    const { stripe } = b;
    const customer = await payer();
    await stripe.invoiceItems.create({ customer, amount: 700, currency: 'usd' });
    const empty = await stripe.invoices.create({ customer });
    expect(empty).toMatchObject({
      status: 'draft',
      billing_reason: 'manual',
      auto_advance: false,
      total: 0,
      parent: null,
    });
    const full = await stripe.invoices.create({ customer, pending_invoice_items_behavior: 'include' });
    expect(full.lines.data.map((line) => line.amount)).toEqual([700]);
    expect(await stripe.invoices.del(empty.id)).toMatchObject({ deleted: true });
    expect((await refusal(stripe.invoices.retrieve(empty.id))).statusCode).toBe(404);
    const paid = await stripe.invoices.pay(full.id);
    expect(paid).toMatchObject({ status: 'paid', amount_paid: 700 });
    expect((await refusal(stripe.invoices.del(full.id))).code).toBe('invoice_not_editable');
    expect(await types('invoice.deleted')).toEqual(['invoice.deleted']);
  });

  test('an invoice that advances by itself is finalized and paid after its hour', async () => {
    const { stripe } = b;
    const customer = await payer();
    const draft = await stripe.invoices.create({ customer, auto_advance: true });
    await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 900, currency: 'usd' });
    await b.sandbox.clock.advance(2 * HOUR);
    expect(await stripe.invoices.retrieve(draft.id)).toMatchObject({ status: 'paid', amount_paid: 900 });
  });

  test('a sent invoice has a due date, is never charged, and falls overdue', async () => {
    const { stripe } = b;
    const customer = await payer();
    const params = { customer, collection_method: 'send_invoice' } as const;
    expect((await refusal(stripe.invoices.create(params))).param).toBe('days_until_due');
    const draft = await stripe.invoices.create({ ...params, days_until_due: 10 });
    await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 900, currency: 'usd' });
    const sent = await stripe.invoices.sendInvoice(draft.id);
    const now = Math.floor(b.sandbox.clock.now() / 1000);
    expect(sent).toMatchObject({ status: 'open', due_date: now + 10 * 86_400, next_payment_attempt: null });
    await b.sandbox.clock.advance(11 * DAY);
    expect(await stripe.invoices.retrieve(draft.id)).toMatchObject({ status: 'open', attempt_count: 0 });
    expect((await types('invoice.')).filter((type) => /sent|overdue/.test(type))).toEqual([
      'invoice.sent',
      'invoice.overdue',
    ]);
    expect((await stripe.invoices.list({ collection_method: 'send_invoice' })).data).toHaveLength(1);
    expect((await stripe.invoices.list({ collection_method: 'charge_automatically' })).data).toHaveLength(0);
  });

  test('an uncollectible invoice frees the subscription and can still be paid or voided', async () => {
    const { stripe } = b;
    const { subscription } = await subscriber(stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(31 * DAY + 2 * HOUR);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
    const [open] = (await stripe.invoices.list({ status: 'open' })).data;
    const given_up = await stripe.invoices.markUncollectible(open?.id ?? '');
    expect(given_up.status).toBe('uncollectible');
    expect(given_up.status_transitions.marked_uncollectible_at).not.toBeNull();
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    const visa = await stripe.paymentMethods.attach('pm_card_visa', { customer: idOf(subscription.customer) });
    expect((await stripe.invoices.pay(given_up.id, { payment_method: visa.id })).status).toBe('paid');
    expect((await refusal(stripe.invoices.markUncollectible(given_up.id))).message).toContain("isn't open");
  });
});

describe('the customer balance', () => {
  test('is applied at finalization, takes what is negative, and gets it back from a voided invoice', async () => {
    const { stripe } = b;
    const customer = await payer();
    const credit = await stripe.customers.createBalanceTransaction(customer, { amount: -1_000, currency: 'usd' });
    expect(credit).toMatchObject({ type: 'adjustment', ending_balance: -1_000 });
    const first = await paidInvoice(customer, [700]);
    expect(first).toMatchObject({
      total: 700,
      amount_due: 0,
      starting_balance: -1_000,
      ending_balance: -300,
      status: 'paid',
    });
    const draft = await stripe.invoices.create({ customer });
    await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 500, currency: 'usd' });
    const open = await stripe.invoices.finalizeInvoice(draft.id);
    expect(open).toMatchObject({ amount_due: 200, ending_balance: 0, status: 'open' });
    await stripe.invoices.voidInvoice(open.id);
    expect(((await stripe.customers.retrieve(customer)) as Stripe.Customer).balance).toBe(-300);
    expect(await paidInvoice(customer, [-400])).toMatchObject({ total: -400, amount_due: 0, ending_balance: -700 });
    const ledger = (await stripe.customers.listBalanceTransactions(customer)).data.toReversed();
    expect(ledger.map((each) => [each.type, each.amount])).toEqual([
      ['adjustment', -1_000],
      ['applied_to_invoice', 700],
      ['applied_to_invoice', 300],
      ['unapplied_from_invoice', -300],
      ['applied_to_invoice', -400],
    ]);
    const own = await stripe.customers.listBalanceTransactions(customer, { invoice: open.id });
    expect(own.data).toHaveLength(2);
    const changed = await stripe.customers.updateBalanceTransaction(customer, credit.id, { description: 'Sorry' });
    expect(changed.description).toBe('Sorry');
    expect((await refusal(stripe.customers.retrieveBalanceTransaction('cus_other', credit.id))).statusCode).toBe(404);
    await stripe.customers.update(customer, { balance: 0 });
  });
});

describe('taxes', () => {
  test('exclusive rates come on top, inclusive ones are inside, both after discounts', async () => {
    const { stripe } = b;
    const customer = await payer();
    const vat = await stripe.taxRates.create({ display_name: 'VAT', inclusive: true, percentage: 19, country: 'DE' });
    const sales = await stripe.taxRates.create({ display_name: 'Sales', inclusive: false, percentage: 7.25 });
    const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
    const on_top = await paidInvoice(customer, [1_000, 999], {
      default_tax_rates: [sales.id],
      discounts: [{ coupon: coupon.id }],
    });
    // 1999 − 200 = 1799; split 100/100 (floor 99 would be the first of [999, 1000]); 7.25 % of each line, rounded.
    expect(on_top).toMatchObject({ subtotal: 1_999, total: 1_799 + 65 + 65, total_excluding_tax: 1_799 });
    expect(on_top.total_taxes).toMatchObject([
      { amount: 130, tax_behavior: 'exclusive', taxable_amount: 1_799, tax_rate_details: { tax_rate: sales.id } },
    ]);
    const inside = await paidInvoice(customer, [11_900], { default_tax_rates: [vat.id] });
    expect(inside).toMatchObject({
      subtotal: 11_900,
      subtotal_excluding_tax: 10_000,
      total: 11_900,
      total_excluding_tax: 10_000,
    });
    expect(inside.default_tax_rates).toMatchObject([{ id: vat.id, percentage: 19 }]);
    await stripe.customers.update(customer, { tax_exempt: 'reverse' });
    const reverse = await paidInvoice(customer, [1_000], { default_tax_rates: [sales.id] });
    expect(reverse.total_taxes).toMatchObject([{ amount: 0, taxability_reason: 'reverse_charge' }]);
    expect(reverse.total).toBe(1_000);
  });

  test('a subscription carries its rates; an archived rate is for nothing new', async () => {
    const { stripe } = b;
    const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 20 });
    const price = await monthlyPrice(stripe, 1_000);
    const customer = await payer();
    const params = { customer, items: [{ price: price.id }], default_tax_rates: [rate.id] };
    const created = await stripe.subscriptions.create({ ...params, expand: ['latest_invoice'] });
    expect(created.default_tax_rates).toMatchObject([{ id: rate.id }]);
    expect(created.latest_invoice).toMatchObject({ total: 1_200, amount_paid: 1_200 });
    await stripe.taxRates.update(rate.id, { active: false });
    expect((await refusal(stripe.subscriptions.create(params))).param).toBe('default_tax_rates[0]');
    await b.sandbox.clock.advance(32 * DAY);
    expect((await stripe.invoices.list({ subscription: created.id })).data.map((each) => each.amount_paid)).toEqual([
      1_200, 1_200,
    ]);
    expect((await stripe.taxRates.list({ active: false })).data).toHaveLength(1);
    expect(await types('tax_rate.')).toEqual(['tax_rate.created', 'tax_rate.updated']);
  });

  test('tax ids belong to their customer', async () => {
    const { stripe } = b;
    const [ada, bob] = [await payer(), await payer()];
    const id = await stripe.customers.createTaxId(ada, { type: 'eu_vat', value: 'DE123456789' });
    expect(id).toMatchObject({ country: 'DE', customer: ada, verification: { status: 'pending' } });
    expect((await refusal(stripe.customers.createTaxId(ada, { type: 'eu_vat', value: '12' }))).code).toBe(
      'tax_id_invalid',
    );
    expect((await refusal(stripe.customers.deleteTaxId(bob, id.id))).statusCode).toBe(404);
    const shown = (await stripe.customers.retrieve(ada, { expand: ['tax_ids'] })) as Stripe.Customer;
    expect(shown.tax_ids?.data.map((each) => each.id)).toEqual([id.id]);
    await stripe.customers.deleteTaxId(ada, id.id);
    expect((await stripe.customers.listTaxIds(ada)).data).toEqual([]);
    expect(await types('customer.tax_id.')).toEqual(['customer.tax_id.created', 'customer.tax_id.deleted']);
  });
});

describe('credit notes', () => {
  test('of an open invoice lower what is to pay, down to paid', async () => {
    const { stripe } = b;
    const customer = await payer();
    const draft = await stripe.invoices.create({ customer });
    await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 1_000, currency: 'usd' });
    const open = await stripe.invoices.finalizeInvoice(draft.id, { auto_advance: false });
    const note = await stripe.creditNotes.create({ invoice: open.id, amount: 300, reason: 'order_change' });
    expect(note).toMatchObject({ type: 'pre_payment', total: 300, pre_payment_amount: 300, status: 'issued' });
    expect(note.number).toBe(`${open.number}-CN-01`);
    expect(await stripe.invoices.retrieve(open.id)).toMatchObject({
      amount_due: 700,
      pre_payment_credit_notes_amount: 300,
    });
    await stripe.creditNotes.voidCreditNote(note.id);
    expect((await stripe.invoices.retrieve(open.id)).amount_due).toBe(1_000);
    await stripe.creditNotes.create({ invoice: open.id, amount: 1_000 });
    expect(await stripe.invoices.retrieve(open.id)).toMatchObject({ status: 'paid', amount_due: 0, amount_paid: 0 });
    expect(await types('credit_note.')).toEqual(['credit_note.created', 'credit_note.voided', 'credit_note.created']);
  });

  test('of a paid invoice refund, credit the balance or say it was settled elsewhere', async () => {
    const { stripe } = b;
    const customer = await payer();
    const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 20 });
    const invoice = await paidInvoice(customer, [1_000, 500], { default_tax_rates: [rate.id] });
    const line = invoice.lines.data.find((each) => each.amount === 1_000)?.id ?? '';
    const lines = [{ type: 'invoice_line_item', invoice_line_item: line, amount: 500 }] as const;
    expect((await refusal(stripe.creditNotes.create({ invoice: invoice.id, lines: [...lines] }))).param).toBe('amount');
    const params = {
      invoice: invoice.id,
      lines: [...lines],
      refund_amount: 400,
      credit_amount: 150,
      out_of_band_amount: 50,
    };
    const preview = await stripe.creditNotes.preview(params);
    const note = await stripe.creditNotes.create({ ...params, expand: ['refunds.refund'] });
    expect(note).toMatchObject({ type: 'post_payment', subtotal: 500, total: 600, post_payment_amount: 600 });
    expect(note.total_taxes).toMatchObject([{ amount: 100, taxable_amount: 500 }]);
    expect(note.refunds).toMatchObject([{ amount_refunded: 400, refund: { object: 'refund', amount: 400 } }]);
    expect(preview).toMatchObject({ subtotal: 500, total: 600, number: note.number });
    expect(((await stripe.customers.retrieve(customer)) as Stripe.Customer).balance).toBe(-150);
    expect((await stripe.refunds.list()).data).toMatchObject([{ amount: 400 }]);
    expect((await stripe.invoices.retrieve(invoice.id)).post_payment_credit_notes_amount).toBe(600);
    const more = [{ ...lines[0], amount: 501 }];
    expect(
      (await refusal(stripe.creditNotes.create({ invoice: invoice.id, lines: more, credit_amount: 601 }))).param,
    ).toBe('lines[0]');
    expect((await refusal(stripe.creditNotes.voidCreditNote(note.id))).statusCode).toBe(400);
    expect((await stripe.creditNotes.listLineItems(note.id)).data).toMatchObject([{ amount: 500 }]);
    const pdf = await fetch(note.pdf);
    expect(pdf.headers.get('content-type')).toBe('application/pdf');
    expect((await pdf.text()).startsWith('%PDF-1.4')).toBe(true);
  });
});
