import type { DunningStage } from './dunning.ts';
import type { Entry } from './entry.ts';
import type { Refusal } from './limit.ts';
import { formatMoney } from './money.ts';
import type { Instant } from './plan.ts';
import { type PlanTakes, type Rule, scopeOf } from './plan-takes.ts';
import type { SpendCap } from './spend-cap.ts';
import { type Take, type TakeResult, createTakeResult } from './take.ts';
import type { DeniedBy, LimitState, QuotaState, Verification } from './wire.ts';

/**
 * One decision: what it was about and what became of it, as far as it is needed to go on. Answers and headers are made from it where
 * somebody wants them (`verificationOf`). It may be used again for the next decision, so that one allocates nothing: whoever keeps
 * it for longer has one of their own (`createDecided`).
 */
export interface Decided {
  /** Null: nobody knows the key. */
  entry: Entry | null;
  /** Why it does not pass, before any limit is asked; null: its limits decide. */
  refusal: Refusal | null;
  stage: DunningStage | null;
  /** Null where a refusal came before. */
  asked: PlanTakes | null;
  /** `asked.takes`, and the request's place where requests at the same time are limited. */
  takes: readonly Take[];
  /** What limits answered. */
  taken: TakeResult;
  /** Where a counter may write its answer. */
  room: TakeResult;
  cost: number;
  now: Instant;
  /** Empty until somebody names it. */
  request_id: string;
  endpoint: string;
}

const nothing: readonly Take[] = [];

/** Room for one decision. */
export function createDecided(): Decided {
  const room = createTakeResult();
  return {
    entry: null,
    refusal: null,
    stage: null,
    asked: null,
    takes: nothing,
    taken: room,
    room,
    cost: 1,
    now: 0,
    request_id: '',
    endpoint: '',
  };
}

/** Whether the request may pass. */
export function isAdmitted({ refusal, taken }: Decided): boolean {
  return refusal === null && taken.allowed;
}

/** Refused before any limit was asked. */
export function refused(decided: Decided, entry: Entry | null, refusal: Refusal): Decided {
  decided.entry = entry;
  decided.refusal = refusal;
  decided.asked = null;
  decided.takes = nothing;
  return decided;
}

/** Refused for a limit: which, until when, and when the same request can pass, if it ever can. */
export function limited(decided: Decided, asked: PlanTakes, upgrade_url: string | null): Verification {
  const { taken, cost, now } = decided;
  const take = decided.takes[taken.denied];
  const rule = asked.rules[taken.denied];
  const reset_at = taken.reset_at[taken.denied];
  if (take === undefined || rule === undefined || reset_at === undefined)
    throw new RangeError('A refusal names its limit.');
  const verification = describe(decided, asked);
  const most = take.kind === 'bucket' ? take.burst : take.limit;
  const isTooLarge = take.kind !== 'places' && cost > most;
  verification.valid = false;
  verification.code = take.kind === 'quota' ? 'QUOTA_EXCEEDED' : 'RATE_LIMITED';
  verification.denied_by = deniedBy(take, rule, isTooLarge ? null : reset_at);
  verification.upgrade_url = upgrade_url;
  if (rule.cap !== undefined) {
    verification.code = 'SPEND_CAP_REACHED';
    verification.detail = capReason(rule.cap, reset_at, upgrade_url);
    verification.retry_after_s = Math.max(1, Math.ceil((reset_at - now) / 1000));
    return verification;
  }
  if (isTooLarge) {
    verification.detail = `This request costs ${cost}, more than the limit of ${most} ever allows.`;
    return verification;
  }
  verification.retry_after_s = Math.max(1, Math.ceil((reset_at - now) / 1000));
  verification.detail = reasonOf(take, rule, reset_at);
  return verification;
}

function deniedBy(take: Take, { kind, name, cap }: Rule, reset_at: Instant | null): DeniedBy {
  if (cap !== undefined)
    return { kind: 'spend_cap', name: cap.owner, limit: cap.amount_minor, window_ms: null, reset_at };
  const window_ms = take.kind === 'window' || take.kind === 'bucket' ? take.window_ms : null;
  return { kind, name, limit: take.limit, window_ms, reset_at };
}

/** Which cap it is, and where it is raised. */
function capReason({ owner, amount_minor, currency }: SpendCap, reset_at: Instant, url: string | null): string {
  const amount = formatMoney(amount_minor, currency);
  const until = new Date(reset_at).toISOString();
  const where = url === null ? 'in the dashboard' : `at ${url}`;
  return owner === 'customer'
    ? `Your spend cap of ${amount} is reached: this request would cost more. Raise it ${where}, or wait until ${until}.`
    : `The spend cap of ${amount} that was set for you is reached: this request would cost more. Ask for a higher one, or wait until ${until}.`;
}

function reasonOf(take: Take, rule: Rule, reset_at: Instant): string {
  const until = new Date(reset_at).toISOString();
  switch (rule.kind) {
    case 'quota':
      return `The ${take.limit} units of this billing period are used up. More on ${until}.`;
    case 'budget':
      return `The budget of ${take.limit} units of this API key is used up. More on ${until}.`;
    case 'concurrency':
      return `${take.limit} requests run at the same time already. Wait until one of them is over.`;
    case 'burst':
    case 'window':
      return `The limit of ${take.limit} per ${rule.name} is reached.`;
  }
}

/** What is left after the decision, as of an admitted request. */
export function describe({ entry, takes, taken, now, request_id, cost }: Decided, asked: PlanTakes): Verification {
  const limits: LimitState[] = [];
  let quota: QuotaState | null = null;
  let lease: Verification['lease'] = null;
  for (let index = 0; index < takes.length; index += 1) {
    const take = takes[index];
    const rule = asked.rules[index];
    const used = taken.used[index];
    const reset_at = taken.reset_at[index];
    if (take === undefined || rule === undefined || used === undefined || reset_at === undefined)
      throw new RangeError('A counter answers for every limit.');
    const quotaLimit = rule.kind === 'quota' ? asked.quota?.usage.included : undefined;
    const limit = quotaLimit ?? (take.kind === 'bucket' ? take.burst : take.limit);
    const remaining = Math.max(0, limit - used);
    if (rule.kind !== 'quota') {
      const window_ms = take.kind === 'window' || take.kind === 'bucket' ? take.window_ms : null;
      limits.push({ name: rule.name, limit: take.limit, remaining, window_ms, reset_at });
    } else if (asked.quota !== null) {
      const { meter_id, quota: kind, interval } = asked.quota.usage;
      quota = { meter_id, kind, included: limit, used, remaining, reset_at, interval };
    }
    if (take.kind === 'places' && taken.allowed && cost > 0 && entry !== null)
      lease = { id: `${scopeOf(entry)}.${take.lease}`, expires_at: now + take.ttl_ms };
  }
  const verification: Verification = {
    ...facts(entry),
    valid: true,
    code: 'VALID',
    detail: 'The request may pass.',
    request_id,
    limits,
    quota,
    retry_after_s: null,
  };
  if (lease !== null) verification.lease = lease;
  return verification;
}

/** Refused before any limit was asked: it says nothing about what is left. */
export function refusalOf(entry: Entry | null, { code, detail }: Refusal, request_id: string): Verification {
  return { ...facts(entry), valid: false, code, detail, request_id, limits: [], quota: null, retry_after_s: null };
}

function facts(entry: Entry | null) {
  return {
    key_id: entry?.key_id ?? null,
    customer_id: entry?.customer_id ?? null,
    plan_id: entry?.plan?.id ?? null,
    scopes: entry?.scopes ?? [],
    features: entry?.plan?.features ?? {},
    cost_decimal: '0',
    currency: entry?.plan?.price.currency ?? null,
    payment: null,
  };
}
