import { formatAmount } from '../billing/money.ts';
import { answersFault, typedAnswers } from '../resources/checkout/checkout-answers.ts';
import { savedCards, setQuantity, toggleOptional } from '../resources/checkout/checkout-basket.ts';
import { recoverSession } from '../resources/checkout/checkout-create.ts';
import { applyCode } from '../resources/checkout/checkout-discounts.ts';
import {
  finishAuthentication,
  needsCard,
  type Payment,
  payNothing,
  payWithCard,
} from '../resources/checkout/checkout-payment.ts';
import { sessionTotal } from '../resources/checkout/checkout-sums.ts';
import type { Context } from '../resources/context.ts';
import { storeEvents } from '../resources/events/events.ts';
import { detachMethod } from '../resources/payments/payment-method-routes.ts';
import type { CheckoutSessionRecord, EnteredCard, PaymentFailure } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { contextOf } from '../time/test-clock.ts';
import { type CardFault, checkEmail, checkFields, readFields, testCards } from './card-form.ts';
import { payForm, type ShownForm } from './checkout-form.ts';
import { summary } from './checkout-summary.ts';
import { html, notice, page, redirect } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';

const TEMPLATE = '{CHECKOUT_SESSION_ID}';

/** Where a completed session leads; `null` when the seller's own page takes over. */
function wayOn(session: CheckoutSessionRecord): string | null {
  return (session.success_url ?? session.return_url ?? null)?.replaceAll(TEMPLATE, session.id) ?? null;
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

function done(session: CheckoutSessionRecord): Response {
  const href = wayOn(session);
  if (href !== null) return redirect(href);
  const said = session.custom_text?.after_submit ?? 'You can close this page.';
  return notice('Thank you', said, null, 200);
}

function checkoutPage(
  tx: Tx,
  session: CheckoutSessionRecord,
  account_name: string,
  shown: ShownForm & { refused?: PaymentFailure | null },
): Response {
  const body = html`<main class="checkout">
    ${summary(tx, session, account_name, { back: cancelUrl(session), refused: shown.refused ?? null })}
    ${payForm(tx, session, shown)} ${needsCard({ tx }, session) ? testCards('pay') : null}
  </main>`;
  return page(`${session.display_name ?? account_name}: checkout`, body);
}

function authenticationPage(tx: Tx, session: CheckoutSessionRecord, account_name: string): Response {
  const entered = session.authenticating;
  const number = tx.get('payment_method', entered?.saved ?? '')?.card_number ?? entered?.number ?? '';
  const total = formatAmount(sessionTotal(tx, session), session.currency);
  const what = session.mode === 'setup' ? `let ${account_name} keep it` : `confirm ${total} to ${account_name}`;
  return page(
    'Confirm with your bank',
    html`<main class="notice">
      <p class="mode">Test mode</p>
      <h1>Confirm this payment</h1>
      <p>The bank of the card ending in ${number.slice(-4)} asks its holder to ${what}. This is the 3-D Secure step.</p>
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
    const href = wayOn(session);
    const link = href === null ? null : { href, label: 'Continue' };
    const said = session.mode === 'setup' ? 'Your card is saved.' : 'You will not be charged again.';
    return notice('Already paid', `This checkout is complete. ${said}`, link, 200);
  }
  if (session.status === 'open' && now < session.expires_at) return null;
  const back = cancelUrl(session);
  const link = back === null ? null : { href: back, label: 'Back to the shop' };
  return notice('This checkout has expired', 'Nothing was charged. Please start again.', link, 410);
}

/** Buttons that change what is bought; `null` when it was another one. */
function changeBasket(context: Context, session: CheckoutSessionRecord, form: URLSearchParams): Response | null {
  const { tx } = context;
  switch (form.get('action')) {
    case 'quantity':
      tx.put('checkout_session', setQuantity(session, form.get('line') ?? '', Number(form.get('quantity'))));
      break;
    case 'optional':
      tx.put('checkout_session', toggleOptional(tx, session, form.get('price') ?? ''));
      break;
    case 'remove': {
      const card = savedCards(tx, session).find((method) => method.id === form.get('card'));
      if (card !== undefined && session.saved_cards?.remove === true) detachMethod(context, card);
      break;
    }
    default:
      return null;
  }
  return redirect(`/c/pay/${session.id}`);
}

/** What the payer pays with, by what stands in the form. */
function enteredOf(
  tx: Tx,
  session: CheckoutSessionRecord,
  shown: ShownForm,
  now_ms: number,
): EnteredCard | CardFault | null {
  const { fields, form } = shown;
  const wrong = checkEmail(fields);
  if (wrong !== null) return wrong;
  if (!needsCard({ tx }, session)) return null;
  const saved = savedCards(tx, session).find((method) => method.id === form.get('method'));
  if (saved === undefined) return checkFields(fields, now_ms);
  const { exp_month, exp_year, billing_details } = saved;
  const name = billing_details.name ?? session.customer_details?.name ?? '';
  return { number: '', exp_month, exp_year, name, email: fields.email, saved: saved.id };
}

function pay(context: Context, session: CheckoutSessionRecord, shown: ShownForm, now_ms: number): Payment | CardFault {
  const { tx } = context;
  const entered = enteredOf(tx, session, shown, now_ms);
  if (entered !== null && 'failure' in entered) return entered;
  const answered = typedAnswers(session, shown.form);
  const wrong = answersFault(session, answered);
  if (wrong !== null) return wrong;
  const told = tx.put('checkout_session', { ...session, ...answered });
  if (entered !== null) return payWithCard(context, told, entered);
  return payNothing(context, told, shown.fields.email, session.customer_details?.name ?? '');
}

function pressed(deps: PageDeps, request: PageRequest, id: string, step: string | undefined): Response {
  const now_ms = deps.clock.now();
  const { form } = request;
  return deps.store.transact(now_ms, (tx) => {
    const session = tx.get('checkout_session', id);
    // The second press of a double click arrives after the first has paid.
    if (session?.status === 'complete') return done(session);
    const over = closed(session, tx.now);
    if (session === undefined || over !== null) return over ?? redirect('/');
    const context = contextOf(tx, deps.account_name, session.customer);
    const own_email = session.customer_details?.email ?? session.customer_email;
    if (own_email !== null) form.set('email', own_email);
    if (form.has('fill')) form.set('method', 'new');
    const name = session.customer_details?.name ?? '';
    const fields = readFields(form, { name }, new Date(now_ms).getUTCFullYear());
    const shown: ShownForm = { fields, form, failure: null, fault: null };
    const show = (failure: PaymentFailure | null, fault: CardFault | null): Response =>
      checkoutPage(tx, tx.need('checkout_session', id), deps.account_name, { ...shown, failure, fault });
    if (step === 'authenticate') {
      const payment = finishAuthentication(context, session, form.get('action') === 'authenticate');
      storeEvents(context, deps.clock.machine());
      return payment.outcome === 'declined' ? redirect(`/c/pay/${id}`) : done(tx.need('checkout_session', id));
    }
    const changed = changeBasket(context, session, form);
    if (changed !== null) {
      storeEvents(context, deps.clock.machine());
      return changed;
    }
    if (form.get('action') === 'code' && session.allow_promotion_codes === true) {
      const refused = applyCode(tx, session, form.get('code') ?? '');
      if (refused === null) return redirect(`/c/pay/${id}`);
      return checkoutPage(tx, session, deps.account_name, { ...shown, refused });
    }
    if (form.has('fill')) return show(null, null);
    const payment = pay(context, session, shown, now_ms);
    if ('field' in payment) return show(payment.failure, payment);
    storeEvents(context, deps.clock.machine());
    if (payment.outcome === 'authenticate') return redirect(`/c/pay/${id}/authenticate`);
    if (payment.outcome === 'declined') return show(payment.failure, { field: 'number', failure: payment.failure });
    return done(tx.need('checkout_session', id));
  });
}

/** An expired session goes on in a copy: `/c/r/<token>`. */
function recovery(deps: PageDeps, request: PageRequest, token: string): Response {
  return deps.store.transact(deps.clock.now(), (tx) => {
    const old = tx.all('checkout_session').find((each) => token !== '' && each.recovery?.token === token);
    if (old === undefined || tx.now >= (old.recovery?.expires_at ?? 0)) {
      return notice('This link has expired', 'Please start again at the shop.', null, 410);
    }
    if (request.method !== 'POST') {
      const seller = old.display_name ?? deps.account_name;
      return page(
        'Go on',
        html`<main class="notice">
          <p class="mode">Test mode</p>
          <h1>Go on where you stopped</h1>
          <p>What you wanted to buy from ${seller} is still here.</p>
          <form method="post" action="/c/r/${token}" class="inline">
            <button class="primary">Continue to checkout</button>
          </form>
        </main>`,
      );
    }
    return redirect(`/c/pay/${recoverSession(contextOf(tx, deps.account_name, old.customer), old).id}`);
  });
}

function shownPage(deps: PageDeps, id: string, step: string | undefined): Response {
  return deps.store.read(deps.clock.now(), (tx) => {
    const session = tx.get('checkout_session', id);
    const over = closed(session, tx.now);
    if (session === undefined || over !== null) return over ?? redirect('/');
    if (step === 'authenticate') {
      return session.authenticating === null
        ? redirect(`/c/pay/${id}`)
        : authenticationPage(tx, session, deps.account_name);
    }
    const fields = { email: '', number: '', exp: '', cvc: '', name: session.customer_details?.name ?? '' };
    const form = new URLSearchParams();
    return checkoutPage(tx, session, deps.account_name, { fields, form, failure: session.last_failure, fault: null });
  });
}

/** The checkout: `/c/pay/cs_test_…`, its authentication step, and the way back to an expired one. */
export function checkoutPages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return async (request) => {
    const [what, id = '', step] = request.rest;
    if (what !== 'r' && request.method !== 'POST') return shownPage(deps, id, step);
    const response = what === 'r' ? recovery(deps, request, id) : pressed(deps, request, id, step);
    await deps.store.durable();
    deps.committed();
    return response;
  };
}
