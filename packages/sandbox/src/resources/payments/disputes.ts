import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { DISPUTE_FEE } from '../../billing/fees.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { flag, mergeMetadata, metadata, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { DisputeRecord } from '../../store/payment-records.ts';
import type { ChargeRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderCharge } from './charges.ts';
import { type Context, emit, emitUpdate, scheduleOnWall, unschedule } from '../context.ts';
import { moveAccount, renderAccountTransaction } from './account-balance.ts';
import { cardOf } from './payment-methods.ts';

/** How long the seller may answer. */
const ANSWER_DAYS = 9;

const texts = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_tracking_number',
  'uncategorized_text',
] as const;

const files = [
  'cancellation_policy',
  'customer_communication',
  'customer_signature',
  'duplicate_charge_documentation',
  'receipt',
  'refund_policy',
  'service_documentation',
  'shipping_documentation',
  'uncategorized_file',
] as const;

function fieldsOf<N extends string, T>(names: readonly N[], value: (name: N) => T): Record<N, T> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<N, T>;
}

/** Renders a dispute. */
export function renderDispute(tx: Tx, dispute: DisputeRecord): Wire<Stripe.Dispute> {
  const charge = tx.need('charge', dispute.charge);
  const card = cardOf(tx.need('payment_method', charge.payment_method));
  return {
    id: dispute.id,
    object: 'dispute',
    amount: dispute.amount,
    balance_transactions: (dispute.balance_transactions ?? []).map((id) =>
      renderAccountTransaction(tx, tx.need('account_transaction', id)),
    ),
    charge: dispute.charge,
    created: dispute.created,
    currency: dispute.currency,
    enhanced_eligibility_types: [],
    evidence: {
      ...fieldsOf(files, () => null),
      ...fieldsOf(texts, (name) => dispute.evidence[name] ?? null),
      enhanced_evidence: {},
    },
    evidence_details: {
      due_by: dispute.due_by,
      enhanced_eligibility: {},
      has_evidence: Object.keys(dispute.evidence).length > 0,
      past_due: waits(dispute) && tx.wall > dispute.due_by,
      submission_count: dispute.submission_count,
      submission_method: dispute.submission_count === 0 ? 'not_submitted' : 'manual',
    },
    intended_submission_method: null,
    // The money of an inquiry is still here and can be given back.
    is_charge_refundable: dispute.status.startsWith('warning_'),
    livemode: false,
    metadata: dispute.metadata,
    payment_intent: dispute.payment_intent,
    payment_method_details: {
      type: 'card',
      card: {
        brand: card.brand,
        case_type: dispute.status.startsWith('warning_') ? 'inquiry' : 'chargeback',
        network: card.brand,
        network_reason_code: dispute.reason === 'product_not_received' ? '13.1' : '10.4',
      },
    },
    reason: dispute.reason ?? 'fraudulent',
    status: dispute.status,
  };
}

/** Whether a charge's money was taken back and has not been won again. */
export function isDisputed(context: Context, charge: ChargeRecord): boolean {
  if (charge.dispute === undefined) return false;
  return !['warning_closed', 'warning_needs_response', 'warning_under_review', 'won'].includes(
    context.tx.need('dispute', charge.dispute).status,
  );
}

/** Whether the seller has still to answer. */
function waits(dispute: DisputeRecord): boolean {
  return dispute.status === 'needs_response' || dispute.status === 'warning_needs_response';
}

/** The disputed money leaves the account, with a fee, or comes back to it. */
function moveFunds(context: Context, dispute: DisputeRecord, way: 'reinstated' | 'withdrawn'): DisputeRecord {
  const { tx } = context;
  const leaves = way === 'withdrawn';
  const move = moveAccount(context, {
    amount: leaves ? -dispute.amount : dispute.amount,
    currency: dispute.currency,
    description: leaves ? `Chargeback withdrawal for ${dispute.charge}` : `Chargeback reversal for ${dispute.charge}`,
    fee: leaves ? DISPUTE_FEE : 0,
    reporting_category: leaves ? 'dispute' : 'dispute_reversal',
    source: dispute.id,
    type: 'adjustment',
  });
  const balance_transactions = [...(dispute.balance_transactions ?? []), move.id];
  return tx.put('dispute', { ...dispute, balance_transactions });
}

/** A charge of a dispute card is disputed at once. The money leaves the account, unless the bank only inquires. */
export function disputeIfAsked(context: Context, charge: ChargeRecord): void {
  const { tx } = context;
  const kind = cardOf(tx.need('payment_method', charge.payment_method)).dispute;
  if (kind === null) return;
  const opened = tx.put('dispute', {
    id: tx.newId('dp_'),
    created: tx.wall,
    amount: charge.amount,
    charge: charge.id,
    currency: charge.currency,
    due_by: tx.wall + ANSWER_DAYS * 86_400,
    evidence: {},
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: kind === 'product_not_received' ? 'product_not_received' : 'fraudulent',
    status: kind === 'inquiry' ? 'warning_needs_response' : 'needs_response',
    submission_count: 0,
  });
  const dispute = kind === 'inquiry' ? opened : moveFunds(context, opened, 'withdrawn');
  scheduleOnWall(context, dispute.due_by, 'dispute_due', dispute.id);
  const disputed = tx.put('charge', { ...charge, dispute: dispute.id });
  emit(context, 'charge.dispute.created', renderDispute(tx, dispute));
  if (kind !== 'inquiry') emit(context, 'charge.dispute.funds_withdrawn', renderDispute(tx, dispute));
  emitUpdate(context, 'charge.updated', renderCharge(tx, charge), renderCharge(tx, disputed));
}

function find(tx: Tx, id: string): DisputeRecord {
  const dispute = tx.get('dispute', id);
  if (dispute === undefined) throw noSuch('dispute', id);
  return dispute;
}

function openDispute(tx: Tx, id: string): DisputeRecord {
  const dispute = find(tx, id);
  if (!waits(dispute)) throw invalid('This dispute is already closed.', { param: 'dispute' });
  return dispute;
}

function close(context: Context, old: DisputeRecord, verdict: 'lost' | 'won'): DisputeRecord {
  const { tx } = context;
  const is_inquiry = old.status.startsWith('warning_');
  const status = is_inquiry ? 'warning_closed' : verdict;
  unschedule(context, 'dispute_due', old.id);
  const closed = tx.put('dispute', { ...old, status });
  const dispute = status === 'won' ? moveFunds(context, closed, 'reinstated') : closed;
  emitUpdate(context, 'charge.dispute.updated', renderDispute(tx, old), renderDispute(tx, dispute));
  if (status === 'won') emit(context, 'charge.dispute.funds_reinstated', renderDispute(tx, dispute));
  emit(context, 'charge.dispute.closed', renderDispute(tx, dispute));
  return dispute;
}

/** An inquiry becomes a chargeback: now the money leaves. */
function escalate(context: Context, old: DisputeRecord): DisputeRecord {
  const { tx } = context;
  const due_by = tx.wall + ANSWER_DAYS * 86_400;
  const asked = tx.put('dispute', { ...old, due_by, status: 'needs_response' });
  const dispute = moveFunds(context, asked, 'withdrawn');
  unschedule(context, 'dispute_due', old.id);
  scheduleOnWall(context, due_by, 'dispute_due', old.id);
  emitUpdate(context, 'charge.dispute.updated', renderDispute(tx, old), renderDispute(tx, dispute));
  emit(context, 'charge.dispute.funds_withdrawn', renderDispute(tx, dispute));
  return dispute;
}

/** Nobody answered in time: the dispute is lost, an inquiry closed. */
export function loseUnanswered(context: Context, id: string): void {
  const dispute = context.tx.get('dispute', id);
  if (dispute !== undefined && waits(dispute)) close(context, dispute, 'lost');
}

/** What was refunded in full need not be asked about any more. */
export function closeInquiry(context: Context, charge: ChargeRecord): void {
  const dispute = charge.dispute === undefined ? undefined : context.tx.need('dispute', charge.dispute);
  if (dispute?.status.startsWith('warning_') !== true || dispute.status === 'warning_closed') return;
  if (charge.amount_refunded === charge.amount) close(context, dispute, 'won');
}

/** What evidence does to a dispute once it is submitted: some texts decide it. https://docs.stripe.com/testing#evidence */
function decide(context: Context, dispute: DisputeRecord): DisputeRecord {
  switch (dispute.evidence['uncategorized_text']) {
    case 'winning_evidence':
      return close(context, dispute, 'won');
    case 'losing_evidence':
      return close(context, dispute, 'lost');
    case 'escalate_inquiry_evidence':
      return dispute.status === 'warning_under_review' ? escalate(context, dispute) : dispute;
    default:
      return dispute;
  }
}

const updateTable = {
  evidence: shape(fieldsOf(texts, () => text(20_000))),
  metadata: metadata(),
  submit: flag(),
};

export const disputeRoutes = [
  route('GET /v1/disputes/{id}', {}, ({ tx }, _params, id) => renderDispute(tx, find(tx, id))),
  route('POST /v1/disputes/{id}', updateTable, (context, params, id) => {
    const { tx } = context;
    const { evidence: given, submit = given !== undefined } = params;
    const old = given === undefined ? find(tx, id) : openDispute(tx, id);
    const evidence = { ...old.evidence };
    for (const name of texts) {
      const value = given?.[name];
      if (value !== undefined) evidence[name] = value;
    }
    const status = old.status.startsWith('warning_') ? 'warning_under_review' : 'under_review';
    const submitted = { status, submission_count: old.submission_count + 1 } as const;
    const changed = tx.put('dispute', {
      ...old,
      evidence,
      metadata: mergeMetadata(old.metadata, params.metadata),
      ...(submit ? submitted : {}),
    });
    emitUpdate(context, 'charge.dispute.updated', renderDispute(tx, old), renderDispute(tx, changed));
    return renderDispute(tx, submit ? decide(context, changed) : changed);
  }),
  route('POST /v1/disputes/{id}/close', {}, (context, _params, id) =>
    renderDispute(context.tx, close(context, openDispute(context.tx, id), 'lost')),
  ),
  route(
    'GET /v1/disputes',
    { ...pageParams, charge: text(), created: range(), payment_intent: text() },
    ({ tx }, params) => {
      const wanted = tx.all('dispute').filter((dispute) => {
        if (params.charge !== undefined && dispute.charge !== params.charge) return false;
        if (params.payment_intent !== undefined && dispute.payment_intent !== params.payment_intent) return false;
        return within(dispute.created, params.created);
      });
      return page('/v1/disputes', wanted, params, 'dispute', (each) => renderDispute(tx, each));
    },
  ),
];
