import type { Ask, Carved, Instant, Take, TakeResult } from '@farebox/core';

/** The time. Only `lib/clock.ts` reads the machine's clock. */
export interface Clock {
  now(): Instant;
}

/**
 * Counts what was taken from limits. One `take` takes `cost` from every limit or from none.
 * Counters are named by the customer, never by the limit's value, so that an upgrade does not reset usage.
 */
export interface Counter {
  /** `room` is the caller's: an answer that is there at once may be written into it instead of a new one. */
  take(takes: readonly Take[], cost: number, now: Instant, room?: TakeResult): TakeResult | Promise<TakeResult>;
  /** Gives a place of a concurrency limit back; one that was given back or ran out before is no fault. */
  release(id: string, lease: string): void | Promise<void>;
  /**
   * Carves blocks of units from limits, to be spent by who asks: from all of them or from none; what is left of earlier blocks is
   * given back first, whatever becomes of the rest. Windows and quotas of one customer. Null while nobody counts for all processes.
   */
  carve(asks: readonly Ask[], now: Instant): Carved | null | Promise<Carved | null>;
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
  /**
   * Creates the customer at Stripe (idempotent on `customer_id`) and answers Stripe's id. `linked`: it was known here; `found`:
   * there was one at Stripe; `made`: there was none, and none was deleted there before.
   */
  ensureCustomer(customer: {
    id: string;
    name: string;
    email: string;
  }): Promise<{ stripe_customer_id: string; state: 'linked' | 'found' | 'made' }>;
  /** Opens a hosted checkout. Idempotent on `id`. */
  openCheckout(intent: CheckoutIntent): Promise<{ stripe_session_id: string; url: string }>;
  /** Opens a hosted page for one payment of credit. Idempotent on `id`. */
  openTopUp(intent: TopUpIntent): Promise<{ stripe_session_id: string; url: string }>;
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
  /** On top from the start. */
  add_ons: { stripe_price_id: string; quantity: number }[];
  /** Of those, what is charged once with the first invoice: prices at Stripe. */
  add_on_fees: string[];
  /** Free days before the first charge. */
  trial_days: number | null;
  /** False: a card is asked for only where something is to be paid now; a trial without one ends with the subscription. */
  needs_card: boolean;
  /** A reduction that counts from the start. */
  stripe_promotion_code_id: string | null;
  /** Without one, whether the customer is asked for a code. */
  takes_codes: boolean;
  plan_version_id: string;
  success_url: string;
  cancel_url: string;
  expires_at: Instant;
}

export interface TopUpIntent {
  /** ctop_… */
  id: string;
  customer_id: string;
  stripe_customer_id: string;
  /** Before taxes. */
  amount_minor: number;
  currency: string;
  success_url: string;
  cancel_url: string;
  expires_at: Instant;
}

/** What an invoice will say, before it exists. Amounts are Stripe's own, to the cent. */
export interface InvoicePreview {
  currency: string;
  subtotal_minor: number;
  discount_minor: number;
  tax_minor: number;
  total_minor: number;
  /** Of the customer's balance, what this invoice uses up; negative: what it adds. */
  balance_used_minor: number;
  amount_due_minor: number;
  /** When it is to be collected; null: at once. */
  due_at: Instant | null;
  lines: {
    kind: 'base' | 'proration' | 'overage' | 'minimum' | 'credit' | 'correction' | 'cap' | 'other';
    description: string;
    quantity: number | null;
    amount_minor: number;
    period_start_at: Instant;
    period_end_at: Instant;
  }[];
}

export interface PaymentMethod {
  /** Stripe's id, which only Farebox's own routes take back. */
  id: string;
  type: string;
  brand: string | null;
  last4: string | null;
  exp_month: number | null;
  exp_year: number | null;
  is_default: boolean;
}

/** A credit note of an invoice: what was given back of it, or let off. */
export interface CreditNote {
  stripe_credit_note_id: string;
  number: string;
  status: string;
  currency: string;
  amount_minor: number;
  /** Of it, given back to the card. */
  refunded_minor: number;
  /** Of it, kept for the next invoices. */
  balance_minor: number;
  reason: string | null;
  memo: string | null;
  pdf_url: string | null;
  created_at: Instant;
}

/** What only Stripe knows, read when somebody asks; and Stripe's own pages. Nothing here moves money. */
export interface PaymentsDesk {
  /** The invoice that a change would make now. */
  previewChange(change: {
    stripe_customer_id: string;
    stripe_subscription_id: string;
    stripe_price_id: string;
    quantity: number;
    /** Of these add-ons so many, and no others. Left out: those it has. */
    add_ons?: { stripe_price_id: string; quantity: number }[];
    /** Of add-ons that begin with it, what is charged once: prices at Stripe. */
    add_on_fees: string[];
    proration_at: Instant;
    resets_anchor: boolean;
  }): Promise<InvoicePreview>;
  /** The next invoice as it stands; null when there will be none. */
  previewNext(subscription: {
    stripe_customer_id: string;
    stripe_subscription_id: string;
  }): Promise<InvoicePreview | null>;
  /** The promotion code of that text, if it can be used now. */
  findPromotionCode(code: string): Promise<{ stripe_promotion_code_id: string } | null>;
  paymentMethods(stripe_customer_id: string): Promise<PaymentMethod[]>;
  /** A page of Stripe's where a card is added. `id` names the wish, so that a double click opens one page. */
  openSetup(wish: {
    id: string;
    stripe_customer_id: string;
    currency: string;
    success_url: string;
    cancel_url: string;
  }): Promise<{ url: string }>;
  openPortal(wish: { stripe_customer_id: string; return_url: string }): Promise<{ url: string }>;
  /** What Stripe holds for the customer; positive: the next invoice costs less. */
  balance(stripe_customer_id: string): Promise<{ currency: string | null; credit_minor: number }>;
  /** Newest first. */
  creditNotes(stripe_invoice_id: string): Promise<CreditNote[]>;
}

/** Names one use of an idempotency key. */
export interface ReplyOf {
  scope: string;
  key: string;
  started_at: Date;
}

/** An answer, whole. */
export interface Reply {
  status: number;
  content_type: string | null;
  body: string;
}

/** What becomes of a request that names an idempotency key. */
export type Begun =
  | { type: 'first'; of: ReplyOf }
  | { type: 'replay'; reply: Reply }
  | { type: 'running' }
  | { type: 'other_request' };

/** Where first answers are kept. */
export interface Replies {
  begin(request: { scope: string; key: string; fingerprint: Buffer }): Promise<Begun>;
  keep(of: ReplyOf, reply: Reply): Promise<void>;
  release(of: ReplyOf): Promise<void>;
}
