import { formatAmount } from '../billing/money.ts';
import { cardOf } from '../resources/payments/payment-methods.ts';
import type { ChargeRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { html, notice, page } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { type PdfRow, writePdf } from './pdf.ts';
import { day } from './portal-parts.ts';

/** What is said of a charge, once for the page and the PDF. */
function facts(tx: Tx, charge: ChargeRecord): [string, string][] {
  const method = tx.need('payment_method', charge.payment_method);
  const card = cardOf(method);
  const invoice = charge.invoice === null ? undefined : tx.get('invoice', charge.invoice);
  const amount = (value: number): string => formatAmount(value, charge.currency);
  return [
    ...(charge.receipt_number == null ? [] : [['Receipt number', charge.receipt_number] as [string, string]]),
    ...(invoice?.number == null ? [] : [['Invoice number', invoice.number] as [string, string]]),
    ['Date paid', day(charge.created)],
    ['Payment method', `${card.brand} ending in ${card.number.slice(-4)}`],
    ...(charge.description === null ? [] : [['For', charge.description] as [string, string]]),
    ['Amount paid', amount(charge.amount_captured ?? charge.amount)],
    ...(charge.amount_refunded === 0 ? [] : [['Refunded', amount(charge.amount_refunded)] as [string, string]]),
  ];
}

function receiptPage(tx: Tx, charge: ChargeRecord, account_name: string): Response {
  const body = html`<main class="portal">
    <p class="mode">Test mode: no money moved</p>
    <h1>Receipt from ${account_name}</h1>
    <p class="amount">${formatAmount(charge.amount_captured ?? charge.amount, charge.currency)}</p>
    <section class="card" aria-label="Payment">
      <ul class="rows">
        ${facts(tx, charge).map(
          ([label, value]) => html`<li><span class="soft">${label}</span><span>${value}</span></li>`,
        )}
      </ul>
    </section>
    <p><a class="button" href="/r/${charge.receipt_token}/pdf">Download PDF</a></p>
  </main>`;
  return page(`Receipt from ${account_name}`, body);
}

function pdfOf(tx: Tx, charge: ChargeRecord, account_name: string): Response {
  const rows: PdfRow[] = [
    {
      height: 24,
      texts: [
        { text: 'Receipt', x: 56, size: 22, bold: true },
        { text: account_name, x: 539, size: 13, bold: true, right: true },
      ],
    },
    { height: 26, texts: [{ text: 'Test mode: no money moved.', x: 56, size: 9 }] },
    ...facts(tx, charge).map(([label, value]) => ({
      height: 18,
      texts: [
        { text: label, x: 56, size: 10 },
        { text: value, x: 170, size: 10, bold: true },
      ],
    })),
  ];
  const name = charge.receipt_number ?? charge.id;
  return new Response(writePdf(`Receipt ${name}`, rows), {
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': `inline; filename="receipt-${name}.pdf"`,
      'cache-control': 'no-store',
    },
  });
}

/** The receipt of a charge: `/r/<token>`, and its PDF. */
export function receiptPages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return (request) => {
    const [token = '', part] = request.rest;
    const response = deps.store.read(deps.clock.now(), (tx) => {
      const charge = tx.all('charge').find((each) => token !== '' && each.receipt_token === token);
      if (charge === undefined || charge.amount_captured === null) {
        return notice('No such receipt', 'This link belongs to no payment.', null, 404);
      }
      return part === 'pdf' ? pdfOf(tx, charge, deps.account_name) : receiptPage(tx, charge, deps.account_name);
    });
    return Promise.resolve(response);
  };
}
