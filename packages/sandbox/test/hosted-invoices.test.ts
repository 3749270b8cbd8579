import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, goodCard, idOf, standing, submit, subscriber } from './harness.ts';
import { addsUp } from './totals.ts';

let b: Bench;
let stripe: Stripe;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
  stripe = b.stripe;
});
afterEach(async () => {
  await addsUp(stripe);
  await b.close();
});

async function open(params: Stripe.InvoiceCreateParams = {}, lines = 1): Promise<Stripe.Invoice> {
  const customer = (await stripe.customers.create({ email: 'ada@example.com', name: 'Ada (Ltd)' })).id;
  const { id } = await stripe.invoices.create({ customer, currency: 'usd', ...params });
  const all = Array.from({ length: lines }, (_, index) => ({
    amount: 1_000 + index,
    description: `Work ${index + 1}`,
  }));
  await stripe.invoices.addLines(id, { lines: all });
  return await stripe.invoices.finalizeInvoice(id, { auto_advance: false });
}

function pageOf(invoice: Stripe.Invoice): string {
  return invoice.hosted_invoice_url ?? '';
}

async function textOf(url: string): Promise<string> {
  return (await (await fetch(url)).text()).replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
}

async function payWith(invoice: Stripe.Invoice, number: string): Promise<Response> {
  return await submit(pageOf(invoice), { ...goodCard, number });
}

describe('paying on the hosted page, without script', () => {
  test('a card that asks for 3-D Secure leads to its bank, pays when that is passed, and is kept', async () => {
    const invoice = await open();
    const asked = await payWith(invoice, '4000 0027 6000 3184');
    expect(asked.status).toBe(303);
    const bank = new URL(asked.headers.get('location') ?? '', b.url).href;
    expect(bank).toBe(`${pageOf(invoice)}/authenticate`);
    expect(await textOf(bank)).toMatch(/ending in 3184 asks its holder to confirm \$10.00 to Skycast/);
    expect((await stripe.invoices.retrieve(invoice.id)).status).toBe('open');
    const passed = await submit(bank, { action: 'authenticate' });
    expect(passed.headers.get('location')).toBe(new URL(pageOf(invoice)).pathname);
    expect(await stripe.invoices.retrieve(invoice.id)).toMatchObject({ status: 'paid', amount_paid: 1_000 });
    const kept = await stripe.paymentMethods.list({ customer: idOf(invoice.customer), type: 'card' });
    expect(kept.data.map((method) => method.card?.last4)).toEqual(['3184']);
    const [charge] = (await stripe.charges.list({ customer: idOf(invoice.customer) })).data;
    expect(charge?.payment_method_details?.card?.three_d_secure).toMatchObject({ result: 'authenticated' });
    const again = await submit(bank, { action: 'fail' });
    expect(again.status).toBe(303);
    expect((await stripe.invoices.retrieve(invoice.id)).status).toBe('paid');
  });

  test('who fails at the bank, or is declined after it, is told so and can pay with another card', async () => {
    const invoice = await open();
    const bank = `${pageOf(invoice)}/authenticate`;
    await payWith(invoice, '4000 0025 0000 3155');
    const failed = await submit(bank, { action: 'fail' });
    expect(await failed.text()).toMatch(/role="alert">.*authenticate/s);
    await payWith(invoice, '4000 0082 6000 3178');
    const declined = await submit(bank, { action: 'authenticate' });
    expect(await declined.text()).toContain('insufficient funds');
    expect((await stripe.paymentMethods.list({ customer: idOf(invoice.customer) })).data).toEqual([]);
    await payWith(invoice, goodCard.number);
    expect((await stripe.invoices.retrieve(invoice.id)).status).toBe('paid');
    const charges = await stripe.charges.list({ customer: idOf(invoice.customer) });
    expect(charges.data.map((charge) => charge.status)).toEqual(['succeeded', 'failed']);
  });

  test('a decline is an attempt: it leaves a failed charge and is told', async () => {
    const invoice = await open();
    const declined = await payWith(invoice, '4000 0000 0000 9995');
    expect(await declined.text()).toContain('insufficient funds');
    expect(await stripe.invoices.retrieve(invoice.id)).toMatchObject({ attempted: true, status: 'open' });
    const { data } = await stripe.events.list({ type: 'invoice.payment_failed' });
    expect(idOf(data[0]?.data.object as Stripe.Invoice)).toBe(invoice.id);
    expect((await stripe.charges.list({ customer: idOf(invoice.customer) })).data).toMatchObject([
      { status: 'failed' },
    ]);
  });

  test('a subscription in arrears goes on with the card that passed its bank', async () => {
    const { subscription } = await subscriber(stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(33 * 86_400_000);
    const late = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
    const invoice = late.latest_invoice as Stripe.Invoice;
    await payWith(invoice, '4000 0025 0000 3155');
    await submit(`${pageOf(invoice)}/authenticate`, { action: 'authenticate' });
    const now = await stripe.subscriptions.retrieve(subscription.id, { expand: ['default_payment_method'] });
    expect(now).toMatchObject({ status: 'active', default_payment_method: { card: { last4: '3155' } } });
  });

  test('a part that was paid is taken off, and only the rest is asked for', async () => {
    const invoice = await open();
    const part = await stripe.paymentIntents.create({
      amount: 400,
      currency: 'usd',
      customer: idOf(invoice.customer),
      payment_method: 'pm_card_visa',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      confirm: true,
    });
    await stripe.invoices.attachPayment(invoice.id, { payment_intent: part.id });
    const shown = await textOf(pageOf(invoice));
    expect(shown).toContain('$6.00 of $10.00 due');
    expect(shown).toContain('Partly paid');
    expect(shown).toContain('Pay $6.00');
    await payWith(invoice, goodCard.number);
    expect(await stripe.invoices.retrieve(invoice.id)).toMatchObject({ status: 'paid', amount_paid: 1_000 });
  });
});

describe('what the page says', () => {
  test('an invoice paid by other means, void or given up says so; what is void cannot be paid', async () => {
    const outside = await open();
    await stripe.invoices.pay(outside.id, { paid_out_of_band: true });
    expect(await textOf(pageOf(outside))).toContain('Paid on 1 January 2027, by other means');
    const voided = await open();
    await stripe.invoices.voidInvoice(voided.id);
    const shown = await textOf(pageOf(voided));
    expect(shown).toContain('Void since 1 January 2027: nothing is to be paid');
    expect(shown).not.toContain('Pay this invoice');
    expect((await payWith(voided, goodCard.number)).status).toBe(303);
    expect((await stripe.invoices.retrieve(voided.id)).status).toBe('void');
    const bad = await open();
    await stripe.invoices.markUncollectible(bad.id);
    expect(await textOf(pageOf(bad))).toContain('Uncollectible since 1 January 2027: it can still be paid');
    await payWith(bad, goodCard.number);
    expect((await stripe.invoices.retrieve(bad.id)).status).toBe('paid');
  });

  test('what the seller wrote stands on it', async () => {
    const invoice = await open({
      custom_fields: [{ name: 'PO', value: 'A-7' }],
      description: 'Thanks for January',
      effective_at: Date.parse('2026-12-24T00:00:00Z') / 1_000,
      footer: 'Bank <b>none</b>',
      shipping_details: { name: 'Ada', address: { line1: '1 Street', postal_code: '10115', city: 'Berlin' } },
    });
    const shown = await textOf(pageOf(invoice));
    for (const said of [
      'PO A-7',
      'Thanks for January',
      '24 December 2026',
      'Ada, 1 Street, 10115 Berlin',
      'Bank &lt;b&gt;none&lt;/b&gt;',
    ]) {
      expect(shown).toContain(said);
    }
  });
});

/** The pages of a PDF as lines of text, read as a reader does: by the cross-reference table, page by page. */
function readPdf(bytes: Buffer): { pages: string[][]; boxes: string[] } {
  const file = bytes.toString('latin1');
  expect(file.startsWith('%PDF-1.4\n')).toBe(true);
  expect(file.endsWith('%%EOF\n')).toBe(true);
  const start = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(file)?.[1]);
  expect(file.slice(start, start + 5)).toBe('xref\n');
  const [, count = '0'] = /^xref\n0 (\d+)\n/.exec(file.slice(start)) ?? [];
  const entries = file
    .slice(start)
    .split('\n')
    .slice(2, 2 + Number(count));
  const objects = new Map<number, string>();
  for (const [number, entry] of entries.entries()) {
    expect(entry).toHaveLength(19);
    if (number === 0) continue;
    const at = Number(entry.slice(0, 10));
    expect(file.slice(at).startsWith(`${number} 0 obj\n`)).toBe(true);
    objects.set(number, file.slice(at, file.indexOf('endobj', at)));
  }
  const kids = [...(objects.get(2) ?? '').matchAll(/(\d+) 0 R/g)].map((match) => objects.get(Number(match[1])) ?? '');
  const boxes = kids.map((kid) => /MediaBox \[([^\]]+)\]/.exec(kid)?.[1] ?? '');
  const pages = kids.map((kid) => {
    const content = objects.get(Number(/Contents (\d+) 0 R/.exec(kid)?.[1])) ?? '';
    const [, length = '0', stream = ''] = /<< \/Length (\d+) >>\nstream\n([\s\S]*)endstream/.exec(content) ?? [];
    expect(stream).toHaveLength(Number(length));
    return [...stream.matchAll(/\(((?:\\.|[^\\)])*)\) Tj/g)].map((match) =>
      (match[1] ?? '').replaceAll(/\\([()\\])/g, '$1'),
    );
  });
  return { pages, boxes };
}

async function pdfOf(invoice: Stripe.Invoice): Promise<ReturnType<typeof readPdf>> {
  const response = await fetch(invoice.invoice_pdf ?? '');
  expect(response.headers.get('content-type')).toBe('application/pdf');
  return readPdf(Buffer.from(await response.arrayBuffer()));
}

describe('the PDF', () => {
  test('has a header, a table that finds every object, and says number, customer, lines and totals', async () => {
    const invoice = await open({ description: 'Thanks' });
    const { pages, boxes } = await pdfOf(invoice);
    expect(boxes).toEqual(['0 0 595 842']);
    expect(pages).toHaveLength(1);
    const [said = []] = pages;
    expect(said).toEqual(
      expect.arrayContaining(['Invoice', 'Skycast', invoice.number, 'Ada (Ltd), ada@example.com', 'Thanks', 'Work 1']),
    );
    expect(said.slice(-6)).toEqual(['Total', '$10.00', 'Amount paid', '$0.00', 'Amount due', '$10.00']);
  });

  test('of many lines has several pages, each line once and in order, the totals at the end', async () => {
    const invoice = await open({ rendering: { pdf: { page_size: 'letter' } } }, 120);
    const { pages, boxes } = await pdfOf(invoice);
    expect(pages.length).toBeGreaterThan(3);
    expect(new Set(boxes)).toEqual(new Set(['0 0 612 792']));
    const said = pages.flat();
    expect(said.filter((text) => /^Work \d+$/.test(text))).toEqual(
      Array.from({ length: 120 }, (_, index) => `Work ${index + 1}`),
    );
    expect(pages.at(-1)?.slice(-2)).toEqual(['Amount due', '$1,271.40']);
  });

  test('with taxes left out of its amounts, lines are shown net and totals whole', async () => {
    const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: true, percentage: 25 });
    const invoice = await open({ default_tax_rates: [rate.id], rendering: { amount_tax_display: 'exclude_tax' } });
    const [said = []] = (await pdfOf(invoice)).pages;
    expect(said).toEqual(expect.arrayContaining(['$8.00', 'VAT (25%, included)', '$2.00', 'Total', '$10.00']));
  });
});
