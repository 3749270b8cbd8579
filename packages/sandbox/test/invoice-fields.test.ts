import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, idOf, refusal, standing } from './harness.ts';
import { addsUp } from './totals.ts';

const NOW = Date.parse('2027-01-01T00:00:00Z') / 1_000;
const DAY = 86_400;

let b: Bench;
let stripe: Stripe;
let customer: string;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
  stripe = b.stripe;
  customer = (await stripe.customers.create({ email: 'ada@example.com', name: 'Ada' })).id;
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method.id } });
});
afterEach(async () => {
  await addsUp(stripe);
  await b.close();
});

async function draft(params: Stripe.InvoiceCreateParams = {}): Promise<Stripe.Invoice> {
  const { id } = await stripe.invoices.create({ customer, currency: 'usd', ...params });
  return await stripe.invoices.addLines(id, { lines: [{ amount: 1_000, description: 'Work' }] });
}

async function open(params: Stripe.InvoiceCreateParams = {}): Promise<Stripe.Invoice> {
  const { id } = await draft(params);
  return await stripe.invoices.finalizeInvoice(id, { auto_advance: false });
}

describe('what is said of an invoice', () => {
  test('is answered as given, kept when it is final, and can be changed while it is a draft', async () => {
    const tax_id = await stripe.taxIds.create({ type: 'eu_vat', value: 'DE123456789', owner: { type: 'self' } });
    const said = {
      account_tax_ids: [tax_id.id],
      custom_fields: [{ name: 'PO', value: '7' }],
      description: 'Thanks',
      effective_at: NOW - 3 * DAY,
      footer: 'Bank: none',
      number: 'SKY-2027-01',
      rendering: { amount_tax_display: 'exclude_tax' as const, pdf: { page_size: 'letter' as const } },
      shipping_details: { name: 'Ada', address: { line1: '1 Street', city: 'Berlin', country: 'DE' } },
      statement_descriptor: 'SKYCAST JAN',
    };
    const made = await draft(said);
    expect(made).toMatchObject(said);
    const changed = await stripe.invoices.update(made.id, {
      custom_fields: '',
      effective_at: '',
      number: 'SKY-2027-02',
      shipping_details: '',
    });
    expect(changed).toMatchObject({
      custom_fields: null,
      effective_at: null,
      shipping_details: null,
      footer: 'Bank: none',
    });
    const paid = await stripe.invoices.pay(made.id, { expand: ['account_tax_ids'] });
    expect(paid).toMatchObject({
      number: 'SKY-2027-02',
      effective_at: NOW,
      account_tax_ids: [{ value: 'DE123456789' }],
    });
    expect((await stripe.charges.list({ customer })).data[0]?.statement_descriptor).toBe('SKYCAST JAN');
    expect(await refusal(stripe.invoices.update(made.id, { footer: 'x' }))).toMatchObject({
      code: 'invoice_not_editable',
      param: 'footer',
    });
  });

  test('a number that the seller gives is unique and passed over by the sequence', async () => {
    const first = await open();
    const [prefix = ''] = (first.number ?? '').split('-');
    await draft({ number: `${prefix}-0002` });
    expect(await refusal(draft({ number: `${prefix}-0002` }))).toMatchObject({ param: 'number' });
    expect((await open()).number).toBe(`${prefix}-0003`);
    expect((await stripe.customers.retrieve(customer)) as Stripe.Customer).toMatchObject({ next_invoice_sequence: 4 });
  });

  test('what cannot be is refused by name, and nothing is made', async () => {
    const wrong: [Stripe.InvoiceCreateParams, string][] = [
      [{ account_tax_ids: ['txi_none'] }, 'account_tax_ids[0]'],
      [{ custom_fields: Array.from({ length: 5 }, () => ({ name: 'a', value: 'b' })) }, 'custom_fields'],
      [{ statement_descriptor: '1234' }, 'statement_descriptor'],
      [{ due_date: NOW + DAY }, 'due_date'],
      [{ collection_method: 'send_invoice', due_date: NOW + DAY, days_until_due: 3 }, 'due_date'],
      [{ collection_method: 'send_invoice' }, 'days_until_due'],
      [{ automatically_finalizes_at: NOW }, 'automatically_finalizes_at'],
      [{ default_payment_method: 'pm_none' }, 'default_payment_method'],
      [{ payment_settings: { default_mandate: 'mandate_none' } }, 'payment_settings[default_mandate]'],
      [{ payment_settings: { payment_method_types: ['sepa_debit'] } }, 'payment_settings[payment_method_types]'],
      [{ rendering: { template: 'inrtem_x' } }, 'rendering[template]'],
      [{ shipping_cost: { shipping_rate: 'shr_x' } }, 'shipping_cost'],
    ];
    for (const [params, param] of wrong) {
      expect(await refusal(stripe.invoices.create({ customer, ...params }))).toMatchObject({ statusCode: 400, param });
    }
    expect((await stripe.invoices.list({ customer })).data).toEqual([]);
  });

  test('a draft is finalized at the time it names, and a sent one gets its date when it is', async () => {
    const at = NOW + 3 * DAY;
    const { id } = await draft({ automatically_finalizes_at: at });
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ auto_advance: true, automatically_finalizes_at: at });
    await b.sandbox.clock.advance(2 * DAY * 1_000);
    expect((await stripe.invoices.retrieve(id)).status).toBe('draft');
    await b.sandbox.clock.advance(DAY * 1_000);
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ status: 'paid', automatically_finalizes_at: null });
    const sent = await draft();
    const changed = await stripe.invoices.update(sent.id, { collection_method: 'send_invoice', days_until_due: 10 });
    expect(changed).toMatchObject({ collection_method: 'send_invoice', next_payment_attempt: null });
    const final = await stripe.invoices.finalizeInvoice(sent.id);
    expect(final.due_date).toBe(NOW + 3 * DAY + 10 * DAY);
  });

  test('3-D Secure that the invoice asks for is asked of a card that can do without', async () => {
    const card = await stripe.paymentMethods.attach('pm_card_threeDSecureOptional', { customer });
    const settings = { payment_method_options: { card: { request_three_d_secure: 'any' as const } } };
    const asked = await open({ default_payment_method: card.id, payment_settings: settings });
    expect(asked.payment_settings.payment_method_options?.card).toEqual({ request_three_d_secure: 'any' });
    const refused = await refusal(stripe.invoices.pay(asked.id, { off_session: false }));
    expect(refused.code).toBe('invoice_payment_intent_requires_action');
    await stripe.invoices.update(asked.id, {
      payment_settings: { payment_method_options: { card: { request_three_d_secure: 'automatic' } } },
    });
    expect(await stripe.invoices.pay(asked.id, { off_session: false })).toMatchObject({ status: 'paid' });
  });
});

test('sent invoices are listed by when they are due', async () => {
  const sent = { collection_method: 'send_invoice' as const };
  const soon = await draft({ ...sent, due_date: NOW + 3 * DAY });
  await draft({ ...sent, due_date: NOW + 30 * DAY });
  await draft();
  const due = await stripe.invoices.list({ customer, due_date: { lte: NOW + 7 * DAY } });
  expect(due.data.map((invoice) => invoice.id)).toEqual([soon.id]);
});

test('who gives an invoice up stands on it', async () => {
  const given_up = await stripe.invoices.markUncollectible((await open()).id);
  expect(given_up.status_details).toEqual({ uncollectible: { reason: 'user_forgiven' } });
});

test('a preview takes items that describe their price or have parts of units, and changes what waits', async () => {
  const product = (await stripe.products.create({ name: 'Work' })).id;
  const price = (
    await stripe.prices.create({ currency: 'usd', product, unit_amount: 3_000, recurring: { interval: 'month' } })
  ).id;
  const subscription = (await stripe.subscriptions.create({ customer, items: [{ price }] })).id;
  const waiting = await stripe.invoiceItems.create({
    customer,
    currency: 'usd',
    unit_amount_decimal: Stripe.Decimal.from('100'),
    quantity: 1,
  });
  const preview = await stripe.invoices.createPreview({
    subscription,
    invoice_items: [
      {
        price_data: { currency: 'usd', product, unit_amount: 1_000 },
        quantity_decimal: Stripe.Decimal.from('2.5'),
      },
      { invoiceitem: waiting.id, quantity: 7 },
    ],
  });
  const amounts = preview.lines.data.map((line) => line.amount);
  expect(amounts.toSorted((x, y) => x - y)).toEqual([700, 2_500, 3_000]);
  expect(await stripe.invoiceItems.retrieve(waiting.id)).toMatchObject({ quantity: 1, amount: 100 });
});

describe('revisions', () => {
  test('a revision begins as a copy and, when it is final, takes the place of what it revises', async () => {
    await stripe.customers.createBalanceTransaction(customer, { amount: -300, currency: 'usd' });
    const coupon = (await stripe.coupons.create({ percent_off: 10, duration: 'once' })).id;
    const original = await open({ discounts: [{ coupon }], description: 'First', metadata: { po: '1' } });
    expect(original).toMatchObject({ total: 900, starting_balance: -300, amount_due: 600 });
    const revision = await stripe.invoices.create({
      from_invoice: { action: 'revision', invoice: original.id },
      description: 'Second',
    });
    expect(revision).toMatchObject({
      status: 'draft',
      customer,
      description: 'Second',
      metadata: { po: '1' },
      from_invoice: { action: 'revision', invoice: original.id },
      total: 900,
      number: null,
    });
    await stripe.invoices.addLines(revision.id, { lines: [{ amount: 500 }] });
    expect((await stripe.invoices.retrieve(original.id)).latest_revision).toBeNull();
    const final = await stripe.invoices.finalizeInvoice(revision.id, { expand: ['from_invoice.invoice'] });
    expect(final).toMatchObject({ status: 'open', total: 1_350, starting_balance: -300, amount_due: 1_050 });
    expect(final.from_invoice?.invoice).toMatchObject({ id: original.id, status: 'void' });
    const replaced = await stripe.invoices.retrieve(original.id, { expand: ['latest_revision'] });
    expect(replaced.latest_revision).toMatchObject({ id: revision.id, description: 'Second' });
    const again = await stripe.invoices.create({ from_invoice: { action: 'revision', invoice: revision.id } });
    await stripe.invoices.finalizeInvoice(again.id);
    for (const id of [original.id, revision.id]) {
      expect((await stripe.invoices.retrieve(id)).latest_revision).toBe(again.id);
    }
    expect((await stripe.coupons.retrieve(coupon)).times_redeemed).toBe(1);
  });

  test('an invoice that is paid meanwhile cannot be replaced: its revision stays a draft and says why', async () => {
    const original = await open();
    const from_invoice = { action: 'revision' as const, invoice: original.id };
    const revision = await stripe.invoices.create({ from_invoice, auto_advance: true });
    await stripe.invoices.pay(original.id);
    const refused = await refusal(stripe.invoices.finalizeInvoice(revision.id));
    expect(refused.message).toMatch(/is paid/);
    const other = await stripe.invoices.retrieve(revision.id);
    expect(other).toMatchObject({ status: 'draft', last_finalization_error: { type: 'invalid_request_error' } });
    const events = await stripe.events.list({ type: 'invoice.finalization_failed' });
    expect(idOf(events.data[0]?.data.object as Stripe.Invoice)).toBe(revision.id);
    await b.sandbox.clock.advance(2 * 3_600_000);
    expect((await stripe.invoices.retrieve(revision.id)).status).toBe('draft');
    expect(await refusal(stripe.invoices.create({ from_invoice }))).toMatchObject({ param: 'from_invoice[invoice]' });
  });

  test('by itself, too, a draft that cannot become final tells so and stays', async () => {
    const original = await open();
    const from_invoice = { action: 'revision' as const, invoice: original.id };
    const revision = await stripe.invoices.create({ from_invoice, auto_advance: true });
    await stripe.invoices.voidInvoice(original.id);
    await b.sandbox.clock.advance(2 * 3_600_000);
    expect(await stripe.invoices.retrieve(revision.id)).toMatchObject({
      status: 'draft',
      automatically_finalizes_at: null,
      last_finalization_error: { message: expect.stringMatching(/is void/) },
    });
  });
});
