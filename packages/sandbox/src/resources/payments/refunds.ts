import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { integer, mergeMetadata, metadata, oneOf, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { ChargeRecord, RefundRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderCharge } from './charges.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { isDisputed } from './disputes.ts';
import { formatAmount } from '../../billing/money.ts';

/** Renders a refund. */
export function renderRefund(refund: RefundRecord): Wire<Stripe.Refund> {
  return {
    id: refund.id,
    object: 'refund',
    amount: refund.amount,
    balance_transaction: null,
    charge: refund.charge,
    created: refund.created,
    currency: refund.currency,
    customer: null,
    customer_account: null,
    destination_details: { card: { reference_status: 'pending', type: 'refund' }, type: 'card' },
    metadata: refund.metadata,
    payment_intent: refund.payment_intent,
    payment_method: null,
    reason: refund.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  };
}

function chargeToRefund(
  tx: Tx,
  params: { charge?: string | undefined; payment_intent?: string | undefined },
): ChargeRecord {
  if (params.charge !== undefined) {
    const charge = tx.get('charge', params.charge);
    if (charge === undefined) throw noSuch('charge', params.charge, 'charge');
    return charge;
  }
  if (params.payment_intent === undefined) {
    throw invalid('One of the following params should be provided for this request: payment_intent or charge.');
  }
  const intent = tx.get('payment_intent', params.payment_intent);
  if (intent === undefined) throw noSuch('payment_intent', params.payment_intent, 'payment_intent');
  const charge = intent.latest_charge === null ? undefined : tx.get('charge', intent.latest_charge);
  if (charge?.status !== 'succeeded') {
    throw invalid('This PaymentIntent does not have a successful charge to refund.', { param: 'payment_intent' });
  }
  return charge;
}

function takeBack(context: Context, charge: ChargeRecord, asked: number | undefined): number {
  const left = (charge.amount_captured ?? charge.amount) - charge.amount_refunded;
  if (isDisputed(context, charge)) {
    throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, { code: 'charge_disputed' });
  }
  if (charge.amount_captured === null) throw invalid(`Charge ${charge.id} was not captured.`, { param: 'charge' });
  if (charge.status !== 'succeeded') throw invalid(`Charge ${charge.id} was not paid.`, { param: 'charge' });
  if (left === 0) {
    throw invalid(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  }
  const amount = asked ?? left;
  if (amount > left) {
    throw invalid(
      `Refund amount (${formatAmount(amount, charge.currency)}) is greater than unrefunded amount on charge (${formatAmount(left, charge.currency)})`,
      { param: 'amount' },
    );
  }
  const refunded = context.tx.put('charge', { ...charge, amount_refunded: charge.amount_refunded + amount });
  emitUpdate(context, 'charge.refunded', renderCharge(context.tx, charge), renderCharge(context.tx, refunded));
  return amount;
}

/** Gives back what a charge took, all of what is left unless an amount is asked for. */
export function refundCharge(
  context: Context,
  charge: ChargeRecord,
  asked: { amount?: number | undefined; metadata?: RefundRecord['metadata']; reason: RefundRecord['reason'] },
): RefundRecord {
  const { tx } = context;
  const amount = takeBack(context, charge, asked.amount);
  const refund = tx.put('refund', {
    id: tx.newId('re_'),
    created: tx.wall,
    amount,
    charge: charge.id,
    currency: charge.currency,
    metadata: asked.metadata ?? {},
    payment_intent: charge.payment_intent,
    reason: asked.reason,
  });
  emit(context, 'refund.created', renderRefund(refund));
  emit(context, 'refund.updated', renderRefund(refund));
  return refund;
}

export const refundRoutes = [
  route(
    'POST /v1/refunds',
    {
      amount: integer(1),
      charge: text(),
      payment_intent: text(),
      metadata: metadata(),
      reason: oneOf(['duplicate', 'fraudulent', 'requested_by_customer']),
    },
    (context, params) => {
      const { tx } = context;
      const charge = chargeToRefund(tx, params);
      return renderRefund(
        refundCharge(context, charge, {
          amount: params.amount,
          metadata: mergeMetadata({}, params.metadata),
          reason: params.reason ?? null,
        }),
      );
    },
  ),
  route('GET /v1/refunds/{id}', {}, ({ tx }, _params, id) => {
    const refund = tx.get('refund', id);
    if (refund === undefined) throw noSuch('refund', id);
    return renderRefund(refund);
  }),
  route(
    'GET /v1/refunds',
    { ...pageParams, created: range(), charge: text(), payment_intent: text() },
    ({ tx }, params) => {
      const wanted = tx.all('refund').filter((refund) => {
        if (params.charge !== undefined && refund.charge !== params.charge) return false;
        if (params.payment_intent !== undefined && refund.payment_intent !== params.payment_intent) return false;
        return within(refund.created, params.created);
      });
      return page('/v1/refunds', wanted, params, 'refund', renderRefund);
    },
  ),
];
