/** Every kind of change we make at Stripe for money or its terms: what it is told, and what is known when it is done. */
export interface Intents {
  /** A second live subscription of one customer is ended, and what it took is given back. */
  'subscription.undo': {
    data: { stripe_subscription_id: string };
    result: { stripe_refund_ids: string[] };
  };
}

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
