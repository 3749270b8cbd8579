import type { CheckoutSessionRecord, CustomerRecord, EnteredCard, PaymentMethodRecord } from '../../store/records.ts';
import { type Context, emit, orderEvents, unschedule } from '../context.ts';
import { createCustomer, updateCustomer } from '../customers/customers.ts';
import { addTaxId } from '../customers/tax-ids.ts';
import { attachForCustomer, createPaymentMethod, renderPaymentMethod } from '../payments/payment-methods.ts';
import { beginAttempt } from '../payments/setup-attempts.ts';
import { succeedSetup } from '../payments/setup-intents.ts';
import type { TestCard } from '../payments/test-cards.ts';
import { wantedMode } from '../subscriptions/billing-mode.ts';
import { settingsOf } from '../subscriptions/subscription-settings.ts';
import { startSubscription } from '../subscriptions/subscription-start.ts';
import { wantedOf } from './checkout-discounts.ts';
import { itemOf, payOnce } from './checkout-once.ts';
import { renderSession } from './checkout-render.ts';
import { dropAttempt } from './checkout-sessions.ts';
import { sumsOf } from './checkout-sums.ts';
import { anchoringNow, trialEndNow } from './checkout-start.ts';

/** As they were seen at Stripe; the order is not promised. */
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
const PAYMENT_ORDER = [
  'charge.succeeded',
  'payment_method.attached',
  'customer.created',
  'customer.updated',
  'payment_intent.succeeded',
  'payment_intent.created',
  'checkout.session.completed',
  'charge.updated',
];

/** What the session is completed with. */
export interface Paying {
  entered: EnteredCard;
  /** `null` where nothing is due and no card was asked for. */
  card: TestCard | null;
  /** The saved payment method that was chosen. */
  method: PaymentMethodRecord | null;
  /** Its holder passed 3-D Secure on the way. */
  three_d_secure: boolean;
}

function wantsCustomer(session: CheckoutSessionRecord): boolean {
  if ((session.mode ?? 'subscription') === 'subscription') return true;
  return (
    session.customer_creation === 'always' ||
    session.invoice_data != null ||
    session.payment_data?.setup_future_usage != null ||
    session.answers?.save === true
  );
}

/** What the payer told goes to the customer, as far as the seller allows; what was not known always does. */
function changesOf(
  session: CheckoutSessionRecord,
  owner: CustomerRecord,
  entered: EnteredCard,
): Partial<CustomerRecord> {
  const { answers, customer_update: update } = session;
  const address = answers?.address ?? null;
  return {
    name: owner.name === null || update?.name === true ? entered.name || owner.name : owner.name,
    email: owner.email ?? entered.email,
    phone: owner.phone ?? answers?.phone ?? null,
    address: address !== null && (owner.address === null || update?.address === true) ? address : owner.address,
    ...(answers?.business_name == null ? {} : { business_name: answers.business_name }),
    ...(answers?.individual_name == null ? {} : { individual_name: answers.individual_name }),
  };
}

function customerOf(context: Context, session: CheckoutSessionRecord, entered: EnteredCard): CustomerRecord | null {
  const { tx } = context;
  if (session.customer !== null) return tx.need('customer', session.customer);
  if (!wantsCustomer(session)) return null;
  return createCustomer(context, { email: entered.email, name: entered.name === '' ? null : entered.name });
}

/** The card the session is paid with, kept for the customer where it is needed again. */
function methodOf(
  context: Context,
  session: CheckoutSessionRecord,
  customer: CustomerRecord | null,
  paying: Paying,
): PaymentMethodRecord | null {
  const { entered, card, three_d_secure } = paying;
  if (paying.method !== null) return paying.method;
  if (card === null) return null;
  const recurs = (session.mode ?? 'subscription') === 'subscription';
  const saves = session.answers?.save === true;
  const keeps = customer !== null && (recurs || saves);
  const method = createPaymentMethod(context, {
    card,
    allow_redisplay: session.allow_redisplay ?? (saves ? 'always' : recurs ? 'limited' : 'unspecified'),
    exp_month: entered.exp_month,
    exp_year: entered.exp_year,
    billing_details: {
      address: session.answers?.address ?? null,
      email: entered.email,
      name: entered.name,
      phone: session.answers?.phone ?? null,
    },
    authenticated: three_d_secure && (recurs || session.payment_data?.setup_future_usage === 'off_session'),
    ...(keeps && recurs ? { customer: customer.id } : {}),
  });
  if (keeps && recurs) emit(context, 'payment_method.attached', renderPaymentMethod(method));
  return keeps && !recurs ? attachForCustomer(context, method.id, customer.id, 'payment_method') : method;
}

function subscribe(
  context: Context,
  session: CheckoutSessionRecord,
  customer: CustomerRecord,
  method: PaymentMethodRecord | null,
  three_d_secure: boolean,
): Partial<CheckoutSessionRecord> {
  const { tx } = context;
  const recurs = (price: string): boolean => tx.need('price', price).recurring !== null;
  // What is bought once stands on the first invoice.
  for (const item of session.line_items) {
    if (!recurs(item.price)) itemOf(context, item, { customer: customer.id, invoice: null });
  }
  const {
    billing_mode,
    invoice_settings,
    pending_invoice_item_interval: pending,
    proration_behavior,
  } = session.subscription_data;
  const anchoring = anchoringNow(tx, session);
  const { subscription } = startSubscription(context, {
    customer,
    description: session.subscription_data.description,
    items: session.line_items
      .filter((item) => recurs(item.price))
      .map(({ price, quantity, metadata, tax_rates }) => ({
        price,
        quantity,
        metadata,
        ...(tax_rates === undefined ? {} : { tax_rates }),
      })),
    metadata: session.subscription_data.metadata,
    missing_payment_method: session.trial?.missing_payment_method ?? 'create_invoice',
    trial_end: trialEndNow(session, tx.now),
    discounts: (session.discounts ?? []).map(wantedOf),
    default_tax_rates: session.subscription_data.default_tax_rates ?? [],
    checkout_session: session.id,
    default_payment_method: method?.id ?? null,
    save_default_payment_method: 'off',
    pay_with: method,
    pay_later: false,
    off_session: false,
    authenticated: three_d_secure,
    ...(anchoring === null ? {} : { anchoring }),
    ...(proration_behavior === undefined || anchoring === null ? {} : { proration_behavior }),
    settings: {
      ...settingsOf(context, pending === undefined ? {} : { pending_invoice_item_interval: pending }, {}),
      billing_mode: billing_mode ?? wantedMode(undefined),
      ...(session.automatic_tax === true ? { automatic_tax: { enabled: true, disabled_reason: null } } : {}),
      ...(invoice_settings === undefined ? {} : { invoice_settings }),
    },
  });
  if (subscription.status !== 'active' && subscription.status !== 'trialing')
    throw new Error('A checked card did not pay.');
  return { invoice: subscription.latest_invoice, subscription: subscription.id };
}

function setUp(
  context: Context,
  session: CheckoutSessionRecord,
  customer: CustomerRecord | null,
  paying: Paying,
): void {
  const { tx } = context;
  const method = methodOf(context, session, null, paying);
  if (method === null) throw new Error('A setup needs a card.');
  const setup = tx.need('setup_intent', session.setup_intent ?? '');
  const owned = { ...setup, customer: customer?.id ?? null, payment_method: method.id };
  succeedSetup(context, beginAttempt(context, owned, paying.three_d_secure), method);
}

/** Creates what a paid session promises, in one transaction, and completes it. */
export function completeSession(context: Context, session: CheckoutSessionRecord, paying: Paying): void {
  const { tx } = context;
  const { entered, three_d_secure } = paying;
  const mode = session.mode ?? 'subscription';
  const sums = sumsOf(tx, session);
  const found = customerOf(context, session, entered);
  // First of all: taxes and the first invoice are of the address that was just entered.
  const customer = found && updateCustomer(context, found, changesOf(session, found, entered));
  let made: Partial<CheckoutSessionRecord> = {};
  if (mode === 'setup') setUp(context, session, customer, paying);
  else {
    const method = methodOf(context, session, customer, paying);
    if (mode === 'payment') made = payOnce(context, session, customer?.id ?? null, { method, three_d_secure });
    else if (customer !== null) made = subscribe(context, session, customer, method, three_d_secure);
  }
  if (made.payment_intent !== session.attempt) dropAttempt(context, session);
  const tax_id = session.answers?.tax_id ?? null;
  if (tax_id !== null) addTaxId(context, customer?.id ?? null, tax_id.type, tax_id.value);
  const done = tx.put('checkout_session', {
    ...session,
    ...made,
    authenticating: null,
    customer: customer?.id ?? null,
    customer_details: { email: entered.email, name: entered.name === '' ? null : entered.name },
    last_failure: null,
    status: 'complete',
    sums,
  });
  unschedule(context, 'expire_session', session.id);
  emit(context, 'checkout.session.completed', renderSession(tx, done));
  orderEvents(context, mode === 'subscription' ? COMPLETE_ORDER : PAYMENT_ORDER);
}
