import { declinedByFault } from '../faults/declined.ts';
import { ApiError } from '../http/api-error.ts';
import { type Context, emit, orderEvents } from '../resources/context.ts';
import { updateCustomer } from '../resources/customers/customers.ts';
import { storeEvents } from '../resources/events/events.ts';
import { createPaymentMethod, renderPaymentMethod } from '../resources/payments/payment-methods.ts';
import { isLapsed } from '../resources/portal/portal-sessions.ts';
import { updateSubscription } from '../resources/subscriptions/subscription-end.ts';
import { asksHolder, authenticationFailed, cardByNumber, liveCard } from '../resources/payments/test-cards.ts';
import type { EnteredCard, PaymentFailure, PortalSessionRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { contextOf } from '../time/test-clock.ts';
import { type CardFault, checkFields, readFields } from './card-form.ts';
import { notice, redirect } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { call } from './portal-call.ts';
import { billingPage, cardPage, confirmCardPage, customerChange, donePage, taxIdPage } from './portal-flows.ts';
import { homePage } from './portal-home.ts';
import { loginPages } from './portal-login.ts';
import { hrefOf, mayChangeTaxIds, type Visit } from './portal-parts.ts';
import { pressSubscription, showSubscription } from './portal-subscription.ts';

const flowPaths = {
  customer_update: 'billing',
  payment_method_update: 'payment-methods/add',
  subscription_cancel: 'cancel',
  subscription_pause: 'pause',
  subscription_update: 'update',
  subscription_update_confirm: 'confirm',
} as const;

/** Where a deep link leads. */
function flowPath(session: PortalSessionRecord): string | null {
  const { flow, flow_done } = session;
  if (flow === null || flow_done) return null;
  const path = flowPaths[flow.type];
  return flow.subscription === null ? path : `subscriptions/${flow.subscription}/${path}`;
}

/** Whether a page is a step of the task a link is for. */
function isStep(bound: string, path: string): boolean {
  if (path === bound) return true;
  return path === bound.replace(/\/update$/, '/confirm') || path === bound.replace(/\/add$/, '/authenticate');
}

function visitOf(tx: Tx, account_name: string, session: PortalSessionRecord): Visit {
  return {
    tx,
    account_name,
    session,
    configuration: tx.need('portal_configuration', session.configuration),
    customer: tx.need('customer', session.customer),
  };
}

/** Makes a card the one that everything current is charged to. */
function makeDefault(context: Context, customer_id: string, method: string): void {
  const { tx } = context;
  updateCustomer(context, tx.need('customer', customer_id), { default_payment_method: method });
  for (const each of tx.all('subscription')) {
    const has_own = each.default_payment_method !== null && each.default_payment_method !== method;
    if (each.customer === customer_id && each.ended_at === null && has_own) {
      updateSubscription(context, each, { default_payment_method: method });
    }
  }
}

function saveCard(context: Context, visit: Visit, entered: EnteredCard, authenticated: boolean): void {
  const card = cardByNumber(entered.number);
  if (card === null) throw new Error('The card was checked before.');
  const { exp_month, exp_year, name, email } = entered;
  const method = createPaymentMethod(context, {
    card,
    exp_month,
    exp_year,
    billing_details: { name, email: email === '' ? null : email },
    customer: visit.customer.id,
    authenticated,
  });
  emit(context, 'payment_method.attached', renderPaymentMethod(method));
  makeDefault(context, visit.customer.id, method.id);
  orderEvents(context, ['payment_method.attached', 'customer.updated']);
}

/** A press that stayed on its page answers it; one that did its work answers `null`. */
type Pressed = Response | null;

function pressCard(context: Context, visit: Visit, request: PageRequest, now_ms: number): Pressed {
  const { tx, session, customer } = visit;
  request.form.set('email', customer.email ?? 'payer@example.com');
  const fields = readFields(request.form, { name: customer.name ?? '' }, new Date(now_ms).getUTCFullYear());
  const show = (failure: PaymentFailure | null, fault: CardFault | null): Response =>
    cardPage(visit, { fields, failure, fault });
  if (request.form.has('fill')) return show(null, null);
  const entered = checkFields(fields, now_ms);
  if ('failure' in entered) return show(entered.failure, entered);
  const card = cardByNumber(entered.number);
  const refused = card === null ? liveCard : card.attaches ? null : card.charge;
  const failure = refused ?? declinedByFault(context, entered.number);
  if (card === null || failure !== null) return show(failure, { field: 'number', failure: failure ?? liveCard });
  if (asksHolder(card)) {
    tx.put('portal_session', { ...session, authenticating: entered });
    return redirect(hrefOf(visit, 'payment-methods/authenticate'));
  }
  saveCard(context, visit, entered, false);
  return null;
}

function pressAuthentication(context: Context, visit: Visit, passed: boolean): Pressed {
  const { tx, session } = visit;
  const entered = session.authenticating;
  tx.put('portal_session', { ...session, authenticating: null });
  if (entered === null) return redirect(hrefOf(visit, 'payment-methods/add'));
  if (!passed) {
    const fields = { email: '', number: '', exp: '', cvc: '', name: entered.name };
    const fault = { field: 'number', failure: authenticationFailed } as const;
    return cardPage(visit, { fields, failure: authenticationFailed, fault });
  }
  saveCard(context, visit, entered, true);
  return null;
}

function pressMethod(context: Context, visit: Visit, request: PageRequest, action: string): Pressed {
  const method = visit.tx.get('payment_method', request.form.get('payment_method') ?? '');
  if (method?.customer !== visit.customer.id) return homePage(visit, 'This payment method is no longer there.');
  if (action === 'default') makeDefault(context, visit.customer.id, method.id);
  else call(context, 'POST', `/v1/payment_methods/${method.id}/detach`, {});
  return null;
}

function pressTaxId(context: Context, visit: Visit, form: URLSearchParams, action: string): Pressed {
  const path = `/v1/customers/${visit.customer.id}/tax_ids`;
  if (action === 'add') {
    call(context, 'POST', path, { type: form.get('type') ?? '', value: form.get('value')?.trim() ?? '' });
  } else {
    call(context, 'DELETE', `${path}/${form.get('tax_id') ?? ''}`, {});
  }
  return null;
}

function press(context: Context, visit: Visit, request: PageRequest, now_ms: number): Pressed {
  const [first, second = '', third = ''] = request.rest.slice(2);
  const { features } = visit.configuration;
  if (first === 'subscriptions') return pressSubscription({ context, visit, form: request.form }, second, third);
  if (first === 'tax-ids' && mayChangeTaxIds(visit)) return pressTaxId(context, visit, request.form, second);
  if (first === 'billing' && features.customer_update.enabled) {
    call(context, 'POST', `/v1/customers/${visit.customer.id}`, customerChange(visit, request.form));
    return null;
  }
  if (first !== 'payment-methods' || !features.payment_method_update.enabled) return redirect(hrefOf(visit));
  if (second === 'add') return pressCard(context, visit, request, now_ms);
  if (second === 'authenticate') {
    return pressAuthentication(context, visit, request.form.get('action') === 'authenticate');
  }
  return pressMethod(context, visit, request, second);
}

/** A page of the portal by its path; `message` says why a press failed. */
function show(visit: Visit, path: string[], message: string | null, form: URLSearchParams): Response {
  const [first, second = '', third = ''] = path;
  const { features } = visit.configuration;
  const { session, customer } = visit;
  if (first === 'subscriptions') {
    const task = showSubscription(visit, second, third, message, form);
    if (task !== null) return task;
  }
  if (first === 'tax-ids' && second === 'add' && mayChangeTaxIds(visit)) return taxIdPage(visit, message, form);
  if (first === 'billing' && features.customer_update.enabled)
    return billingPage(visit, message, message === null ? null : form);
  if (first === 'payment-methods' && features.payment_method_update.enabled) {
    if (second === 'authenticate' && session.authenticating !== null) return confirmCardPage(visit);
    const fields = { email: '', number: '', exp: '', cvc: '', name: customer.name ?? '' };
    if (second === 'add') return cardPage(visit, { fields, failure: null, fault: null });
  }
  if (first === 'done' && session.flow_done) return donePage(visit);
  return first === undefined ? homePage(visit, message) : redirect(hrefOf(visit));
}

/** Where a finished press leads: home, or to the end of the flow the link was for. */
function leave(visit: Visit): Response {
  const { session, tx } = visit;
  const { flow, flow_done } = tx.need('portal_session', session.id);
  if (flow === null || flow_done) return redirect(hrefOf(visit));
  tx.put('portal_session', { ...tx.need('portal_session', session.id), flow_done: true });
  if (flow.after.type === 'redirect' && flow.after.url !== null) return redirect(flow.after.url);
  return redirect(hrefOf(visit, flow.after.type === 'hosted_confirmation' ? 'done' : ''));
}

/** The login page that a lapsed link leads to, where its session says so. */
function loginOf(tx: Tx, session: PortalSessionRecord): { href: string; label: string } | null {
  const { after_expiration: after } = session;
  const token = tx.get('portal_configuration', session.configuration)?.login_token ?? null;
  if (after == null || token === null) return null;
  if (after.expires_at !== null && after.expires_at <= tx.now) return null;
  return { href: `/p/login/${token}`, label: 'Sign in again' };
}

function expired(tx: Tx | null, session: PortalSessionRecord | undefined): Response {
  const back = session?.return_url ?? null;
  const login = tx === null || session === undefined ? null : loginOf(tx, session);
  const link = login ?? (back === null ? null : { href: back, label: 'Back to the shop' });
  return session === undefined
    ? notice('No such page', 'This link belongs to no portal session.', null, 404)
    : notice('This link has expired', 'Please open the billing page again from the shop.', link, 410);
}

function pressed(deps: PageDeps, request: PageRequest, token: string): Response {
  const now_ms = deps.clock.now();
  return deps.store.transact(now_ms, (tx) => {
    const session = tx.all('portal_session').find((each) => each.token === token);
    if (session === undefined || isLapsed(session, tx.now)) return expired(tx, session);
    tx.put('portal_session', { ...session, last_seen: tx.now });
    const visit = visitOf(tx, deps.account_name, { ...session, last_seen: tx.now });
    const context = contextOf(tx, deps.account_name, session.customer);
    const stayed = press(context, visit, request, now_ms);
    storeEvents(context, deps.clock.machine());
    return stayed ?? leave(visit);
  });
}

function visited(deps: PageDeps, request: PageRequest, token: string, message: string | null): Response {
  return deps.store.transact(deps.clock.now(), (tx) => {
    const session = tx.all('portal_session').find((each) => each.token === token);
    if (session === undefined || isLapsed(session, tx.now)) return expired(tx, session);
    const seen = tx.put('portal_session', { ...session, last_seen: tx.now });
    const visit = visitOf(tx, deps.account_name, seen);
    const path = request.rest.slice(2).filter((part) => part !== '');
    const bound = flowPath(seen);
    if (bound !== null && !isStep(bound, path.join('/'))) return redirect(hrefOf(visit, bound));
    return show(visit, path, message, request.form);
  });
}

/** The customer portal: `/p/session/<token>`. */
export function portalPages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return async (request) => {
    const [kind, token = ''] = request.rest;
    if (kind === 'login' && token !== '') return await loginPages(deps, request, token);
    if (kind !== 'session' || token === '') return expired(null, undefined);
    let response: Response;
    if (request.method === 'POST') {
      try {
        response = pressed(deps, request, token);
      } catch (cause) {
        // The refusal of an API route has undone the press; the page says why.
        if (!(cause instanceof ApiError)) throw cause;
        response = visited(deps, request, token, cause.message);
      }
    } else {
      response = visited(deps, request, token, null);
    }
    await deps.store.durable();
    deps.committed();
    return response;
  };
}
