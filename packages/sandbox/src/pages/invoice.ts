import { declinedByFault } from '../faults/declined.ts';
import { attemptPayment, subscriptionOf } from '../resources/invoices/collect.ts';
import { followPayment } from '../resources/invoices/follow-payment.ts';
import { type Context, orderEvents } from '../resources/context.ts';
import { storeEvents } from '../resources/events/events.ts';
import { amountDue, subtotalOf, totalDiscounts, totalOf, totalTaxes } from '../resources/invoices/invoice-amounts.ts';
import { formatAmount } from '../billing/money.ts';
import { attachForCustomer, createPaymentMethod } from '../resources/payments/payment-methods.ts';
import { updateSubscription } from '../resources/subscriptions/subscription-end.ts';
import { authenticationRequired, cardByNumber, liveCard, type TestCard } from '../resources/payments/test-cards.ts';
import type { InvoiceRecord, PaymentFailure, Seconds } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { contextOf } from '../time/test-clock.ts';
import {
  type CardFault,
  type CardFields,
  cardFields,
  checkFields,
  errorBox,
  readFields,
  testCards,
} from './card-form.ts';
import { html, type Html, notice, page, redirect } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { type PdfRow, writePdf } from './pdf.ts';

const months = 'January February March April May June July August September October November December'.split(' ');

/** `24 November 2026`, in UTC. */
function day(at: Seconds): string {
  const date = new Date(at * 1000);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

function span(period: { start: Seconds; end: Seconds }): string {
  return period.start === period.end ? day(period.start) : `${day(period.start)} to ${day(period.end)}`;
}

const states: Record<InvoiceRecord['status'], string> = {
  draft: 'Draft',
  open: 'Payment due',
  paid: 'Paid',
  uncollectible: 'Uncollectible',
  void: 'Void',
};

/** What is said of an invoice, once for the page and the PDF. */
function facts(tx: Tx, invoice: InvoiceRecord): { label: string; value: string }[] {
  return [
    { label: 'Invoice number', value: invoice.number ?? '' },
    { label: 'Date of issue', value: day(invoice.finalized_at ?? invoice.created) },
    {
      label: 'Billed to',
      value:
        [invoice.customer_name, invoice.customer_email].filter(Boolean).join(', ') ||
        tx.need('customer', invoice.customer).id,
    },
    { label: 'Status', value: invoice.paid_at === null ? states[invoice.status] : `Paid on ${day(invoice.paid_at)}` },
  ];
}

function totals(tx: Tx, invoice: InvoiceRecord): { label: string; amount: number }[] {
  const total = totalOf(invoice);
  const credited = invoice.pre_payment_credit_notes_amount ?? 0;
  const applied = amountDue(invoice) - Math.max(total, 0) + credited;
  const off = totalDiscounts(invoice.lines).reduce((sum, each) => sum + each.amount, 0);
  const taxes = totalTaxes(invoice.lines).map((tax) => {
    const rate = tx.need('tax_rate', tax.tax_rate);
    const inside = rate.inclusive ? ', included' : '';
    return { label: `${rate.display_name} (${rate.percentage}%${inside})`, amount: tax.amount };
  });
  return [
    ...(off === 0 && taxes.length === 0 ? [] : [{ label: 'Subtotal', amount: subtotalOf(invoice) }]),
    ...(off === 0 ? [] : [{ label: 'Discount', amount: -off }]),
    ...taxes,
    { label: 'Total', amount: total },
    ...(applied === 0 ? [] : [{ label: 'Applied balance', amount: applied }]),
    ...(credited === 0 ? [] : [{ label: 'Credit notes', amount: -credited }]),
    { label: 'Amount paid', amount: invoice.amount_paid },
    { label: 'Amount due', amount: invoice.status === 'void' ? 0 : amountDue(invoice) - invoice.amount_paid },
  ];
}

interface Shown {
  fields: CardFields;
  failure: PaymentFailure | null;
  fault: CardFault | null;
}

function payForm(invoice: InvoiceRecord, shown: Shown): Html {
  const due = formatAmount(amountDue(invoice), invoice.currency);
  return html`<section class="card" aria-labelledby="pay-title">
      <h2 id="pay-title">Pay this invoice</h2>
      ${errorBox(shown.failure)}
      <form id="pay" method="post" action="/i/${invoice.page_token}">
        <input type="hidden" name="email" value="${shown.fields.email}" />${cardFields(shown.fields, shown.fault)}
        <button class="primary" name="action" value="pay">Pay ${due}</button>
      </form>
    </section>
    ${testCards('pay')}`;
}

function invoicePage(tx: Tx, invoice: InvoiceRecord, account_name: string, shown: Shown): Response {
  const amount = (value: number): string => formatAmount(value, invoice.currency);
  const body = html`<main>
    <p class="mode">Test mode</p>
    <h1>Invoice from ${account_name}</h1>
    <p class="amount">${amount(amountDue(invoice))}</p>
    <section class="card">
      <ul class="rows">
        ${facts(tx, invoice).map(
          ({ label, value }) => html`<li><span class="soft">${label}</span><span>${value}</span></li>`,
        )}
      </ul>
    </section>
    <section class="card scroll" tabindex="0" aria-label="Lines">
      <table>
        <caption class="soft small">
          What this invoice is for
        </caption>
        <thead>
          <tr>
            <th scope="col">Description</th>
            <th scope="col" class="num">Qty</th>
            <th scope="col" class="num">Amount</th>
          </tr>
        </thead>
        <tbody>
          ${invoice.lines.map(
            (line) =>
              html`<tr>
                <td>${line.description ?? 'Invoice item'}<br /><span class="soft small">${span(line.period)}</span></td>
                <td class="num">${line.quantity}</td>
                <td class="num">${amount(line.amount)}</td>
              </tr>`,
          )}
        </tbody>
        <tfoot>
          ${totals(tx, invoice).map(
            (row) =>
              html`<tr class="total">
                <td colspan="2">${row.label}</td>
                <td class="num">${amount(row.amount)}</td>
              </tr>`,
          )}
        </tfoot>
      </table>
    </section>
    <p><a class="button" href="/i/${invoice.page_token}/pdf">Download PDF</a></p>
    ${invoice.status === 'open' ? payForm(invoice, shown) : null}
  </main>`;
  return page(`Invoice ${invoice.number}`, body);
}

function pdfOf(tx: Tx, invoice: InvoiceRecord, account_name: string): Response {
  const amount = (value: number): string => formatAmount(value, invoice.currency);
  const short = (text: string): string => (text.length > 72 ? `${text.slice(0, 71)}…` : text);
  const rows: PdfRow[] = [
    {
      height: 24,
      texts: [
        { text: 'Invoice', x: 56, size: 22, bold: true },
        { text: account_name, x: 539, size: 13, bold: true, right: true },
      ],
    },
    { height: 26, texts: [{ text: 'Test mode: no money moved.', x: 56, size: 9 }] },
    ...facts(tx, invoice).map(({ label, value }) => ({
      height: 16,
      texts: [
        { text: label, x: 56, size: 10 },
        { text: value, x: 170, size: 10, bold: true },
      ],
    })),
    {
      height: 40,
      texts: [
        {
          text: `${amount(amountDue(invoice))} ${invoice.status === 'paid' ? 'paid' : 'due'}`,
          x: 56,
          size: 16,
          bold: true,
        },
      ],
    },
    {
      height: 32,
      rule: true,
      texts: [
        { text: 'Description', x: 56, size: 9 },
        { text: 'Quantity', x: 430, size: 9, right: true },
        { text: 'Amount', x: 539, size: 9, right: true },
      ],
    },
    ...invoice.lines.map((line) => ({
      height: 32,
      leading: 20,
      rule: true,
      texts: [
        { text: short(line.description ?? 'Invoice item'), x: 56, size: 10 },
        { text: span(line.period), x: 56, size: 8, below: 12 },
        { text: String(line.quantity), x: 430, size: 10, right: true },
        { text: amount(line.amount), x: 539, size: 10, right: true },
      ],
    })),
    ...totals(tx, invoice).map(({ label, amount: value }) => ({
      height: 18,
      texts: [
        { text: label, x: 330, size: 10, bold: true },
        { text: amount(value), x: 539, size: 10, bold: true, right: true },
      ],
    })),
  ];
  return new Response(writePdf(`Invoice ${invoice.number}`, rows), {
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': `inline; filename="invoice-${invoice.number}.pdf"`,
      'cache-control': 'no-store',
    },
  });
}

function refusalOf(context: Context, card: TestCard | null): PaymentFailure | null {
  if (card === null) return liveCard;
  if (card.authentication !== 'none') return authenticationRequired;
  return card.charge ?? declinedByFault(context, card.number);
}

function pressed(deps: PageDeps, request: PageRequest, token: string): Response {
  const now_ms = deps.clock.now();
  return deps.store.transact(now_ms, (tx) => {
    const invoice = tx.all('invoice').find((each) => each.page_token === token);
    if (invoice?.status !== 'open') return redirect(`/i/${token}`);
    request.form.set('email', invoice.customer_email ?? 'payer@example.com');
    const fields = readFields(request.form, {}, new Date(now_ms).getUTCFullYear());
    const show = (failure: PaymentFailure | null, fault: CardFault | null): Response =>
      invoicePage(tx, tx.need('invoice', invoice.id), deps.account_name, { fields, failure, fault });
    if (request.form.has('fill')) return show(null, null);
    const entered = checkFields(fields, now_ms);
    if ('failure' in entered) return show(entered.failure, entered);
    const card = cardByNumber(entered.number);
    const context = contextOf(tx, deps.account_name, invoice.customer);
    const refused = refusalOf(context, card);
    if (card === null || refused !== null) return show(refused, { field: 'number', failure: refused ?? liveCard });
    const { exp_month, exp_year, name, email } = entered;
    const method = createPaymentMethod(context, { card, exp_month, exp_year, billing_details: { name, email } });
    const attached = attachForCustomer(context, method.id, invoice.customer, 'payment_method');
    const subscription = subscriptionOf(tx, invoice);
    const kept =
      subscription !== null && subscription.ended_at === null
        ? updateSubscription(context, subscription, { default_payment_method: attached.id })
        : subscription;
    const attempt = attemptPayment(context, invoice, { method: attached, off_session: false, automatic: false });
    followPayment(context, kept, attempt);
    orderEvents(context, ['payment_method.attached']);
    storeEvents(context, deps.clock.machine());
    return redirect(`/i/${token}`);
  });
}

/** The hosted invoice: `/i/<token>`, its PDF, and paying it while it is open. */
export function invoicePages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return async (request) => {
    const [token = '', part] = request.rest;
    if (request.method === 'POST' && part === undefined) {
      const response = pressed(deps, request, token);
      await deps.store.durable();
      deps.committed();
      return response;
    }
    return deps.store.read(deps.clock.now(), (tx) => {
      const invoice = tx.all('invoice').find((each) => each.page_token === token);
      if (invoice === undefined || token === '') {
        return notice('No such invoice', 'This link belongs to no invoice.', null, 404);
      }
      if (part === 'pdf') return pdfOf(tx, invoice, deps.account_name);
      const fields = { email: '', number: '', exp: '', cvc: '', name: invoice.customer_name ?? '' };
      return invoicePage(tx, invoice, deps.account_name, { fields, failure: null, fault: null });
    });
  };
}
