import { type Decided, describe, limited, refusalOf, refused } from './decided.ts';
import { dunningAt } from './dunning.ts';
import type { Endpoint } from './endpoint.ts';
import { type AccessPolicy, accessOf, stageOf } from './entitlement.ts';
import type { Entry } from './entry.ts';
import { mergeFeatures } from './group.ts';
import { type Refusal, partFor, refuse } from './limit.ts';
import type { FeatureValue, Instant } from './plan.ts';
import { placeOf, takesOf } from './plan-takes.ts';
import { marginalPrice } from './price.ts';
import type { Verification } from './wire.ts';

/** What is asked of the gate about one request of a key that is known. */
export interface DecisionRequest {
  /** Units; a whole number ≥ 0, 1 if left out. 0 asks without taking. */
  cost?: number | undefined;
  scope?: string | null | undefined;
  ip?: string | null | undefined;
  endpoint?: string | undefined;
  /** What it uses, where plans measure several things. Unless said, what the first of the customer's plans measures first. */
  meter_id?: string | undefined;
  /** Of the request to the seller's API: with them its cost, scope and limits are found in the API's own document. */
  method?: string | undefined;
  /** In canonical form. */
  path?: string | undefined;
  /** Whether the caller will say when the request is over; only then it can take a place among those at the same time. */
  releases?: boolean | undefined;
}

/** What is the same for every request. */
export interface DecisionRules {
  policy: AccessPolicy;
  /** Finds what the seller's API says of a request. */
  match: ((method: string, path: string) => Endpoint | null) | null;
  /** Of the price list: meters a request may name; null where it may name any. */
  meters: readonly string[] | null;
  /** What a plan that says nothing has of each feature. */
  features: Readonly<Record<string, FeatureValue>>;
  /** Where a customer that is refused for a limit can have more. */
  upgrade_url: string | null;
}

/**
 * What is decided before limits are asked: refused for what the key or the subscription is, or what to take from. A meter that
 * nobody sells by is the mistake of who asks, and not the customer's.
 */
export type Prepared = 'refused' | 'unknown_meter' | 'asking';

/** What an admitted request used. */
export interface GateUsage {
  id: string;
  customer_id: string;
  key_id: string;
  meter_id: string;
  quantity: number;
  occurred_at: Instant;
  endpoint: string;
}

const unknown: Refusal = {
  code: 'NOT_FOUND',
  detail: 'This API key is not known. Check that it was copied whole.',
};

/** Of a key that nobody knows. */
export function unknownKey(decided: Decided): Decided {
  return refused(decided, null, unknown);
}

/**
 * The decision on one request of a key, up to its limits, written into `decided`, whose `request_id` is that of the request. A
 * counter then answers for `decided.takes`. Never throws.
 */
export function prepare(
  decided: Decided,
  key: Entry,
  request: DecisionRequest,
  rules: DecisionRules,
  now: Instant,
): Prepared {
  const { policy, meters } = rules;
  const endpoint = endpointOf(request, rules);
  const meter_id = request.meter_id ?? endpoint?.meter_id ?? null;
  const part = partOf(key, meter_id, now, policy);
  if (part === null && meter_id !== null && meters !== null && !meters.includes(meter_id)) return 'unknown_meter';
  // A meter that no plan of the customer's has gives nothing to use.
  const entry = part ?? { ...key, subscription: null, plan: null, plan_next: null, plan_takes: null };
  turnOver(entry, now);
  const scope = request.scope ?? endpoint?.scope ?? null;
  const { subscription } = entry;
  const stage = subscription === null ? null : stageOf(subscription, now, policy);
  decided.stage = stage;
  decided.now = now;
  const refusal = refuse(entry, request.ip ?? null, scope, now, policy);
  if (refusal !== null) {
    refused(decided, entry, refusal);
    return 'refused';
  }
  const asked = takesOf(entry, now, stage === null ? 100 : stage.rate_percent, endpoint);
  const place = request.releases === true ? placeOf(entry, decided.request_id) : null;
  decided.entry = entry;
  decided.refusal = null;
  decided.asked = asked;
  decided.takes = place === null ? asked.takes : [...asked.takes, place];
  decided.cost = request.cost ?? endpoint?.cost ?? 1;
  decided.endpoint = request.endpoint ?? endpoint?.name ?? '';
  return 'asking';
}

/** The answer to a request: a copy of what was decided, in the words of every door. */
export function verificationOf(decided: Decided, rules: DecisionRules): Verification {
  const { entry, refusal, asked, taken, cost, request_id } = decided;
  if (refusal !== null) return owing(refusalOf(entry, refusal, request_id), decided, rules.policy);
  if (entry === null || asked === null) throw new RangeError('Limits are asked about a key.');
  const verification = taken.allowed ? describe(decided, asked) : limited(decided, asked, rules.upgrade_url);
  if (taken.allowed && asked.quota !== null && verification.quota !== null)
    verification.cost_decimal = marginalPrice(asked.quota.usage, verification.quota.used - cost, cost);
  return owing(withAllFeatures(verification, entry, decided.now, rules), decided, rules.policy);
}

/** What an admitted request used; null where nothing is measured. */
export function usedBy({ asked, cost, entry, request_id, now, endpoint }: Decided): GateUsage | null {
  if (asked === null || asked.quota === null || entry === null || cost === 0) return null;
  const { customer_id, key_id } = entry;
  const { meter_id } = asked.quota.usage;
  return { id: request_id, customer_id, key_id, meter_id, quantity: cost, occurred_at: now, endpoint };
}

/** What the seller's API says of a request. */
export function endpointOf(
  { method, path }: Pick<DecisionRequest, 'method' | 'path'>,
  { match }: Pick<DecisionRules, 'match'>,
): Endpoint | null {
  return path === undefined || match === null ? null : match(method ?? 'GET', path);
}

/** What the request is decided by; null where no plan of the customer's measures what it names. */
export function partOf(key: Entry, meter_id: string | null, now: Instant, policy: AccessPolicy): Entry | null {
  if (key.parts === null && meter_id === null) return key;
  return partFor(key.parts ?? [key], meter_id, now, policy);
}

/** All that the customer has: what one of its plans turns on is on, whichever decides about the request. */
function withAllFeatures(verification: Verification, entry: Entry, now: Instant, rules: DecisionRules): Verification {
  if (entry.parts === null) return verification;
  const plans = entry.parts.flatMap(({ subscription, plan }) =>
    subscription !== null && plan !== null && accessOf(subscription, now, rules.policy) === 'granted' ? plan : [],
  );
  if (plans.length > 0) verification.features = mergeFeatures(plans, rules.features);
  return verification;
}

/** Says on the answer that a payment is owed; for everybody else it is returned as it is. */
function owing(verification: Verification, { entry, stage, now }: Decided, policy: AccessPolicy): Verification {
  if (stage === null || entry === null || entry.subscription === null) return verification;
  const since = entry.subscription.past_due_since_at ?? entry.subscription.current_period_end_at;
  verification.payment = dunningAt(policy.dunning, since, now);
  return verification;
}

/** To the millisecond, without a read: what was taken so far stays taken, since counters are named by no value. */
function turnOver(entry: Entry, now: Instant): void {
  if (entry.plan_next === null || now < entry.plan_next.from_at) return;
  entry.plan = entry.plan_next.plan;
  entry.plan_next = null;
  entry.plan_takes = null;
}
