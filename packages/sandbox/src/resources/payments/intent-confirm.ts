import { declinedByFault } from '../../faults/declined.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { emptyable, flag, inert, list, oneOf, type Param, type Read, shape, text } from '../../http/params.ts';
import type { DirectIntent, PaymentFailure, PaymentIntentRecord, PaymentMethodRecord } from '../../store/records.ts';
import { clockOfCustomer, onClock } from '../../time/test-clock.ts';
import { bookLater, writeCharge } from './charges.ts';
import { attemptPayment, subscriptionOf } from '../invoices/collect.ts';
import { followPayment } from '../invoices/follow-payment.ts';
import { followIntent } from '../invoices/invoice-payments.ts';
import { type Context, emit, scheduleOnWall } from '../context.ts';
import { withToken } from './confirmation-tokens.ts';
import { disputeIfAsked } from './disputes.ts';
import { givenTable } from './given-cards.ts';
import { instrument, optionsParam, ownMethod } from './instruments.ts';
import { acceptanceOf, createMandate, mandateDataParam } from './mandates.ts';
import { renderPaymentIntent } from './payment-intents.ts';
import { answerOf, attachForCustomer, cardError, renderPaymentMethod } from './payment-methods.ts';
import { shippingParam } from './shipping.ts';
import { authenticationFailed, authenticationRequired } from './test-cards.ts';

/** How long a hold lasts that nobody captures. */
const HOLD_SECONDS = 7 * 86_400;

/** What create, update and confirm take. */
export const sharedTable = {
  allowed_payment_method_types: list(oneOf(['card'])),
  capture_method: oneOf(['automatic', 'automatic_async', 'manual']),
  excluded_payment_method_types: emptyable(list(text())),
  payment_method: text(),
  payment_method_data: shape(givenTable),
  payment_method_options: optionsParam,
  receipt_email: emptyable(text(512)),
  setup_future_usage: emptyable(oneOf(['off_session', 'on_session'])),
  shipping: shippingParam,
};

/** What confirming takes. */
export const confirmTable = {
  ...sharedTable,
  confirmation_token: text(),
  error_on_requires_action: flag(),
  mandate: text(),
  mandate_data: mandateDataParam,
  off_session: flagOr(['one_off', 'recurring']),
  // Fraud signals; the sandbox has no Radar.
  radar_options: inert('Cards for tests say themselves how risky they are.'),
  return_url: text(),
  use_stripe_sdk: flag(),
};

/** `off_session` may also say why the holder is away. */
function flagOr(words: readonly string[]): Param<boolean> {
  return {
    read: (value, path) => (typeof value === 'string' && words.includes(value) ? true : flag().read(value, path)),
  };
}

/** Reads and sets what may be asked of an intent at any time before it is paid. */
export function directOf(
  old: DirectIntent,
  params: Partial<
    Read<typeof sharedTable> & {
      statement_descriptor: string | undefined;
      statement_descriptor_suffix: string | undefined;
      transfer_group: string | undefined;
    }
  >,
): DirectIntent {
  const card = params.payment_method_options?.card;
  const given = <T>(value: T | undefined, kept: T): T => (value === undefined ? kept : value);
  return {
    ...old,
    allowed_types: given(params.allowed_payment_method_types, old.allowed_types ?? null),
    capture_method: card?.capture_method ?? params.capture_method ?? old.capture_method,
    excluded_types: given(params.excluded_payment_method_types, old.excluded_types ?? null),
    ...(card?.request_multicapture === undefined ? {} : { multicapture: card.request_multicapture === 'if_available' }),
    receipt_email: given(params.receipt_email, old.receipt_email),
    request_three_d_secure: card?.request_three_d_secure ?? old.request_three_d_secure ?? 'automatic',
    setup_future_usage: given(card?.setup_future_usage ?? params.setup_future_usage, old.setup_future_usage),
    shipping: given(params.shipping, old.shipping ?? null),
    statement_descriptor: params.statement_descriptor ?? old.statement_descriptor,
    statement_descriptor_suffix: params.statement_descriptor_suffix ?? old.statement_descriptor_suffix,
    transfer_group: params.transfer_group ?? old.transfer_group ?? null,
  };
}

/** Writes an intent that no invoice makes. */
export function newIntent(
  context: Context,
  facts: Pick<
    PaymentIntentRecord,
    'amount' | 'currency' | 'customer' | 'description' | 'metadata' | 'payment_method'
  > & {
    direct: DirectIntent;
  },
): PaymentIntentRecord {
  const { tx } = context;
  const id = tx.newId('pi_');
  const intent = tx.put('payment_intent', {
    ...facts,
    id,
    created: tx.wall,
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    client_secret: tx.newId(`${id}_secret_`, 25),
    invoice: null,
    last_failure: null,
    latest_charge: null,
    status: facts.payment_method === null ? 'requires_payment_method' : 'requires_confirmation',
  });
  emit(context, 'payment_intent.created', renderPaymentIntent(tx, intent));
  return intent;
}

/** What an intent is when nothing else was asked for. */
export const plain: DirectIntent = {
  amount_capturable: 0,
  automatic: 'always',
  capture_method: 'automatic_async',
  confirmation_method: 'automatic',
  receipt_email: null,
  setup_future_usage: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
};

/** The refusal of what an intent can no longer do. */
export function wrongState(intent: PaymentIntentRecord, doing: string): Error {
  return invalid(`You cannot ${doing} this PaymentIntent because it has a status of ${intent.status}.`, {
    code: 'payment_intent_unexpected_state',
  });
}

/** The 402 of an intent whose card was refused, with the intent as it then stands. */
function refusedWith(context: Context, id: string, failure: PaymentFailure, method: PaymentMethodRecord): Error {
  const { tx } = context;
  const intent = tx.need('payment_intent', id);
  return cardError(failure, {
    payment_intent: renderPaymentIntent(tx, intent),
    payment_method: renderPaymentMethod(method),
    ...(intent.latest_charge === null ? {} : { charge: intent.latest_charge }),
  });
}

/** The card paid, or holds the amount for a capture. */
export function payIntent(
  context: Context,
  intent: PaymentIntentRecord,
  method: PaymentMethodRecord,
  three_d_secure: boolean,
): void {
  const { tx } = context;
  const direct = intent.direct ?? plain;
  if (direct.setup_future_usage !== null && intent.customer !== null && method.customer === null) {
    attachForCustomer(context, method.id, intent.customer, 'payment_method');
  }
  const charge = writeCharge(context, intent, method, null, three_d_secure);
  const waits = direct.capture_method === 'manual';
  const paid = tx.put('payment_intent', {
    ...intent,
    amount_received: waits ? 0 : intent.amount,
    direct: { ...direct, amount_capturable: waits ? intent.amount : 0 },
    last_failure: null,
    latest_charge: charge.id,
    payment_method: method.id,
    status: waits ? 'requires_capture' : 'succeeded',
  });
  const type = waits ? 'payment_intent.amount_capturable_updated' : 'payment_intent.succeeded';
  emit(context, type, renderPaymentIntent(tx, paid));
  if (waits) scheduleOnWall(context, tx.wall + HOLD_SECONDS, 'expire_authorization', intent.id);
  else bookLater(context, charge.id);
  disputeIfAsked(context, tx.need('charge', charge.id));
  followIntent(context, paid);
}

/** The card was refused; an authentication that fails leaves no charge. */
export function refuseIntent(
  context: Context,
  intent: PaymentIntentRecord,
  method: PaymentMethodRecord,
  failure: PaymentFailure,
  three_d_secure = false,
): void {
  const { tx } = context;
  const charge =
    failure === authenticationFailed ? null : writeCharge(context, intent, method, failure, three_d_secure).id;
  const failed = tx.put('payment_intent', {
    ...intent,
    last_failure: { ...failure, charge, payment_method: method.id },
    latest_charge: charge ?? intent.latest_charge,
    payment_method: null,
    status: 'requires_payment_method',
  });
  emit(context, 'payment_intent.payment_failed', renderPaymentIntent(tx, failed));
}

/** Charges the card of an intent; an invoice's intent pays its invoice. */
function charge(
  context: Context,
  intent: PaymentIntentRecord,
  method: PaymentMethodRecord,
  off_session: boolean,
  three_d_secure = false,
): PaymentFailure | null {
  const { tx } = context;
  if (intent.invoice !== null) {
    const invoice = tx.need('invoice', intent.invoice);
    // The invoice lives at the time of its customer's clock.
    const own = onClock(context, clockOfCustomer(tx, invoice.customer));
    const attempt = attemptPayment(own, invoice, { method, off_session, automatic: false, three_d_secure });
    followPayment(own, subscriptionOf(tx, invoice), attempt);
    return attempt.outcome === 'failed' ? attempt.failure : null;
  }
  const answer = answerOf(method, off_session, intent.direct?.request_three_d_secure);
  const refused = answer === null ? declinedByFault(context, method.card_number) : answer;
  if (refused === null) {
    payIntent(context, intent, method, three_d_secure);
    return null;
  }
  if (refused === 'authenticate') {
    const asked = tx.put('payment_intent', { ...intent, payment_method: method.id, status: 'requires_action' });
    emit(context, 'payment_intent.requires_action', renderPaymentIntent(tx, asked));
    return null;
  }
  refuseIntent(context, intent, method, refused, three_d_secure);
  return refused;
}

/** The mandate an intent charges by, or the one its holder gives now for later charges. */
function mandateFor(
  context: Context,
  intent: PaymentIntentRecord,
  method: PaymentMethodRecord,
  params: Partial<Read<typeof confirmTable>>,
): string | null {
  const { tx } = context;
  if (params.mandate !== undefined) {
    const mandate = tx.get('mandate', params.mandate);
    if (mandate === undefined) throw noSuch('mandate', params.mandate, 'mandate');
    if (mandate.status !== 'active' || mandate.payment_method !== method.id) {
      throw invalid('The mandate is not active, or belongs to another payment method.', { param: 'mandate' });
    }
    return mandate.id;
  }
  const acceptance = acceptanceOf(params.mandate_data);
  if (acceptance === null) return intent.direct?.mandate ?? null;
  if (intent.direct?.setup_future_usage !== 'off_session') {
    throw invalidParam(
      '`mandate_data` can only be given with `setup_future_usage` set to `off_session`.',
      'mandate_data',
    );
  }
  return createMandate(context, { acceptance, payment_method: method.id, single_use: null }).id;
}

/** Confirms an intent: charges it, or asks for authentication. */
export function confirmIntent(
  context: Context,
  found: PaymentIntentRecord,
  given: Partial<Read<typeof confirmTable>>,
): object {
  const { tx } = context;
  if (!['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(found.status)) {
    throw wrongState(found, 'confirm');
  }
  const params = withToken(context, given, found.id);
  const method = instrument(context, params, found.customer) ?? ownMethod(context, found);
  if (method === null) {
    throw invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { code: 'payment_intent_unexpected_state' },
    );
  }
  const direct = found.direct === undefined ? undefined : directOf(found.direct, params);
  const asked = { ...found, ...(direct === undefined ? {} : { direct }) };
  const mandate = mandateFor(context, asked, method, params);
  const intent = tx.put('payment_intent', {
    ...asked,
    ...(direct === undefined ? {} : { direct: { ...direct, mandate } }),
    payment_method: method.id,
    return_url: params.return_url ?? found.return_url ?? null,
  });
  const answer = answerOf(method, params.off_session ?? false, direct?.request_three_d_secure);
  if (params.error_on_requires_action === true && answer === 'authenticate') {
    refuseIntent(context, intent, method, authenticationRequired);
    throw refusedWith(context, intent.id, authenticationRequired, method);
  }
  const failure = charge(context, intent, method, params.off_session ?? false);
  if (failure !== null) throw refusedWith(context, intent.id, failure, method);
  return renderPaymentIntent(tx, tx.need('payment_intent', intent.id));
}

/** The holder of the card came back from the bank's page of an intent that waited for it. */
export function finishPaymentIntent(context: Context, intent: PaymentIntentRecord, passed: boolean): void {
  const { tx } = context;
  const method = tx.need('payment_method', intent.payment_method ?? '');
  if (passed) {
    if (intent.invoice !== null || intent.direct?.setup_future_usage === 'off_session') {
      tx.put('payment_method', { ...method, authenticated: true });
    }
    charge(context, intent, { ...method, authenticated: true }, false, true);
    return;
  }
  refuseIntent(context, intent, method, authenticationFailed);
}
