import { declinedByFault } from '../../faults/declined.ts';
import type { CheckoutSessionRecord, EnteredCard, PaymentFailure, PaymentMethodRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { refuseIntent } from '../payments/intent-confirm.ts';
import { createPaymentMethod } from '../payments/payment-methods.ts';
import { beginAttempt } from '../payments/setup-attempts.ts';
import { failSetup } from '../payments/setup-intents.ts';
import { authenticationFailed, cardByNumber, liveCard, type TestCard } from '../payments/test-cards.ts';
import { completeSession } from './checkout-complete.ts';
import { offerFault } from './checkout-discounts.ts';
import { paymentOf } from './checkout-once.ts';
import { sessionTotal } from './checkout-sums.ts';
import { savingFailure } from './checkout-start.ts';

/** How a press on "Pay" ended. */
export type Payment = { outcome: 'paid' | 'authenticate' } | { outcome: 'declined'; failure: PaymentFailure };

/** Whether nothing but the payer's consent is needed: no money is due, and the seller wants a card only then. */
export function needsCard(context: Pick<Context, 'tx'>, session: CheckoutSessionRecord): boolean {
  if (session.mode === 'setup') return true;
  if (sessionTotal(context.tx, session) > 0) return true;
  return session.mode === 'payment' ? false : (session.payment_method_collection ?? 'always') === 'always';
}

/** A card as the page knows it: chosen among the saved ones, or typed. */
function chosen(context: Context, entered: EnteredCard): { card: TestCard | null; method: PaymentMethodRecord | null } {
  const method = entered.saved == null ? undefined : context.tx.get('payment_method', entered.saved);
  return { card: cardByNumber(method?.card_number ?? entered.number), method: method ?? null };
}

/** Whether the bank asks the holder, who is there now. */
function asks(card: TestCard, method: PaymentMethodRecord | null, wish: string): boolean {
  if (card.authentication === 'optional') return wish !== 'automatic';
  if (card.authentication === 'once' || card.authentication === 'present') return method?.authenticated !== true;
  return card.authentication === 'always';
}

function decline(context: Context, session: CheckoutSessionRecord, failure: PaymentFailure): Payment {
  context.tx.put('checkout_session', { ...session, authenticating: null, last_failure: failure });
  return { outcome: 'declined', failure };
}

/** A refusal leaves what it leaves at Stripe: a failed charge on an intent, or a failed setup. */
function refuse(
  context: Context,
  session: CheckoutSessionRecord,
  entered: EnteredCard,
  failure: PaymentFailure,
  three_d_secure: boolean,
): Payment {
  const { tx } = context;
  const { card, method: saved } = chosen(context, entered);
  if (card === null) return decline(context, session, failure);
  const { exp_month, exp_year, name, email } = entered;
  const fresh = { card, exp_month, exp_year, billing_details: { name, email } };
  const method = saved ?? createPaymentMethod(context, fresh);
  if (session.mode === 'setup') {
    const setup = tx.need('setup_intent', session.setup_intent ?? '');
    const begun = beginAttempt(context, { ...setup, payment_method: method.id }, three_d_secure);
    failSetup(context, begun, method, failure);
    return decline(context, session, failure);
  }
  const amount = sessionTotal(tx, session);
  if (amount === 0) return decline(context, session, failure);
  const intent = paymentOf(context, session, { amount, customer: session.customer });
  refuseIntent(context, intent, method, failure, three_d_secure);
  return decline(context, { ...session, attempt: intent.id }, failure);
}

/** Why the card would not pay, or not be kept where nothing is due. */
function refusalOf(context: Context, session: CheckoutSessionRecord, card: TestCard): PaymentFailure | null {
  const charges = session.mode !== 'setup' && sessionTotal(context.tx, session) > 0;
  return charges ? (card.charge ?? declinedByFault(context, card.number)) : savingFailure(card);
}

function settle(
  context: Context,
  session: CheckoutSessionRecord,
  entered: EnteredCard,
  three_d_secure: boolean,
): Payment {
  const { card, method } = chosen(context, entered);
  if (card === null) return decline(context, session, liveCard);
  const refused = refusalOf(context, session, card);
  if (refused !== null) return refuse(context, session, entered, refused, three_d_secure);
  completeSession(context, session, { entered, card, method, three_d_secure });
  return { outcome: 'paid' };
}

/** The payer pressed "Pay" with a card. A refused card leaves the session open for another try. */
export function payWithCard(context: Context, session: CheckoutSessionRecord, entered: EnteredCard): Payment {
  const { card, method } = chosen(context, entered);
  if (card === null) return decline(context, session, liveCard);
  const spent = offerFault(context.tx, session);
  if (spent !== null) return decline(context, { ...session, discounts: [] }, spent);
  if (asks(card, method, session.payment_data?.request_three_d_secure ?? 'automatic')) {
    context.tx.put('checkout_session', { ...session, authenticating: entered, last_failure: null });
    return { outcome: 'authenticate' };
  }
  return settle(context, session, entered, false);
}

/** The payer came back from the bank's page. */
export function finishAuthentication(context: Context, session: CheckoutSessionRecord, passed: boolean): Payment {
  const entered = session.authenticating;
  if (entered === null) return decline(context, session, authenticationFailed);
  if (!passed) return refuse(context, session, entered, authenticationFailed, false);
  const spent = offerFault(context.tx, session);
  if (spent !== null) return decline(context, { ...session, discounts: [] }, spent);
  return settle(context, session, entered, true);
}

/** The payer agreed where no card is asked for. */
export function payNothing(context: Context, session: CheckoutSessionRecord, email: string, name: string): Payment {
  const spent = offerFault(context.tx, session);
  if (spent !== null) return decline(context, { ...session, discounts: [] }, spent);
  const entered = { number: '', exp_month: 0, exp_year: 0, name, email };
  completeSession(context, session, { entered, card: null, method: null, three_d_secure: false });
  return { outcome: 'paid' };
}
