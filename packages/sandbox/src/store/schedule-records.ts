import type { BillingModeRecord, InvoiceSettingsRecord, Metadata, Seconds, SubscriptionRecord } from './records.ts';

/** What a phase discounts: a coupon or code that is redeemed when it begins, or a discount that is there already. */
export interface PhaseDiscount {
  coupon?: string | undefined;
  discount?: string | undefined;
  promotion_code?: string | undefined;
}

export interface PhaseItemRecord {
  billing_thresholds?: { usage_gte: number } | null;
  discounts: PhaseDiscount[];
  metadata: Metadata;
  price: string;
  quantity: number;
  tax_rates: string[];
}

/** Where the period of an added item begins or ends. */
export interface AddedBound<T extends string> {
  type: T | 'timestamp';
  timestamp: Seconds | null;
}

/** A one-time item that a phase adds to its next invoice. */
export interface AddedItemRecord {
  discountable: boolean;
  discounts: PhaseDiscount[];
  metadata: Metadata;
  period: {
    start: AddedBound<'max_item_period_start' | 'phase_start'>;
    end: AddedBound<'min_item_period_end' | 'phase_end'>;
  };
  price: string;
  quantity: number;
  tax_rates: string[];
}

export type CollectionMethod = 'charge_automatically' | 'send_invoice';

/** What a phase leaves open and a schedule's `default_settings` may say. */
export interface PhaseSettings {
  billing_cycle_anchor: 'automatic' | 'phase_start' | null;
  billing_thresholds?: SubscriptionRecord['billing_thresholds'] | null;
  collection_method: CollectionMethod | null;
  days_until_due: number | null;
  default_payment_method: string | null;
  description: string | null;
  invoice_settings?: InvoiceSettingsRecord | null;
}

export interface PhaseRecord extends PhaseSettings {
  start_date: Seconds;
  end_date: Seconds;
  add_invoice_items: AddedItemRecord[];
  currency: string;
  default_tax_rates: string[];
  discounts: PhaseDiscount[];
  items: PhaseItemRecord[];
  /** Merged into the subscription's when the phase begins; an empty value unsets a key. */
  metadata: Metadata;
  proration_behavior: 'always_invoice' | 'create_prorations' | 'none';
  trial_end: Seconds | null;
}

type StepState = 'error' | 'pending' | 'requires_action' | 'scheduled' | 'succeeded';

/** A planned pause and, where it has one, its end. */
export interface PauseScheduleRecord {
  key: string;
  pause: {
    at: Seconds;
    bill_for: {
      outstanding_usage_through: 'none' | 'pause_at';
      unused_time_from: 'item_current_period_start' | 'none' | 'pause_at';
    };
    invoicing_behavior: 'invoice' | 'pending_invoice_item';
    state: StepState;
    error: string | null;
  };
  resume: {
    at: Seconds;
    billing_cycle_anchor: 'resume_at' | 'unchanged';
    payment_behavior: 'resume_on_payment_attempt' | 'resume_on_payment_success';
    proration_behavior: 'always_invoice' | 'create_prorations' | 'none';
    state: StepState;
    error: string | null;
  } | null;
}

export type ScheduleStatus = 'active' | 'canceled' | 'completed' | 'not_started' | 'released';

/** What a subscription will be, phase after phase. */
export interface ScheduleRecord {
  id: string;
  created: Seconds;
  /** Of the subscription it begins. */
  billing_mode?: BillingModeRecord;
  canceled_at: Seconds | null;
  completed_at: Seconds | null;
  /** Index of the phase that runs; `null` before the first and after the last. */
  current: number | null;
  customer: string;
  default_settings: PhaseSettings;
  end_behavior: 'cancel' | 'release';
  metadata: Metadata;
  pause_schedules: PauseScheduleRecord[];
  phases: PhaseRecord[];
  released_at: Seconds | null;
  released_subscription: string | null;
  status: ScheduleStatus;
  subscription: string | null;
}
