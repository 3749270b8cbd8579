import type { DunningStage } from './dunning.ts';
import type { TopUpTerms } from './top-up.ts';

/** An instant: milliseconds since 1970 in UTC. Core never reads a clock; instants are arguments. */
export type Instant = number;

/** ISO 4217, lower case, as Stripe writes it. */
export type Currency = string;

/** From the shortest to the longest. */
export const intervals = ['day', 'week', 'month', 'quarter', 'year'] as const;
export type Interval = (typeof intervals)[number];

/** What is sold and by whom, after every default is filled in and every fault is refused. The output of `definePlans`. */
export interface PriceList {
  seller: Seller;
  /** The currency of an amount that names none, and the one prices are shown in first. */
  currency: Currency;
  meters: Meter[];
  features: Feature[];
  /** Groups of plans that have a name of their own; absent: none has. */
  groups?: PlanGroup[];
  plans: Plan[];
  /** What happens while a payment is owed; null: a notice until the days of grace are over, then a stop. */
  dunning: DunningStage[] | null;
  coupons: Coupon[];
  taxes: Taxes;
  /** What credit customers may buy; null: none. */
  top_ups: TopUpTerms | null;
}

/** A group of plans, as its plans name it and as people read it. */
export interface PlanGroup {
  id: string;
  name: string;
}

/** What Stripe does about taxes when something is bought. */
export interface Taxes {
  /** Stripe Tax finds out what is owed, from where the customer is. */
  automatic: boolean;
  /** Checkout asks businesses for their tax id, which then stands on invoices. */
  tax_ids: boolean;
}

export interface Seller {
  name: string;
  tagline: string;
  description: string;
  support_email: string;
  /** Brand at the start of every API key, 2–12 of [a-z0-9]. */
  key_prefix: string;
  /** The seller's own API, shown in examples. */
  api_url: string;
  /** A path of it that answers a GET, used in examples: `/v1/forecast?city=Oslo`. */
  example_path: string;
}

export const aggregations = ['count', 'sum', 'max', 'last', 'unique', 'average'] as const;
export type Aggregation = (typeof aggregations)[number];

/**
 * The rule that turns usage events into a number. `count`: the events, each as often as its quantity says; `sum`, `max`, `last`
 * and `average` of a value; `unique`: how many different values there were.
 */
export interface Meter {
  id: string;
  name: string;
  /** What one unit is called, singular: `request`. */
  unit: string;
  aggregation: Aggregation;
  /** Types of events it counts; absent: the one that is called like the meter. */
  events?: string[];
  /** The property whose value it takes; absent: the event's quantity. */
  value?: string;
  /** By dimension the values it takes; an event fits when all do. */
  filters?: Record<string, string[]>;
  /** Dimensions by which its usage can be told apart, beside the key and the endpoint. */
  group_by?: string[];
}

/**
 * Something a plan turns on (`boolean`), sets (`config`: a number or a text, `default` where a plan says nothing) or
 * measures (`metered`: on where the plan includes or prices the meter).
 */
export type Feature = { id: string; name: string; description: string } & (
  | { type: 'boolean' }
  | { type: 'config'; default: number | string }
  | { type: 'metered'; meter_id: string }
);

export type FeatureValue = boolean | number | string;

/** What a customer subscribes to. Stored whole in a plan version and frozen there. */
export interface Plan {
  id: string;
  name: string;
  description: string;
  /** Shown as the one most customers take. */
  highlighted: boolean;
  /** Of the base plans of one group a customer has one at a time, and one of each group at once. Null for an add-on, which comes on top of one. */
  group: string | null;
  /** For an add-on: the plans it can be added to; empty: to any. */
  adds_to: string[];
  /** A custom plan: the one customer who may have it, by Farebox's id or the seller's own. Null: everybody. */
  customer: string | null;
  /** Every interval in every currency of the plan, the list's currency first, then the shorter interval. Never empty. */
  prices: Price[];
  /** When set, the price is per seat. */
  seats: Seats | null;
  /** Free time before the first charge, once per customer and group. */
  trial: Trial | null;
  usage: PlanUsage[];
  /** What all priced usage together comes to at least. Absent: nothing, beside what a price of usage says itself. */
  minimum?: PlanMinimum;
  /** Every window must have room, or the request is refused and takes from none. */
  limits: RateLimit[];
  /** Requests at the same time; absent: as many as come. */
  concurrency?: Concurrency;
  /** API keys a customer may have at the same time; absent: the installation's own bound. */
  max_keys?: number;
  /** At these parts of a quota, a spend cap and credit, in percent, its customers are told; absent: at four fifths. */
  alerts?: number[];
  /** By feature id, of every feature that is not metered. */
  features: Record<string, FeatureValue>;
}

/** One way to pay for a plan, in integer minor units: the base price per interval, and once at the start the setup fee. */
export interface Price {
  amount_minor: number;
  currency: Currency;
  interval: Interval;
  setup_fee_minor: number;
}

/** How many seats may be bought; a null maximum is no maximum. */
export interface Seats {
  minimum: number;
  maximum: number | null;
}

export interface Trial {
  days: number;
  /** Whether a card is asked for before the trial. Without one the subscription ends with the trial unless one is given. */
  card: boolean;
}

/** How usage past the included amounts reaches Stripe's invoice: as Farebox's own lines, or through Stripe's Billing Meters. */
export const reporters = ['invoice_items', 'meters'] as const;
export type Reporter = (typeof reporters)[number];

/** How a plan includes and prices one meter. */
export interface PlanUsage {
  meter_id: string;
  /** Units per `interval` at no extra cost. */
  included: number;
  /** `soft` bills the overage; `hard` refuses past the included amount and has no overage. */
  quota: 'soft' | 'hard';
  /** How long an included amount lasts; it fits a whole number of times into every interval the plan is sold by. */
  interval: Interval;
  /** By currency, in every currency of the plan. */
  overage: Record<Currency, UsagePrice> | null;
  /** By currency: what overage of a whole `interval` comes to at least, minor units. What it lacks is charged too. Absent: nothing. */
  minimum?: Record<Currency, number>;
  /** How overage reaches the invoice. Absent: as lines that Farebox rates itself. */
  reporter?: 'meters';
  /** Absent: a hard quota is `closed` while nobody counts, a soft one open. */
  offline?: Offline;
}

/** What all usage that is priced by the same `interval` comes to at least in each, in minor units by currency. */
export interface PlanMinimum {
  interval: Interval;
  amounts_minor: Record<Currency, number>;
}

/**
 * What units past the included amount cost. Unit prices are decimal strings in minor units (`'0.08'` of a cent), exact at
 * any size. `graduated` prices each unit by the tier it lies in, `volume` prices all of them by the tier the last one lies
 * in, `package` sells whole packages only.
 */
export type UsagePrice =
  | { type: 'per_unit'; unit_price_decimal: string }
  | { type: 'package'; package_price_decimal: string; package_size: number }
  | { type: 'graduated' | 'volume'; tiers: Tier[] };

/** `up_to` counts overage units (those past the included amount), inclusive; null in the last tier only. */
export interface Tier {
  up_to: number | null;
  unit_price_decimal: string;
}

export interface RateLimit {
  /** Name in headers and answers: `1s`, `1m`. */
  name: string;
  limit: number;
  window_ms: number;
  /** When set, so many units may pass at once, and `limit` per window flow after them; absent: a window holds `limit` at most, wherever it starts. */
  burst?: number;
  offline?: Offline;
}

/** What a limit does while nobody counts for all processes: each counts its share, or nothing passes. */
export type Offline = 'open_capped' | 'closed';

/** Requests of a customer at the same time. */
export interface Concurrency {
  limit: number;
  /** A request that nobody says is over counts for this long. */
  ttl_ms: number;
}

/** A price reduction. Either `percent_off_decimal` or `amounts_off` is set. */
export interface Coupon {
  id: string;
  name: string;
  /** `'12.5'`: more than 0, at most 100, two places at most. */
  percent_off_decimal: string | null;
  /** By currency, minor units. */
  amounts_off: Record<Currency, number> | null;
  /** `once`: the next invoice; `repeating`: for `months`; `forever`. */
  duration: 'once' | 'repeating' | 'forever';
  months: number | null;
  /** Plans it reduces; empty: all. */
  plans: string[];
  max_redemptions: number | null;
  /** Last day it can be redeemed, `YYYY-MM-DD`, UTC. */
  redeem_until_on: string | null;
  codes: PromotionCode[];
}

/** What a customer types to get a coupon. Upper case: Stripe compares codes without regard to case. */
export interface PromotionCode {
  code: string;
  max_redemptions: number | null;
  /** Last day it can be used, `YYYY-MM-DD`, UTC. */
  expires_on: string | null;
  /** Only for who never paid before. */
  first_purchase: boolean;
}
