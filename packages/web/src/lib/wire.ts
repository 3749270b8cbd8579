import type { TopUpTerms } from './wire-credits.ts';
import type {
  Currency,
  Feature,
  FeatureValue,
  Meter,
  PlanAction,
  Interval,
  PlanGroup,
  PlanMinimum,
  PlanUsage,
  Price,
  RateLimit,
  RatedLine,
  Seats,
  Trial,
} from '@farebox/core';

/** What the server answers, as JSON. Instants are ISO 8601 strings, money is integer minor units. */

export interface List<T> {
  object: 'list';
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/** `GET /v1/seller` */
export interface PublicSeller {
  name: string;
  tagline: string;
  description: string;
  support_email: string;
  api_url: string;
  currency: Currency;
  /** What credit customers may buy; null: none. */
  top_ups: TopUpTerms | null;
  meters: Meter[];
  livemode: boolean;
  /** The development mail inbox, when mail goes there. */
  inbox_url: string | null;
  /** Of plans, with their names. */
  groups: PlanGroup[];
  clock_movable: boolean;
  /** The server's time when it answered; in test mode its clock can be ahead of everybody's. */
  now?: string | undefined;
  /** A GET of the seller's API that answers any key, with its query: what examples call. The root when not named. */
  example_path: string;
  /** Brand at the start of API keys; examples show it when it is known. */
  key_prefix?: string | undefined;
}

/** One of `GET /v1/plans` */
export interface PublicPlan {
  object: 'plan';
  id: string;
  name: string;
  description: string;
  highlighted: boolean;
  group: string | null;
  adds_to: string[];
  prices: Price[];
  seats: Seats | null;
  trial: Trial | null;
  usage: PlanUsage[];
  minimum?: PlanMinimum;
  limits: RateLimit[];
  features: PlanFeature[];
  action: PlanAction | null;
}

export interface PlanFeature extends Pick<Feature, 'id' | 'name' | 'description' | 'type'> {
  enabled: boolean;
  /** What a config feature is set to. */
  value: number | string | null;
}

/** One of `GET /v1/plans/{id}/versions` (operators) */
export interface PlanVersion extends Omit<PublicPlan, 'object' | 'action'> {
  version: number;
  on_sale: boolean;
  published_at: string;
  /** Who is on it. */
  customers: number;
}

/** `POST /v1/plans/{id}/migrations/preview` */
export interface PlanMigrationPreview {
  object: 'plan_migration_preview';
  to_version: number;
  total: number;
  moves: number;
  mrr: { currency: Currency; now_minor: number; moved_minor: number }[];
  customers: {
    customer_id: string;
    subscription_id: string;
    outcome: 'move' | 'skip' | 'refuse';
    amount_minor: number;
    moved_minor: number | null;
    currency: Currency;
    reason: string | null;
  }[];
}

/** One of `GET /v1/plans/{id}/migrations` (operators) */
export interface PlanMigration {
  object: 'plan_migration';
  id: string;
  plan_id: string;
  from_versions: number[];
  to_version: number;
  when: 'now' | 'period_end';
  state: 'running' | 'done' | 'canceled';
  counts: Record<'total' | 'done' | 'scheduled' | 'failed' | 'skipped' | 'remaining', number>;
  created_at: string;
}

/** One of `GET /v1/plans/{id}/migrations/{id}/customers` (operators) */
export interface PlanMigrationMove {
  object: 'plan_migration_move';
  customer_id: string;
  subscription_id: string;
  reason_code: string | null;
  reason: string | null;
}

/** `GET /v1/me` */
export interface Me {
  user: { id: string; name: string; email: string; email_verified: boolean };
  customer: { id: string; name: string; email: string } | null;
  operator: { role: string } | null;
  /** Set for a person without an account, who came by a link the seller asked for. */
  portal: { expires_at: string; return_url: string | null } | null;
}

export interface Subscription {
  object: 'subscription';
  id: string;
  customer_id: string;
  /** Of plans: a customer has one live subscription in each. */
  group: string;
  plan_id: string;
  plan_name: string;
  plan_version: number;
  status: string;
  price: Pick<Price, 'amount_minor' | 'currency' | 'interval'>;
  /** Seats, where the plan is priced by the seat; else 1. */
  quantity: number;
  add_ons: HeldAddOn[];
  current_period_start_at: string;
  current_period_end_at: string;
  cancel_at: string | null;
  canceled_at: string | null;
  ended_at: string | null;
  trial_end_at: string | null;
  paused_at: string | null;
  /** A change waits until then for the customer's bank. */
  pending_until_at: string | null;
  discounts: Discount[];
  /** What it becomes at the end of the period. */
  scheduled_change: ScheduledChange | null;
  created_at: string;
}

export interface Discount {
  name: string;
  percent_off_decimal: string | null;
  amount_off_minor: number | null;
  ends_at: string | null;
}

export interface ScheduledChange {
  plan_id: string;
  plan_name: string;
  price: Subscription['price'];
  quantity: number;
  add_ons: HeldAddOn[];
  at: string;
}

/** So many of an add-on, on top of a plan. */
export interface HeldAddOn {
  plan_id: string;
  plan_name: string;
  price: Subscription['price'];
  quantity: number;
}

/** `POST /v1/subscriptions/{id}/preview` */
export interface ChangePreview {
  object: 'change_preview';
  effect: 'now' | 'period_end';
  direction: 'upgrade' | 'downgrade' | 'same';
  effective_at: string;
  proration_at: string | null;
  plan_id: string;
  plan_name: string;
  price: Subscription['price'];
  quantity: number;
  /** Charged once with it. */
  setup_fee_minor: number;
  recurring_minor: number;
  /** What is billed at once. */
  invoice: InvoicePreview | null;
}

export interface InvoicePreview {
  object: 'invoice_preview';
  currency: Currency;
  discount_minor: number;
  tax_minor: number;
  total_minor: number;
  balance_used_minor: number;
  amount_due_minor: number;
  lines: { description: string; amount_minor: number }[];
}

/** `POST /v1/subscriptions/{id}/change` */
export interface SubscriptionChange {
  object: 'subscription_change';
  effect: 'now' | 'period_end';
  payment: { state: 'action_required'; url: string | null } | null;
  subscription: Subscription;
}

/** One of `GET /v1/payment_methods` */
export interface PaymentMethod {
  object: 'payment_method';
  id: string;
  type: string;
  brand: string | null;
  last4: string | null;
  exp_month: number | null;
  exp_year: number | null;
  state: 'valid' | 'expiring' | 'expired';
  is_default: boolean;
}

export interface CheckoutSession {
  object: 'checkout_session';
  id: string;
  state: 'open' | 'complete' | 'expired';
  url: string | null;
  plan_id: string;
  expires_at: string;
  subscription?: Subscription | null;
}

export interface MeterSummary {
  meter_id: string;
  name: string;
  unit: string;
  quantity: number;
  included: number;
  quota: 'soft' | 'hard';
  remaining: number;
  overage: number;
  amount_minor: number;
  /** What the period comes to at least, and what usage lacks to that now. */
  minimum_minor: number;
  shortfall_minor: number;
  lines: RatedLine[];
}

/** `GET /v1/usage/summary` */
export interface UsageSummary {
  object: 'usage_summary';
  period: { start_at: string; end_at: string };
  currency: Currency;
  meters: MeterSummary[];
  /** Over the plan's whole usage. */
  minimum: { interval: Interval; amount_minor: number; shortfall_minor: number } | null;
  base_amount_minor: number;
  cost_so_far_minor: number;
  capped_minor: number;
  spend_cap: { owner: 'customer' | 'seller'; amount_minor: number; remaining_minor: number } | null;
  total_so_far_minor: number;
  /** What the period comes to at the pace since then. */
  projection: { pace_since_at: string; total_minor: number };
}

/** `GET /v1/usage` */
export interface UsageSeries {
  object: 'usage_series';
  meter_id: string;
  window: 'hour' | 'day';
  data: { start_at: string; quantity: number }[];
}

export interface ApiKey {
  object: 'api_key';
  id: string;
  name: string;
  start: string;
  scopes: string[];
  allowed_cidrs: string[];
  /** What it may use of its customer's limits: units in `1h`, `30d`, or in a billing `period`. */
  budget: { limit: number; window: string } | null;
  livemode: boolean;
  status: 'active' | 'disabled' | 'expired' | 'revoked';
  last_used_at: string | null;
  expires_at: string | null;
  created_at: string;
  /** Its secret waits to be shown once. */
  revealable: boolean;
  /** Until when a secret from before the last rotation passes. */
  former_until_at: string | null;
}

export interface ApiKeyWithSecret extends ApiKey {
  secret: string;
}

/** One of `GET /v1/customers` (operators) */
export interface Customer {
  object: 'customer';
  id: string;
  name: string;
  email: string;
  stripe_customer_id: string | null;
  created_at: string;
  /** One in each group of plans at most. */
  subscriptions: {
    group: string;
    plan_id: string;
    plan_name: string;
    status: string;
    current_period_end_at: string;
  }[];
}

/** `GET /v1/customers/{id}/overrides` (operators) */
export interface CustomerOverrides {
  object: 'customer_overrides';
  customer_id: string;
  in_force: boolean;
  /** What was set last; null when it was removed. */
  overrides: OverrideChange | null;
  /** What counts now, one plan in each group; none without a subscription. */
  effective: EffectivePlan[];
  history: OverrideChange[];
}

export interface EffectivePlan {
  group: string;
  plan_id: string;
  usage: { meter_id: string; included: number; quota: 'soft' | 'hard' }[];
  limits: RateLimit[];
  features: Record<string, FeatureValue>;
}

export interface OverrideChange {
  included: Record<string, number>;
  quota: Record<string, 'soft' | 'hard'>;
  overage: Record<string, unknown>;
  limits: Record<string, number>;
  features: Record<string, FeatureValue>;
  expires_at: string | null;
  reason: string | null;
  actor: string;
  from_at: string;
}

export type StripeEventState = 'received' | 'done' | 'ignored' | 'parked';

/** One of `GET /v1/admin/stripe_events` */
export interface StripeEvent {
  id: string;
  type: string;
  object_id: string | null;
  customer_id: string | null;
  state: StripeEventState;
  reason: string | null;
  attempts: number;
  created_at: string;
  received_at: string;
  handled_at: string | null;
}

/** `GET /v1/admin/overview` */
export interface AdminOverview {
  customers: number;
  live_subscriptions: number;
  mrr: { currency: Currency; mrr_minor: number; subscriptions: number }[];
  requests_24h: number;
  stripe_events: Record<StripeEventState, number>;
  plans: { plan_id: string; plan_name: string; subscriptions: number }[];
}
