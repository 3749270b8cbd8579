import type { MissingPaymentMethod } from './change-records.ts';
import type { Metadata, PaymentFailure, Seconds } from './records.ts';

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
  allow_promotion_codes?: boolean | null;
  /** Card entered and waiting for 3-D Secure. */
  authenticating: EnteredCard | null;
  cancel_url: string | null;
  client_reference_id: string | null;
  currency: string;
  customer: string | null;
  customer_details: { email: string | null; name: string | null } | null;
  customer_email: string | null;
  /** The coupon or code that will be redeemed when the session is paid. */
  discounts?: { coupon: string; promotion_code: string | null }[];
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
  /** So many days from its completion, or until a time, before anything is charged. */
  trial?: {
    days: number | null;
    end: Seconds | null;
    missing_payment_method: MissingPaymentMethod;
  } | null;
  success_url: string;
}
