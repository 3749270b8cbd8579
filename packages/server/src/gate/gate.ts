import {
  type AccessPolicy,
  type DunningStage,
  type Endpoint,
  type Feature,
  type GateKey,
  type Instant,
  type Meter,
  type PricedPlan,
  type Verification,
  accessOf,
  dunningAt,
  marginalPrice,
  mergeFeatures,
  parseKey,
  partFor,
  refuse,
  stageOf,
  standardFeatures,
} from '@farebox/core';
import { createId } from '../lib/id.ts';
import { Problem } from '../problem.ts';
import type { Clock, Counter, TakeResult } from '../ports.ts';
import { type Decided, describe, limited, refusal } from './decided.ts';
import { type PlanTakes, placeOf, placesId, takesOf } from './takes.ts';

export type Gate = ReturnType<typeof createGate>;

/** A key as the gate keeps it: its first part. */
export interface Entry extends GateKey {
  /** All parts of the key, itself the first: one for each subscription and each meter of its plan. Null where it is the only one. */
  parts: readonly Entry[] | null;
  /** The period `quota_used` was read for; in any other one nothing was used when it was read. */
  quota_period_start_at: Instant | null;
  /** The same for `key_used`. */
  budget_period_start_at: Instant | null;
  /** When another plan counts by itself, and which: overrides that end. */
  plan_next: { from_at: Instant; plan: PricedPlan | null } | null;
  /** What to take from, made at the first request and again in each period. The gate's own. */
  plan_takes: PlanTakes | null;
}

/** Where the gate's knowledge comes from. A promise only when it has to be read first. */
export interface Entries {
  get(token: string): Entry | null | Promise<Entry | null>;
  /** Whether a text that is no key of ours may be one that came from another system. */
  isForeign(): boolean;
  getForeign(token: string): Entry | null | Promise<Entry | null>;
}

export interface VerifyRequest {
  /** The key as it was sent. */
  token: string;
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
  /** The name of the decision and of the usage event it makes: unique. */
  request_id?: string | undefined;
  /** When given, keys of the other mode do not exist. */
  livemode?: boolean | undefined;
}

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

/** Longer texts are no keys of anybody's. */
const mostForeignText = 256;

type Adopt = (token: string) => Promise<boolean>;

const unknownKey = 'This API key is not known. Check that it was copied whole.';

/**
 * The decision on one request: who is it, may they, how much is left, what does it cost. Synchronous as long as the key is
 * known and the counter is in this process. Writes nothing but counts; what was used is handed to `record`, who was here to
 * `used`. Rejects only when a key cannot be looked up.
 */
export function createGate(deps: {
  entries: Entries;
  counter: Counter;
  clock: Clock;
  record: (usage: GateUsage) => void;
  /** Hears of every admitted key, whether or not it used something. */
  used?: (keyId: string, at: Instant) => void;
  /** Asks the seller's former system for a key that is not known; true when it is known now. */
  adopt?: Adopt;
  /** Finds what the seller's API says of a request; null where it says nothing. */
  match?: (method: string, path: string) => Endpoint | null;
  /** Where a customer that is refused for a limit can have more. */
  upgrade_url?: string;
  brand: string;
  policy: AccessPolicy;
  /** Of the price list: meters a request may name, and what a plan that says nothing has of each feature. */
  meters?: readonly Meter[];
  features?: readonly Feature[];
}) {
  const { entries, counter, clock, policy } = deps;
  const standard = standardFeatures(deps.features ?? []);
  const upgrade_url = deps.upgrade_url ?? null;

  function verify(request: VerifyRequest): Verification | Promise<Verification> {
    // A mistyped or invented key costs a checksum and no look-up.
    if (parseKey(request.token, deps.brand) === null) return verifyForeign(request);
    const entry = entries.get(request.token);
    if (entry instanceof Promise) return entry.then((found) => decide(request, found));
    return decide(request, entry);
  }

  /** A text that is none of ours is a key where keys came from another system, or one that is asked knows it. */
  function verifyForeign(request: VerifyRequest): Verification | Promise<Verification> {
    const { token } = request;
    if (token === '' || token.length > mostForeignText) return unknown(request);
    if (deps.adopt === undefined && !entries.isForeign()) return unknown(request);
    const entry = entries.getForeign(token);
    if (deps.adopt === undefined && !(entry instanceof Promise)) return decide(request, entry);
    return adopted(token, entry, deps.adopt).then((found) => decide(request, found));
  }

  async function adopted(token: string, first: Entry | null | Promise<Entry | null>, adopt: Adopt | undefined) {
    const entry = await first;
    if (entry !== null || adopt === undefined || !(await adopt(token))) return entry;
    return await entries.getForeign(token);
  }

  function unknown(request: VerifyRequest): Verification {
    return refusal(null, 'NOT_FOUND', unknownKey, request.request_id ?? createId('req', clock.now()));
  }

  function decide(request: VerifyRequest, key: Entry | null): Verification | Promise<Verification> {
    if (key === null) return unknown(request);
    if (request.livemode !== undefined && request.livemode !== key.livemode) return unknown(request);
    const now = clock.now();
    const request_id = request.request_id ?? createId('req', now);
    const endpoint = endpointOf(request);
    const entry = partOf(key, request.meter_id ?? endpoint?.meter_id ?? null, now);
    turnOver(entry, now);
    const scope = request.scope ?? endpoint?.scope ?? null;
    const reason = refuse(entry, { ip: request.ip ?? null, scope }, now, policy);
    const stage = entry.subscription === null ? null : stageOf(entry.subscription, now, policy);
    if (reason !== null) return owing(refusal(entry, reason.code, reason.detail, request_id), entry, stage, now);

    const cost = request.cost ?? endpoint?.cost ?? 1;
    const asked = takesOf(entry, now, { rate_percent: stage?.rate_percent ?? 100, endpoint });
    const place = request.releases === true ? placeOf(entry, request_id) : null;
    const takes = place === null ? asked.takes : [...asked.takes, place];
    const result = counter.take(takes, cost, now);
    const answer = (taken: TakeResult): Verification => {
      if (taken.unavailable === true) throw uncounted();
      const decided: Decided = { entry, asked, takes, taken, cost, now, request_id };
      const verification = taken.allowed
        ? admitted(decided, request.endpoint ?? endpoint?.name ?? '')
        : limited(decided, upgrade_url);
      return owing(withAllFeatures(verification, entry, now), entry, stage, now);
    };
    return result instanceof Promise ? result.then(answer) : answer(result);
  }

  /** What the request is decided by. A meter that no plan of the customer's has gives nothing to use. */
  function partOf(key: Entry, meter_id: string | null, now: Instant): Entry {
    if (key.parts === null && meter_id === null) return key;
    const parts = key.parts ?? [key];
    const part = partFor(parts, meter_id, now, policy);
    if (part !== null) return part;
    refuseUnknown(meter_id, deps.meters);
    return { ...key, subscription: null, plan: null, plan_next: null, plan_takes: null };
  }

  /** All that the customer has: what one of its plans turns on is on, whichever decides about the request. */
  function withAllFeatures(verification: Verification, entry: Entry, now: Instant): Verification {
    if (entry.parts === null) return verification;
    const plans = entry.parts.flatMap(({ subscription, plan }) =>
      subscription !== null && plan !== null && accessOf(subscription, now, policy) === 'granted' ? plan : [],
    );
    if (plans.length > 0) verification.features = mergeFeatures(plans, standard);
    return verification;
  }

  function admitted(decided: Decided, endpoint: string): Verification {
    const { entry, asked, cost, now, request_id } = decided;
    const verification = describe(decided);
    if (asked.quota !== null && verification.quota !== null) {
      const { usage } = asked.quota;
      verification.cost_decimal = marginalPrice(usage, verification.quota.used - cost, cost);
      if (cost > 0) {
        const { customer_id, key_id } = entry;
        const { meter_id } = usage;
        deps.record({ id: request_id, customer_id, key_id, meter_id, quantity: cost, occurred_at: now, endpoint });
      }
    }
    deps.used?.(entry.key_id, now);
    return verification;
  }

  /** Says on the answer that a payment is owed; for everybody else it is returned as it is. */
  function owing(verification: Verification, entry: Entry, stage: DunningStage | null, now: Instant): Verification {
    if (stage === null || entry.subscription === null) return verification;
    const since = entry.subscription.past_due_since_at ?? entry.subscription.current_period_end_at;
    verification.payment = dunningAt(policy.dunning, since, now);
    return verification;
  }

  /** More than a limit has left is counted too: it was used. */
  async function measure(request: VerifyRequest, units: number): Promise<void> {
    const isOurs = parseKey(request.token, deps.brand) !== null;
    const key = await (isOurs ? entries.get(request.token) : entries.getForeign(request.token));
    if (key === null || request.request_id === undefined || units <= 0) return;
    const now = clock.now();
    const matched = endpointOf(request);
    const entry = partOf(key, request.meter_id ?? matched?.meter_id ?? null, now);
    if (entry.plan === null) return;
    const { takes, quota } = takesOf(entry, now, { rate_percent: 100, endpoint: null });
    if (quota === null) return;
    const soft = takes.flatMap((take) => (take.kind === 'quota' ? [{ ...take, hard: false }] : []));
    await counter.take(soft, units, now);
    const { customer_id, key_id } = entry;
    const endpoint = request.endpoint ?? matched?.name ?? '';
    const { meter_id } = quota.usage;
    const id = `${request.request_id}_more`;
    deps.record({ id, customer_id, key_id, meter_id, quantity: units, occurred_at: now, endpoint });
  }

  /** What the seller's API says of a request. */
  function endpointOf({ method, path }: VerifyRequest): Endpoint | null {
    return path === undefined ? null : (deps.match?.(method ?? 'GET', path) ?? null);
  }

  return {
    verify,
    /**
     * Counts what an admitted request turned out to have used beyond its cost: in the quota, the key's budget of the period
     * and the usage, not in windows, which are about requests.
     */
    measure,
    endpointOf,
    /** Whether what a request costs and needs depends on its path. */
    reads_paths: deps.match !== undefined,
    /** Gives a place among the requests at the same time back. A name that is none, or of a place that ran out, is no fault. */
    async release(lease: string): Promise<void> {
      const at = lease.indexOf('.');
      if (at > 0) await counter.release(placesId(lease.slice(0, at)), lease.slice(at + 1));
    },
  };
}

/** A name that nobody sells by is the mistake of who asks, and not the customer's. */
function refuseUnknown(meter_id: string | null, meters: readonly Meter[] | undefined): void {
  if (meter_id === null || meters === undefined || meters.some(({ id }) => id === meter_id)) return;
  const names = meters.map(({ id }) => id).join(', ');
  throw new Problem('invalid_request', `meter: There is no such meter. There are: ${names}.`, { param: 'meter' });
}

/** A limit that is closed while nobody counts for all processes. */
function uncounted(): Problem {
  return new Problem(
    'gate_unavailable',
    'A limit of this customer cannot be counted at the moment, and nothing passes uncounted. Try again.',
  );
}

/** To the millisecond, without a read: what was taken so far stays taken, since counters are named by no value. */
function turnOver(entry: Entry, now: Instant): void {
  if (entry.plan_next === null || now < entry.plan_next.from_at) return;
  entry.plan = entry.plan_next.plan;
  entry.plan_next = null;
  entry.plan_takes = null;
}
