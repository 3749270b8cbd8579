import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { adviceOf } from '../../billing/declines.ts';
import { chargeFee } from '../../billing/fees.ts';
import { invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { emptyable, mergeMetadata, metadata, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { ChargeRecord, PaymentFailure, PaymentIntentRecord, PaymentMethodRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { findCustomer } from '../customers/customer-record.ts';
import { moveAccount } from './account-balance.ts';
import { cardOf, renderBillingDetails, renderCardFacts } from './payment-methods.ts';
import { shippingParam } from './shipping.ts';

type RenderedCharge = Wire<Stripe.Charge>;

function outcome(tx: Tx, charge: ChargeRecord): RenderedCharge['outcome'] {
  const { failure } = charge;
  const { risk } = cardOf(tx.need('payment_method', charge.payment_method));
  const blocked = failure !== null && risk === 'highest';
  const advice = failure === null || blocked ? { advice_code: null, network_decline_code: null } : adviceOf(failure);
  const refused = blocked ? 'not_sent_to_network' : 'declined_by_network';
  return {
    ...advice,
    network_advice_code: null,
    network_status: failure === null ? 'approved_by_network' : refused,
    reason: failure === null ? null : blocked ? 'highest_risk_level' : (failure.decline_code ?? failure.code),
    risk_level: risk,
    risk_score: { elevated: 65, highest: 94, normal: 22 }[risk],
    seller_message:
      failure === null
        ? 'Payment complete.'
        : blocked
          ? 'Stripe blocked this payment as too risky.'
          : 'The bank did not return any further details with this decline.',
    type: failure === null ? 'authorized' : blocked ? 'blocked' : 'issuer_declined',
  };
}

const passed3ds = {
  authentication_flow: 'challenge',
  electronic_commerce_indicator: '05',
  exemption_indicator: null,
  result: 'authenticated',
  result_reason: null,
  transaction_id: '4b5c1e8a-6c1f-4f5e-9a11-000000000000',
  version: '2.2.0',
} as const;

function methodDetails(tx: Tx, charge: ChargeRecord): NonNullable<RenderedCharge['payment_method_details']> {
  const method = tx.need('payment_method', charge.payment_method);
  const { direct } = tx.need('payment_intent', charge.payment_intent);
  const { brand, ...facts } = renderCardFacts(method);
  return {
    type: 'card',
    card: {
      ...facts,
      brand,
      amount_authorized: charge.status === 'succeeded' ? charge.amount : null,
      authorization_code: null,
      electronic_commerce_indicator: null,
      ...(direct?.multicapture === undefined
        ? {}
        : { multicapture: { status: direct.multicapture ? ('available' as const) : ('unavailable' as const) } }),
      installments: null,
      mandate: direct?.mandate ?? null,
      network: brand,
      network_transaction_id: null,
      three_d_secure: charge.three_d_secure === true ? passed3ds : null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}

/** What of a charge was captured, nothing while it waits for that. */
function capturedOf(charge: ChargeRecord): number {
  if (charge.status !== 'succeeded') return 0;
  return charge.amount_captured === undefined ? charge.amount : (charge.amount_captured ?? 0);
}

/** Renders a charge. */
export function renderCharge(tx: Tx, charge: ChargeRecord): RenderedCharge {
  const succeeded = charge.status === 'succeeded';
  const suffix = charge.statement_descriptor_suffix ?? null;
  return {
    id: charge.id,
    object: 'charge',
    amount: charge.amount,
    amount_captured: capturedOf(charge),
    amount_refunded: charge.amount_refunded,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: charge.balance_transaction ?? null,
    billing_details: renderBillingDetails(tx.need('payment_method', charge.payment_method).billing_details),
    calculated_statement_descriptor:
      charge.statement_descriptor ?? (suffix === null ? 'SANDBOX' : `SANDBOX* ${suffix}`.slice(0, 22)),
    captured: succeeded && charge.amount_captured !== null,
    created: charge.created,
    currency: charge.currency,
    customer: charge.customer,
    description: charge.description,
    disputed: charge.dispute !== undefined,
    failure_balance_transaction: null,
    failure_code: charge.failure?.code ?? null,
    failure_message: charge.failure?.message ?? null,
    fraud_details: charge.fraud_report == null ? {} : { user_report: charge.fraud_report },
    livemode: false,
    metadata: charge.metadata,
    on_behalf_of: null,
    outcome: outcome(tx, charge),
    paid: succeeded,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    payment_method_details: methodDetails(tx, charge),
    receipt_email: charge.receipt_email ?? null,
    receipt_number: charge.receipt_number ?? null,
    receipt_url: charge.receipt_token === undefined ? null : `sandbox:/r/${charge.receipt_token}`,
    refunded: charge.amount_refunded === charge.amount && succeeded,
    review: null,
    shipping: charge.shipping ?? null,
    source: null,
    source_transfer: null,
    statement_descriptor: charge.statement_descriptor ?? null,
    statement_descriptor_suffix: suffix,
    status: charge.status,
    transfer_data: null,
    transfer_group: charge.transfer_group ?? null,
  };
}

/** Stripe's receipt numbers look like `2718-2818`; only a receipt that was mailed has one. */
function receiptNumber(tx: Tx, email: string | null): string | null {
  if (email === null) return null;
  const digits = tx.newId('', 8).replaceAll(/\D/g, (char) => String(char.charCodeAt(0) % 10));
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

/** Writes what a card answered to an intent. A hold has no receipt and moves no balance until it is captured. */
export function writeCharge(
  context: Context,
  intent: PaymentIntentRecord,
  method: PaymentMethodRecord,
  failure: PaymentFailure | null,
  three_d_secure: boolean,
): ChargeRecord {
  const { tx } = context;
  const { direct } = intent;
  const waits = failure === null && direct?.capture_method === 'manual';
  const email = direct?.receipt_email ?? null;
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
    invoice: intent.invoice,
    metadata: intent.metadata,
    payment_intent: intent.id,
    payment_method: method.id,
    receipt_email: email,
    ...(failure === null
      ? { receipt_number: receiptNumber(tx, email), receipt_token: tx.newId('acct_sandbox_', 40) }
      : {}),
    shipping: direct?.shipping ?? null,
    statement_descriptor:
      direct?.statement_descriptor ?? tx.get('invoice', intent.invoice ?? '')?.statement_descriptor ?? null,
    statement_descriptor_suffix: direct?.statement_descriptor_suffix ?? null,
    status: failure === null ? 'succeeded' : 'failed',
    three_d_secure,
    transfer_group: direct?.transfer_group ?? null,
  });
  if (failure !== null) {
    emit(context, 'charge.failed', renderCharge(tx, charge));
    return charge;
  }
  const is_async = direct?.capture_method === 'automatic_async';
  const booked = waits || is_async ? charge : book(context, charge, charge.amount);
  emit(context, 'charge.succeeded', renderCharge(tx, booked));
  return booked;
}

/** Puts a charge, or a part of it that was captured, on the account's balance. */
export function book(context: Context, charge: ChargeRecord, amount: number): ChargeRecord {
  const move = moveAccount(context, {
    amount,
    currency: charge.currency,
    description: charge.description,
    fee: chargeFee(amount),
    reporting_category: 'charge',
    source: charge.id,
    type: 'charge',
  });
  return context.tx.put('charge', { ...charge, balance_transaction: charge.balance_transaction ?? move.id });
}

/** With `automatic_async` the money is on the balance a moment after the charge, which is then updated. */
export function bookLater(context: Context, id: string): void {
  const { tx } = context;
  const charge = tx.need('charge', id);
  if (charge.status !== 'succeeded' || charge.balance_transaction !== undefined) return;
  if (charge.amount_captured === null) return;
  emitUpdate(
    context,
    'charge.updated',
    renderCharge(tx, charge),
    renderCharge(tx, book(context, charge, charge.amount)),
  );
}

const updateTable = {
  customer: text(),
  description: emptyable(text(40_000)),
  fraud_details: shape({ user_report: emptyable(oneOf(['fraudulent', 'safe'])) }),
  metadata: metadata(),
  receipt_email: emptyable(text(512)),
  shipping: shippingParam,
  transfer_group: text(),
};

function update(context: Context, params: Read<typeof updateTable>, id: string): object {
  const { tx } = context;
  const old = find(tx, id);
  if (params.customer !== undefined && old.customer !== null && params.customer !== old.customer) {
    throw invalidParam('You can only set the customer of a charge that has none.', 'customer');
  }
  const email = params.receipt_email;
  const charge = tx.put('charge', {
    ...old,
    customer: params.customer === undefined ? old.customer : findCustomer(tx, params.customer, 'customer').id,
    description: params.description === undefined ? old.description : params.description,
    ...(params.fraud_details?.user_report === undefined ? {} : { fraud_report: params.fraud_details.user_report }),
    metadata: mergeMetadata(old.metadata, params.metadata),
    // A receipt goes out when an address is set.
    ...(email === undefined
      ? {}
      : { receipt_email: email, receipt_number: old.receipt_number ?? receiptNumber(tx, email) }),
    ...(params.shipping === undefined ? {} : { shipping: params.shipping }),
    ...(params.transfer_group === undefined ? {} : { transfer_group: params.transfer_group }),
  });
  emitUpdate(context, 'charge.updated', renderCharge(tx, old), renderCharge(tx, charge));
  return renderCharge(tx, charge);
}

function find(tx: Tx, id: string): ChargeRecord {
  const charge = tx.get('charge', id);
  if (charge === undefined) throw noSuch('charge', id);
  return charge;
}

export const chargeRoutes = [
  route('GET /v1/charges/{id}', {}, ({ tx }, _params, id) => renderCharge(tx, find(tx, id))),
  route('POST /v1/charges/{id}', updateTable, update),
  route(
    'GET /v1/charges',
    { ...pageParams, created: range(), customer: text(), payment_intent: text(), transfer_group: text() },
    ({ tx }, params) => {
      const wanted = tx.all('charge').filter((charge) => {
        if (params.customer !== undefined && charge.customer !== params.customer) return false;
        if (params.payment_intent !== undefined && charge.payment_intent !== params.payment_intent) return false;
        if (params.transfer_group !== undefined && charge.transfer_group !== params.transfer_group) return false;
        return within(charge.created, params.created);
      });
      return page('/v1/charges', wanted, params, 'charge', (charge) => renderCharge(tx, charge));
    },
  ),
];
