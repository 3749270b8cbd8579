import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { currencyCode, integer, mergeMetadata, metadata, oneOf, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { ChargeRecord, RefundRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderCharge } from './charges.ts';
import { type Context, emit, emitUpdate, scheduleOnWall } from '../context.ts';
import { moveAccount } from './account-balance.ts';
import { closeInquiry, isDisputed } from './disputes.ts';
import { cardOf } from './payment-methods.ts';
import { formatAmount } from '../../billing/money.ts';

/** How long a refund takes that does not happen, or not at once. Stripe says "some time later". */
const SETTLES_SECONDS = 86_400;

/** Renders a refund. */
export function renderRefund(refund: RefundRecord): Wire<Stripe.Refund> {
  const status = refund.status ?? 'succeeded';
  return {
    id: refund.id,
    object: 'refund',
    amount: refund.amount,
    balance_transaction: refund.balance_transaction ?? null,
    charge: refund.charge,
    created: refund.created,
    currency: refund.currency,
    customer: null,
    customer_account: null,
    destination_details: {
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
      type: 'card',
    },
    ...(refund.failure_balance_transaction === undefined
      ? {}
      : { failure_balance_transaction: refund.failure_balance_transaction }),
    ...(refund.failure_reason === undefined ? {} : { failure_reason: refund.failure_reason }),
    ...(refund.instructions_email === undefined ? {} : { instructions_email: refund.instructions_email }),
    metadata: refund.metadata,
    payment_intent: refund.payment_intent,
    payment_method: null,
    ...(status === 'pending' ? { pending_reason: 'processing' as const } : {}),
    reason: refund.reason,
    receipt_number: refund.receipt_number ?? null,
    source_transfer_reversal: null,
    status,
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
  asked: {
    amount?: number | undefined;
    instructions_email?: string | undefined;
    metadata?: RefundRecord['metadata'];
    reason: RefundRecord['reason'];
  },
): RefundRecord {
  const { tx } = context;
  const amount = takeBack(context, charge, asked.amount);
  const { refund: fate } = cardOf(tx.need('payment_method', charge.payment_method));
  const id = tx.newId('re_');
  const move = moveAccount(context, {
    amount: -amount,
    currency: charge.currency,
    description: `REFUND FOR CHARGE${charge.description === null ? '' : ` (${charge.description})`}`,
    fee: 0,
    reporting_category: 'refund',
    source: id,
    type: 'refund',
  });
  const refund = tx.put('refund', {
    id,
    created: tx.wall,
    amount,
    balance_transaction: move.id,
    charge: charge.id,
    currency: charge.currency,
    ...(asked.instructions_email === undefined ? {} : { instructions_email: asked.instructions_email }),
    metadata: asked.metadata ?? {},
    payment_intent: charge.payment_intent,
    reason: asked.reason,
    receipt_number: charge.receipt_number ?? null,
    status: fate === 'waits' ? 'pending' : 'succeeded',
  });
  emit(context, 'refund.created', renderRefund(refund));
  if (fate !== 'waits') emit(context, 'refund.updated', renderRefund(refund));
  if (fate !== null) scheduleOnWall(context, tx.wall + SETTLES_SECONDS, 'settle_refund', id);
  closeInquiry(context, tx.need('charge', charge.id));
  return refund;
}

/** A refund failed: the money is back on the account's balance, and the charge is not refunded after all. */
function failRefund(context: Context, old: RefundRecord): RefundRecord {
  const { tx } = context;
  const move = moveAccount(context, {
    amount: old.amount,
    currency: old.currency,
    description: `REFUND FAILURE (${old.id})`,
    fee: 0,
    reporting_category: 'refund_failure',
    source: old.id,
    type: 'refund_failure',
  });
  const charge = tx.need('charge', old.charge);
  const owed = tx.put('charge', { ...charge, amount_refunded: charge.amount_refunded - old.amount });
  emitUpdate(context, 'charge.updated', renderCharge(tx, charge), renderCharge(tx, owed));
  return tx.put('refund', {
    ...old,
    failure_balance_transaction: move.id,
    failure_reason: 'expired_or_canceled_card',
    status: 'failed',
  });
}

/** What was pending happens, and what was to fail fails. */
export function settleRefund(context: Context, id: string): void {
  const { tx } = context;
  const old = tx.get('refund', id);
  if (old === undefined) return;
  const fails = old.status !== 'pending';
  const refund = fails ? failRefund(context, old) : tx.put('refund', { ...old, status: 'succeeded' });
  if (fails) emitUpdate(context, 'refund.failed', renderRefund(old), renderRefund(refund));
  emitUpdate(context, 'refund.updated', renderRefund(old), renderRefund(refund));
  emitUpdate(context, 'charge.refund.updated', renderRefund(old), renderRefund(refund));
}

function find(tx: Tx, id: string): RefundRecord {
  const refund = tx.get('refund', id);
  if (refund === undefined) throw noSuch('refund', id);
  return refund;
}

export const refundRoutes = [
  route(
    'POST /v1/refunds',
    {
      amount: integer(1),
      charge: text(),
      currency: currencyCode(),
      instructions_email: text(512),
      payment_intent: text(),
      metadata: metadata(),
      reason: oneOf(['duplicate', 'fraudulent', 'requested_by_customer']),
    },
    (context, params) => {
      const { tx } = context;
      const charge = chargeToRefund(tx, params);
      if (params.currency !== undefined && params.currency !== charge.currency) {
        throw invalid(`The currency of the refund must be that of the charge, ${charge.currency}.`, {
          param: 'currency',
        });
      }
      return renderRefund(
        refundCharge(context, charge, {
          amount: params.amount,
          instructions_email: params.instructions_email,
          metadata: mergeMetadata({}, params.metadata),
          reason: params.reason ?? null,
        }),
      );
    },
  ),
  route('GET /v1/refunds/{id}', {}, ({ tx }, _params, id) => renderRefund(find(tx, id))),
  route('POST /v1/refunds/{id}', { metadata: metadata() }, (context, params, id) => {
    const { tx } = context;
    const old = find(tx, id);
    const refund = tx.put('refund', { ...old, metadata: mergeMetadata(old.metadata, params.metadata) });
    emitUpdate(context, 'refund.updated', renderRefund(old), renderRefund(refund));
    emitUpdate(context, 'charge.refund.updated', renderRefund(old), renderRefund(refund));
    return renderRefund(refund);
  }),
  // Only refunds that ask their customer for bank details wait for an action, and a card's never do.
  route('POST /v1/refunds/{id}/cancel', {}, ({ tx }, _params, id) => {
    const { status = 'succeeded' } = find(tx, id);
    throw invalid(
      `Only refunds with a status of requires_action can be canceled. This refund has a status of ${status}.`,
      { code: 'refund_unexpected_state' },
    );
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
