import type { DiscountAmount } from './money-records.ts';
import type { Seconds, SubscriptionItemRecord } from './records.ts';

/** How a prorated amount came about: kept with the line, for whoever asks why it is what it is. */
export interface ProrationExplanation {
  /** What the whole period costs, in minor units and without sign. */
  amount: number;
  /** How much of the period is credited or charged. */
  seconds: number;
  of_seconds: number;
  /** `-(49900 × 1555200 ÷ 2592000) = -29940`. */
  formula: string;
  /** Where its numbers come from. */
  because?: Reason[];
}

/** One step of an explanation, and the steps it rests on. */
export interface Reason {
  says: string;
  /** What it comes to, in minor units; `null` of what is not money. */
  amount: number | null;
  because: Reason[];
}

/** What a credit gives back: a line of an invoice, or an item that still waits for one. */
export interface CreditedDebit {
  invoice: string | null;
  invoice_item: string | null;
  line: string | null;
}

/** What makes an invoice item, and the line it becomes, a proration. */
export interface ProrationRecord {
  /** Of a credit; `null` of a charge. */
  credited: CreditedDebit | null;
  explanation: ProrationExplanation;
  /** What the full period cost after discounts; the next credit starts from it. */
  period: { start: Seconds; end: Seconds };
  /** What the whole period costs before discounts, and what each takes off: of prorations that name their discounts. */
  gross?: { amount: number; discounts: DiscountAmount[] };
}

/** What a change of a subscription's billing sets. */
export interface BillingChange {
  billing_cycle_anchor: Seconds;
  items: SubscriptionItemRecord[];
  trial_end: Seconds | null;
}

/** A change that waits for its invoice to be paid. */
export interface PendingUpdateRecord {
  change: BillingChange;
  expires_at: Seconds;
  invoice: string;
}

/** What happens to the invoices of a subscription whose collection is paused. */
export interface PauseCollectionRecord {
  behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  resumes_at: Seconds | null;
}

/** What happens at the end of a trial when there is nothing to charge. */
export type MissingPaymentMethod = 'cancel' | 'create_invoice' | 'pause';

/** A subscription whose billing stands still. */
export interface PausedRecord {
  at: Seconds;
  reason: 'final_payment_failure' | 'pause_requested' | 'trial_end_without_payment_method';
  /** Going on waits for this invoice to be paid; then the change happens. */
  resumption?: { change: BillingChange; expires_at: Seconds; invoice: string };
}
