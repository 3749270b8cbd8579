import type { jurisdictionLevels, taxReasons, taxTypes } from '../billing/tax-names.ts';
import type { Metadata, Seconds } from './records.ts';
import type { CreditAmount } from './usage-records.ts';

/** What a coupon is worth in one currency. */
export interface AmountOff {
  currency: string;
  amount_off: number;
}

export interface CouponRecord {
  id: string;
  created: Seconds;
  /** A deleted coupon gives no new discounts; those that were given go on. */
  deleted: boolean;
  amount_off: number | null;
  applies_to: string[];
  currency: string | null;
  /** Other currencies in which it takes an amount off. */
  currency_options: AmountOff[];
  duration: 'forever' | 'once' | 'repeating';
  duration_in_months: number | null;
  max_redemptions: number | null;
  metadata: Metadata;
  name: string | null;
  /** A decimal, `12.5`. */
  percent_off: string | null;
  redeem_by: Seconds | null;
  times_redeemed: number;
}

export interface PromotionCodeRecord {
  id: string;
  created: Seconds;
  active: boolean;
  code: string;
  coupon: string;
  customer: string | null;
  expires_at: Seconds | null;
  max_redemptions: number | null;
  metadata: Metadata;
  first_time_transaction: boolean;
  minimum_amount: number | null;
  minimum_amount_currency: string | null;
  times_redeemed: number;
}

/** A coupon given to a customer, a subscription, an invoice or a single item. Kept after it ended: invoices name it. */
export interface DiscountRecord {
  id: string;
  checkout_session: string | null;
  coupon: string;
  customer: string | null;
  end: Seconds | null;
  invoice: string | null;
  invoice_item: string | null;
  promotion_code: string | null;
  start: Seconds;
  subscription: string | null;
  subscription_item: string | null;
}

/** What a discount takes off a line or an invoice. */
export interface DiscountAmount {
  amount: number;
  discount: string;
}

/** What one tax rate makes of a line or an invoice. */
export interface TaxAmount {
  amount: number;
  inclusive: boolean;
  reason: (typeof taxReasons)[number];
  tax_rate: string;
  taxable_amount: number;
}

export interface TaxRateRecord {
  id: string;
  created: Seconds;
  active: boolean;
  country: string | null;
  description: string | null;
  display_name: string;
  inclusive: boolean;
  jurisdiction: string | null;
  jurisdiction_level?: (typeof jurisdictionLevels)[number];
  metadata: Metadata;
  /** A decimal, `7.25`. */
  percentage: string;
  state: string | null;
  tax_type: (typeof taxTypes)[number] | null;
  /** Made for amounts of tax that a seller gave, and known by what was said of it. */
  made_for?: string;
}

export interface TaxIdRecord {
  id: string;
  created: Seconds;
  /** `null` is the account's own. */
  customer: string | null;
  type: string;
  value: string;
}

export interface BalanceTransactionRecord {
  id: string;
  created: Seconds;
  amount: number;
  credit_note: string | null;
  currency: string;
  customer: string;
  description: string | null;
  ending_balance: number;
  invoice: string | null;
  metadata: Metadata;
  type:
    | 'adjustment'
    | 'applied_to_invoice'
    | 'credit_note'
    | 'initial'
    | 'invoice_overpaid'
    | 'invoice_too_small'
    | 'unapplied_from_invoice';
}

export interface CreditNoteLineRecord {
  id: string;
  amount: number;
  description: string | null;
  /** Of billing credits: what they had paid of the line is not given back. */
  credits?: CreditAmount[];
  discounts: DiscountAmount[];
  invoice_line_item: string | null;
  metadata?: Metadata;
  quantity: number | null;
  tax_rates: string[];
  taxes: TaxAmount[];
  unit_amount_decimal: string | null;
}

export interface CreditNoteRecord {
  id: string;
  created: Seconds;
  balance_transaction: string | null;
  currency: string;
  customer: string;
  effective_at: Seconds;
  invoice: string;
  lines: CreditNoteLineRecord[];
  memo: string | null;
  metadata: Metadata;
  number: string;
  out_of_band_amount: number;
  post_payment_amount: number;
  pre_payment_amount: number;
  reason: 'duplicate' | 'fraudulent' | 'order_change' | 'product_unsatisfactory' | null;
  refunds: { refund: string; amount_refunded: number }[];
  /** Part of the public address of its PDF. */
  page_token: string;
  voided_at: Seconds | null;
}
