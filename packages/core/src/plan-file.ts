import type { DunningStep } from './dunning.ts';
import type { Aggregation, Currency, FeatureValue, Interval, Offline, Reporter } from './plan.ts';

/**
 * What a seller writes in `farebox.config.ts` and `definePlans` reads. Ids are the keys of the objects. Amounts are decimal
 * strings in major units, because people think in dollars and floats cannot: `'499'`, `'0.0008'`.
 */
export interface PriceListInput {
  seller: SellerInput;
  /** ISO 4217, lower case: the currency of an amount that names none. */
  currency: Currency;
  meters?: Record<string, MeterInput>;
  features?: Record<string, FeatureInput>;
  /** What the groups of plans are called, by the id that their plans name: `{ maps: { name: 'Route maps' } }`. Made of the id unless said. */
  groups?: Record<string, { name: string }>;
  /** In the order they are shown. */
  plans: Record<string, PlanInput>;
  coupons?: Record<string, CouponInput>;
  /** Steps while a payment is owed, each harder and later than the one before. */
  dunning?: DunningInput[];
  taxes?: TaxesInput;
  /** Lets customers buy credit for usage ahead of it; nobody can unless said. */
  top_ups?: TopUpsInput;
}

/** In the list's currency. */
export interface TopUpsInput {
  /** Amounts offered as a choice, the smallest first: `['10', '50', '100']`. */
  packs: string[];
  /** The least that can be bought at once; the smallest pack unless said. */
  minimum?: string;
  /** The most; the largest pack unless said. */
  maximum?: string;
  /** Bought credit is of no use after so many days; it never ends unless said. */
  expires_after_days?: number;
}

/** Both are off unless said. */
export interface TaxesInput {
  /** Stripe Tax finds out what is owed; set up at https://dashboard.stripe.com/tax first. */
  automatic?: boolean;
  /** Checkout asks businesses for their tax id, which then stands on invoices. */
  tax_ids?: boolean;
}

export interface DunningInput {
  step: DunningStep;
  /** Days after the payment failed. */
  after_days: number;
  /** With `slow`: what is left of every rate limit. `'25%'` unless said. */
  rate?: string;
}

/** In the list's currency, or one per currency: `{ usd: '99', eur: '89' }`. All amounts of a plan name the same ones. */
export type AmountInput = string | Record<Currency, string>;

export interface SellerInput {
  name: string;
  /** One line under the name. */
  tagline: string;
  description: string;
  support_email: string;
  /** Brand at the start of every API key, 2–12 of [a-z0-9]. */
  key_prefix: string;
  /** The seller's own API, `https://…`; shown in examples. */
  api_url: string;
  /** A path of the API for examples to ask; `/` when left out. */
  example_path?: string;
}

export interface MeterInput {
  name: string;
  /** What one unit is called, singular: `request`. */
  unit: string;
  /** `count` unless said. */
  aggregation?: Aggregation;
  /** Types of events it counts, several where one number is made of several kinds; the meter's id unless said. */
  events?: string[];
  /** The property whose value is summed, averaged or told apart; the event's quantity unless said. */
  value?: string;
  /** By dimension the values it takes: `{ status: ['200', '201'] }`. */
  filters?: Record<string, string[]>;
  /** Dimensions by which its usage is kept apart, beside key and endpoint. Every different value is a row an hour: no user ids. */
  group_by?: string[];
}

/** On or off, unless it has a `default` (then plans set it to a number or a text) or a `meter` (then usage measures it). */
export interface FeatureInput {
  name: string;
  description: string;
  /** The value in plans that say nothing; its type is the type of all values. */
  default?: number | string;
  /** A meter's id. */
  meter?: string;
}

export interface PlanInput {
  name: string;
  description: string;
  /** The one plan most customers take. */
  highlighted?: boolean;
  /** Plans of one group exclude each other, and a customer may have one of each group; all plans are in one unless said. */
  group?: string;
  /** An extra on top of a plan: `true`, or the ids of the plans it can be added to. */
  add_on?: boolean | string[];
  /** A custom plan: only this customer may have it, by Farebox's id or your own. It is on no public page. */
  customer?: string;
  /** By interval: `{ month: '99', year: '990' }`. Left out: no base price, billed by the month for usage alone. */
  price?: Partial<Record<Interval, AmountInput>>;
  /** Charged once, with the first invoice. */
  setup_fee?: AmountInput;
  /** When given, the price is per seat. */
  seats?: SeatsInput;
  trial?: TrialInput;
  /** By meter id. */
  usage?: Record<string, PlanUsageInput>;
  /** What overage of all meters together comes to at least per `per`, in money; what it lacks is a line of its own. */
  minimum?: AmountInput;
  /**
   * How overage reaches Stripe's invoice: `invoice_items`, as lines that Farebox rates, or `meters`, through Stripe's Billing Meters
   * and metered prices. The first unless said.
   */
  reporter?: Reporter;
  limits?: RateLimitInput[];
  /** Requests of a customer at the same time. */
  concurrency?: ConcurrencyInput;
  /** API keys a customer may have at the same time; up to the installation's bound unless said. */
  keys?: number;
  /** At these parts of a quota, a spend cap and credit, in percent, customers are told: `[50, 80]`. `[80]` unless said; that all is used is told anyway. */
  alerts?: number[];
  /** By feature id; one that is not named is off, or at its default. */
  features?: Record<string, FeatureValue>;
}

export interface SeatsInput {
  /** 1 unless said. */
  minimum?: number;
  maximum?: number;
}

export interface TrialInput {
  days: number;
  /** Whether a card is asked for first; `true` unless said. */
  card?: boolean;
}

export interface PlanUsageInput {
  /** Units per `per` at no extra cost; 0 unless said. */
  included?: number;
  /** How long the included amount lasts. A month unless said, or the plan's interval where that is a day or a week. */
  per?: Interval;
  /** `soft` bills the overage, `hard` refuses past the included amount. Unless said: `soft` with an overage, else `hard`. */
  quota?: 'soft' | 'hard';
  overage?: OverageInput;
  /** What overage comes to at least per `per`, in money; what it lacks is a line of its own. Of a part of a period its part. */
  minimum?: AmountInput;
  /** While Redis does not answer. Unless said, a hard quota is `closed` and a soft one open. */
  offline?: Offline;
}

export type OverageInput =
  | { unit_price: AmountInput }
  | { package_price: AmountInput; package_size: number }
  /** Each unit by the tier it lies in. */
  | { tiers: TierInput[] }
  /** All units by the tier the last one lies in. */
  | { volume: TierInput[] };

export interface TierInput {
  /** Last unit of overage at this price, counted from the end of the included amount; null in the last tier only. */
  up_to: number | null;
  unit_price: AmountInput;
}

export interface RateLimitInput {
  /** Units per window. */
  limit: number;
  /** `<n>s`, `<n>m`, `<n>h` or `<n>d`, at most 31 days. */
  window: string;
  /** When given, so many may pass at once, and `limit` per window flow after them. */
  burst?: number;
  /** While Redis does not answer: each process counts its share (`open_capped`, unless said), or nothing passes. */
  offline?: Offline;
}

export interface ConcurrencyInput {
  /** Requests of a customer at the same time. */
  limit: number;
  /** A request that is not released counts for this long; `1m` unless said, at most an hour. */
  expires?: string;
}

export interface CouponInput {
  name: string;
  /** `'20'` is a fifth off. Either this or `amount_off`. */
  percent_off?: string;
  amount_off?: AmountInput;
  /** The next invoice only, every invoice, or those of so many months. */
  duration: 'once' | 'forever' | { months: number };
  /** Ids of the plans it reduces; all unless said. */
  plans?: string[];
  max_redemptions?: number;
  /** Last day it can be redeemed, `'2027-12-31'`, UTC. */
  redeem_until?: string;
  /** What customers type, and under which conditions: `{ LAUNCH20: {} }`. */
  codes?: Record<string, PromotionCodeInput>;
}

export interface PromotionCodeInput {
  max_redemptions?: number;
  /** Last day it can be used, `'2027-12-31'`, UTC. */
  expires?: string;
  /** Only for who never paid before. */
  first_purchase?: boolean;
}
