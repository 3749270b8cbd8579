import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { ChargeRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { cardOf, fingerprintOf, renderBillingDetails } from './payment-methods.ts';

type RenderedCharge = Wire<Stripe.Charge>;

function outcome(charge: ChargeRecord): RenderedCharge['outcome'] {
  const { failure } = charge;
  return {
    advice_code: null,
    network_advice_code: null,
    network_decline_code: null,
    network_status: failure === null ? 'approved_by_network' : 'declined_by_network',
    reason: failure === null ? null : (failure.decline_code ?? failure.code),
    risk_level: 'normal',
    seller_message:
      failure === null ? 'Payment complete.' : 'The bank did not return any further details with this decline.',
    type: failure === null ? 'authorized' : 'issuer_declined',
  };
}

function methodDetails(tx: Tx, charge: ChargeRecord): NonNullable<RenderedCharge['payment_method_details']> {
  const method = tx.need('payment_method', charge.payment_method);
  const card = cardOf(method);
  return {
    type: 'card',
    card: {
      amount_authorized: charge.status === 'succeeded' ? charge.amount : null,
      authorization_code: null,
      brand: card.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'US',
      electronic_commerce_indicator: null,
      exp_month: method.exp_month,
      exp_year: method.exp_year,
      fingerprint: fingerprintOf(card.number),
      funding: 'credit',
      installments: null,
      last4: card.number.slice(-4),
      mandate: null,
      network: card.brand,
      network_transaction_id: null,
      regulated_status: 'unregulated',
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}

/** Renders a charge. */
export function renderCharge(tx: Tx, charge: ChargeRecord): RenderedCharge {
  const succeeded = charge.status === 'succeeded';
  return {
    id: charge.id,
    object: 'charge',
    amount: charge.amount,
    amount_captured: succeeded
      ? charge.amount_captured === undefined
        ? charge.amount
        : (charge.amount_captured ?? 0)
      : 0,
    amount_refunded: charge.amount_refunded,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: renderBillingDetails(tx.need('payment_method', charge.payment_method).billing_details),
    calculated_statement_descriptor: 'SANDBOX',
    captured: succeeded && charge.amount_captured !== null,
    created: charge.created,
    currency: charge.currency,
    customer: charge.customer,
    description: charge.description,
    disputed: charge.dispute !== undefined,
    failure_balance_transaction: null,
    failure_code: charge.failure?.code ?? null,
    failure_message: charge.failure?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: charge.metadata,
    on_behalf_of: null,
    outcome: outcome(charge),
    paid: succeeded,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    payment_method_details: methodDetails(tx, charge),
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: charge.amount_refunded === charge.amount && succeeded,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: charge.status,
    transfer_data: null,
    transfer_group: null,
  };
}

export const chargeRoutes = [
  route('GET /v1/charges/{id}', {}, ({ tx }, _params, id) => {
    const charge = tx.get('charge', id);
    if (charge === undefined) throw noSuch('charge', id);
    return renderCharge(tx, charge);
  }),
  route(
    'GET /v1/charges',
    { ...pageParams, created: range(), customer: text(), payment_intent: text() },
    ({ tx }, params) => {
      const wanted = tx.all('charge').filter((charge) => {
        if (params.customer !== undefined && charge.customer !== params.customer) return false;
        if (params.payment_intent !== undefined && charge.payment_intent !== params.payment_intent) return false;
        return within(charge.created, params.created);
      });
      return page('/v1/charges', wanted, params, 'charge', (charge) => renderCharge(tx, charge));
    },
  ),
];
