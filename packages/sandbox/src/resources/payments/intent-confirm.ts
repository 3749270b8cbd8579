import { declinedByFault } from '../../faults/faults.ts';
import { invalid } from '../../http/api-error.ts';
import { emptyable, flag, list, oneOf, type Read, text } from '../../http/params.ts';
import type { DirectIntent } from '../../store/money-records.ts';
import type { PaymentFailure, PaymentIntentRecord, PaymentMethodRecord } from '../../store/records.ts';
import { clockOfCustomer, onClock } from '../../time/test-clock.ts';
import { renderCharge } from './charges.ts';
import { answerOf, attemptPayment, followPayment, subscriptionOf } from '../invoices/collect.ts';
import { type Context, emit } from '../context.ts';
import { disputeIfAsked } from './disputes.ts';
import { renderPaymentIntent } from './payment-intents.ts';
import { attachForCustomer, cardError, renderPaymentMethod, resolvePaymentMethod } from './payment-methods.ts';
import { authenticationFailed, authenticationRequired } from './test-cards.ts';

/** What create, update and confirm take. */
export const sharedTable = {
  allowed_payment_method_types: list(oneOf(['card'])),
  capture_method: oneOf(['automatic', 'automatic_async', 'manual']),
  payment_method: text(),
  receipt_email: emptyable(text(512)),
  setup_future_usage: emptyable(oneOf(['off_session', 'on_session'])),
};

/** What confirming takes. */
export const confirmTable = {
  ...sharedTable,
  error_on_requires_action: flag(),
  off_session: flag(),
  return_url: text(),
};

/** Reads and sets what may be asked of an intent at any time before it is paid. */
export function directOf(
  old: DirectIntent,
  params: Partial<
    Read<typeof sharedTable> & {
      statement_descriptor: string | undefined;
      statement_descriptor_suffix: string | undefined;
    }
  >,
): DirectIntent {
  return {
    ...old,
    capture_method: params.capture_method ?? old.capture_method,
    receipt_email: params.receipt_email === undefined ? old.receipt_email : params.receipt_email,
    setup_future_usage: params.setup_future_usage === undefined ? old.setup_future_usage : params.setup_future_usage,
    statement_descriptor: params.statement_descriptor ?? old.statement_descriptor,
    statement_descriptor_suffix: params.statement_descriptor_suffix ?? old.statement_descriptor_suffix,
  };
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

/** The payment method of an intent, which must be free or its customer's. */
export function methodOf(context: Context, id: string, customer: string | null): PaymentMethodRecord {
  const method = resolvePaymentMethod(context, id, 'payment_method');
  if (method.customer === null || method.customer === customer) return method;
  throw invalid(
    customer === null
      ? `The provided PaymentMethod ${id} is attached to a customer. Please include the customer in the \`customer\` parameter on the PaymentIntent.`
      : `The provided PaymentMethod ${id} does not belong to the Customer ${customer}.`,
    { param: 'payment_method' },
  );
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

function writeCharge(
  context: Context,
  intent: PaymentIntentRecord,
  method: PaymentMethodRecord,
  failure: PaymentFailure | null,
): string {
  const { tx } = context;
  const waits = failure === null && intent.direct?.capture_method === 'manual';
  const charge = tx.put('charge', {
    id: tx.newId('ch_'),
    created: tx.wall,
    amount: intent.amount,
    ...(waits ? { amount_captured: null } : {}),
    amount_refunded: 0,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    failure,
    invoice: null,
    metadata: intent.metadata,
    payment_intent: intent.id,
    payment_method: method.id,
    status: failure === null ? 'succeeded' : 'failed',
  });
  emit(context, failure === null ? 'charge.succeeded' : 'charge.failed', renderCharge(tx, charge));
  if (failure === null) disputeIfAsked(context, charge);
  return charge.id;
}

/** The card paid, or holds the amount for a capture. */
function succeed(context: Context, intent: PaymentIntentRecord, method: PaymentMethodRecord): void {
  const { tx } = context;
  const direct = intent.direct ?? plain;
  if (direct.setup_future_usage !== null && intent.customer !== null && method.customer === null) {
    attachForCustomer(context, method.id, intent.customer, 'payment_method');
  }
  const latest_charge = writeCharge(context, intent, method, null);
  const waits = direct.capture_method === 'manual';
  const paid = tx.put('payment_intent', {
    ...intent,
    amount_received: waits ? 0 : intent.amount,
    direct: { ...direct, amount_capturable: waits ? intent.amount : 0 },
    last_failure: null,
    latest_charge,
    payment_method: method.id,
    status: waits ? 'requires_capture' : 'succeeded',
  });
  const type = waits ? 'payment_intent.amount_capturable_updated' : 'payment_intent.succeeded';
  emit(context, type, renderPaymentIntent(tx, paid));
}

/** The card was refused; an authentication that fails leaves no charge. */
function fail(
  context: Context,
  intent: PaymentIntentRecord,
  method: PaymentMethodRecord,
  failure: PaymentFailure,
): void {
  const { tx } = context;
  const charge = failure === authenticationFailed ? null : writeCharge(context, intent, method, failure);
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
): PaymentFailure | null {
  const { tx } = context;
  if (intent.invoice !== null) {
    const invoice = tx.need('invoice', intent.invoice);
    // The invoice lives at the time of its customer's clock.
    const own = onClock(context, clockOfCustomer(tx, invoice.customer));
    const attempt = attemptPayment(own, invoice, { method, off_session, automatic: false });
    followPayment(own, subscriptionOf(tx, invoice), attempt);
    return attempt.outcome === 'failed' ? attempt.failure : null;
  }
  const answer = answerOf(method, off_session);
  const refused = answer === null ? declinedByFault(context, method.card_number) : answer;
  if (refused === null) {
    succeed(context, intent, method);
    return null;
  }
  if (refused === 'authenticate') {
    const asked = tx.put('payment_intent', { ...intent, payment_method: method.id, status: 'requires_action' });
    emit(context, 'payment_intent.requires_action', renderPaymentIntent(tx, asked));
    return null;
  }
  fail(context, intent, method, refused);
  return refused;
}

/** Confirms an intent: charges it, or asks for authentication. */
export function confirmIntent(context: Context, found: PaymentIntentRecord, params: Read<typeof confirmTable>): object {
  const { tx } = context;
  if (!['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(found.status)) {
    throw wrongState(found, 'confirm');
  }
  const id = params.payment_method ?? found.payment_method;
  if (id === null) {
    throw invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { code: 'payment_intent_unexpected_state' },
    );
  }
  const method = methodOf(context, id, found.customer);
  const intent = tx.put('payment_intent', {
    ...found,
    ...(found.direct === undefined ? {} : { direct: directOf(found.direct, params) }),
    payment_method: method.id,
    return_url: params.return_url ?? found.return_url ?? null,
  });
  if (params.error_on_requires_action === true && answerOf(method, params.off_session ?? false) === 'authenticate') {
    fail(context, intent, method, authenticationRequired);
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
    charge(context, intent, { ...method, authenticated: true }, false);
    return;
  }
  fail(context, intent, method, authenticationFailed);
}
