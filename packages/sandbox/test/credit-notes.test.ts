import type Stripe from 'stripe';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nextShare, shareOf } from '../src/billing/shares.ts';
import { type Bench, bench, idOf, refusal, standing } from './harness.ts';
import { addsUp } from './totals.ts';

let b: Bench;
let stripe: Stripe;
let customer: string;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
  stripe = b.stripe;
  customer = (await stripe.customers.create({ email: 'ada@example.com' })).id;
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method.id } });
});
afterEach(async () => {
  await addsUp(stripe);
  await b.close();
});

async function open(
  lines: Stripe.InvoiceAddLinesParams.Line[],
  params: Stripe.InvoiceCreateParams = {},
): Promise<Stripe.Invoice> {
  const { id } = await stripe.invoices.create({ customer, currency: 'usd', ...params });
  await stripe.invoices.addLines(id, { lines });
  return await stripe.invoices.finalizeInvoice(id, { auto_advance: false });
}

async function paid(
  lines: Stripe.InvoiceAddLinesParams.Line[],
  params: Stripe.InvoiceCreateParams = {},
): Promise<Stripe.Invoice> {
  return await stripe.invoices.pay((await open(lines, params)).id);
}

/** The first line of an invoice, credited by an amount or a quantity. */
function ofFirst(
  invoice: Stripe.Invoice,
  what: { amount: number } | { quantity: number },
): Stripe.CreditNoteCreateParams.Line {
  return { type: 'invoice_line_item', invoice_line_item: invoice.lines.data[0]?.id ?? '', ...what };
}

async function intent(amount: number): Promise<string> {
  const { id } = await stripe.paymentIntents.create({
    amount,
    currency: 'usd',
    customer,
    payment_method: 'pm_card_visa',
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    confirm: true,
  });
  return id;
}

describe('what is credited', () => {
  test('parts of a line take discount and tax along, and the last part the rest: never more than was asked', async () => {
    const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 19 });
    const coupon = (await stripe.coupons.create({ amount_off: 100, currency: 'usd', duration: 'once' })).id;
    const product = (await stripe.products.create({ name: 'Seat' })).id;
    const price = (await stripe.prices.create({ currency: 'usd', product, unit_amount: 333 })).id;
    const invoice = await open([{ pricing: { price }, quantity: 3 }], {
      default_tax_rates: [rate.id],
      discounts: [{ coupon }],
    });
    expect(invoice).toMatchObject({ subtotal: 999, total: 1_070 });
    const notes: Stripe.CreditNote[] = [];
    for (let unit = 0; unit < 3; unit += 1) {
      notes.push(await stripe.creditNotes.create({ invoice: invoice.id, lines: [ofFirst(invoice, { quantity: 1 })] }));
    }
    expect(notes.map((note) => note.subtotal)).toEqual([333, 333, 333]);
    expect(notes.reduce((sum, note) => sum + note.discount_amount, 0)).toBe(100);
    expect(notes.reduce((sum, note) => sum + note.total, 0)).toBe(1_070);
    expect(notes[0]?.lines.data[0]).toMatchObject({ quantity: 1, unit_amount: 333, type: 'invoice_line_item' });
    expect(notes.map((note) => note.type)).toEqual(['pre_payment', 'pre_payment', 'pre_payment']);
    expect(await stripe.invoices.retrieve(invoice.id)).toMatchObject({
      status: 'paid',
      amount_due: 0,
      amount_paid: 0,
      pre_payment_credit_notes_amount: 1_070,
    });
    const more = stripe.creditNotes.create({ invoice: invoice.id, lines: [ofFirst(invoice, { quantity: 1 })] });
    expect(await refusal(more)).toMatchObject({ param: 'lines[0]' });
  });

  test('shares of the parts add up to the share of the whole', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5_000 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }),
        (whole, parts) => {
          const of = parts.reduce((sum, part) => sum + part, 0);
          let before = 0;
          let given = 0;
          for (const part of parts) {
            given += nextShare(whole, { part, before, of, given });
            before += part;
            expect(given).toBe(shareOf(whole, before, of));
          }
          expect(given).toBe(whole);
        },
      ),
    );
  });

  test('custom lines have units, quantity, metadata, and rates or reckoned taxes of their own', async () => {
    const made = { display_name: 'VAT', inclusive: false, percentage: 10 };
    const tax_amounts = [{ amount: 100, taxable_amount: 1_000, tax_rate_data: made }];
    const invoice = await paid([{ amount: 1_000, tax_amounts }]);
    const tax_rate = idOf(invoice.total_taxes?.[0]?.tax_rate_details?.tax_rate ?? null);
    const note = await stripe.creditNotes.create({
      invoice: invoice.id,
      lines: [
        {
          type: 'custom_line_item',
          description: 'Sorry',
          unit_amount: 150,
          quantity: 2,
          metadata: { why: 'late' },
          tax_amounts: [{ amount: 30, taxable_amount: 300, tax_rate }],
        },
      ],
      credit_amount: 330,
      effective_at: 1_790_000_000,
      memo: 'We are sorry',
    });
    expect(note).toMatchObject({ subtotal: 300, total: 330, effective_at: 1_790_000_000, memo: 'We are sorry' });
    expect(note.lines.data[0]).toMatchObject({
      type: 'custom_line_item',
      amount: 300,
      quantity: 2,
      unit_amount: 150,
      metadata: { why: 'late' },
      taxes: [{ amount: 30, taxable_amount: 300 }],
    });
    const own = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 10 });
    const wrong: [Partial<Stripe.CreditNoteCreateParams.Line>, string][] = [
      [{ type: 'custom_line_item', amount: 5 }, 'lines[0][amount]'],
      [
        {
          type: 'custom_line_item',
          description: 'x',
          unit_amount: 5,
          tax_amounts: [{ amount: 1, taxable_amount: 5, tax_rate: own.id }],
        },
        'lines[0][tax_amounts][0][tax_rate]',
      ],
      [{ type: 'invoice_line_item', unit_amount: 5 }, 'lines[0][unit_amount]'],
      [{ type: 'invoice_line_item', invoice_line_item: 'il_none', amount: 5 }, 'lines[0][invoice_line_item]'],
      [{ ...ofFirst(invoice, { amount: 5 }), quantity: 1 }, 'lines[0]'],
    ];
    for (const [line, param] of wrong) {
      const refused = await refusal(
        stripe.creditNotes.create({ invoice: invoice.id, lines: [line as Stripe.CreditNoteCreateParams.Line] }),
      );
      expect(refused).toMatchObject({ statusCode: 400, param });
    }
    const twice = [ofFirst(invoice, { amount: 1 }), ofFirst(invoice, { amount: 1 })];
    expect(await refusal(stripe.creditNotes.create({ invoice: invoice.id, lines: twice }))).toMatchObject({
      param: 'lines[1][invoice_line_item]',
    });
  });
});

describe('where the money goes', () => {
  test('of an invoice paid in part, first what is still to pay is lowered, then what was paid given back', async () => {
    const invoice = await open([{ amount: 1_000 }]);
    await stripe.invoices.attachPayment(invoice.id, { payment_intent: await intent(700) });
    const note = await stripe.creditNotes.create({
      invoice: invoice.id,
      lines: [ofFirst(invoice, { amount: 500 })],
      refund_amount: 150,
      out_of_band_amount: 50,
    });
    expect(note).toMatchObject({
      type: 'mixed',
      pre_payment_amount: 300,
      post_payment_amount: 200,
      out_of_band_amount: 50,
    });
    expect(await stripe.invoices.retrieve(invoice.id)).toMatchObject({
      status: 'paid',
      amount_due: 700,
      amount_paid: 700,
      pre_payment_credit_notes_amount: 300,
      post_payment_credit_notes_amount: 200,
    });
    expect((await stripe.refunds.list()).data.map((refund) => refund.amount)).toEqual([150]);
    expect((await refusal(stripe.creditNotes.voidCreditNote(note.id))).statusCode).toBe(400);
  });

  test('an invoice that several payments paid is refunded from the newest on', async () => {
    const invoice = await open([{ amount: 1_000 }]);
    const first = await intent(600);
    await stripe.invoices.attachPayment(invoice.id, { payment_intent: first });
    await stripe.invoices.pay(invoice.id);
    const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 500, refund_amount: 500 });
    expect(note.refunds.map((each) => each.amount_refunded)).toEqual([400, 100]);
    const refunds = await stripe.refunds.list({ payment_intent: first });
    expect(refunds.data.map((refund) => refund.amount)).toEqual([100]);
    const more = await refusal(stripe.creditNotes.create({ invoice: invoice.id, amount: 501, refund_amount: 501 }));
    expect(more.param).toBe('amount');
  });

  test('refunds that were made already are linked once, and without a link leave less to credit', async () => {
    const invoice = await paid([{ amount: 1_000 }]);
    const [charge] = (await stripe.charges.list({ customer })).data;
    const refund = (await stripe.refunds.create({ charge: charge?.id ?? '', amount: 300 })).id;
    const beyond = await refusal(stripe.creditNotes.create({ invoice: invoice.id, amount: 800, credit_amount: 800 }));
    expect(beyond.param).toBe('amount');
    const link = { invoice: invoice.id, refunds: [{ refund, amount_refunded: 200 }] };
    const note = await stripe.creditNotes.create({
      ...link,
      amount: 250,
      credit_amount: 50,
      expand: ['refunds.refund'],
    });
    expect(note.refunds).toMatchObject([{ type: 'refund', amount_refunded: 200, refund: { id: refund, amount: 300 } }]);
    expect((await stripe.refunds.list()).data).toHaveLength(1);
    expect(await refusal(stripe.creditNotes.create({ ...link, amount: 200 }))).toMatchObject({
      param: 'refunds[0][amount_refunded]',
    });
    const rest = await stripe.creditNotes.create({ invoice: invoice.id, refunds: [{ refund }], amount: 100 });
    expect(rest.refunds).toMatchObject([{ amount_refunded: 100 }]);
    const other = await paid([{ amount: 500 }]);
    expect(
      await refusal(stripe.creditNotes.create({ invoice: other.id, refunds: [{ refund }], amount: 100 })),
    ).toMatchObject({ param: 'refunds[0][refund]' });
  });

  test('what was paid without Stripe can be credited but not refunded', async () => {
    const invoice = await open([{ amount: 1_000 }]);
    await stripe.invoices.pay(invoice.id, { paid_out_of_band: true });
    const refused = stripe.creditNotes.create({ invoice: invoice.id, amount: 100, refund_amount: 100 });
    expect(await refusal(refused)).toMatchObject({ param: 'refund_amount' });
    const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 100, out_of_band_amount: 100 });
    expect(note).toMatchObject({ type: 'post_payment', out_of_band_amount: 100, customer_balance_transaction: null });
  });
});

describe('what is shown', () => {
  test('a preview is what the note would be, line for line, and leaves nothing', async () => {
    const invoice = await open([{ amount: 1_000, description: 'Work' }]);
    const params = { invoice: invoice.id, lines: [ofFirst(invoice, { amount: 400 })] };
    const preview = await stripe.creditNotes.preview(params);
    const lines = await stripe.creditNotes.listPreviewLineItems({ ...params, limit: 5 });
    expect(lines.data).toMatchObject([{ amount: 400, description: 'Work' }]);
    expect((await stripe.creditNotes.list({ invoice: invoice.id })).data).toEqual([]);
    expect(await stripe.invoices.retrieve(invoice.id)).toMatchObject({ amount_due: 1_000 });
    const note = await stripe.creditNotes.create(params);
    const shown = ({ id: _id, lines: _lines, pdf: _pdf, ...rest }: Stripe.CreditNote): object =>
      JSON.parse(JSON.stringify(rest)) as object;
    expect(shown(note)).toEqual(shown(preview));
    const updated = await stripe.creditNotes.update(note.id, { memo: 'Later', metadata: { a: '1' } });
    expect(updated).toMatchObject({ memo: 'Later', metadata: { a: '1' } });
    const voided = await stripe.creditNotes.voidCreditNote(note.id);
    expect(voided).toMatchObject({ status: 'void', voided_at: expect.any(Number) });
    expect((await refusal(stripe.creditNotes.voidCreditNote(note.id))).statusCode).toBe(400);
    const { data } = await stripe.events.list({ type: 'credit_note.*' });
    expect(data.map((event) => event.type).toReversed()).toEqual([
      'credit_note.created',
      'credit_note.updated',
      'credit_note.voided',
    ]);
    const pdf = await (await fetch(note.pdf)).text();
    expect(pdf).toContain(`(${note.number})`);
    expect(pdf).toContain('(Void)');
  });

  test('what billing credits paid of usage is not given back in money', async () => {
    const meter = await stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
    });
    const price = await stripe.prices.create({
      currency: 'usd',
      product_data: { name: 'Calls' },
      recurring: { interval: 'month', meter: meter.id, usage_type: 'metered' },
      unit_amount: 10,
    });
    const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
    await stripe.billing.creditGrants.create({
      customer,
      amount: { type: 'monetary', monetary: { currency: 'usd', value: 400 } },
      applicability_config: { scope: { price_type: 'metered' } },
      category: 'paid',
      priority: 50,
    });
    await stripe.billing.meterEvents.create({
      event_name: 'calls',
      payload: { stripe_customer_id: customer, value: '100' },
    });
    await b.sandbox.clock.advance(32 * 86_400_000);
    const [invoice] = (await stripe.invoices.list({ subscription: made.id, status: 'paid' })).data;
    expect(invoice).toMatchObject({ subtotal: 1_000, total: 600 });
    if (invoice === undefined) return;
    const note = await stripe.creditNotes.create({
      invoice: invoice.id,
      lines: [ofFirst(invoice, { amount: 500 })],
      credit_amount: 300,
    });
    expect(note).toMatchObject({ subtotal: 500, total: 300 });
    expect(note.pretax_credit_amounts).toMatchObject([{ amount: 200, type: 'credit_balance_transaction' }]);
  });
});
