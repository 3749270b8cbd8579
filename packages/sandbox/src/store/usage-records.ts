import type { JsonObject } from '../contract/json.ts';
import type { Metadata, Seconds } from './records.ts';

export interface MeterRecord {
  id: string;
  created: Seconds;
  updated: Seconds;
  customer_key: string;
  deactivated_at: Seconds | null;
  display_name: string;
  event_name: string;
  event_time_window: 'day' | 'hour' | null;
  formula: 'count' | 'last' | 'sum';
  status: 'active' | 'inactive';
  value_key: string;
}

/** Why a meter event counts for nobody, in Stripe's words. */
export type MeterErrorCode =
  | 'archived_meter'
  | 'meter_event_customer_not_found'
  | 'meter_event_invalid_value'
  | 'meter_event_no_customer_defined'
  | 'meter_event_value_not_found'
  | 'meter_event_value_too_many_digits'
  | 'no_meter'
  | 'timestamp_in_future'
  | 'timestamp_too_far_in_past';

export interface MeterEventRecord {
  id: string;
  customer: string | null;
  event_name: string;
  identifier: string;
  meter: string | null;
  payload: Record<string, string>;
  /** The price each metered subscription item had when the event was reported; flexible billing rates it by that. */
  prices: Record<string, string>;
  received_at: Seconds;
  /** Why it was rejected; its report is still to be sent while `reported` is false. */
  error: MeterErrorCode | null;
  reported: boolean;
  state: 'accepted' | 'canceled' | 'rejected';
  timestamp: Seconds;
  /** A decimal; `1` where events are counted. */
  value: string;
}

/** An identifier that was used, by itself; the latest event of that name. */
export interface MeterIdentifierRecord {
  id: string;
  event: string;
  received_at: Seconds;
}

export interface MeterSessionRecord {
  id: string;
  created_ms: number;
  expires_at_ms: number;
  token: string;
}

export interface CreditGrantRecord {
  id: string;
  created: Seconds;
  updated: Seconds;
  amount: number;
  category: 'paid' | 'promotional';
  currency: string;
  customer: string;
  effective_at: Seconds;
  expires_at: Seconds | null;
  metadata: Metadata;
  name: string | null;
  /** The prices it pays for; `null` is every metered one. */
  prices: string[] | null;
  priority: number;
  voided_at: Seconds | null;
}

export interface CreditTransactionRecord {
  id: string;
  created: Seconds;
  /** What the grant's remainder changes by: negative for debits. */
  amount: number;
  credit_grant: string;
  effective_at: Seconds;
  invoice: string | null;
  invoice_line_item: string | null;
  type:
    | 'credits_application_invoice_voided'
    | 'credits_applied'
    | 'credits_expired'
    | 'credits_granted'
    | 'credits_voided';
}

/** What a credit grant takes off an invoice line, before tax. */
export interface CreditAmount {
  amount: number;
  credit_balance_transaction: string;
}

export interface AlertRecord {
  id: string;
  created: Seconds;
  /** The one customer it watches; `null` is every one. */
  customer: string | null;
  gte: number;
  meter: string;
  status: 'active' | 'archived' | 'inactive';
  title: string;
  /** For whom it has rung; once for each. */
  triggered: string[];
}

export interface EventDestinationRecord {
  id: string;
  created_ms: number;
  updated_ms: number;
  description: string;
  enabled_events: string[];
  event_payload: 'snapshot' | 'thin';
  metadata: Metadata;
  name: string;
  secret: string;
  status: 'disabled' | 'enabled';
  url: string;
}

export interface ThinEventRecord {
  id: string;
  created_ms: number;
  data: JsonObject | null;
  idempotency_key: string | null;
  related_object: { id: string; type: string; url: string } | null;
  request_id: string | null;
  /** The event with a snapshot that tells of the same. */
  snapshot_event: string | null;
  type: string;
}
