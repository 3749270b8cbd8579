import type {
  DeliveryRecord,
  EventRecord,
  IdempotencyRecord,
  JobRecord,
  SettingRecord,
  WebhookEndpointRecord,
} from './machinery.ts';

/** Metadata as kept and answered. */
export type Metadata = Record<string, string>;

/** Seconds since 1970, as in Stripe's objects. Fields of the sandbox's own records say `_ms` where they hold milliseconds. */
export type Seconds = number;

export interface Address {
  city: string | null;
  country: string | null;
  line1: string | null;
  line2: string | null;
  postal_code: string | null;
  state: string | null;
}

export interface ProductRecord {
  id: string;
  created: Seconds;
  updated: Seconds;
  active: boolean;
  name: string;
  description: string | null;
  default_price: string | null;
  images: string[];
  marketing_features: string[];
  metadata: Metadata;
  statement_descriptor: string | null;
  tax_code: string | null;
  unit_label: string | null;
  url: string | null;
}

export type IntervalUnit = 'day' | 'week' | 'month' | 'year';

export interface Tier {
  up_to: number | null;
  unit_amount_decimal: string | null;
  flat_amount_decimal: string | null;
}

export interface PriceRecord {
  id: string;
  created: Seconds;
  active: boolean;
  billing_scheme: 'per_unit' | 'tiered';
  currency: string;
  lookup_key: string | null;
  metadata: Metadata;
  nickname: string | null;
  product: string;
  recurring: { interval: IntervalUnit; interval_count: number } | null;
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified';
  tiers: Tier[] | null;
  tiers_mode: 'graduated' | 'volume' | null;
  unit_amount_decimal: string | null;
}

export interface CustomerRecord {
  id: string;
  created: Seconds;
  deleted: boolean;
  address: Address | null;
  balance: number;
  business_name: string | null;
  currency: string | null;
  default_payment_method: string | null;
  delinquent: boolean;
  description: string | null;
  email: string | null;
  individual_name: string | null;
  invoice_prefix: string;
  metadata: Metadata;
  name: string | null;
  next_invoice_sequence: number;
  phone: string | null;
  preferred_locales: string[];
  tax_exempt: 'exempt' | 'none' | 'reverse';
}

export interface BillingDetails {
  address: Address | null;
  email: string | null;
  name: string | null;
  phone: string | null;
}

export interface PaymentMethodRecord {
  id: string;
  created: Seconds;
  allow_redisplay: 'always' | 'limited' | 'unspecified';
  billing_details: BillingDetails;
  /** The test card's number; decides how it behaves. */
  card_number: string;
  exp_month: number;
  exp_year: number;
  customer: string | null;
  metadata: Metadata;
  /** The customer authenticated this card for later charges. */
  authenticated: boolean;
}

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
  cancellation_reason: 'void_invoice' | null;
  client_secret: string;
  currency: string;
  customer: string;
  description: string | null;
  invoice: string;
  last_failure: (PaymentFailure & { charge: string | null; payment_method: string }) | null;
  latest_charge: string | null;
  metadata: Metadata;
  payment_method: string | null;
  status: 'requires_payment_method' | 'requires_action' | 'succeeded' | 'canceled';
}

export interface ChargeRecord {
  id: string;
  created: Seconds;
  amount: number;
  amount_refunded: number;
  currency: string;
  customer: string;
  description: string | null;
  failure: PaymentFailure | null;
  invoice: string;
  metadata: Metadata;
  payment_intent: string;
  payment_method: string;
  status: 'succeeded' | 'failed';
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
}

export interface SubscriptionItemRecord {
  id: string;
  created: Seconds;
  current_period_end: Seconds;
  current_period_start: Seconds;
  metadata: Metadata;
  price: string;
  quantity: number;
}

export type SubscriptionStatus = 'active' | 'canceled' | 'incomplete' | 'incomplete_expired' | 'past_due';

export type CancelFeedback =
  | 'customer_service'
  | 'low_quality'
  | 'missing_features'
  | 'other'
  | 'switched_service'
  | 'too_complex'
  | 'too_expensive'
  | 'unused';

export interface SubscriptionRecord {
  id: string;
  created: Seconds;
  billing_cycle_anchor: Seconds;
  cancel_at: Seconds | null;
  cancel_at_period_end: boolean;
  canceled_at: Seconds | null;
  cancellation: {
    comment: string | null;
    feedback: CancelFeedback | null;
    reason: 'cancellation_requested' | 'payment_failed' | null;
  };
  currency: string;
  customer: string;
  default_payment_method: string | null;
  description: string | null;
  ended_at: Seconds | null;
  items: SubscriptionItemRecord[];
  latest_invoice: string | null;
  metadata: Metadata;
  /** Which period after the anchor is running; 0 is the first. */
  period_index: number;
  save_default_payment_method: 'off' | 'on_subscription';
  status: SubscriptionStatus;
}

export interface LineRecord {
  id: string;
  amount: number;
  currency: string;
  description: string | null;
  discountable: boolean;
  invoice_item: string | null;
  metadata: Metadata;
  period: { start: Seconds; end: Seconds };
  price: string | null;
  quantity: number;
  subscription: string | null;
  subscription_item: string | null;
  unit_amount_decimal: string;
}

type InvoiceStatus = 'draft' | 'open' | 'paid' | 'void';

export interface InvoiceRecord {
  id: string;
  created: Seconds;
  amount_paid: number;
  attempt_count: number;
  auto_advance: boolean;
  automatically_finalizes_at: Seconds | null;
  billing_reason: 'subscription_create' | 'subscription_cycle' | 'subscription_cancel';
  currency: string;
  customer: string;
  customer_address: Address | null;
  customer_email: string | null;
  customer_name: string | null;
  customer_phone: string | null;
  description: string | null;
  ending_balance: number | null;
  finalized_at: Seconds | null;
  footer: string | null;
  lines: LineRecord[];
  metadata: Metadata;
  next_payment_attempt: Seconds | null;
  number: string | null;
  /** Part of the public addresses of the page and the PDF. */
  page_token: string | null;
  paid_at: Seconds | null;
  payment_intent: string | null;
  period_end: Seconds;
  period_start: Seconds;
  starting_balance: number;
  status: InvoiceStatus;
  subscription: string;
  subscription_metadata: Metadata;
  voided_at: Seconds | null;
  webhooks_delivered_at: Seconds | null;
}

export interface InvoiceItemRecord {
  id: string;
  amount: number;
  currency: string;
  customer: string;
  date: Seconds;
  description: string | null;
  discountable: boolean;
  invoice: string | null;
  metadata: Metadata;
  period: { start: Seconds; end: Seconds };
  price: string | null;
  quantity: number;
  subscription: string | null;
  unit_amount_decimal: string;
}

export interface InvoicePaymentRecord {
  id: string;
  created: Seconds;
  amount_paid: number | null;
  amount_requested: number;
  canceled_at: Seconds | null;
  currency: string;
  invoice: string;
  paid_at: Seconds | null;
  payment_intent: string;
  status: 'open' | 'paid' | 'canceled';
}

/** What the payer typed, kept while the bank asks for authentication. */
export interface EnteredCard {
  number: string;
  exp_month: number;
  exp_year: number;
  name: string;
  email: string;
}

export interface CheckoutSessionRecord {
  id: string;
  created: Seconds;
  /** Card entered and waiting for 3-D Secure. */
  authenticating: EnteredCard | null;
  cancel_url: string | null;
  client_reference_id: string | null;
  currency: string;
  customer: string | null;
  customer_details: { email: string | null; name: string | null } | null;
  customer_email: string | null;
  expires_at: Seconds;
  invoice: string | null;
  /** Why the last attempt on the page failed. */
  last_failure: PaymentFailure | null;
  line_items: { id: string; price: string; quantity: number; metadata: Metadata }[];
  locale: string | null;
  metadata: Metadata;
  status: 'open' | 'complete' | 'expired';
  subscription: string | null;
  subscription_data: { description: string | null; metadata: Metadata };
  success_url: string;
}

/** Every kind of record and its type. */
export interface Records {
  product: ProductRecord;
  price: PriceRecord;
  customer: CustomerRecord;
  payment_method: PaymentMethodRecord;
  payment_intent: PaymentIntentRecord;
  charge: ChargeRecord;
  refund: RefundRecord;
  subscription: SubscriptionRecord;
  invoice: InvoiceRecord;
  invoice_item: InvoiceItemRecord;
  invoice_payment: InvoicePaymentRecord;
  checkout_session: CheckoutSessionRecord;
  event: EventRecord;
  webhook_endpoint: WebhookEndpointRecord;
  delivery: DeliveryRecord;
  job: JobRecord;
  idempotency: IdempotencyRecord;
  setting: SettingRecord;
}

/** The name of a kind of record. */
export type Kind = keyof Records;
