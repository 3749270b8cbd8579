import { type Decided, describe, limited, refusal } from './decided.ts';
import { type DunningStage, dunningAt } from './dunning.ts';
import type { Endpoint } from './endpoint.ts';
import { type AccessPolicy, accessOf, stageOf } from './entitlement.ts';
import type { Entry } from './entry.ts';
import { mergeFeatures } from './group.ts';
import { partFor, refuse } from './limit.ts';
import type { FeatureValue, Instant } from './plan.ts';
import { placeOf, takesOf } from './plan-takes.ts';
import { marginalPrice } from './price.ts';
import type { TakeResult } from './take.ts';
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

/** A request that passes if its limits have room. */
export interface Asking extends Omit<Decided, 'taken'> {
  type: 'asking';
  stage: DunningStage | null;
  endpoint: string;
}

/**
 * What is decided before limits are asked: refused for what the key or the subscription is, or what to take from. A meter that
 * nobody sells by is the mistake of who asks, and not the customer's.
 */
export type Prepared =
  | { type: 'refused'; verification: Verification }
  | { type: 'unknown_meter'; meters: readonly string[] }
  | Asking;

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

/** Of a key that nobody knows. */
export function unknownKey(request_id: string): Verification {
  return refusal(null, 'NOT_FOUND', 'This API key is not known. Check that it was copied whole.', request_id);
}

/** The decision on one request of a key, up to its limits. Never throws. */
export function prepare(
  key: Entry,
  request: DecisionRequest,
  rules: DecisionRules,
  at: { now: Instant; request_id: string },
): Prepared {
  const { policy, meters } = rules;
  const { now, request_id } = at;
  const endpoint = endpointOf(request, rules);
  const meter_id = request.meter_id ?? endpoint?.meter_id ?? null;
  const part = partOf(key, meter_id, now, policy);
  if (part === null && meter_id !== null && meters !== null && !meters.includes(meter_id))
    return { type: 'unknown_meter', meters };
  // A meter that no plan of the customer's has gives nothing to use.
  const entry = part ?? { ...key, subscription: null, plan: null, plan_next: null, plan_takes: null };
  turnOver(entry, now);
  const scope = request.scope ?? endpoint?.scope ?? null;
  const reason = refuse(entry, { ip: request.ip ?? null, scope }, now, policy);
  const stage = entry.subscription === null ? null : stageOf(entry.subscription, now, policy);
  if (reason !== null) {
    const verification = refusal(entry, reason.code, reason.detail, request_id);
    return { type: 'refused', verification: owing(verification, entry, stage, now, policy) };
  }
  const asked = takesOf(entry, now, { rate_percent: stage?.rate_percent ?? 100, endpoint });
  const place = request.releases === true ? placeOf(entry, request_id) : null;
  return {
    type: 'asking',
    entry,
    stage,
    asked,
    takes: place === null ? asked.takes : [...asked.takes, place],
    cost: request.cost ?? endpoint?.cost ?? 1,
    now,
    request_id,
    endpoint: request.endpoint ?? endpoint?.name ?? '',
  };
}

/** The decision, when limits have answered. */
export function conclude(asking: Asking, taken: TakeResult, rules: DecisionRules): Verification {
  const { entry, stage, now, cost, asked } = asking;
  const decided: Decided = { ...asking, taken };
  const verification = taken.allowed ? describe(decided) : limited(decided, rules.upgrade_url);
  if (taken.allowed && asked.quota !== null && verification.quota !== null)
    verification.cost_decimal = marginalPrice(asked.quota.usage, verification.quota.used - cost, cost);
  return owing(withAllFeatures(verification, entry, now, rules), entry, stage, now, rules.policy);
}

/** What an admitted request used; null where nothing is measured. */
export function usedBy({ asked, cost, entry, request_id, now, endpoint }: Asking): GateUsage | null {
  if (asked.quota === null || cost === 0) return null;
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
function owing(
  verification: Verification,
  entry: Entry,
  stage: DunningStage | null,
  now: Instant,
  policy: AccessPolicy,
): Verification {
  if (stage === null || entry.subscription === null) return verification;
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
