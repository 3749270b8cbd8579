import type {
  MissingPaymentMethod,
  PauseCollectionRecord,
  PausedRecord,
  PendingUpdateRecord,
} from './change-records.ts';
import type { Metadata, Seconds } from './records.ts';

export type IntervalUnit = 'day' | 'week' | 'month' | 'year';

export interface SubscriptionItemRecord {
  id: string;
  created: Seconds;
  /** Charged in advance until then, where that is later than its period. */
  billed_until?: Seconds;
  billing_thresholds?: { usage_gte: number } | null;
  current_period_end: Seconds;
  current_period_start: Seconds;
  /** The offer whose price it has, until that ends. */
  current_trial?: { end_date: Seconds; start_date: Seconds; trial_offer: string } | null;
  discounts?: string[];
  metadata: Metadata;
  price: string;
  quantity: number;
  tax_rates?: string[];
}

export type SubscriptionStatus =
  | 'active'
  | 'canceled'
  | 'incomplete'
  | 'incomplete_expired'
  | 'past_due'
  | 'paused'
  | 'trialing'
  | 'unpaid';

export type CancelFeedback =
  | 'customer_service'
  | 'low_quality'
  | 'missing_features'
  | 'other'
  | 'switched_service'
  | 'too_complex'
  | 'too_expensive'
  | 'unused';

/** The day, and the time of it, on which full periods begin. */
export interface AnchorConfig {
  day_of_month: number;
  hour: number | null;
  minute: number | null;
  month: number | null;
  second: number | null;
}

/** How prorations and invoices are made. */
export interface BillingModeRecord {
  type: 'classic' | 'flexible';
  proration_discounts: 'included' | 'itemized';
  /** Since when, of a subscription that was migrated. */
  updated_at: Seconds | null;
}

/** Until when some items are billed in advance. */
export interface BillingScheduleRecord {
  key: string;
  /** Prices; `null` is every item. */
  applies_to: string[] | null;
  bill_until: {
    type: 'duration' | 'timestamp';
    duration: { interval: IntervalUnit; interval_count: number } | null;
    timestamp: Seconds | null;
    computed_timestamp: Seconds;
  };
}

/** What every invoice of a subscription says. */
export interface InvoiceSettingsRecord {
  account_tax_ids: string[] | null;
  custom_fields: { name: string; value: string }[] | null;
  description: string | null;
  footer: string | null;
}

/** Settings that earlier versions of the sandbox did not keep are absent; what that means stands with each reader. */
export interface SubscriptionRecord {
  id: string;
  created: Seconds;
  anchor_config?: AnchorConfig | null;
  /** Whether taxes follow from where the customer is, and why Stripe turned that off. */
  automatic_tax?: { enabled: boolean; disabled_reason: 'requires_location_inputs' | null };
  billing_cycle_anchor: Seconds;
  billing_mode?: BillingModeRecord;
  billing_schedules?: BillingScheduleRecord[];
  billing_thresholds?: { amount_gte: number | null; reset_billing_cycle_anchor: boolean | null } | null;
  cancel_at: Seconds | null;
  cancel_at_period_end: boolean;
  canceled_at: Seconds | null;
  cancellation: {
    comment: string | null;
    feedback: CancelFeedback | null;
    reason: 'cancellation_requested' | 'payment_failed' | null;
  };
  collection_method?: 'charge_automatically' | 'send_invoice';
  currency: string;
  customer: string;
  days_until_due?: number | null;
  default_payment_method: string | null;
  default_tax_rates?: string[];
  description: string | null;
  /** Ids of the discounts it has, in the order they are applied. */
  discounts?: string[];
  ended_at: Seconds | null;
  invoice_settings?: InvoiceSettingsRecord;
  items: SubscriptionItemRecord[];
  latest_invoice: string | null;
  metadata: Metadata;
  missing_payment_method?: MissingPaymentMethod;
  /** When what is pending is billed next, where that happens more often than a period ends. */
  next_pending_invoice_item_invoice?: Seconds | null;
  pause_collection?: PauseCollectionRecord | null;
  /** Since when and why its billing stands still; it is then `paused`. */
  paused?: PausedRecord | null;
  pending_invoice_item_interval?: { interval: IntervalUnit; interval_count: number } | null;
  /** The setup intent that a trial without a card waits for. */
  pending_setup_intent?: string | null;
  pending_update?: PendingUpdateRecord | null;
  /** The schedule that manages it. */
  schedule?: string | null;
  save_default_payment_method: 'off' | 'on_subscription';
  /** Earlier than `created` where it is backdated. */
  start_date?: Seconds;
  status: SubscriptionStatus;
  /** Whether the end of a trial sets the anchor (`now`) or leaves it. */
  trial_anchor?: 'now' | 'unchanged' | null;
  trial_end?: Seconds | null;
  trial_start?: Seconds | null;
}
