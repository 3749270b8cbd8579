import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { flag, mergeMetadata, metadata, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { DisputeRecord } from '../../store/money-records.ts';
import type { ChargeRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderCharge } from './charges.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
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

function render(tx: Tx, dispute: DisputeRecord): Wire<Stripe.Dispute> {
  const charge = tx.need('charge', dispute.charge);
  const card = cardOf(tx.need('payment_method', charge.payment_method));
  return {
    id: dispute.id,
    object: 'dispute',
    amount: dispute.amount,
    balance_transactions: [],
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
      past_due: dispute.status === 'needs_response' && tx.now > dispute.due_by,
      submission_count: dispute.submission_count,
      submission_method: dispute.submission_count === 0 ? 'not_submitted' : 'manual',
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: dispute.metadata,
    payment_intent: dispute.payment_intent,
    payment_method_details: {
      type: 'card',
      card: { brand: card.brand, case_type: 'chargeback', network: card.brand, network_reason_code: '10.4' },
    },
    reason: 'fraudulent',
    status: dispute.status,
  };
}

/** Whether a charge's money was taken back and has not been won again. */
export function isDisputed(context: Context, charge: ChargeRecord): boolean {
  return charge.dispute !== undefined && context.tx.need('dispute', charge.dispute).status !== 'won';
}

/** A charge of the dispute card is disputed at once, as fraudulent; the money leaves the account. */
export function disputeIfAsked(context: Context, charge: ChargeRecord): void {
  const { tx } = context;
  if (!cardOf(tx.need('payment_method', charge.payment_method)).disputed) return;
  const dispute = tx.put('dispute', {
    id: tx.newId('dp_'),
    created: tx.wall,
    amount: charge.amount,
    charge: charge.id,
    currency: charge.currency,
    due_by: tx.wall + ANSWER_DAYS * 86_400,
    evidence: {},
    metadata: {},
    payment_intent: charge.payment_intent,
    status: 'needs_response',
    submission_count: 0,
  });
  const disputed = tx.put('charge', { ...charge, dispute: dispute.id });
  emit(context, 'charge.dispute.created', render(tx, dispute));
  emit(context, 'charge.dispute.funds_withdrawn', render(tx, dispute));
  emitUpdate(context, 'charge.updated', renderCharge(tx, charge), renderCharge(tx, disputed));
}

function find(tx: Tx, id: string): DisputeRecord {
  const dispute = tx.get('dispute', id);
  if (dispute === undefined) throw noSuch('dispute', id);
  return dispute;
}

function openDispute(tx: Tx, id: string): DisputeRecord {
  const dispute = find(tx, id);
  if (dispute.status !== 'needs_response') throw invalid('This dispute is already closed.', { param: 'dispute' });
  return dispute;
}

function close(context: Context, old: DisputeRecord, status: 'lost' | 'won'): DisputeRecord {
  const { tx } = context;
  const dispute = tx.put('dispute', { ...old, status });
  emitUpdate(context, 'charge.dispute.updated', render(tx, old), render(tx, dispute));
  if (status === 'won') emit(context, 'charge.dispute.funds_reinstated', render(tx, dispute));
  emit(context, 'charge.dispute.closed', render(tx, dispute));
  return dispute;
}

const updateTable = {
  evidence: shape(fieldsOf(texts, () => text(20_000))),
  metadata: metadata(),
  submit: flag(),
};

export const disputeRoutes = [
  route('GET /v1/disputes/{id}', {}, ({ tx }, _params, id) => render(tx, find(tx, id))),
  route('POST /v1/disputes/{id}', updateTable, (context, params, id) => {
    const { tx } = context;
    const { evidence: given, submit = given !== undefined } = params;
    const old = given === undefined ? find(tx, id) : openDispute(tx, id);
    const evidence = { ...old.evidence };
    for (const name of texts) {
      const value = given?.[name];
      if (value !== undefined) evidence[name] = value;
    }
    const changed = tx.put('dispute', {
      ...old,
      evidence,
      metadata: mergeMetadata(old.metadata, params.metadata),
      ...(submit ? { status: 'under_review' as const, submission_count: old.submission_count + 1 } : {}),
    });
    emitUpdate(context, 'charge.dispute.updated', render(tx, old), render(tx, changed));
    // The texts that decide a test dispute: https://docs.stripe.com/testing#evidence
    const text_given = submit ? evidence['uncategorized_text'] : undefined;
    if (text_given === 'winning_evidence') return render(tx, close(context, changed, 'won'));
    if (text_given === 'losing_evidence') return render(tx, close(context, changed, 'lost'));
    return render(tx, changed);
  }),
  route('POST /v1/disputes/{id}/close', {}, (context, _params, id) =>
    render(context.tx, close(context, openDispute(context.tx, id), 'lost')),
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
      return page('/v1/disputes', wanted, params, 'dispute', (each) => render(tx, each));
    },
  ),
];
