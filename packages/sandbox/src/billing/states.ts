import type { InvoiceStatus, SubscriptionStatus } from '../store/records.ts';

/** One row: from any of these, by this, to that. */
interface Move<Status, Trigger> {
  from: readonly Status[];
  by: Trigger;
  to: Status;
}

/** What moves a subscription. */
export type SubscriptionTrigger =
  | 'trial_begins'
  | 'trial_ends'
  | 'trial_ends_without_method'
  | 'first_invoice_settled'
  | 'first_invoice_expires'
  | 'payment_fails'
  | 'falls_overdue'
  | 'debts_settled'
  | 'retries_exhausted_cancel'
  | 'retries_exhausted_unpaid'
  | 'retries_exhausted_past_due'
  | 'retries_exhausted_paused'
  | 'pause'
  | 'resume'
  | 'cancel';

const live: readonly SubscriptionStatus[] = ['active', 'past_due', 'trialing', 'unpaid', 'paused', 'incomplete'];

/**
 * Every way from one status of a subscription to another. A subscription is born `incomplete`, with its first invoice,
 * and moves on within the request that creates it. https://docs.stripe.com/billing/subscriptions/overview
 */
export const subscriptionMoves: readonly Move<SubscriptionStatus, SubscriptionTrigger>[] = [
  { from: ['incomplete'], by: 'first_invoice_settled', to: 'active' },
  { from: ['incomplete'], by: 'first_invoice_expires', to: 'incomplete_expired' },
  { from: ['incomplete', 'active', 'past_due', 'trialing', 'unpaid'], by: 'trial_begins', to: 'trialing' },
  { from: ['trialing'], by: 'trial_ends', to: 'active' },
  { from: ['trialing'], by: 'trial_ends_without_method', to: 'paused' },
  { from: ['active', 'past_due'], by: 'payment_fails', to: 'past_due' },
  { from: ['active', 'past_due'], by: 'falls_overdue', to: 'past_due' },
  { from: ['past_due', 'unpaid'], by: 'debts_settled', to: 'active' },
  { from: ['active', 'past_due'], by: 'retries_exhausted_cancel', to: 'canceled' },
  { from: ['active', 'past_due'], by: 'retries_exhausted_unpaid', to: 'unpaid' },
  { from: ['active', 'past_due'], by: 'retries_exhausted_past_due', to: 'past_due' },
  { from: ['active', 'past_due'], by: 'retries_exhausted_paused', to: 'paused' },
  { from: ['active', 'past_due'], by: 'pause', to: 'paused' },
  { from: ['paused'], by: 'resume', to: 'active' },
  { from: live, by: 'cancel', to: 'canceled' },
];

/** What moves an invoice. */
export type InvoiceTrigger = 'finalize' | 'pay' | 'void' | 'mark_uncollectible';

/** Every way from one status of an invoice to another. https://docs.stripe.com/invoicing/integration/workflow-transitions */
export const invoiceMoves: readonly Move<InvoiceStatus, InvoiceTrigger>[] = [
  { from: ['draft'], by: 'finalize', to: 'open' },
  { from: ['open', 'uncollectible'], by: 'pay', to: 'paid' },
  { from: ['open', 'uncollectible'], by: 'void', to: 'void' },
  { from: ['open'], by: 'mark_uncollectible', to: 'uncollectible' },
];

function destination<Status, Trigger>(
  moves: readonly Move<Status, Trigger>[],
  from: Status,
  by: Trigger,
): Status | null {
  return moves.find((move) => move.by === by && move.from.includes(from))?.to ?? null;
}

/** Whether a subscription can be moved so. */
export function canMove(from: SubscriptionStatus, by: SubscriptionTrigger): boolean {
  return destination(subscriptionMoves, from, by) !== null;
}

/** Where a subscription goes; what no row allows is a fault of the sandbox. */
export function moved(from: SubscriptionStatus, by: SubscriptionTrigger): SubscriptionStatus {
  const to = destination(subscriptionMoves, from, by);
  if (to === null) throw new Error(`A subscription that is ${from} cannot be moved by ${by}.`);
  return to;
}

/** Where an invoice goes; what no row allows is a fault of the sandbox. */
export function invoiceMoved(from: InvoiceStatus, by: InvoiceTrigger): InvoiceStatus {
  const to = destination(invoiceMoves, from, by);
  if (to === null) throw new Error(`An invoice that is ${from} cannot be moved by ${by}.`);
  return to;
}
