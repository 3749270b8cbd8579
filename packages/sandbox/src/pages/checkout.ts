import { finishAuthentication, type Payment, payWithCard } from '../resources/checkout/checkout-payment.ts';
import { applyCode, sessionDiscounts, sessionTotal } from '../resources/checkout/checkout-discounts.ts';
import { trialText } from '../resources/checkout/checkout-trials.ts';
import { storeEvents } from '../resources/events/events.ts';
import { formatAmount, priceAmount } from '../billing/money.ts';
import { usageText } from '../resources/usage/usage-lines.ts';
import type { CheckoutSessionRecord, PaymentFailure, PriceRecord } from '../store/records.ts';
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

const TEMPLATE = '{CHECKOUT_SESSION_ID}';

function successUrl(session: CheckoutSessionRecord): string {
  return session.success_url.replaceAll(TEMPLATE, session.id);
}

/** The way back, with the reason of the last refusal so that the seller's page can say it. */
function cancelUrl(session: CheckoutSessionRecord): string | null {
  if (session.cancel_url === null) return null;
  const url = new URL(session.cancel_url.replaceAll(TEMPLATE, session.id));
  if (session.last_failure !== null) {
    url.searchParams.append('error', session.last_failure.decline_code ?? session.last_failure.code);
  }
  return url.href;
}

function every(price: PriceRecord): string {
  const { interval, interval_count } = price.recurring ?? { interval: 'month', interval_count: 1 };
  return interval_count === 1 ? `per ${interval}` : `every ${interval_count} ${interval}s`;
}

/** What each discount takes off, and what is left to pay today. */
function discountRows(tx: Tx, session: CheckoutSessionRecord): Html | null {
  const off = sessionDiscounts(tx, session).reduce((sum, amount) => sum + amount, 0);
  const [first] = session.discounts ?? [];
  if (first === undefined) return null;
  const code = first.promotion_code === null ? null : tx.need('promotion_code', first.promotion_code).code;
  const name = code ?? tx.need('coupon', first.coupon).name ?? 'Discount';
  return html`<ul class="rows">
    <li><span>${name}</span><span>${formatAmount(-off, session.currency)}</span></li>
    <li><span>Due today</span><span>${formatAmount(sessionTotal(tx, session), session.currency)}</span></li>
  </ul>`;
}

/** What is charged when the trial is over, as far as it is known. */
function then(tx: Tx, session: CheckoutSessionRecord): string {
  return formatAmount(sessionTotal(tx, { ...session, trial: null }), session.currency);
}

function codeForm(session: CheckoutSessionRecord, refused: PaymentFailure | null): Html | null {
  if (session.allow_promotion_codes !== true) return null;
  if ((session.discounts ?? []).length > 0) {
    return html`<form method="post" action="/c/pay/${session.id}" class="inline">
      <input type="hidden" name="code" value="" /><button name="action" value="code">Remove the code</button>
    </form>`;
  }
  return html`<form method="post" action="/c/pay/${session.id}" class="inline">
    <div>
      <label for="code">Promotion code</label
      ><input
        id="code"
        name="code"
        required
        autocomplete="off"
        ${refused === null ? null : html` aria-invalid="true" aria-describedby="code-error"`}
      />
    </div>
    <button name="action" value="code">Apply</button>
    ${refused === null ? null : html`<p class="error" id="code-error" role="alert">${refused.message}</p>`}
  </form>`;
}

function summary(tx: Tx, session: CheckoutSessionRecord, account_name: string, refused: PaymentFailure | null): Html {
  const lines = session.line_items.map((item) => {
    const price = tx.need('price', item.price);
    const product = tx.get('product', price.product);
    return {
      name: product?.name ?? price.product,
      description: product?.description ?? null,
      quantity: item.quantity,
      amount: usageText(price) ?? formatAmount(priceAmount(price, item.quantity), price.currency),
      every: every(price),
    };
  });
  const back = cancelUrl(session);
  const [first] = lines;
  return html`<section class="sum" aria-label="Order">
    ${back === null ? null : html`<p><a href="${back}">← Back to ${account_name}</a></p>`}
    <p class="mode">Test mode: no money moves</p>
    <h1>Subscribe to ${lines.length === 1 ? first?.name : account_name}</h1>
    <p class="amount">
      ${trialText(session, tx.now) ?? formatAmount(sessionTotal(tx, session), session.currency)}
      <span class="soft small"
        >${session.trial == null ? first?.every : `then ${then(tx, session)} ${first?.every}`}</span
      >
    </p>
    <p class="soft">Sold by ${account_name}</p>
    <ul class="rows">
      ${lines.map(
        (line) =>
          html`<li>
            <span
              >${line.name}${line.quantity < 2 ? null : html` × ${line.quantity}`}${
                line.description === null ? null : html`<br /><span class="soft small">${line.description}</span>`
              }</span
            ><span>${line.amount} <span class="soft small">${line.every}</span></span>
          </li>`,
      )}
    </ul>
    ${discountRows(tx, session)}${codeForm(session, refused)}
  </section>`;
}

interface Shown {
  fields: CardFields;
  failure: PaymentFailure | null;
  fault: CardFault | null;
  /** Why a typed promotion code was not taken. */
  refused?: PaymentFailure | null;
}

function checkoutPage(tx: Tx, session: CheckoutSessionRecord, account_name: string, shown: Shown): Response {
  const total = formatAmount(sessionTotal(tx, session), session.currency);
  const known = session.customer_details?.email ?? session.customer_email;
  const email = html`<div class="field">
    <label for="email">Email</label
    ><input
      id="email"
      name="email"
      type="email"
      value="${known ?? shown.fields.email}"
      required
      autocomplete="email"
      ${
        known === null ? null : html` readonly`
      }${shown.fault?.field === 'email' ? html` aria-invalid="true" aria-describedby="error"` : null}
    />
  </div>`;
  const body = html`<main class="checkout">
    ${summary(tx, session, account_name, shown.refused ?? null)}
    <section class="pay card" aria-labelledby="pay-title">
      <h2 id="pay-title">Pay with card</h2>
      ${errorBox(shown.failure)}
      <form id="pay" method="post" action="/c/pay/${session.id}">
        ${email}${cardFields(shown.fields, shown.fault)}
        <button class="primary" name="action" value="pay">
          ${session.trial == null ? `Pay ${total}` : 'Start trial'}
        </button>
      </form>
      <p class="soft small">
        ${
          session.trial == null
            ? `You will be charged ${total} now and at the start of every following period, until you cancel.`
            : `Nothing is charged now. When the trial ends you will be charged ${then(tx, session)}, and again every period, until you cancel.`
        }
      </p>
    </section>
    ${testCards('pay')}
  </main>`;
  return page(`${account_name}: checkout`, body);
}

function authenticationPage(tx: Tx, session: CheckoutSessionRecord, account_name: string): Response {
  const total = formatAmount(sessionTotal(tx, session), session.currency);
  return page(
    'Confirm this payment',
    html`<main class="notice">
      <p class="mode">Test mode</p>
      <h1>Confirm this payment</h1>
      <p>
        The bank of the card ending in ${session.authenticating?.number.slice(-4)} asks its holder to confirm ${total}
        to ${account_name}. This is the 3-D Secure step.
      </p>
      <form method="post" action="/c/pay/${session.id}/authenticate" class="inline">
        <button class="primary" name="action" value="authenticate">Complete authentication</button>
        <button name="action" value="fail">Fail authentication</button>
      </form>
    </main>`,
  );
}

function closed(session: CheckoutSessionRecord | undefined, now: number): Response | null {
  if (session === undefined) return notice('No such checkout', 'This link belongs to no checkout session.', null, 404);
  if (session.status === 'complete') {
    const link = { href: successUrl(session), label: 'Continue' };
    return notice('Already paid', 'This checkout is complete. You will not be charged again.', link, 200);
  }
  if (session.status === 'open' && now < session.expires_at) return null;
  const back = cancelUrl(session);
  const link = back === null ? null : { href: back, label: 'Back to the shop' };
  return notice('This checkout has expired', 'Nothing was charged. Please start again.', link, 410);
}

function pressed(deps: PageDeps, request: PageRequest, id: string, step: string | undefined): Response {
  const now_ms = deps.clock.now();
  const { form } = request;
  return deps.store.transact(now_ms, (tx) => {
    const session = tx.get('checkout_session', id);
    // The second press of a double click arrives after the first has paid.
    if (session?.status === 'complete') return redirect(successUrl(session));
    const refused = closed(session, tx.now);
    if (session === undefined || refused !== null) return refused ?? redirect('/');
    const context = contextOf(tx, deps.account_name, session.customer);
    const details = session.customer_details;
    const own_email = details?.email ?? session.customer_email;
    if (own_email !== null) form.set('email', own_email);
    const fields = readFields(form, { name: details?.name ?? '' }, new Date(now_ms).getUTCFullYear());
    const show = (failure: PaymentFailure | null, fault: CardFault | null): Response =>
      checkoutPage(tx, tx.need('checkout_session', id), deps.account_name, {
        fields,
        failure,
        fault,
      });
    let payment: Payment;
    if (step === 'authenticate') {
      payment = finishAuthentication(context, session, form.get('action') === 'authenticate');
      if (payment.outcome === 'declined') return redirect(`/c/pay/${id}`);
    } else {
      if (form.get('action') === 'code' && session.allow_promotion_codes === true) {
        const refused = applyCode(tx, session, form.get('code') ?? '');
        if (refused === null) return redirect(`/c/pay/${id}`);
        return checkoutPage(tx, session, deps.account_name, { fields, failure: null, fault: null, refused });
      }
      if (form.has('fill')) return show(null, null);
      const entered = checkFields(fields, now_ms);
      if ('failure' in entered) return show(entered.failure, entered);
      payment = payWithCard(context, session, entered);
    }
    storeEvents(context, deps.clock.machine());
    if (payment.outcome === 'authenticate') return redirect(`/c/pay/${id}/authenticate`);
    if (payment.outcome === 'declined') return show(payment.failure, { field: 'number', failure: payment.failure });
    return redirect(successUrl(tx.need('checkout_session', id)));
  });
}

/** The hosted checkout: `/c/pay/cs_test_…` and its authentication step. */
export function checkoutPages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return async (request) => {
    const [, id = '', step] = request.rest;
    if (request.method === 'POST') {
      const response = pressed(deps, request, id, step);
      await deps.store.durable();
      deps.committed();
      return response;
    }
    return deps.store.read(deps.clock.now(), (tx) => {
      const session = tx.get('checkout_session', id);
      const refused = closed(session, tx.now);
      if (session === undefined || refused !== null) return refused ?? redirect('/');
      if (step === 'authenticate') {
        return session.authenticating === null
          ? redirect(`/c/pay/${id}`)
          : authenticationPage(tx, session, deps.account_name);
      }
      const fields = { email: '', number: '', exp: '', cvc: '', name: session.customer_details?.name ?? '' };
      return checkoutPage(tx, session, deps.account_name, { fields, failure: session.last_failure, fault: null });
    });
  };
}
