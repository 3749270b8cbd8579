import type { CancelFeedback, EnteredCard, Metadata, Seconds } from './records.ts';

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
  metadata: Metadata;
  name: string | null;
  privacy_policy_url: string | null;
  terms_of_service_url: string | null;
}

export type PortalCustomerField = 'address' | 'email' | 'name' | 'phone';

export interface PortalFeatures {
  customer_update: { enabled: boolean; allowed_updates: PortalCustomerField[] };
  invoice_history: { enabled: boolean };
  payment_method_update: { enabled: boolean };
  subscription_cancel: {
    enabled: boolean;
    mode: 'at_period_end' | 'immediately';
    reasons: { enabled: boolean; options: CancelFeedback[] };
  };
}

/** A deep link into one task of the portal. */
export interface PortalFlow {
  type: 'customer_update' | 'payment_method_update' | 'subscription_cancel';
  subscription: string | null;
  after: { type: 'hosted_confirmation' | 'portal_homepage' | 'redirect'; message: string | null; url: string | null };
}

export interface PortalSessionRecord {
  id: string;
  created: Seconds;
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
