import {
  type AccessPolicy,
  type DunningStage,
  type GateCode,
  type GateKey,
  type Instant,
  type LimitState,
  type Period,
  type PricedUsage,
  type QuotaState,
  type Verification,
  dunningAt,
  marginalPrice,
  parseKey,
  quotaOf,
  refuse,
  slowed,
  stageOf,
} from '@farebox/core';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock, Counter, Take, TakeResult } from '../ports.ts';

export type Gate = ReturnType<typeof createGate>;

/** A key as the gate keeps it. */
export interface Entry extends GateKey {
  /** The period `quota_used` was read for; in any other one nothing was used when it was read. */
  quota_period_start_at: Instant | null;
  /** What to take from, made at the first request and again in each period. The gate's own. */
  plan_takes: PlanTakes | null;
}

interface PlanTakes {
  /** How much of each rate limit is given. */
  rate_percent: number;
  /** Windows in the plan's order, then the quota if there is one. */
  takes: Take[];
  quota: { usage: PricedUsage; period: Period } | null;
}

/** Where the gate's knowledge comes from. A promise only when it has to be read first. */
export interface Entries {
  get(token: string): Entry | null | Promise<Entry | null>;
}

export interface VerifyRequest {
  /** The key as it was sent. */
  token: string;
  /** Units; a whole number ≥ 0, 1 if left out. 0 asks without taking. */
  cost?: number | undefined;
  scope?: string | null | undefined;
  ip?: string | null | undefined;
  endpoint?: string | undefined;
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
  brand: string;
  policy: AccessPolicy;
}) {
  const { entries, counter, clock, policy } = deps;

  function verify(request: VerifyRequest): Verification | Promise<Verification> {
    // A mistyped or invented key costs a checksum and no look-up.
    if (parseKey(request.token, deps.brand) === null) return unknown(request);
    const entry = entries.get(request.token);
    if (entry instanceof Promise) return entry.then((found) => decide(request, found));
    return decide(request, entry);
  }

  function unknown(request: VerifyRequest): Verification {
    return refusal(null, 'NOT_FOUND', unknownKey, request.request_id ?? createId('req', clock.now()));
  }

  function decide(request: VerifyRequest, entry: Entry | null): Verification | Promise<Verification> {
    if (entry === null) return unknown(request);
    if (request.livemode !== undefined && request.livemode !== entry.livemode) return unknown(request);
    const now = clock.now();
    const request_id = request.request_id ?? createId('req', now);
    const reason = refuse(entry, { ip: request.ip ?? null, scope: request.scope ?? null }, now, policy);
    const stage = entry.subscription === null ? null : stageOf(entry.subscription, now, policy);
    if (reason !== null) return owing(refusal(entry, reason.code, reason.detail, request_id), entry, stage, now);

    const cost = request.cost ?? 1;
    const asked = takesOf(entry, now, stage?.rate_percent ?? 100);
    const result = counter.take(asked.takes, cost, now);
    const answer = (taken: TakeResult): Verification => {
      if (!taken.allowed) return owing(limited(entry, asked, taken, { cost, now, request_id }), entry, stage, now);
      const made = { cost, now, request_id, endpoint: request.endpoint ?? '' };
      return owing(admitted(entry, asked, taken, made), entry, stage, now);
    };
    return result instanceof Promise ? result.then(answer) : answer(result);
  }

  function admitted(
    entry: Entry,
    asked: PlanTakes,
    taken: TakeResult,
    made: { cost: number; now: Instant; request_id: string; endpoint: string },
  ): Verification {
    const { cost, now, request_id, endpoint } = made;
    const verification = describe(entry, asked, taken, request_id);
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

  return { verify };
}

/** The key's takes, made anew when the billing period is over or another part of its limits is given. */
function takesOf(entry: Entry, now: Instant, rate_percent: number): PlanTakes {
  const known = entry.plan_takes?.rate_percent === rate_percent ? entry.plan_takes : null;
  const period = known?.quota?.period;
  if (known && (period === undefined || (now >= period.start_at && now < period.end_at))) return known;
  invariant(entry.plan !== null, 'a key without a plan is refused before its limits are asked');
  const takes: Take[] = entry.plan.limits.map(({ name, limit, window_ms }) => ({
    kind: 'window',
    id: `${entry.customer_id}:${name}`,
    limit: rate_percent === 100 ? limit : slowed(limit, rate_percent),
    window_ms,
  }));
  const quota = quotaOf(entry, now);
  if (quota !== null) {
    takes.push({
      kind: 'quota',
      id: `${entry.customer_id}:${quota.usage.meter_id}:${quota.period.start_at}`,
      limit: quota.usage.included,
      hard: quota.usage.quota === 'hard',
      period_end_at: quota.period.end_at,
      seed: entry.quota_period_start_at === quota.period.start_at ? entry.quota_used : 0,
    });
  }
  entry.plan_takes = { rate_percent, takes, quota };
  return entry.plan_takes;
}

/** Refused for a limit: when the same request can pass, if it ever can. */
function limited(
  entry: Entry,
  asked: PlanTakes,
  taken: TakeResult,
  made: { cost: number; now: Instant; request_id: string },
): Verification {
  const { cost, now, request_id } = made;
  const take = asked.takes[taken.denied];
  const reset_at = taken.reset_at[taken.denied];
  invariant(take !== undefined && reset_at !== undefined, 'a refusal names its limit');
  const verification = describe(entry, asked, taken, request_id);
  verification.valid = false;
  if (take.kind === 'quota') {
    verification.code = 'QUOTA_EXCEEDED';
    verification.detail = `The ${take.limit} units of this billing period are used up. More on ${new Date(reset_at).toISOString()}.`;
  } else {
    verification.code = 'RATE_LIMITED';
    verification.detail = `The limit of ${take.limit} per ${entry.plan?.limits[taken.denied]?.name ?? 'window'} is reached.`;
  }
  if (cost > take.limit) {
    verification.detail = `This request costs ${cost}, more than the limit of ${take.limit} ever allows.`;
  } else {
    verification.retry_after_s = Math.max(1, Math.ceil((reset_at - now) / 1000));
  }
  return verification;
}

/** What is left after the decision, as of an admitted request. */
function describe(entry: Entry, asked: PlanTakes, taken: TakeResult, request_id: string): Verification {
  const limits: LimitState[] = [];
  let quota: QuotaState | null = null;
  for (let index = 0; index < asked.takes.length; index += 1) {
    const take = asked.takes[index];
    const used = taken.used[index];
    const reset_at = taken.reset_at[index];
    invariant(take !== undefined && used !== undefined && reset_at !== undefined, 'a counter answers for every limit');
    const { limit } = take;
    const remaining = Math.max(0, limit - used);
    if (take.kind === 'window') {
      limits.push({
        name: entry.plan?.limits[index]?.name ?? '',
        limit,
        remaining,
        window_ms: take.window_ms,
        reset_at,
      });
    } else if (asked.quota !== null) {
      const { meter_id, quota: kind, interval } = asked.quota.usage;
      quota = { meter_id, kind, included: limit, used, remaining, reset_at, interval };
    }
  }
  return {
    ...facts(entry),
    valid: true,
    code: 'VALID',
    detail: 'The request may pass.',
    request_id,
    limits,
    quota,
    retry_after_s: null,
  };
}

/** Refused before any limit was asked: it says nothing about what is left. */
function refusal(entry: Entry | null, code: GateCode, detail: string, request_id: string): Verification {
  return { ...facts(entry), valid: false, code, detail, request_id, limits: [], quota: null, retry_after_s: null };
}

function facts(entry: Entry | null) {
  return {
    key_id: entry?.key_id ?? null,
    customer_id: entry?.customer_id ?? null,
    plan_id: entry?.plan?.id ?? null,
    features: entry?.plan?.features ?? {},
    cost_decimal: '0',
    currency: entry?.plan?.price.currency ?? null,
    payment: null,
  };
}
