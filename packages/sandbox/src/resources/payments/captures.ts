import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { flag, integer, mergeMetadata, metadata, oneOf, type Read, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PaymentIntentRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { book, renderCharge } from './charges.ts';
import { followIntent } from '../invoices/invoice-payments.ts';
import { type Context, emit, emitUpdate, unschedule } from '../context.ts';
import { wrongState } from './intent-confirm.ts';
import { renderPaymentIntent } from './payment-intents.ts';

function find(tx: Tx, id: string): PaymentIntentRecord {
  const intent = tx.get('payment_intent', id);
  if (intent === undefined) throw noSuch('payment_intent', id);
  return intent;
}

const captureTable = {
  amount_to_capture: integer(1),
  final_capture: flag(),
  metadata: metadata(),
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
};

/** How much is captured now, and whether that ends it. */
function part(intent: PaymentIntentRecord, params: Read<typeof captureTable>): { amount: number; is_final: boolean } {
  const held = intent.direct?.amount_capturable ?? 0;
  const amount = params.amount_to_capture ?? held;
  if (amount > held) {
    throw invalidParam(
      `The amount to capture (${amount}) is greater than the amount that can be captured (${held}).`,
      'amount_to_capture',
      'amount_too_large',
    );
  }
  if (params.final_capture === false && intent.direct?.multicapture !== true) {
    throw invalidParam(
      '`final_capture` can only be false where several captures were asked for: set `payment_method_options[card][request_multicapture]` to `if_available`.',
      'final_capture',
    );
  }
  return { amount, is_final: params.final_capture !== false || amount === held };
}

/** Takes what was held, or a part of it; what a last capture leaves goes back to the holder. */
function capture(context: Context, params: Read<typeof captureTable>, id: string): object {
  const { tx } = context;
  const intent = find(tx, id);
  if (intent.status !== 'requires_capture' || intent.direct === undefined) {
    throw invalid(
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
      { code: 'payment_intent_unexpected_state' },
    );
  }
  const { amount, is_final } = part(intent, params);
  const authorized = tx.need('charge', intent.latest_charge ?? '');
  const descriptor = {
    statement_descriptor: params.statement_descriptor ?? intent.direct.statement_descriptor,
    statement_descriptor_suffix: params.statement_descriptor_suffix ?? intent.direct.statement_descriptor_suffix,
  };
  const taken = (authorized.amount_captured ?? 0) + amount;
  const captured = book(context, { ...authorized, ...descriptor, amount_captured: taken }, amount);
  emitUpdate(context, 'charge.captured', renderCharge(tx, authorized), renderCharge(tx, captured));
  if (is_final) unschedule(context, 'expire_authorization', id);
  const changed = tx.put('payment_intent', {
    ...intent,
    amount_received: intent.amount_received + amount,
    direct: {
      ...intent.direct,
      ...descriptor,
      amount_capturable: is_final ? 0 : intent.direct.amount_capturable - amount,
    },
    metadata: mergeMetadata(intent.metadata, params.metadata),
    status: is_final ? 'succeeded' : 'requires_capture',
  });
  const type = is_final ? 'payment_intent.succeeded' : 'payment_intent.amount_capturable_updated';
  emit(context, type, renderPaymentIntent(tx, changed));
  followIntent(context, changed);
  return renderPaymentIntent(tx, changed);
}

/** A hold that is given up goes back to its holder; no balance has moved. */
function release(context: Context, intent: PaymentIntentRecord, type: 'charge.expired' | 'charge.refunded'): void {
  const { tx } = context;
  const held = intent.latest_charge === null ? undefined : tx.get('charge', intent.latest_charge);
  if (intent.status !== 'requires_capture' || held === undefined) return;
  unschedule(context, 'expire_authorization', intent.id);
  const left = held.amount - (held.amount_captured ?? 0);
  const released = tx.put('charge', { ...held, amount_refunded: held.amount_refunded + left });
  emitUpdate(context, type, renderCharge(tx, held), renderCharge(tx, released));
}

/** Ends an intent without taking more. What was captured in parts stays taken. */
function end(
  context: Context,
  intent: PaymentIntentRecord,
  cancellation_reason: PaymentIntentRecord['cancellation_reason'],
  type: 'charge.expired' | 'charge.refunded',
): PaymentIntentRecord {
  const { tx } = context;
  release(context, intent, type);
  const direct = intent.direct === undefined ? {} : { direct: { ...intent.direct, amount_capturable: 0 } };
  const took = intent.amount_received > 0;
  const ended = tx.put('payment_intent', {
    ...intent,
    ...direct,
    ...(took ? {} : { canceled_at: tx.wall, cancellation_reason }),
    status: took ? 'succeeded' : 'canceled',
  });
  emit(context, took ? 'payment_intent.succeeded' : 'payment_intent.canceled', renderPaymentIntent(tx, ended));
  followIntent(context, ended);
  return ended;
}

/** Nobody captured in time. */
export function expireAuthorization(context: Context, id: string): void {
  const intent = context.tx.get('payment_intent', id);
  if (intent?.status === 'requires_capture') end(context, intent, 'automatic', 'charge.expired');
}

function cancel(
  context: Context,
  reason: 'abandoned' | 'duplicate' | 'fraudulent' | 'requested_by_customer' | null,
  id: string,
): object {
  const { tx } = context;
  const intent = find(tx, id);
  if (intent.status === 'succeeded' || intent.status === 'canceled') throw wrongState(intent, 'cancel');
  if (intent.invoice !== null) {
    throw invalid('You cannot cancel the PaymentIntent of an invoice. Void the invoice instead.', {
      code: 'payment_intent_unexpected_state',
    });
  }
  return renderPaymentIntent(tx, end(context, intent, reason, 'charge.refunded'));
}

export const captureRoutes = [
  route('POST /v1/payment_intents/{id}/capture', captureTable, capture),
  route(
    'POST /v1/payment_intents/{id}/cancel',
    { cancellation_reason: oneOf(['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer']) },
    (context, params, id) => cancel(context, params.cancellation_reason ?? null, id),
  ),
];
