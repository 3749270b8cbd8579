import { inAnyCidr } from './cidr.ts';
import { isReadScope } from './dunning.ts';
import { type AccessPolicy, accessOf, stageOf } from './entitlement.ts';
import type { KeyBudget } from './key-budget.ts';
import { type Period, periodAt } from './period.ts';
import type { Instant } from './plan.ts';
import type { PricedPlan, PricedUsage } from './priced-plan.ts';
import type { GateCode } from './wire.ts';

/** What the gate knows about one API key, for one subscription of its customer and the first meter of the plan they are on. */
export interface GateKey {
  key_id: string;
  customer_id: string;
  livemode: boolean;
  /** What the key may do; empty: everything. */
  scopes: string[];
  /** From where it may be used; empty: from anywhere. */
  allowed_cidrs: string[];
  expires_at: Instant | null;
  disabled_at: Instant | null;
  revoked_at: Instant | null;
  /** What the key may use of its customer's limits; null: all of it. */
  budget: KeyBudget | null;
  subscription: {
    status: string;
    billing_anchor_at: Instant;
    current_period_start_at: Instant;
    current_period_end_at: Instant;
    cancel_at: Instant | null;
    ended_at: Instant | null;
    past_due_since_at: Instant | null;
  } | null;
  plan: PricedPlan | null;
  /** Units of the quota's meter used in the current period, per the roll-up when the entry was read. */
  quota_used: number;
  /** Of these, used with this key; read only where its budget is per billing period. */
  key_used: number;
}

/** Why a request does not pass, before any limit is asked. `detail` is one sentence for the caller of the seller's API. */
export interface Refusal {
  code: Exclude<GateCode, 'VALID'>;
  detail: string;
}

// One object per reason, made once: a refusal allocates nothing.
const revoked: Refusal = { code: 'REVOKED', detail: 'This API key was revoked. Use another key.' };
const disabled: Refusal = {
  code: 'DISABLED',
  detail: 'This API key is disabled. Enable it in the dashboard, or use another key.',
};
const expired: Refusal = { code: 'EXPIRED', detail: 'This API key has expired. Create a new one in the dashboard.' };
const forbiddenIp: Refusal = { code: 'FORBIDDEN_IP', detail: 'This API key may not be used from this IP address.' };
const missingScope: Refusal = {
  code: 'INSUFFICIENT_SCOPE',
  detail: 'This API key does not have the scope this request needs.',
};
const inactive: Refusal = {
  code: 'SUBSCRIPTION_INACTIVE',
  detail: 'There is no active subscription. Choose a plan in the dashboard.',
};
const pastDue: Refusal = {
  code: 'PAYMENT_PAST_DUE',
  detail: 'The last payment failed. Update the payment method in the dashboard.',
};
const readOnly: Refusal = {
  code: 'PAYMENT_PAST_DUE',
  detail:
    'The last payment failed; until it is made only requests that read pass. Update the payment method in the dashboard.',
};

/**
 * Refuses a request for what the key or the subscription is, or answers null; limits come after. The order is fixed: key
 * state, IP address, scope, subscription, so that a key which is no longer good says nothing about its customer's payments.
 * A key with an allowlist and a request without an address is refused; while a payment is owed, so is one that does more than
 * read once the policy says so. Never throws.
 */
export function refuse(
  entry: GateKey,
  ip: string | null,
  scope: string | null,
  now: Instant,
  policy: AccessPolicy,
): Refusal | null {
  if (entry.revoked_at !== null && now >= entry.revoked_at) return revoked;
  if (entry.disabled_at !== null && now >= entry.disabled_at) return disabled;
  if (entry.expires_at !== null && now >= entry.expires_at) return expired;
  if (entry.allowed_cidrs.length > 0 && (ip === null || !inAnyCidr(ip, entry.allowed_cidrs))) return forbiddenIp;
  if (scope !== null && entry.scopes.length > 0 && !entry.scopes.includes(scope)) return missingScope;
  if (entry.subscription === null || entry.plan === null) return inactive;
  switch (accessOf(entry.subscription, now, policy)) {
    case 'granted':
      if (stageOf(entry.subscription, now, policy)?.step === 'read_only' && !isReadScope(scope)) return readOnly;
      return null;
    case 'past_due':
      return pastDue;
    case 'inactive':
      return inactive;
  }
}

/**
 * Which part of a key a request is for: a key has one for each subscription of its customer and each meter of its plan. A
 * request that names its meter is for the part that measures it; null when there is none. One that names none is for the first
 * that gives access, else the first that would if what is owed were paid, else the first.
 */
export function partFor<T extends GateKey>(
  parts: readonly T[],
  meter_id: string | null,
  now: Instant,
  policy: AccessPolicy,
): T | null {
  let best: T | null = null;
  let bestRank = -1;
  for (const part of parts) {
    if (meter_id !== null && part.plan?.usage[0]?.meter_id !== meter_id) continue;
    const rank = part.subscription === null ? 0 : ranks[accessOf(part.subscription, now, policy)];
    if (rank > bestRank) [best, bestRank] = [part, rank];
  }
  return best;
}

const ranks = { inactive: 1, past_due: 2, granted: 3 };

/**
 * The quota that applies at `now`: the first meter the plan includes, in the quota's period that holds `now`, counted from the
 * billing anchor. Null without a plan, a subscription or a metered amount.
 */
export function quotaOf(entry: GateKey, now: Instant): { usage: PricedUsage; period: Period } | null {
  const usage = entry.plan?.usage[0];
  if (usage === undefined || entry.subscription === null) return null;
  return { usage, period: periodAt(entry.subscription.billing_anchor_at, usage.interval, now) };
}

/** The billing period a key's budget counts in: that of the quota, or of the price where the plan measures nothing. */
export function budgetPeriodOf(entry: GateKey, now: Instant): Period | null {
  if (entry.budget?.window !== 'period' || entry.plan === null || entry.subscription === null) return null;
  const interval = entry.plan.usage[0]?.interval ?? entry.plan.price.interval;
  return periodAt(entry.subscription.billing_anchor_at, interval, now);
}
