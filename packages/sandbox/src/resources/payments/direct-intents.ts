import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { emptyable, flag, integer, mergeMetadata, metadata, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PaymentIntentRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderCharge } from './charges.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { renderPaymentIntent } from './payment-intents.ts';
import { confirmIntent, confirmTable, directOf, methodOf, plain, sharedTable, wrongState } from './intent-confirm.ts';

const automaticTable = shape({ allow_redirects: oneOf(['always', 'never']), enabled: flag() });

const detailTable = {
  customer: text(),
  description: text(1_000),
  metadata: metadata(),
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
};

const createTable = {
  ...confirmTable,
  ...detailTable,
  amount: integer(1, 99_999_999),
  automatic_payment_methods: automaticTable,
  confirm: flag(),
  confirmation_method: oneOf(['automatic', 'manual']),
  currency: text(3),
};

function find(tx: Tx, id: string): PaymentIntentRecord {
  const intent = tx.get('payment_intent', id);
  if (intent === undefined) throw noSuch('payment_intent', id);
  return intent;
}

function create(context: Context, params: Read<typeof createTable>): object {
  const { tx } = context;
  if (params.confirm !== true) {
    const early = (['off_session', 'error_on_requires_action', 'return_url'] as const).find((name) => params[name]);
    if (early !== undefined) {
      throw invalidParam(
        `The parameter \`${early}\` cannot be passed when creating a PaymentIntent unless \`confirm\` is set to true.`,
        early,
      );
    }
  }
  const customer = params.customer === undefined ? null : findCustomer(tx, params.customer, 'customer').id;
  const method = params.payment_method === undefined ? null : methodOf(context, params.payment_method, customer);
  const wanted = params.automatic_payment_methods;
  const id = tx.newId('pi_');
  const intent = tx.put('payment_intent', {
    id,
    created: tx.wall,
    amount: params.amount ?? 0,
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    client_secret: tx.newId(`${id}_secret_`, 25),
    currency: (params.currency ?? '').toLowerCase(),
    customer,
    description: params.description ?? null,
    direct: {
      ...directOf(plain, params),
      automatic: wanted?.enabled === false ? null : (wanted?.allow_redirects ?? 'always'),
      confirmation_method: params.confirmation_method ?? 'automatic',
    },
    invoice: null,
    last_failure: null,
    latest_charge: null,
    metadata: mergeMetadata({}, params.metadata),
    payment_method: method?.id ?? null,
    status: method === null ? 'requires_payment_method' : 'requires_confirmation',
  });
  emit(context, 'payment_intent.created', renderPaymentIntent(tx, intent));
  return params.confirm === true ? confirmIntent(context, intent, params) : renderPaymentIntent(tx, intent);
}

function capture(
  context: Context,
  params: { amount_to_capture?: number | undefined; metadata?: Record<string, string> | null | undefined },
  id: string,
): object {
  const { tx } = context;
  const intent = find(tx, id);
  if (intent.status !== 'requires_capture' || intent.direct === undefined) {
    throw invalid(
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
      { code: 'payment_intent_unexpected_state' },
    );
  }
  const amount = params.amount_to_capture ?? intent.amount;
  if (amount > intent.amount) {
    throw invalidParam(
      `The amount to capture (${amount}) is greater than the amount that can be captured (${intent.amount}).`,
      'amount_to_capture',
      'amount_too_large',
    );
  }
  const authorized = tx.need('charge', intent.latest_charge ?? '');
  const captured = tx.put('charge', { ...authorized, amount_captured: amount, amount_refunded: 0 });
  emitUpdate(context, 'charge.captured', renderCharge(tx, authorized), renderCharge(tx, captured));
  const paid = tx.put('payment_intent', {
    ...intent,
    amount_received: amount,
    direct: { ...intent.direct, amount_capturable: 0 },
    metadata: mergeMetadata(intent.metadata, params.metadata),
    status: 'succeeded',
  });
  emit(context, 'payment_intent.succeeded', renderPaymentIntent(tx, paid));
  return renderPaymentIntent(tx, paid);
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
  const canceled = tx.put('payment_intent', {
    ...intent,
    ...(intent.direct === undefined ? {} : { direct: { ...intent.direct, amount_capturable: 0 } }),
    canceled_at: tx.wall,
    cancellation_reason: reason,
    status: 'canceled',
  });
  emit(context, 'payment_intent.canceled', renderPaymentIntent(tx, canceled));
  return renderPaymentIntent(tx, canceled);
}

const updateTable = {
  ...sharedTable,
  ...detailTable,
  amount: integer(1, 99_999_999),
  currency: text(3),
  payment_method: emptyable(text()),
};

function update(context: Context, params: Read<typeof updateTable>, id: string): object {
  const { tx } = context;
  const old = find(tx, id);
  const others = Object.keys(params).filter((name) => !['metadata', 'description', 'receipt_email'].includes(name));
  const is_over = ['succeeded', 'canceled', 'requires_capture'].includes(old.status);
  if (is_over && others.length > 0) throw wrongState(old, 'update');
  if (old.invoice !== null && (params.amount !== undefined || params.currency !== undefined)) {
    throw invalid('The amount of the PaymentIntent of an invoice follows the invoice.', { param: 'amount' });
  }
  const customer = params.customer === undefined ? old.customer : findCustomer(tx, params.customer, 'customer').id;
  const wanted = params.payment_method;
  const method = wanted === undefined ? old.payment_method : wanted && methodOf(context, wanted, customer).id;
  const { payment_method: _method, ...rest } = params;
  const open = method === null ? 'requires_payment_method' : 'requires_confirmation';
  const intent = tx.put('payment_intent', {
    ...old,
    amount: params.amount ?? old.amount,
    currency: params.currency?.toLowerCase() ?? old.currency,
    customer,
    description: params.description ?? old.description,
    ...(old.direct === undefined ? {} : { direct: directOf(old.direct, rest) }),
    metadata: mergeMetadata(old.metadata, params.metadata),
    payment_method: method,
    status: wanted === undefined ? old.status : open,
  });
  return renderPaymentIntent(tx, intent);
}

export const directIntentRoutes = [
  route('POST /v1/payment_intents', createTable, (context, params) => {
    if (params.amount === undefined) throw missingParam('amount');
    return create(context, params);
  }),
  route('POST /v1/payment_intents/{id}', updateTable, update),
  route('POST /v1/payment_intents/{id}/confirm', confirmTable, (context, params, id) =>
    confirmIntent(context, find(context.tx, id), params),
  ),
  route(
    'POST /v1/payment_intents/{id}/capture',
    { amount_to_capture: integer(1), final_capture: oneOf(['true'], ['false']), metadata: metadata() },
    capture,
  ),
  route(
    'POST /v1/payment_intents/{id}/cancel',
    { cancellation_reason: oneOf(['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer']) },
    (context, params, id) => cancel(context, params.cancellation_reason ?? null, id),
  ),
];
