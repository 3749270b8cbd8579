import type { DunningStep } from './dunning.ts';
import type { Currency, Interval } from './plan.ts';

/**
 * What a seller writes in `farebox.config.ts` and `definePlans` reads. Amounts are decimal strings in major units, because
 * people think in dollars and floats cannot: `'499'`, `'0.0008'`. Ids are the keys of the objects.
 */
export interface PriceListInput {
  seller: SellerInput;
  /** ISO 4217, lower case. */
  currency: Currency;
  meters?: Record<string, MeterInput>;
  features?: Record<string, FeatureInput>;
  /** In the order they are shown. */
  plans: Record<string, PlanInput>;
  /** Steps while a payment is owed, each harder and later than the one before. */
  dunning?: DunningInput[];
}

export interface DunningInput {
  step: DunningStep;
  /** Days after the payment failed. */
  after_days: number;
  /** With `slow`: what is left of every rate limit. `'25%'` unless said. */
  rate?: string;
}

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
  aggregation?: 'count' | 'sum';
}

export interface FeatureInput {
  name: string;
  description: string;
}

export interface PlanInput {
  name: string;
  description: string;
  /** The one plan most customers take. */
  highlighted?: boolean;
  price: { amount: string; interval: Interval };
  /** By meter id. */
  usage?: Record<string, PlanUsageInput>;
  limits?: RateLimitInput[];
  /** By feature id; a feature that is not named is off. */
  features?: Record<string, boolean>;
}

export interface PlanUsageInput {
  /** Units per billing period at no extra cost. */
  included: number;
  /** `soft` bills the overage, `hard` refuses past the included amount. Unless said: `soft` with an overage, else `hard`. */
  quota?: 'soft' | 'hard';
  overage?: { unit_price: string } | { tiers: TierInput[] };
}

export interface TierInput {
  /** Last unit of overage at this price, counted from the end of the included amount; null in the last tier only. */
  up_to: number | null;
  unit_price: string;
}

export interface RateLimitInput {
  /** Units per window. */
  limit: number;
  /** `<n>s`, `<n>m`, `<n>h` or `<n>d`, at most 31 days. */
  window: string;
}
