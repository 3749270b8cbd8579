import { attemptPayment, subscriptionOf } from '../resources/invoices/collect.ts';
import { followPayment } from '../resources/invoices/follow-payment.ts';
import { type Context, orderEvents } from '../resources/context.ts';
import { storeEvents } from '../resources/events/events.ts';
import { amountRemaining } from '../resources/invoices/invoice-amounts.ts';
import { formatAmount } from '../billing/money.ts';
import { finishPaymentIntent } from '../resources/payments/intent-confirm.ts';
import { attachForCustomer, createPaymentMethod } from '../resources/payments/payment-methods.ts';
import { updateSubscription } from '../resources/subscriptions/subscription-end.ts';
import { cardByNumber, liveCard } from '../resources/payments/test-cards.ts';
import type { InvoiceRecord, PaymentFailure, PaymentIntentRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { contextOf } from '../time/test-clock.ts';
import { question } from './authentication.ts';
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
import { factsOf, headline, shownAmount, shownQuantity, span, totalsOf } from './invoice-facts.ts';
import { invoicePdf } from './invoice-pdf.ts';
import type { PageDeps, PageRequest } from './pages.ts';

interface Shown {
  fields: CardFields;
  failure: PaymentFailure | null;
  fault: CardFault | null;
}

function payForm(invoice: InvoiceRecord, shown: Shown): Html {
  const due = formatAmount(amountRemaining(invoice), invoice.currency);
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
    <p class="amount">${headline(invoice)}</p>
    ${invoice.description === null ? null : html`<p>${invoice.description}</p>`}
    <section class="card">
      <ul class="rows">
        ${factsOf(tx, invoice).map(
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
                <td class="num">${shownQuantity(line)}</td>
                <td class="num">${amount(shownAmount(invoice, line))}</td>
              </tr>`,
          )}
        </tbody>
        <tfoot>
          ${totalsOf(tx, invoice).map(
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
    ${isPayable(invoice) ? payForm(invoice, shown) : null}
    ${invoice.footer === null ? null : html`<p class="soft small">${invoice.footer}</p>`}
  </main>`;
  return page(`Invoice ${invoice.number}`, body);
}

/** Whether somebody may pay it here. */
function isPayable(invoice: InvoiceRecord): boolean {
  return invoice.status === 'open' || invoice.status === 'uncollectible';
}

/** The card that paid is kept, and a running subscription goes on with it. */
function keepCard(context: Context, id: string, method: string): void {
  const { tx } = context;
  const invoice = tx.need('invoice', id);
  if (tx.need('payment_method', method).customer === null) {
    attachForCustomer(context, method, invoice.customer, 'payment_method');
  }
  const subscription = subscriptionOf(tx, invoice);
  if (subscription === null || subscription.ended_at !== null) return;
  updateSubscription(context, subscription, { default_payment_method: method });
}

function finished(deps: PageDeps, context: Context): void {
  orderEvents(context, ['payment_method.attached']);
  storeEvents(context, deps.clock.machine());
}

/** Somebody pressed Pay, or a button that fills in a test card. */
function pressPay(deps: PageDeps, request: PageRequest, tx: Tx, invoice: InvoiceRecord): Response {
  const now_ms = deps.clock.now();
  request.form.set('email', invoice.customer_email ?? 'payer@example.com');
  const fields = readFields(request.form, {}, new Date(now_ms).getUTCFullYear());
  const show = (failure: PaymentFailure | null, fault: CardFault | null): Response =>
    invoicePage(tx, tx.need('invoice', invoice.id), deps.account_name, { fields, failure, fault });
  if (request.form.has('fill')) return show(null, null);
  const entered = checkFields(fields, now_ms);
  if ('failure' in entered) return show(entered.failure, entered);
  const card = cardByNumber(entered.number);
  if (card === null) return show(liveCard, { field: 'number', failure: liveCard });
  const context = contextOf(tx, deps.account_name, invoice.customer);
  const { exp_month, exp_year, name, email } = entered;
  const method = createPaymentMethod(context, { card, exp_month, exp_year, billing_details: { name, email } });
  const attempt = attemptPayment(context, invoice, { method, off_session: false, automatic: false });
  if (attempt.outcome === 'paid') {
    followPayment(context, subscriptionOf(tx, invoice), attempt);
    keepCard(context, invoice.id, method.id);
  }
  finished(deps, context);
  if (attempt.outcome === 'needs_action') return redirect(`/i/${invoice.page_token}/authenticate`);
  if (attempt.outcome === 'paid' || attempt.failure === null) return redirect(`/i/${invoice.page_token}`);
  return show(attempt.failure, { field: 'number', failure: attempt.failure });
}

/** The payment that waits for the holder of its card; `null` when none does. */
function waiting(tx: Tx, invoice: InvoiceRecord): PaymentIntentRecord | null {
  const intent = tx.get('payment_intent', invoice.payment_intent ?? '');
  return isPayable(invoice) && intent?.status === 'requires_action' ? intent : null;
}

/** The bank's answer: the invoice is paid, or the card is refused after all. */
function pressAuthentication(deps: PageDeps, request: PageRequest, tx: Tx, invoice: InvoiceRecord): Response {
  const intent = waiting(tx, invoice);
  if (intent === null) return redirect(`/i/${invoice.page_token}`);
  const context = contextOf(tx, deps.account_name, invoice.customer);
  finishPaymentIntent(context, intent, request.form.get('action') === 'authenticate');
  const after = tx.need('payment_intent', intent.id);
  if (after.status === 'succeeded' && intent.payment_method !== null)
    keepCard(context, invoice.id, intent.payment_method);
  finished(deps, context);
  if (after.last_failure === null) return redirect(`/i/${invoice.page_token}`);
  const fault = { field: 'number', failure: after.last_failure };
  return invoicePage(tx, tx.need('invoice', invoice.id), deps.account_name, {
    fields: blankFields(invoice),
    failure: after.last_failure,
    fault,
  });
}

function blankFields(invoice: InvoiceRecord): CardFields {
  return { email: '', number: '', exp: '', cvc: '', name: invoice.customer_name ?? '' };
}

function byToken(tx: Tx, token: string): InvoiceRecord | undefined {
  return token === '' ? undefined : tx.all('invoice').find((each) => each.page_token === token);
}

function pressed(deps: PageDeps, request: PageRequest): Response {
  const [token = '', part] = request.rest;
  return deps.store.transact(deps.clock.now(), (tx) => {
    const invoice = byToken(tx, token);
    if (invoice === undefined || !isPayable(invoice)) return redirect(`/i/${token}`);
    return part === 'authenticate'
      ? pressAuthentication(deps, request, tx, invoice)
      : pressPay(deps, request, tx, invoice);
  });
}

/** The hosted invoice: `/i/<token>`, its PDF, and paying it while it can be, with the 3-D Secure step. */
export function invoicePages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return async (request) => {
    const [token = '', part] = request.rest;
    if (request.method === 'POST' && (part === undefined || part === 'authenticate')) {
      const response = pressed(deps, request);
      await deps.store.durable();
      deps.committed();
      return response;
    }
    return deps.store.read(deps.clock.now(), (tx) => {
      const invoice = byToken(tx, token);
      if (invoice === undefined) return notice('No such invoice', 'This link belongs to no invoice.', null, 404);
      if (part === 'pdf') return invoicePdf(tx, invoice, deps.account_name);
      if (part === 'authenticate') {
        const intent = waiting(tx, invoice);
        return intent === null ? redirect(`/i/${token}`) : question(tx, intent, deps.account_name);
      }
      return invoicePage(tx, invoice, deps.account_name, { fields: blankFields(invoice), failure: null, fault: null });
    });
  };
}
