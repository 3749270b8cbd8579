import type { CancelFeedback, EnteredCard, IntervalUnit, Metadata, Seconds } from './records.ts';

/** What the customer portal lets its visitors do. */
export interface PortalConfigurationRecord {
  id: string;
  created: Seconds;
  updated: Seconds;
  active: boolean;
  default_return_url: string | null;
  features: PortalFeatures;
  headline: string | null;
  is_default: boolean;
  /** Part of the address of its login page; `null` while it has none. */
  login_token: string | null;
  metadata: Metadata;
  name: string | null;
  privacy_policy_url: string | null;
  terms_of_service_url: string | null;
}

export type PortalCustomerField = 'address' | 'email' | 'name' | 'phone' | 'tax_id';

export type PortalUpdate = 'price' | 'promotion_code' | 'quantity';

/** A product whose prices a customer may choose among. */
export interface PortalProduct {
  product: string;
  prices: string[];
  adjustable_quantity: { enabled: boolean; minimum: number; maximum: number | null };
}

type ProrationBehavior = 'always_invoice' | 'create_prorations' | 'none';

export interface PortalFeatures {
  customer_update: { enabled: boolean; allowed_updates: PortalCustomerField[] };
  invoice_history: { enabled: boolean };
  payment_method_update: { enabled: boolean };
  subscription_cancel: {
    enabled: boolean;
    mode: 'at_period_end' | 'immediately';
    proration_behavior: ProrationBehavior;
    reasons: { enabled: boolean; options: CancelFeedback[] };
  };
  subscription_pause: {
    enabled: boolean;
    type: 'indefinite' | 'interval_options';
    options: { interval: IntervalUnit; interval_count: number }[];
  };
  subscription_update: {
    enabled: boolean;
    allowed: PortalUpdate[];
    products: PortalProduct[];
    proration_behavior: ProrationBehavior;
    billing_cycle_anchor: 'now' | 'unchanged' | null;
    /** What makes a change wait for the end of the period. */
    conditions: ('decreasing_item_amount' | 'shortening_interval')[];
    trial_update_behavior: 'continue_trial' | 'end_trial';
  };
}

/** The change a link asks its visitor to confirm. */
export interface PortalUpdateConfirm {
  items: { id: string; price: string | null; quantity: number | null }[];
  discounts: { coupon?: string; promotion_code?: string }[] | null;
}

/** A deep link into one task of the portal. */
export interface PortalFlow {
  type:
    | 'customer_update'
    | 'payment_method_update'
    | 'subscription_cancel'
    | 'subscription_pause'
    | 'subscription_update'
    | 'subscription_update_confirm';
  subscription: string | null;
  /** The coupon that is offered to who is about to cancel. */
  retention: string | null;
  confirm: PortalUpdateConfirm | null;
  after: { type: 'hosted_confirmation' | 'portal_homepage' | 'redirect'; message: string | null; url: string | null };
}

export interface PortalSessionRecord {
  id: string;
  created: Seconds;
  /** Where the page of a link that has lapsed leads: to the login page, until then. */
  after_expiration?: { expires_at: Seconds | null } | null;
  /** Card entered and waiting for 3-D Secure. */
  authenticating: EnteredCard | null;
  configuration: string;
  customer: string;
  flow: PortalFlow | null;
  flow_done: boolean;
  /** When the link was last used; `null` before it is opened. */
  last_seen: Seconds | null;
  locale: string | null;
  return_url: string | null;
  /** Part of the address of its pages. */
  token: string;
}
