import type { CreditAmount } from './usage-records.ts';
import type { ProrationRecord } from './change-records.ts';
import type { DiscountAmount, TaxAmount } from './money-records.ts';
import type { Address, Metadata, Seconds, ShippingRecord } from './records.ts';

export interface LineRecord {
  id: string;
  amount: number;
  currency: string;
  description: string | null;
  discountable: boolean;
  /** Of its own, besides those of the invoice. */
  discounts?: string[];
  /** What the discounts take off; written when the invoice is settled. */
  discount_amounts?: DiscountAmount[];
  invoice_item: string | null;
  metadata: Metadata;
  period: { start: Seconds; end: Seconds };
  price: string | null;
  proration?: ProrationRecord;
  quantity: number;
  subscription: string | null;
  subscription_item: string | null;
  /** Of its own, instead of the invoice's. */
  tax_rates?: string[];
  /** Written when the invoice is settled. */
  taxes?: TaxAmount[];
  unit_amount_decimal: string;
  /** What billing credits take off; written when the invoice is finalized. */
  credits?: CreditAmount[];
  /** Exact, where usage is no whole number. */
  quantity_decimal?: string;
  /** A line of usage: until finalization it is rated again from the meter. */
  is_usage?: boolean;
  /** What discounts take off a proration that names them: it has its share of them and no other. */
  own_discounts?: DiscountAmount[];
  /** The seller's own reckoning, instead of rates. */
  tax_amounts?: TaxAmount[];
  /** What the seller changed of a line of usage; it stays when that is rated again. */
  edited?: Partial<
    Pick<LineRecord, 'description' | 'discountable' | 'discounts' | 'metadata' | 'tax_amounts' | 'tax_rates'>
  >;
}

export type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';

export interface InvoiceRecord {
  id: string;
  created: Seconds;
  /** What came beyond what was due; it is on the customer's balance. */
  amount_overpaid?: number;
  amount_paid: number;
  /** The part of it that came without Stripe. */
  amount_paid_off_stripe?: number;
  attempt_count: number;
  auto_advance: boolean;
  automatic_tax?: { enabled: boolean; disabled_reason: 'finalization_requires_location_inputs' | null };
  automatically_finalizes_at: Seconds | null;
  account_tax_ids?: string[] | null;
  billing_reason:
    | 'automatic_pending_invoice_item_invoice'
    | 'manual'
    | 'subscription_create'
    | 'subscription_cycle'
    | 'subscription_threshold'
    | 'subscription_update'
    | 'upcoming';
  collection_method?: 'charge_automatically' | 'send_invoice';
  currency: string;
  custom_fields?: { name: string; value: string }[] | null;
  /** When the seller says it is in effect; else when it was finalized. */
  effective_at?: Seconds | null;
  /** Which invoice it revises. */
  from_invoice?: string;
  /** Why it could not be finalized. */
  finalization_error?: string | null;
  /** The seller gave its number. */
  is_own_number?: boolean;
  /** The newest final invoice that revises it. */
  latest_revision?: string;
  customer: string;
  customer_address: Address | null;
  customer_email: string | null;
  customer_name: string | null;
  customer_phone: string | null;
  customer_shipping?: ShippingRecord | null;
  /** As they were when it was finalized. */
  customer_tax_ids?: { type: string; value: string }[];
  default_payment_method?: string | null;
  default_tax_rates?: string[];
  description: string | null;
  /** Ids of the discounts on the whole invoice, in the order they are applied. */
  discounts?: string[];
  days_until_due?: number | null;
  due_date?: Seconds | null;
  ending_balance: number | null;
  finalized_at: Seconds | null;
  footer: string | null;
  lines: LineRecord[];
  marked_uncollectible_at?: Seconds | null;
  uncollectible_reason?: 'subscription_paused' | 'user_forgiven';
  metadata: Metadata;
  next_payment_attempt: Seconds | null;
  number: string | null;
  /** Part of the public addresses of the page and the PDF. */
  page_token: string | null;
  paid_at: Seconds | null;
  payment_intent: string | null;
  payment_settings?: {
    default_mandate: string | null;
    payment_method_types: string[] | null;
    request_three_d_secure: 'any' | 'automatic' | 'challenge' | null;
  };
  period_end: Seconds;
  period_start: Seconds;
  post_payment_credit_notes_amount?: number;
  pre_payment_credit_notes_amount?: number;
  rendering?: {
    amount_tax_display: 'exclude_tax' | 'include_inclusive_tax' | null;
    page_size: 'a4' | 'auto' | 'letter' | null;
  };
  shipping_details?: ShippingRecord | null;
  starting_balance: number;
  statement_descriptor?: string;
  status: InvoiceStatus;
  subscription: string | null;
  subscription_metadata: Metadata;
  /** Too small to be charged: on the customer's balance instead. */
  carried?: number;
  /** Which threshold was reached, and by which lines. */
  threshold_reason?: {
    amount_gte: number | null;
    item_reasons: { line_item_ids: string[]; usage_gte: number }[];
  };
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
  discounts?: string[];
  invoice: string | null;
  metadata: Metadata;
  period: { start: Seconds; end: Seconds };
  price: string | null;
  /** Of an item that a change of a subscription made. */
  proration?: ProrationRecord;
  quantity: number;
  /** Exact, where it is no whole number. */
  quantity_decimal?: string;
  subscription: string | null;
  /** The subscription item it bills. */
  subscription_item?: string;
  /** As on the line it becomes. */
  own_discounts?: DiscountAmount[];
  tax_rates?: string[];
  unit_amount_decimal: string;
}

export interface InvoicePaymentRecord {
  id: string;
  created: Seconds;
  /** All that came, also what was too much. */
  amount_paid: number | null;
  amount_requested: number;
  canceled_at: Seconds | null;
  currency: string;
  invoice: string;
  /** `false` when it was attached; the default one is as old as the invoice's final form. */
  is_default?: boolean;
  paid_at: Seconds | null;
  payment_intent: string;
  status: 'open' | 'paid' | 'canceled';
}
