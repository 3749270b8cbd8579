import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, idOf, refusal, standing, subscriber } from './harness.ts';
import { addsUp } from './totals.ts';

let b: Bench;
let stripe: Stripe;
let customer: string;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
  stripe = b.stripe;
  customer = (await stripe.customers.create({ email: 'ada@example.com', name: 'Ada' })).id;
});
afterEach(async () => {
  await addsUp(stripe);
  await b.close();
});

async function draft(): Promise<string> {
  return (await stripe.invoices.create({ customer, currency: 'usd' })).id;
}

function amounts(invoice: Stripe.Invoice): number[] {
  return invoice.lines.data.map((line) => line.amount);
}

const vat = { display_name: 'VAT', inclusive: false, percentage: 19 };

describe('lines of a draft', () => {
  test('lines are added by amount, price, described price and exact quantity, and become invoice items', async () => {
    const id = await draft();
    const product = (await stripe.products.create({ name: 'Report' })).id;
    const price = await stripe.prices.create({ currency: 'usd', product, unit_amount: 250 });
    const waiting = await stripe.invoiceItems.create({ customer, amount: 700, currency: 'usd', description: 'Old' });
    const invoice = await stripe.invoices.addLines(id, {
      lines: [
        { amount: 100, description: 'Flat' },
        { pricing: { price: price.id }, quantity: 3 },
        {
          price_data: { currency: 'usd', product_data: { name: 'Audit' }, unit_amount: 1_000 },
          quantity_decimal: Stripe.Decimal.from('1.25'),
        },
        { invoice_item: waiting.id, metadata: { seen: 'yes' } },
      ],
      invoice_metadata: { batch: '7' },
    });
    expect(amounts(invoice)).toEqual([100, 750, 1_250, 700]);
    expect(invoice).toMatchObject({ subtotal: 2_800, total: 2_800, metadata: { batch: '7' } });
    expect(invoice.lines.data.map((line) => line.description)).toEqual(['Flat', 'Report', 'Audit', 'Old']);
    expect(String(invoice.lines.data[2]?.quantity_decimal)).toBe('1.25');
    expect(invoice.lines.data[3]?.metadata).toEqual({ seen: 'yes' });
    const items = await stripe.invoiceItems.list({ customer, pending: false });
    expect(new Set(items.data.map((item) => item.amount))).toEqual(new Set([100, 750, 1_250, 700]));
  });

  test('what changes on a line changes on its item, and the other way round', async () => {
    const id = await draft();
    const [first, second] = (
      await stripe.invoices.addLines(id, { lines: [{ amount: 100 }, { amount: 200, metadata: { a: '1', b: '2' } }] })
    ).lines.data;
    const updated = await stripe.invoices.updateLines(id, {
      lines: [
        { id: first?.id ?? '', amount: 150, description: 'Setup' },
        { id: second?.id ?? '', quantity: 4, metadata: { b: '', c: '3' } },
      ],
    });
    expect(amounts(updated)).toEqual([150, 800]);
    const item = second?.parent?.invoice_item_details?.invoice_item ?? '';
    expect(await stripe.invoiceItems.retrieve(item)).toMatchObject({ amount: 800, metadata: { a: '1', c: '3' } });
    const line = await stripe.invoices.updateLineItem(id, first?.id ?? '', {
      period: { start: 1_800_000_000, end: 1_800_086_400 },
    });
    expect(line).toMatchObject({ id: first?.id, amount: 150, period: { start: 1_800_000_000, end: 1_800_086_400 } });
    await stripe.invoiceItems.update(item, { unit_amount_decimal: Stripe.Decimal.from('12.5') });
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ total: 200, subtotal: 200 });
  });

  test('a line that is deleted is gone with its item, one that is unassigned waits again', async () => {
    const id = await draft();
    const { data } = (await stripe.invoices.addLines(id, { lines: [{ amount: 1 }, { amount: 20 }, { amount: 300 }] }))
      .lines;
    const left = await stripe.invoices.removeLines(id, {
      lines: [
        { id: data[0]?.id ?? '', behavior: 'delete' },
        { id: data[1]?.id ?? '', behavior: 'unassign' },
      ],
    });
    expect(amounts(left)).toEqual([300]);
    const pending = await stripe.invoiceItems.list({ customer, pending: true });
    expect(pending.data.map((item) => item.amount)).toEqual([20]);
    const gone = data[0]?.parent?.invoice_item_details?.invoice_item ?? '';
    expect((await refusal(stripe.invoiceItems.retrieve(gone))).statusCode).toBe(404);
  });

  test('tax that the seller reckons stands as given; its rate is archived, found again and shown nowhere', async () => {
    const id = await draft();
    const tax_amounts = [{ amount: 19, taxable_amount: 100, tax_rate_data: vat }];
    const invoice = await stripe.invoices.addLines(id, {
      lines: [
        { amount: 100, tax_amounts },
        { amount: 200, tax_amounts: [{ amount: 38, taxable_amount: 200, tax_rate_data: vat }] },
      ],
    });
    expect(invoice).toMatchObject({ subtotal: 300, total: 357, total_excluding_tax: 300 });
    expect(invoice.total_taxes).toMatchObject([{ amount: 57, taxable_amount: 300, tax_behavior: 'exclusive' }]);
    const rate = idOf(invoice.total_taxes?.[0]?.tax_rate_details?.tax_rate ?? null);
    expect(await stripe.taxRates.retrieve(rate)).toMatchObject({ active: false, percentage: 19 });
    expect((await stripe.taxRates.list()).data).toHaveLength(1);
    const refused = await refusal(stripe.invoices.addLines(id, { lines: [{ amount: 5, tax_rates: [rate] }] }));
    expect(refused.param).toBe('lines[0][tax_rates][0]');
    const own = await stripe.taxRates.create({ ...vat, percentage: 7 });
    const mixed = await refusal(stripe.invoices.addLines(id, { lines: [{ amount: 5, tax_rates: [own.id] }] }));
    expect(mixed.message).toMatch(/cannot set tax amounts/);
    expect(await refusal(stripe.invoices.update(id, { default_tax_rates: [own.id] }))).toMatchObject({
      param: 'default_tax_rates',
    });
    const line = invoice.lines.data[0]?.id ?? '';
    await stripe.invoices.updateLineItem(id, line, { tax_amounts: '' });
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ total: 338 });
  });

  test('a discount of a line takes from that line alone', async () => {
    const id = await draft();
    const coupon = (await stripe.coupons.create({ percent_off: 50, duration: 'once' })).id;
    const invoice = await stripe.invoices.addLines(id, {
      lines: [{ amount: 100, discounts: [{ coupon }] }, { amount: 100 }],
    });
    expect(invoice).toMatchObject({ subtotal: 200, total: 150 });
    const line = invoice.lines.data[0]?.id ?? '';
    await stripe.invoices.updateLineItem(id, line, { discountable: false });
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ total: 200 });
  });

  test('a subscription bills what it bills: its line may be described, discounted and taxed, not repriced', async () => {
    const made = await subscriber(stripe);
    await b.sandbox.clock.advance(31 * 86_400_000);
    const [invoice] = (await stripe.invoices.list({ customer: made.customer.id, status: 'draft' })).data;
    const id = invoice?.id ?? '';
    const line = invoice?.lines.data[0]?.id ?? '';
    for (const change of [{ amount: 1 }, { quantity: 2 }, { period: { start: 1, end: 2 } }]) {
      const refused = await refusal(stripe.invoices.updateLines(id, { lines: [{ id: line, ...change }] }));
      expect(refused.param).toBe(`lines[0][${Object.keys(change)[0]}]`);
    }
    expect(await refusal(stripe.invoices.removeLines(id, { lines: [{ id: line, behavior: 'delete' }] }))).toMatchObject(
      { param: 'lines[0][id]' },
    );
    const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 10 });
    const changed = await stripe.invoices.updateLineItem(id, line, {
      description: 'February',
      metadata: { only: 'this' },
      tax_rates: [rate.id],
    });
    expect(changed).toMatchObject({ amount: 49_900, description: 'February', metadata: { only: 'this' } });
    await b.sandbox.clock.advance(2 * 3_600_000);
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ status: 'paid', total: 54_890 });
  });

  test('what was said of a line of usage is still said when its usage is rated again', async () => {
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
    const { customer: owner } = await subscriber(stripe, { price: price.id });
    const use = async (value: string): Promise<void> => {
      await stripe.billing.meterEvents.create({
        event_name: 'calls',
        payload: { stripe_customer_id: owner.id, value },
        timestamp: Math.floor(Date.parse('2027-01-31T12:00:00Z') / 1_000),
      });
    };
    await b.sandbox.clock.advance(31 * 86_400_000);
    const [invoice] = (await stripe.invoices.list({ customer: owner.id, status: 'draft' })).data;
    const id = invoice?.id ?? '';
    await stripe.invoices.updateLines(id, {
      lines: [{ id: invoice?.lines.data[0]?.id ?? '', description: 'Calls in January', metadata: { a: '1' } }],
    });
    await use('30');
    await b.sandbox.clock.advance(3_600_000);
    const [line] = (await stripe.invoices.listLineItems(id)).data;
    expect(line).toMatchObject({ amount: 300, description: 'Calls in January', metadata: { a: '1' } });
  });

  test('only a draft is edited, in its currency, with lines it has; a refusal changes nothing', async () => {
    const id = await draft();
    const line = (await stripe.invoices.addLines(id, { lines: [{ amount: 100 }] })).lines.data[0]?.id ?? '';
    const product = (await stripe.products.create({ name: 'Euro' })).id;
    const euro = await stripe.prices.create({ currency: 'eur', product, unit_amount: 100 });
    const wrong: [Stripe.InvoiceAddLinesParams.Line, string][] = [
      [{ pricing: { price: euro.id } }, 'lines[1][currency]'],
      [{ amount: 5, quantity: 2 }, 'lines[1][quantity]'],
      [{ amount: 5, pricing: { price: euro.id } }, 'lines[1][pricing]'],
      [{ quantity: 2 }, 'lines[1][amount]'],
      [
        { quantity_decimal: Stripe.Decimal.from('-1'), price_data: { currency: 'usd', product, unit_amount: 1 } },
        'lines[1][quantity_decimal]',
      ],
      [{ invoice_item: 'ii_none' }, 'lines[1][invoice_item]'],
      [{ amount: 5, period: { start: 20, end: 10 } }, 'lines[1][period][end]'],
    ];
    for (const [entry, param] of wrong) {
      const refused = await refusal(stripe.invoices.addLines(id, { lines: [{ amount: 1 }, entry] }));
      expect(refused).toMatchObject({ statusCode: 400, param });
    }
    expect((await stripe.invoiceItems.list({ customer })).data).toHaveLength(1);
    await stripe.invoices.finalizeInvoice(id, { auto_advance: false });
    for (const late of [
      stripe.invoices.addLines(id, { lines: [{ amount: 1 }] }),
      stripe.invoices.updateLines(id, { lines: [{ id: line, amount: 1 }] }),
      stripe.invoices.removeLines(id, { lines: [{ id: line, behavior: 'delete' }] }),
      stripe.invoices.updateLineItem(id, line, { amount: 1 }),
    ]) {
      expect(await refusal(late)).toMatchObject({ code: 'invoice_not_editable' });
    }
  });

  test('an invoice takes 250 items: more are refused, what waits beyond them goes on the next', async () => {
    const id = await draft();
    const lines = Array.from({ length: 250 }, (_, index) => ({ amount: index + 1 }));
    const full = await stripe.invoices.addLines(id, { lines });
    expect(full.lines).toMatchObject({ has_more: true, total_count: 250 });
    expect(full.lines.data).toHaveLength(10);
    const seen: string[] = [];
    for await (const line of stripe.invoices.listLineItems(id, { limit: 100 })) seen.push(line.id);
    expect(new Set(seen).size).toBe(250);
    expect(await refusal(stripe.invoices.addLines(id, { lines: [{ amount: 1 }] }))).toMatchObject({ param: 'lines' });
    expect(
      await refusal(stripe.invoiceItems.create({ customer, invoice: id, amount: 1, currency: 'usd' })),
    ).toMatchObject({ param: 'invoice' });
    for (let at = 0; at < seen.length; at += 100) {
      const some = seen.slice(at, at + 100).map((line) => ({ id: line, behavior: 'unassign' as const }));
      await stripe.invoices.removeLines(id, { lines: some });
    }
    await stripe.invoiceItems.create({ customer, amount: 1_000, currency: 'usd' });
    const next = await stripe.invoices.create({ customer, pending_invoice_items_behavior: 'include' });
    expect(next.lines).toMatchObject({ total_count: 250 });
    expect((await stripe.invoiceItems.list({ customer, pending: true })).data).toMatchObject([{ amount: 1_000 }]);
  });
});
