import type { DunningState } from './dunning.ts';
import type { FeatureValue, Instant, Interval } from './plan.ts';

/** Every outcome of a verify. `VALID` lets the request through. */
export const gateCodes = [
  'VALID',
  'NOT_FOUND',
  'DISABLED',
  'EXPIRED',
  'REVOKED',
  'FORBIDDEN_IP',
  'INSUFFICIENT_SCOPE',
  'RATE_LIMITED',
  'QUOTA_EXCEEDED',
  'SPEND_CAP_REACHED',
  'PAYMENT_PAST_DUE',
  'SUBSCRIPTION_INACTIVE',
] as const;
export type GateCode = (typeof gateCodes)[number];

/** The HTTP status a seller's API answers with for each code; also what forward-auth answers. */
export const gateStatus: Record<GateCode, 200 | 401 | 402 | 403 | 429> = {
  VALID: 200,
  NOT_FOUND: 401,
  DISABLED: 401,
  EXPIRED: 401,
  REVOKED: 401,
  FORBIDDEN_IP: 403,
  INSUFFICIENT_SCOPE: 403,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 429,
  SPEND_CAP_REACHED: 402,
  PAYMENT_PAST_DUE: 402,
  SUBSCRIPTION_INACTIVE: 402,
};

/** What is left of one limit after the decision. */
export interface LimitState {
  name: string;
  limit: number;
  remaining: number;
  /** For a rate limit the window's length; null for a quota. */
  window_ms: number | null;
  /** When capacity comes back: for a refusal the earliest instant at which the same request can pass. */
  reset_at: Instant;
}

/** The answer of `POST /v1/keys/verify`, and what the gate hands to every door. */
export interface Verification {
  valid: boolean;
  code: GateCode;
  /** One sentence for the caller of the seller's API. */
  detail: string;
  request_id: string;
  key_id: string | null;
  customer_id: string | null;
  plan_id: string | null;
  /** What the key is good for; empty: everything. */
  scopes: readonly string[];
  /** On or off, or what the plan sets it to. */
  features: Record<string, FeatureValue>;
  /** Rate limits, in the plan's order; empty when the key is unknown. */
  limits: LimitState[];
  quota: QuotaState | null;
  /** Money this call adds at the margin, decimal string in minor units; `'0'` inside the included amount. */
  cost_decimal: string;
  currency: string | null;
  /** Seconds until the same request can pass; null unless it was refused for a limit. */
  retry_after_s: number | null;
  /** Set while a payment is owed: the step of dunning the customer is in, and when the next one begins. */
  payment: DunningState | null;
  /** The limit that refused; of several, the one that frees up last. */
  denied_by?: DeniedBy | null;
  /** Where more can be had; null where nobody said. */
  upgrade_url?: string | null;
  /** A place among the requests at the same time, to be given back when this one is over. */
  lease?: { id: string; expires_at: Instant } | null;
}

/** Which limit refused, and until when. */
export interface DeniedBy {
  /**
   * `window`, `burst`: a rate limit; `concurrency`: requests at the same time; `budget`: the key's part; `quota`: the included
   * amount; `spend_cap`: the most that usage may cost, named by whose it is.
   */
  kind: 'window' | 'burst' | 'concurrency' | 'budget' | 'quota' | 'spend_cap';
  name: string;
  /** Of a spend cap minor units, else units. */
  limit: number;
  window_ms: number | null;
  /** When the same request can pass; of a request that costs more than the limit, never. */
  reset_at: Instant | null;
}

export interface QuotaState {
  meter_id: string;
  kind: 'soft' | 'hard';
  included: number;
  used: number;
  remaining: number;
  /** End of the billing period. */
  reset_at: Instant;
  /** Length of the billing period; a month unless said. */
  interval?: Interval;
}

/** `application/problem+json` (RFC 9457): every error Farebox answers with. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  /** The field at fault, as a path: `plans.pro.price`. */
  param?: string;
  request_id: string;
  errors?: { param: string; detail: string }[];
  /** Of a refusal for a limit. */
  limit?: Omit<DeniedBy, 'reset_at'> & { reset_at: string | null };
  upgrade_url?: string;
}

export const header = {
  rateLimit: 'RateLimit',
  rateLimitPolicy: 'RateLimit-Policy',
  xRateLimitLimit: 'X-RateLimit-Limit',
  xRateLimitRemaining: 'X-RateLimit-Remaining',
  xRateLimitReset: 'X-RateLimit-Reset',
  retryAfter: 'Retry-After',
  quotaRemaining: 'Farebox-Quota-Remaining',
  cost: 'Farebox-Cost',
  payment: 'Farebox-Payment',
  requestId: 'Farebox-Request-Id',
  code: 'Farebox-Code',
  customer: 'Farebox-Customer',
  plan: 'Farebox-Plan',
  keyId: 'Farebox-Key-Id',
  scopes: 'Farebox-Scopes',
  problem: 'Farebox-Problem',
} as const;
