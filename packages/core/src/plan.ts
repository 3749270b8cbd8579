import type { DunningStage } from './dunning.ts';

/** An instant: milliseconds since 1970 in UTC. Core never reads a clock; instants are arguments. */
export type Instant = number;

/** ISO 4217, lower case, as Stripe writes it. */
export type Currency = string;

export type Interval = 'month' | 'year';

/** What is sold and by whom, after every default is filled in and every fault is refused. The output of `definePlans`. */
export interface PriceList {
  seller: Seller;
  currency: Currency;
  meters: Meter[];
  features: Feature[];
  plans: Plan[];
  /** What happens while a payment is owed; null: a notice until the days of grace are over, then a stop. */
  dunning: DunningStage[] | null;
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

/** The rule that turns usage events into a number. `count`: one per event; `sum`: the event's quantity. */
export interface Meter {
  id: string;
  name: string;
  /** What one unit is called, singular: `request`. */
  unit: string;
  aggregation: 'count' | 'sum';
}

export interface Feature {
  id: string;
  name: string;
  description: string;
  type: 'boolean';
}

/** What a customer subscribes to. Stored whole in a plan version and frozen there. */
export interface Plan {
  id: string;
  name: string;
  description: string;
  /** Shown as the one most customers take. */
  highlighted: boolean;
  price: Price;
  usage: PlanUsage[];
  /** Every window must have room, or the request is refused and takes from none. */
  limits: RateLimit[];
  /** Feature id → on or off; every feature of the price list is present. */
  features: Record<string, boolean>;
}

/** The base price, per interval, in integer minor units. */
export interface Price {
  amount_minor: number;
  currency: Currency;
  interval: Interval;
}

/** How a plan includes and prices one meter. */
export interface PlanUsage {
  meter_id: string;
  /** Units per billing period at no extra cost. */
  included: number;
  /** `soft` bills the overage; `hard` refuses past the included amount and has no overage. */
  quota: 'soft' | 'hard';
  overage: UsagePrice | null;
}

/** Unit prices are decimal strings in minor units (`'0.08'` of a cent), exact at any size. */
export type UsagePrice = { type: 'per_unit'; unit_price_decimal: string } | { type: 'graduated'; tiers: Tier[] };

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
}
