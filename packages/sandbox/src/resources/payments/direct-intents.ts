import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import {
  currencyCode,
  emptyable,
  flag,
  integer,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PaymentIntentRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { followIntent } from '../invoices/invoice-payments.ts';
import type { Context } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { confirmIntent, confirmTable, directOf, newIntent, plain, sharedTable, wrongState } from './intent-confirm.ts';
import { instrument } from './instruments.ts';
import { renderPaymentIntent } from './payment-intents.ts';
import { shippingParam } from './shipping.ts';

const automaticTable = shape({ allow_redirects: oneOf(['always', 'never']), enabled: flag() });

const detailTable = {
  customer: text(),
  description: text(1_000),
  metadata: metadata(),
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
  transfer_group: text(),
};

/** What only confirming may be given. */
const early_params = [
  'confirmation_token',
  'error_on_requires_action',
  'mandate',
  'mandate_data',
  'off_session',
  'return_url',
] as const;

const createTable = {
  ...confirmTable,
  ...detailTable,
  amount: integer(1, 99_999_999),
  automatic_payment_methods: automaticTable,
  confirm: flag(),
  confirmation_method: oneOf(['automatic', 'manual']),
  currency: currencyCode(),
};

function find(tx: Tx, id: string): PaymentIntentRecord {
  const intent = tx.get('payment_intent', id);
  if (intent === undefined) throw noSuch('payment_intent', id);
  return intent;
}

function create(context: Context, params: Read<typeof createTable>): object {
  const { tx } = context;
  if (params.confirm !== true) {
    const early = early_params.find((name) => params[name]);
    if (early !== undefined) {
      throw invalidParam(
        `The parameter \`${early}\` cannot be passed when creating a PaymentIntent unless \`confirm\` is set to true.`,
        early,
      );
    }
  }
  const customer = params.customer === undefined ? null : findCustomer(tx, params.customer, 'customer').id;
  const method = instrument(context, params, customer);
  const wanted = params.automatic_payment_methods;
  const intent = newIntent(context, {
    amount: params.amount ?? 0,
    currency: params.currency ?? '',
    customer,
    description: params.description ?? null,
    direct: {
      ...directOf(plain, params),
      automatic: wanted?.enabled === false ? null : (wanted?.allow_redirects ?? 'always'),
      confirmation_method: params.confirmation_method ?? 'automatic',
    },
    metadata: mergeMetadata({}, params.metadata),
    payment_method: method?.id ?? null,
  });
  if (params.confirm !== true) return renderPaymentIntent(tx, intent);
  const { payment_method: _method, payment_method_data: _data, ...rest } = params;
  return confirmIntent(context, intent, rest);
}

const updateTable = {
  ...sharedTable,
  ...detailTable,
  amount: integer(1, 99_999_999),
  currency: currencyCode(),
  payment_method: emptyable(text()),
  shipping: shippingParam,
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
  const { payment_method: wanted, ...rest } = params;
  const given = instrument(context, { ...rest, payment_method: wanted ?? undefined }, customer);
  const changes = wanted === null || given !== null;
  const method = changes ? (given?.id ?? null) : old.payment_method;
  const open = method === null ? 'requires_payment_method' : 'requires_confirmation';
  const intent = tx.put('payment_intent', {
    ...old,
    amount: params.amount ?? old.amount,
    currency: params.currency ?? old.currency,
    customer,
    description: params.description ?? old.description,
    ...(old.direct === undefined ? {} : { direct: directOf(old.direct, rest) }),
    metadata: mergeMetadata(old.metadata, params.metadata),
    payment_method: method,
    status: changes ? open : old.status,
  });
  followIntent(context, intent);
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
];
