import { formatAmount } from '../billing/money.ts';
import { cardOf } from '../resources/payments/payment-methods.ts';
import type { ChargeRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { html, notice, page } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { factRows, heading, pdfResponse } from './pdf-parts.ts';
import { day } from './portal-parts.ts';

/** What is said of a charge, once for the page and the PDF. */
function facts(tx: Tx, charge: ChargeRecord): { label: string; value: string }[] {
  const method = tx.need('payment_method', charge.payment_method);
  const card = cardOf(method);
  const invoice = charge.invoice === null ? undefined : tx.get('invoice', charge.invoice);
  const amount = (value: number): string => formatAmount(value, charge.currency);
  return [
    ...(charge.receipt_number == null ? [] : [{ label: 'Receipt number', value: charge.receipt_number }]),
    ...(invoice?.number == null ? [] : [{ label: 'Invoice number', value: invoice.number }]),
    { label: 'Date paid', value: day(charge.created) },
    { label: 'Payment method', value: `${card.brand} ending in ${card.number.slice(-4)}` },
    ...(charge.description === null ? [] : [{ label: 'For', value: charge.description }]),
    { label: 'Amount paid', value: amount(charge.amount_captured ?? charge.amount) },
    ...(charge.amount_refunded === 0 ? [] : [{ label: 'Refunded', value: amount(charge.amount_refunded) }]),
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
          ({ label, value }) => html`<li><span class="soft">${label}</span><span>${value}</span></li>`,
        )}
      </ul>
    </section>
    <p><a class="button" href="/r/${charge.receipt_token}/pdf">Download PDF</a></p>
  </main>`;
  return page(`Receipt from ${account_name}`, body);
}

function pdfOf(tx: Tx, charge: ChargeRecord, account_name: string): Response {
  const rows = [...heading('Receipt', account_name), ...factRows(facts(tx, charge))];
  return pdfResponse(`Receipt ${charge.receipt_number ?? charge.id}`, rows);
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
