import { declinedByFault } from '../../faults/faults.ts';
import type { CheckoutSessionRecord, EnteredCard, PaymentFailure } from '../../store/records.ts';
import { offerFault, wantedOf } from './checkout-discounts.ts';
import { renderSession } from './checkout-sessions.ts';
import { savingFailure, trialEndNow } from './checkout-trials.ts';
import { type Context, emit, orderEvents, unschedule } from '../context.ts';
import { createCustomer, updateCustomer } from '../customers/customers.ts';
import { createPaymentMethod, renderPaymentMethod } from '../payments/payment-methods.ts';
import { startSubscription } from '../subscriptions/subscription-start.ts';
import { authenticationFailed, cardByNumber, liveCard } from '../payments/test-cards.ts';

const COMPLETE_ORDER = [
  'charge.succeeded',
  'payment_method.attached',
  'customer.created',
  'customer.updated',
  'checkout.session.completed',
  'customer.subscription.created',
  'payment_intent.created',
  'payment_intent.succeeded',
  'invoice.created',
  'invoice.finalized',
  'invoice.paid',
  'invoice.payment_succeeded',
  'invoice_payment.paid',
];

/** How a press on "Pay" ended. */
export type Payment = { outcome: 'paid' | 'authenticate' } | { outcome: 'declined'; failure: PaymentFailure };

function decline(context: Context, session: CheckoutSessionRecord, failure: PaymentFailure): Payment {
  context.tx.put('checkout_session', { ...session, authenticating: null, last_failure: failure });
  return { outcome: 'declined', failure };
}

/** Creates what a paid session promises, in one transaction, and completes it. */
function complete(
  context: Context,
  session: CheckoutSessionRecord,
  entered: EnteredCard,
  authenticated: boolean,
): void {
  const { tx } = context;
  const card = cardByNumber(entered.number);
  if (card === null) throw new Error('The card was checked before.');
  const customer =
    session.customer === null
      ? createCustomer(context, { email: entered.email, name: entered.name })
      : tx.need('customer', session.customer);
  const method = createPaymentMethod(context, {
    card,
    exp_month: entered.exp_month,
    exp_year: entered.exp_year,
    billing_details: { email: entered.email, name: entered.name },
    customer: customer.id,
    authenticated,
  });
  emit(context, 'payment_method.attached', renderPaymentMethod(method));
  const { subscription } = startSubscription(context, {
    customer,
    description: session.subscription_data.description,
    items: session.line_items.map(({ price, quantity, metadata }) => ({ price, quantity, metadata })),
    metadata: session.subscription_data.metadata,
    missing_payment_method: session.trial?.missing_payment_method ?? 'create_invoice',
    trial_end: trialEndNow(session, tx.now),
    discounts: (session.discounts ?? []).map(wantedOf),
    checkout_session: session.id,
    default_payment_method: method.id,
    save_default_payment_method: 'off',
    pay_with: method,
    pay_later: false,
    off_session: false,
    authenticated,
  });
  if (subscription.status !== 'active' && subscription.status !== 'trialing')
    throw new Error('A checked card did not pay.');
  const owner = tx.need('customer', customer.id);
  if (owner.name === null || owner.email === null) {
    updateCustomer(context, owner, { name: owner.name ?? entered.name, email: owner.email ?? entered.email });
  }
  const done = tx.put('checkout_session', {
    ...session,
    authenticating: null,
    customer: customer.id,
    customer_details: { email: entered.email, name: entered.name },
    invoice: subscription.latest_invoice,
    last_failure: null,
    status: 'complete',
    subscription: subscription.id,
  });
  unschedule(context, 'expire_session', session.id);
  emit(context, 'checkout.session.completed', renderSession(tx, done));
  orderEvents(context, COMPLETE_ORDER);
}

/** The payer pressed "Pay" with a card. A refused card leaves the session open for another try. */
export function payWithCard(context: Context, session: CheckoutSessionRecord, entered: EnteredCard): Payment {
  const card = cardByNumber(entered.number);
  if (card === null) return decline(context, session, liveCard);
  const spent = offerFault(context.tx, session);
  if (spent !== null) return decline(context, { ...session, discounts: [] }, spent);
  if (card.authentication !== 'none') {
    context.tx.put('checkout_session', { ...session, authenticating: entered, last_failure: null });
    return { outcome: 'authenticate' };
  }
  const refused = session.trial == null ? (card.charge ?? declinedByFault(context, card.number)) : savingFailure(card);
  if (refused !== null) return decline(context, session, refused);
  complete(context, session, entered, false);
  return { outcome: 'paid' };
}

/** The payer came back from the bank's page. */
export function finishAuthentication(context: Context, session: CheckoutSessionRecord, passed: boolean): Payment {
  const entered = session.authenticating;
  if (entered === null || !passed) return decline(context, session, authenticationFailed);
  const spent = offerFault(context.tx, session);
  if (spent !== null) return decline(context, { ...session, discounts: [] }, spent);
  const card = cardByNumber(entered.number);
  const charges = session.trial == null;
  const failure = card !== null && charges ? (card.charge ?? declinedByFault(context, card.number)) : null;
  const refused = card !== null && !charges ? savingFailure(card) : failure;
  if (refused !== null) return decline(context, session, refused);
  complete(context, session, entered, true);
  return { outcome: 'paid' };
}
