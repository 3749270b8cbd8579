import type { Address, BillingDetails, Metadata, Seconds } from './records.ts';

export interface PaymentFailure {
  code: string;
  decline_code: string | null;
  message: string;
}

export interface PaymentIntentRecord {
  id: string;
  created: Seconds;
  amount: number;
  amount_received: number;
  canceled_at: Seconds | null;
  cancellation_reason:
    | 'abandoned'
    | 'automatic'
    | 'duplicate'
    | 'fraudulent'
    | 'requested_by_customer'
    | 'void_invoice'
    | null;
  client_secret: string;
  currency: string;
  customer: string | null;
  description: string | null;
  /** What was asked for beyond an invoice's needs; absent on the intents that invoices make. */
  direct?: DirectIntent;
  invoice: string | null;
  last_failure: (PaymentFailure & { charge: string | null; payment_method: string }) | null;
  latest_charge: string | null;
  metadata: Metadata;
  payment_method: string | null;
  /** Where the bank's page leads back to. */
  return_url?: string | null;
  status:
    | 'requires_payment_method'
    | 'requires_confirmation'
    | 'requires_action'
    | 'requires_capture'
    | 'succeeded'
    | 'canceled';
}

export interface ChargeRecord {
  id: string;
  created: Seconds;
  amount: number;
  amount_refunded: number;
  /** What was captured of an authorization; absent when everything was at once, `null` while it waits. */
  amount_captured?: number | null;
  /** What it moved on the account's balance; absent until it has. */
  balance_transaction?: string;
  currency: string;
  customer: string | null;
  description: string | null;
  failure: PaymentFailure | null;
  /** The dispute about it, whatever became of it. */
  dispute?: string;
  invoice: string | null;
  fraud_report?: 'fraudulent' | 'safe' | null;
  metadata: Metadata;
  payment_intent: string;
  payment_method: string;
  receipt_email?: string | null;
  receipt_number?: string | null;
  /** Part of the public address of its receipt. */
  receipt_token?: string;
  shipping?: ShippingRecord | null;
  statement_descriptor?: string | null;
  statement_descriptor_suffix?: string | null;
  status: 'succeeded' | 'failed';
  /** Its holder passed 3-D Secure for this very charge. */
  three_d_secure?: boolean;
  transfer_group?: string | null;
}

/** Where a paid thing is sent. */
export interface ShippingRecord {
  address: Address;
  carrier: string | null;
  name: string;
  phone: string | null;
  tracking_number: string | null;
}

export interface RefundRecord {
  id: string;
  created: Seconds;
  amount: number;
  charge: string;
  currency: string;
  metadata: Metadata;
  payment_intent: string;
  reason: 'duplicate' | 'fraudulent' | 'requested_by_customer' | null;
  balance_transaction?: string;
  /** What brought a failed refund back to the account. */
  failure_balance_transaction?: string;
  failure_reason?: string;
  instructions_email?: string;
  receipt_number?: string | null;
  status?: 'canceled' | 'failed' | 'pending' | 'succeeded';
}

export interface DisputeRecord {
  id: string;
  created: Seconds;
  amount: number;
  charge: string;
  currency: string;
  /** What it moved on the account's balance. */
  balance_transactions?: string[];
  due_by: Seconds;
  evidence: Record<string, string>;
  metadata: Metadata;
  payment_intent: string;
  reason?: 'fraudulent' | 'product_not_received';
  /** The beginning `warning_` is of inquiries, which have moved no money yet. */
  status:
    | 'lost'
    | 'needs_response'
    | 'under_review'
    | 'warning_closed'
    | 'warning_needs_response'
    | 'warning_under_review'
    | 'won';
  submission_count: number;
}

/** What a payment intent has that was made directly and not by an invoice. */
export interface DirectIntent {
  /** Authorized and not yet captured. */
  amount_capturable: number;
  automatic: 'always' | 'never' | null;
  capture_method: 'automatic' | 'automatic_async' | 'manual';
  confirmation_method: 'automatic' | 'manual';
  receipt_email: string | null;
  setup_future_usage: 'off_session' | 'on_session' | null;
  statement_descriptor: string | null;
  statement_descriptor_suffix: string | null;
  allowed_types?: string[] | null;
  excluded_types?: string[] | null;
  mandate?: string | null;
  /** May be captured in several parts. */
  multicapture?: boolean;
  /** `any` and `challenge` ask also where the card would not. */
  request_three_d_secure?: ThreeDSecureWish;
  shipping?: ShippingRecord | null;
  transfer_group?: string | null;
}

export type ThreeDSecureWish = 'any' | 'automatic' | 'challenge';

export interface SetupIntentRecord {
  id: string;
  created: Seconds;
  automatic: 'always' | 'never' | null;
  cancellation_reason: 'abandoned' | 'duplicate' | 'requested_by_customer' | null;
  client_secret: string;
  customer: string | null;
  description: string | null;
  last_failure: (PaymentFailure & { payment_method: string }) | null;
  latest_attempt?: string | null;
  mandate?: string | null;
  /** The holder's consent, kept until it becomes a mandate. */
  mandate_data?: AcceptanceRecord | null;
  request_three_d_secure?: ThreeDSecureWish;
  /** The one charge it is for. */
  single_use?: { amount: number; currency: string } | null;
  allowed_types?: string[] | null;
  excluded_types?: string[] | null;
  metadata: Metadata;
  payment_method: string | null;
  return_url: string | null;
  status: 'canceled' | 'requires_action' | 'requires_confirmation' | 'requires_payment_method' | 'succeeded';
  usage: 'off_session' | 'on_session';
}

/** Money that came to the account's balance or left it. */
export interface AccountTransactionRecord {
  id: string;
  created: Seconds;
  amount: number;
  available_on: Seconds;
  currency: string;
  description: string | null;
  fee: number;
  reporting_category: 'charge' | 'charge_failure' | 'dispute' | 'dispute_reversal' | 'refund' | 'refund_failure';
  source: string;
  type: 'adjustment' | 'charge' | 'refund' | 'refund_failure';
}

/** One try to set a card up. */
export interface SetupAttemptRecord {
  id: string;
  created: Seconds;
  customer: string | null;
  failure: PaymentFailure | null;
  payment_method: string;
  setup_intent: string;
  status: 'abandoned' | 'failed' | 'requires_action' | 'succeeded';
  three_d_secure: boolean;
  usage: 'off_session' | 'on_session';
}

/** How a holder agreed to later charges. */
export interface AcceptanceRecord {
  accepted_at: Seconds | null;
  online: { ip_address: string; user_agent: string } | null;
}

export interface MandateRecord {
  id: string;
  acceptance: AcceptanceRecord;
  payment_method: string;
  /** Of a single-use mandate. */
  single_use: { amount: number; currency: string } | null;
  status: 'active' | 'inactive';
}

/** A card that was given and is kept nowhere yet. */
export interface GivenCard {
  allow_redisplay: 'always' | 'limited' | 'unspecified';
  billing_details: BillingDetails;
  exp_month: number | null;
  exp_year: number | null;
  metadata: Metadata;
  number: string;
}

export interface ConfirmationTokenRecord {
  id: string;
  created: Seconds;
  card: GivenCard;
  /** The saved payment method it stands for, when it stands for one. */
  payment_method: string | null;
  payment_intent: string | null;
  return_url: string | null;
  setup_future_usage: 'off_session' | 'on_session' | null;
  setup_intent: string | null;
  shipping: ShippingRecord | null;
}

export interface TokenRecord {
  id: string;
  created: Seconds;
  card: GivenCard;
  card_id: string;
  used: boolean;
}
