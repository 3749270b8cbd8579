import type { TopUpFailure } from '@farebox/core';

/** Every kind of change we make at Stripe for money or its terms: what it is told, and what is known when it is done. */
export interface Intents {
  /** A second live subscription of one customer is ended, and what it took is given back. */
  'subscription.undo': {
    data: { stripe_subscription_id: string };
    result: { stripe_refund_ids: string[] };
  };
  /** A subscription begins without a checkout: free, with a saved card, or by an invoice that is sent. */
  'subscription.begin': {
    data: {
      stripe_customer_id: string;
      stripe_price_id: string;
      stripe_setup_price_id: string | null;
      quantity: number;
      /** On top from the start. Left out: none. */
      add_ons?: OrderedAddOn[];
      /** Prices at Stripe of the setup fees of those. Left out: none. */
      add_on_fees?: string[];
      /** Free days before the first charge. */
      trial_days: number | null;
      stripe_promotion_code_id: string | null;
      plan_version_id: string;
      /** Null for a free plan and where an invoice is sent. */
      stripe_payment_method_id: string | null;
      /** Where an invoice is sent: how long the customer has to pay it. */
      days_until_due: number | null;
    };
    result: { stripe_subscription_id: string; state: Collected };
  };
  /** Another price or quantity at once, with the difference collected. */
  'subscription.change': {
    data: OfSubscription & {
      stripe_price_id: string;
      quantity: number;
      /** The instant that the preview was made for: the amounts are the same to the cent. */
      proration_at: number;
      resets_anchor: boolean;
      /** Of these add-ons so many, and no others. Left out: those it has. */
      add_ons?: OrderedAddOn[];
      /** Prices at Stripe of the setup fees of add-ons that begin with it. Left out: none. */
      add_on_fees?: string[];
      /** What becomes of the difference for the rest of the period. Left out: it is collected at once. */
      proration_behavior?: 'none' | 'create_prorations' | 'always_invoice';
      /** Nobody is there to answer a bank: what it wants to ask about ends as what it declines. */
      off_session?: boolean;
    };
    result: Collected;
  };
  /** Another price or quantity when the period ends. */
  'subscription.schedule': {
    data: OfSubscription & {
      stripe_price_id: string;
      quantity: number;
      /** Of these add-ons so many, and no others. Left out: those it has. */
      add_ons?: OrderedAddOn[];
      /** Prices at Stripe of the setup fees of add-ons that begin with it. Left out: none. */
      add_on_fees?: string[];
      /** One period of the new price, in Stripe's terms. */
      interval: 'day' | 'week' | 'month' | 'year';
      interval_count: number;
    };
    result: Collected;
  };
  'subscription.unschedule': { data: OfSubscription; result: Collected };
  'subscription.cancel': {
    data: OfSubscription & {
      at: 'now' | 'period_end';
      reason: CancelReason | null;
      comment: string | null;
      /** What is paid for and unused becomes balance. */
      gives_back: boolean;
    };
    result: Collected;
  };
  'subscription.keep': { data: OfSubscription; result: Collected };
  'subscription.pause': { data: OfSubscription; result: Collected };
  'subscription.unpause': { data: OfSubscription; result: Collected };
  'subscription.trial': { data: OfSubscription & { end_at: number | 'now' }; result: Collected };
  'subscription.coupon': { data: OfSubscription & { stripe_promotion_code_id: string }; result: Collected };
  'invoice.pay': { data: { stripe_invoice_id: string }; result: Collected };
  'invoice.credit': {
    data: {
      stripe_invoice_id: string;
      amount_minor: number;
      /** `invoice`: less is owed on one that is still open. */
      to: 'card' | 'balance' | 'invoice';
      reason: CreditReason | null;
      memo: string | null;
    };
    result: { stripe_credit_note_id: string };
  };
  /** Credit is bought with the customer's card, on an invoice of its own. */
  'top_up.charge': {
    data: { top_up_id: string; stripe_customer_id: string; amount_minor: number; currency: string };
    result:
      | { state: 'paid'; stripe_payment_intent_id: string | null; /** With taxes. */ paid_minor: number }
      | { state: 'declined'; code: TopUpFailure; reason: string };
  };
  'payment_method.default': {
    data: { stripe_customer_id: string; stripe_payment_method_id: string };
    result: Collected;
  };
  'payment_method.detach': { data: { stripe_payment_method_id: string }; result: Collected };
}

/** So many of an add-on, by Stripe's price. */
export type OrderedAddOn = { stripe_price_id: string; quantity: number };

interface OfSubscription {
  stripe_subscription_id: string;
}

/** What became of money that was to be collected at once. `action_required`: the customer's bank wants to ask them, at `url`. */
export type Collected =
  | { state: 'done' }
  | { state: 'action_required'; url: string | null }
  | { state: 'declined'; reason: string };

/** Why somebody leaves, in Stripe's words. */
export const cancelReasons = [
  'customer_service',
  'low_quality',
  'missing_features',
  'other',
  'switched_service',
  'too_complex',
  'too_expensive',
  'unused',
] as const;
export type CancelReason = (typeof cancelReasons)[number];

export const creditReasons = ['duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory'] as const;
export type CreditReason = (typeof creditReasons)[number];

export type IntentKind = keyof Intents;

/** An intent on its way. `data` is what was decided; whoever carries it out reads the rest at Stripe. */
export interface Intent<K extends IntentKind = IntentKind> {
  id: string;
  customer_id: string;
  kind: K;
  data: Intents[K]['data'];
}

/** What Stripe refused for good, in its words. */
export interface StripeRefusal {
  code: string | null;
  message: string;
  param: string | null;
}

/**
 * What became of an intent. `unknown` is neither done nor undone: Stripe's answer was lost, and a job finds out by reading.
 */
export type Outcome<K extends IntentKind> =
  | { state: 'done'; result: Intents[K]['result'] }
  | { state: 'refused'; refusal: StripeRefusal }
  | { state: 'unknown' };

/** Carries out one kind of intent. */
export interface Carrier<K extends IntentKind> {
  /** Whether the effect stands at Stripe already; null when it does not. Asked before every repeat. */
  find(intent: Intent<K>): Promise<Intents[K]['result'] | null>;
  /** Does it. Every call to Stripe that changes something goes under `idempotencyKey`, with a suffix where there are several. */
  send(intent: Intent<K>, idempotencyKey: string): Promise<Intents[K]['result']>;
}

export type Carriers = { [K in IntentKind]: Carrier<K> };

/**
 * What an error of a carrier says of the effect. `refused`: it did not happen and never will. `failed`: Stripe answered with
 * a failure of its own, which it will repeat under the same key. `unknown`: nothing; only reading tells.
 */
export type Verdict = { type: 'refused'; refusal: StripeRefusal } | { type: 'failed' } | { type: 'unknown' };
