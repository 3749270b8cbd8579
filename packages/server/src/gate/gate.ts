import {
  type AccessPolicy,
  type DunningStage,
  type GateCode,
  type GateKey,
  type Instant,
  type LimitState,
  type Period,
  type PricedPlan,
  type PricedUsage,
  type QuotaState,
  type Verification,
  budgetPeriodOf,
  budgetWindowMs,
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
  /** The same for `key_used`. */
  budget_period_start_at: Instant | null;
  /** When another plan counts by itself, and which: overrides that end. */
  plan_next: { from_at: Instant; plan: PricedPlan | null } | null;
  /** What to take from, made at the first request and again in each period. The gate's own. */
  plan_takes: PlanTakes | null;
}

interface PlanTakes {
  /** How much of each rate limit is given. */
  rate_percent: number;
  takes: Take[];
  /** Of each take, what it is called in answers, and what it is. */
  rules: Rule[];
  quota: { usage: PricedUsage; period: Period } | null;
  /** Until when they hold: the first end of a period in them. */
  until_at: Instant;
}

/** `quota` is the customer's included amount, `budget` the key's part of it. */
interface Rule {
  kind: 'window' | 'quota' | 'budget';
  name: string;
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
  brand: string;
  policy: AccessPolicy;
}) {
  const { entries, counter, clock, policy } = deps;

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

  function decide(request: VerifyRequest, entry: Entry | null): Verification | Promise<Verification> {
    if (entry === null) return unknown(request);
    if (request.livemode !== undefined && request.livemode !== entry.livemode) return unknown(request);
    const now = clock.now();
    turnOver(entry, now);
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

/** To the millisecond, without a read: what was taken so far stays taken, since counters are named by no value. */
function turnOver(entry: Entry, now: Instant): void {
  if (entry.plan_next === null || now < entry.plan_next.from_at) return;
  entry.plan = entry.plan_next.plan;
  entry.plan_next = null;
  entry.plan_takes = null;
}

/** The key's takes, made anew when a billing period is over or another part of its limits is given. */
function takesOf(entry: Entry, now: Instant, rate_percent: number): PlanTakes {
  const known = entry.plan_takes;
  if (known !== null && known.rate_percent === rate_percent && now < known.until_at) return known;
  invariant(entry.plan !== null, 'a key without a plan is refused before its limits are asked');
  const made: PlanTakes = { rate_percent, takes: [], rules: [], quota: null, until_at: Number.POSITIVE_INFINITY };
  const add = (take: Take, rule: Rule): void => {
    made.takes.push(take);
    made.rules.push(rule);
    if (take.kind === 'quota') made.until_at = Math.min(made.until_at, take.period_end_at);
  };
  for (const { name, limit, window_ms } of entry.plan.limits) {
    const given = rate_percent === 100 ? limit : slowed(limit, rate_percent);
    const id = `${entry.customer_id}:${name}`;
    add({ kind: 'window', id, limit: given, window_ms }, { kind: 'window', name });
  }
  const budget = budgetTake(entry, now);
  if (budget !== null) add(budget, { kind: 'budget', name: 'key' });
  made.quota = quotaOf(entry, now);
  if (made.quota !== null) {
    const { usage, period } = made.quota;
    const take: Take = {
      kind: 'quota',
      id: `${entry.customer_id}:${usage.meter_id}:${period.start_at}`,
      limit: usage.included,
      hard: usage.quota === 'hard',
      period_end_at: period.end_at,
      seed: entry.quota_period_start_at === period.start_at ? entry.quota_used : 0,
    };
    add(take, { kind: 'quota', name: usage.meter_id });
  }
  entry.plan_takes = made;
  return made;
}

/** What the key may use of its customer's limits. Counted by the key's id, so that another budget goes on from what was used. */
function budgetTake(entry: Entry, now: Instant): Take | null {
  const { budget, customer_id, key_id } = entry;
  if (budget === null) return null;
  const { limit } = budget;
  const window_ms = budgetWindowMs(budget);
  if (window_ms !== null) return { kind: 'window', id: `${customer_id}:${key_id}`, limit, window_ms };
  const period = budgetPeriodOf(entry, now);
  if (period === null) return null;
  return {
    kind: 'quota',
    id: `${customer_id}:${key_id}:${period.start_at}`,
    limit,
    hard: true,
    period_end_at: period.end_at,
    seed: entry.budget_period_start_at === period.start_at ? entry.key_used : 0,
  };
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
  const rule = asked.rules[taken.denied];
  const reset_at = taken.reset_at[taken.denied];
  invariant(take !== undefined && rule !== undefined && reset_at !== undefined, 'a refusal names its limit');
  const verification = describe(entry, asked, taken, request_id);
  verification.valid = false;
  verification.code = take.kind === 'quota' ? 'QUOTA_EXCEEDED' : 'RATE_LIMITED';
  if (cost > take.limit) {
    verification.detail = `This request costs ${cost}, more than the limit of ${take.limit} ever allows.`;
    return verification;
  }
  verification.retry_after_s = Math.max(1, Math.ceil((reset_at - now) / 1000));
  const until = new Date(reset_at).toISOString();
  if (rule.kind === 'quota')
    verification.detail = `The ${take.limit} units of this billing period are used up. More on ${until}.`;
  else if (rule.kind === 'budget')
    verification.detail = `The budget of ${take.limit} units of this API key is used up. More on ${until}.`;
  else verification.detail = `The limit of ${take.limit} per ${rule.name} is reached.`;
  return verification;
}

/** What is left after the decision, as of an admitted request. */
function describe(entry: Entry, asked: PlanTakes, taken: TakeResult, request_id: string): Verification {
  const limits: LimitState[] = [];
  let quota: QuotaState | null = null;
  for (let index = 0; index < asked.takes.length; index += 1) {
    const take = asked.takes[index];
    const rule = asked.rules[index];
    const used = taken.used[index];
    const reset_at = taken.reset_at[index];
    invariant(
      take !== undefined && rule !== undefined && used !== undefined && reset_at !== undefined,
      'a counter answers for every limit',
    );
    const { limit } = take;
    const remaining = Math.max(0, limit - used);
    if (rule.kind !== 'quota') {
      const window_ms = take.kind === 'window' ? take.window_ms : null;
      limits.push({ name: rule.name, limit, remaining, window_ms, reset_at });
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
