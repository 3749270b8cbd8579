import type { Instant } from '@farebox/core';

/** The time. Only `lib/clock.ts` reads the machine's clock. */
export interface Clock {
  now(): Instant;
}

/**
 * Counts what was taken from limits. One `take` takes `cost` from every limit or from none.
 * Counters are named by the customer, never by the limit's value, so that an upgrade does not reset usage.
 */
export interface Counter {
  take(takes: readonly Take[], cost: number, now: Instant): TakeResult | Promise<TakeResult>;
}

/** One limit to take from. */
export type Take =
  | {
      kind: 'window';
      /** `cust_…:1s` */
      id: string;
      limit: number;
      window_ms: number;
    }
  | {
      kind: 'quota';
      /** `cust_…:requests:<period start>` */
      id: string;
      limit: number;
      /** A soft quota counts and never refuses. */
      hard: boolean;
      period_end_at: Instant;
      /** Used so far, from the database: where a counter that knows nothing of this id starts. */
      seed: number;
    };

export interface TakeResult {
  allowed: boolean;
  /** Index of the limit that refused; -1 when allowed. Of several, the one that frees up last. */
  denied: number;
  /** Per take, in order: units used after the decision (a refusal consumes nothing). */
  used: number[];
  /** Per take: when capacity comes back. For the limits that refuse, the earliest instant at which `cost` fits. */
  reset_at: Instant[];
}

/** Sends one mail. Resolves when the next hop has taken it. */
export interface Mailer {
  send(mail: Mail): Promise<void>;
}

export interface Mail {
  /** Stable per notice; becomes the Message-ID, so that a repeated send can be recognised. */
  id: string;
  from: string;
  to: string;
  subject: string;
  html: string;
  text: string;
}

/** What slices ask of Stripe, in our words. No call happens inside a database transaction. */
export interface Payments {
  /** Creates the customer at Stripe (idempotent on `customer_id`) and answers Stripe's id. */
  ensureCustomer(customer: { id: string; name: string; email: string }): Promise<{ stripe_customer_id: string }>;
  /** Opens a hosted checkout. Idempotent on `id`. */
  openCheckout(intent: CheckoutIntent): Promise<{ stripe_session_id: string; url: string }>;
  /** Closes an open checkout so that nobody can pay it; answers what it is now. */
  closeCheckout(stripe_session_id: string): Promise<{ state: 'open' | 'complete' | 'expired' }>;
  /** Reads everything about one customer at Stripe and mirrors it. Safe at any time, in any order. */
  syncCustomer(customer_id: string): Promise<void>;
}

export interface CheckoutIntent {
  /** chks_… */
  id: string;
  customer_id: string;
  stripe_customer_id: string;
  stripe_price_id: string;
  /** A fee on the first invoice. */
  stripe_setup_price_id: string | null;
  quantity: number;
  plan_version_id: string;
  success_url: string;
  cancel_url: string;
  expires_at: Instant;
}
