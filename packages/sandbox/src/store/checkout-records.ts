import type { MissingPaymentMethod } from './change-records.ts';
import type { ShippingRecord } from './payment-records.ts';
import type {
  Address,
  BillingModeRecord,
  IntervalUnit,
  InvoiceSettingsRecord,
  Metadata,
  PaymentFailure,
  Seconds,
} from './records.ts';

/** What the payer typed, kept while the bank asks for authentication. */
export interface EnteredCard {
  number: string;
  exp_month: number;
  exp_year: number;
  name: string;
  email: string;
  /** The saved payment method that was chosen instead of typing a card. */
  saved?: string | null;
}

/** How far the payer may change a quantity. */
export interface AdjustableQuantity {
  minimum: number;
  maximum: number;
}

export interface SessionLineRecord {
  id: string;
  adjustable?: AdjustableQuantity | null;
  metadata: Metadata;
  price: string;
  quantity: number;
  tax_rates?: string[];
}

/** What the payer may add. */
export interface OptionalItemRecord {
  adjustable: AdjustableQuantity | null;
  price: string;
  quantity: number;
}

/** One question the seller asks besides. */
export interface CustomFieldRecord {
  key: string;
  label: string;
  optional: boolean;
  type: 'dropdown' | 'numeric' | 'text';
  default_value: string | null;
  minimum_length: number | null;
  maximum_length: number | null;
  options: { label: string; value: string }[];
  value: string | null;
}

/** What the page asks for besides a card. */
export interface SessionAsks {
  billing_address: 'auto' | 'required' | null;
  /** Also where the seller does not say so: taxes follow from it. */
  needs_address?: boolean;
  business_name: 'optional' | 'required' | null;
  individual_name: 'optional' | 'required' | null;
  phone: boolean;
  promotions: boolean;
  /** Where something may be sent; `null` asks for no such address. */
  shipping_countries: string[] | null;
  tax_id: 'if_supported' | 'never' | null;
  /** Whether the page says that the card is kept. */
  reuse?: 'auto' | 'hidden' | null;
  terms: boolean;
}

/** What the payer has answered. */
export interface SessionAnswers {
  address: Address | null;
  business_name: string | null;
  individual_name: string | null;
  phone: string | null;
  promotions: 'opt_in' | 'opt_out' | null;
  /** Wants the card kept for later. */
  save: boolean;
  shipping: ShippingRecord | null;
  tax_id: { type: string; value: string } | null;
  terms: boolean;
}

/** What becomes of the payment of a session. */
export interface SessionPaymentData {
  capture_method: 'automatic' | 'automatic_async' | 'manual';
  description: string | null;
  metadata: Metadata;
  receipt_email: string | null;
  request_three_d_secure: 'any' | 'automatic' | 'challenge';
  setup_future_usage: 'off_session' | 'on_session' | null;
  shipping: ShippingRecord | null;
  statement_descriptor: string | null;
  statement_descriptor_suffix: string | null;
  transfer_group: string | null;
}

/** What the invoice of a one-time payment says. */
export interface SessionInvoiceData {
  custom_fields: { name: string; value: string }[] | null;
  description: string | null;
  footer: string | null;
  metadata: Metadata;
}

export interface CheckoutSessionRecord {
  id: string;
  created: Seconds;
  allow_promotion_codes?: boolean | null;
  answers?: SessionAnswers | null;
  asks?: SessionAsks;
  /** The intent that refused cards left behind; the next try of a payment uses it. */
  attempt?: string | null;
  /** Card entered and waiting for 3-D Secure. */
  authenticating: EnteredCard | null;
  cancel_url: string | null;
  client_reference_id: string | null;
  client_secret?: string | null;
  currency: string;
  custom_fields?: CustomFieldRecord[];
  custom_text?: Partial<Record<'after_submit' | 'shipping_address' | 'submit' | 'terms_of_service_acceptance', string>>;
  customer: string | null;
  customer_creation?: 'always' | 'if_required' | null;
  customer_details: { email: string | null; name: string | null } | null;
  customer_email: string | null;
  customer_update?: { address: boolean; name: boolean; shipping: boolean };
  /** The coupon or code that will be redeemed when the session is paid. */
  discounts?: { coupon: string; promotion_code: string | null }[];
  display_name?: string | null;
  expires_at: Seconds;
  integration_identifier?: string | null;
  invoice: string | null;
  invoice_data?: SessionInvoiceData | null;
  /** Why the last attempt on the page failed. */
  last_failure: PaymentFailure | null;
  line_items: SessionLineRecord[];
  locale: string | null;
  metadata: Metadata;
  mode?: 'payment' | 'setup' | 'subscription';
  optional_items?: OptionalItemRecord[];
  origin_context?: 'mobile_app' | 'web' | null;
  payment_data?: SessionPaymentData;
  payment_intent?: string | null;
  payment_link?: string | null;
  payment_method_collection?: 'always' | 'if_required';
  /** Of the new card, what a list of saved ones may do with it. */
  allow_redisplay?: 'always' | 'limited' | 'unspecified' | null;
  /** After it has expired: whether a copy may be opened, and where. */
  recovery?: { allow_promotion_codes: boolean; expires_at: Seconds | null; token: string | null } | null;
  recovered_from?: string | null;
  allowed_types?: string[];
  excluded_types?: string[];
  redirect_on_completion?: 'always' | 'if_required' | 'never' | null;
  return_url?: string | null;
  /** Which saved cards the page offers, and whether it offers to save or remove. */
  saved_cards?: {
    filters: ('always' | 'limited' | 'unspecified')[];
    remove: boolean;
    save: boolean;
    remove_given: boolean;
    save_given: boolean;
  } | null;
  setup_intent?: string | null;
  status: 'open' | 'complete' | 'expired';
  submit_type?: 'auto' | 'book' | 'donate' | 'pay' | 'subscribe' | null;
  subscription: string | null;
  subscription_data: {
    description: string | null;
    metadata: Metadata;
    /** When the first full period begins; one that has passed by then is no anchor any more. */
    billing_cycle_anchor?: Seconds;
    billing_cycle_anchor_config?: Partial<
      Record<'day_of_month' | 'hour' | 'minute' | 'month' | 'second', number | undefined>
    >;
    billing_mode?: BillingModeRecord;
    default_tax_rates?: string[];
    invoice_settings?: InvoiceSettingsRecord;
    pending_invoice_item_interval?: { interval: IntervalUnit; interval_count: number };
    /** `none` gives away what lies before the anchor. */
    proration_behavior?: 'create_prorations' | 'none';
  };
  /** What it came to when it was completed: its coupon may change, and the customer with it. */
  sums?: { subtotal: number; discount: number; tax: number; total: number };
  /** So many days from its completion, or until a time, before anything is charged. */
  trial?: {
    days: number | null;
    end: Seconds | null;
    missing_payment_method: MissingPaymentMethod;
  } | null;
  automatic_tax?: boolean;
  success_url: string | null;
  ui_mode?: 'elements' | 'embedded_page' | 'form' | 'hosted_page';
}
