import type { CheckoutSessionRecord, EnteredCard, PaymentFailure } from '../store/records.ts';
import { renderSession } from './checkout-sessions.ts';
import { type Context, emit, orderEvents, unschedule } from './context.ts';
import { createCustomer, updateCustomer } from './customers.ts';
import { createPaymentMethod, renderPaymentMethod } from './payment-methods.ts';
import { startSubscription } from './subscription-start.ts';
import { authenticationFailed, cardByNumber, liveCard } from './test-cards.ts';

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
  const { subscription, attempt } = startSubscription(context, {
    customer,
    description: session.subscription_data.description,
    items: session.line_items.map((item, index) => ({ ...item, param: `line_items[${index}][price]` })),
    metadata: session.subscription_data.metadata,
    default_payment_method: method.id,
    save_default_payment_method: 'off',
    pay_with: method,
    pay_later: false,
    off_session: false,
    authenticated,
  });
  if (attempt?.outcome !== 'paid') throw new Error('A checked card did not pay.');
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
  if (card.authentication !== 'none') {
    context.tx.put('checkout_session', { ...session, authenticating: entered, last_failure: null });
    return { outcome: 'authenticate' };
  }
  if (card.charge !== null) return decline(context, session, card.charge);
  complete(context, session, entered, false);
  return { outcome: 'paid' };
}

/** The payer came back from the bank's page. */
export function finishAuthentication(context: Context, session: CheckoutSessionRecord, passed: boolean): Payment {
  const entered = session.authenticating;
  if (entered === null || !passed) return decline(context, session, authenticationFailed);
  const charge = cardByNumber(entered.number)?.charge ?? null;
  if (charge !== null) return decline(context, session, charge);
  complete(context, session, entered, true);
  return { outcome: 'paid' };
}
