import type { Endpoint } from './endpoint.ts';
import type { Entry } from './entry.ts';
import { usualGroup } from './group.ts';
import { slowed } from './dunning.ts';
import { budgetWindowMs } from './key-budget.ts';
import { budgetPeriodOf, quotaOf } from './limit.ts';
import type { Period } from './period.ts';
import type { Instant, RateLimit } from './plan.ts';
import type { PricedUsage } from './priced-plan.ts';
import type { SpendCap } from './spend-cap.ts';
import { spendLimitOf } from './spending.ts';
import type { Take } from './take.ts';

/** What a key's requests are taken from, as long as its plan and period are what they are. */
export interface PlanTakes {
  /** How much of each rate limit is given. */
  rate_percent: number;
  takes: Take[];
  /** Of each take, what it is called in answers, and what it is. One more than takes where requests at the same time are limited. */
  rules: Rule[];
  quota: { usage: PricedUsage; period: Period } | null;
  /** Until when they hold: the first end of a period in them. */
  until_at: Instant;
  /** The same with an endpoint's own limits, by its name; null until one is asked for. */
  by_endpoint: Map<string, PlanTakes> | null;
}

/** `quota` is the customer's included amount, `budget` the key's part of it. */
export interface Rule {
  kind: 'window' | 'burst' | 'concurrency' | 'budget' | 'quota';
  name: string;
  /** Of a quota whose limit is what a spend cap leaves. */
  cap?: SpendCap;
}

/**
 * Whose plan limits: the customer, in one group of plans. Each group has windows of its own, since each is another thing bought.
 * The usual group goes unnamed.
 */
export function scopeOf({ customer_id, plan }: Pick<Entry, 'customer_id' | 'plan'>): string {
  const group = plan?.group ?? usualGroup;
  return group === usualGroup ? customer_id : `${customer_id}:${group}`;
}

/** The key's takes, made anew when a billing period is over or another part of its limits is given. */
export function takesOf(entry: Entry, now: Instant, rate_percent: number, endpoint: Endpoint | null): PlanTakes {
  let plain = entry.plan_takes;
  if (plain === null || plain.rate_percent !== rate_percent || now >= plain.until_at) {
    plain = makeTakes(entry, now, rate_percent, null);
    entry.plan_takes = plain;
  }
  if (endpoint === null || endpoint.limits.length === 0) return plain;
  const found = plain.by_endpoint?.get(endpoint.name);
  if (found !== undefined) return found;
  const made = makeTakes(entry, now, rate_percent, endpoint);
  plain.by_endpoint ??= new Map();
  plain.by_endpoint.set(endpoint.name, made);
  return made;
}

/** The counter of a customer's quota, asked what it came to: nothing is refused by it. */
export function soFarTake(of: { customer_id: string; meter_id: string; start_at: Instant; end_at: Instant }): Take {
  const { meter_id, start_at } = of;
  return {
    kind: 'quota',
    id: quotaId(of.customer_id, meter_id, start_at),
    limit: Number.MAX_SAFE_INTEGER,
    hard: false,
    period_end_at: of.end_at,
    seed: 0,
    of: { meter_id, key_id: null, start_at },
    offline: 'open_capped',
  };
}

function quotaId(customer_id: string, meter_id: string, start_at: Instant): string {
  return `${customer_id}:${meter_id}:${start_at}`;
}

function makeTakes(entry: Entry, now: Instant, rate_percent: number, endpoint: Endpoint | null): PlanTakes {
  const { plan, customer_id } = entry;
  const scope = scopeOf(entry);
  if (plan === null) throw new RangeError('A key without a plan is refused before its limits are asked.');
  const until_at = Number.POSITIVE_INFINITY;
  const made: PlanTakes = { rate_percent, takes: [], rules: [], quota: null, until_at, by_endpoint: null };
  const add = (take: Take, rule: Rule): void => {
    made.takes.push(take);
    made.rules.push(rule);
    if (take.kind === 'quota') made.until_at = Math.min(made.until_at, take.period_end_at);
  };
  for (const limit of plan.limits) addRate(add, `${scope}:${limit.name}`, limit, rate_percent, limit.name);
  for (const limit of endpoint?.limits ?? []) {
    const name = `${endpoint?.name ?? ''} ${limit.name}`;
    addRate(add, `${customer_id}:${name}`, limit, rate_percent, name);
  }
  const budget = budgetTake(entry, now);
  if (budget !== null) add(budget, { kind: 'budget', name: 'key' });
  made.quota = quotaOf(entry, now);
  if (made.quota !== null) {
    const { usage, period } = made.quota;
    const { meter_id } = usage;
    const spend = spendLimitOf(entry, made.quota, now);
    // Where the price of usage is bounded, a soft quota is a hard one further up.
    const offline = usage.offline ?? (spend === null ? undefined : 'open_capped');
    const take: Take = {
      kind: 'quota',
      id: quotaId(customer_id, meter_id, period.start_at),
      limit: spend?.units ?? usage.included,
      hard: spend !== null || usage.quota === 'hard',
      period_end_at: period.end_at,
      seed: entry.quota_period_start_at === period.start_at ? entry.quota_used : 0,
      of: { meter_id, key_id: null, start_at: period.start_at },
      ...(offline === undefined ? {} : { offline }),
    };
    add(take, { kind: 'quota', name: meter_id, ...(spend === null ? {} : { cap: spend.cap }) });
    if (spend !== null) made.until_at = Math.min(made.until_at, spend.until_at);
  }
  if (plan.concurrency !== undefined) made.rules.push({ kind: 'concurrency', name: 'concurrency' });
  return made;
}

function addRate(
  add: (take: Take, rule: Rule) => void,
  id: string,
  { limit, window_ms, burst, offline }: RateLimit,
  rate_percent: number,
  name: string,
): void {
  const part = (units: number) => (rate_percent === 100 ? units : slowed(units, rate_percent));
  const declared = offline === undefined ? {} : { offline };
  if (burst === undefined)
    add({ kind: 'window', id, limit: part(limit), window_ms, ...declared }, { kind: 'window', name });
  else
    add(
      { kind: 'bucket', id, limit: part(limit), window_ms, burst: part(burst), ...declared },
      { kind: 'burst', name },
    );
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
  const meter_id = entry.plan?.usage[0]?.meter_id ?? null;
  return {
    kind: 'quota',
    // What of another meter is used counts by itself, in that one's period.
    id: `${customer_id}:${key_id}:${meter_id ?? ''}:${period.start_at}`,
    limit,
    hard: true,
    period_end_at: period.end_at,
    seed: entry.budget_period_start_at === period.start_at ? entry.key_used : 0,
    of: { meter_id, key_id, start_at: period.start_at },
    // Part of the customer's own limits, which say what happens when nobody counts.
    offline: 'open_capped',
  };
}

/** The request's place among those of its customer (in the plan's group) at the same time; null where the plan does not limit them. */
export function placeOf(entry: Entry, request_id: string): Take | null {
  const concurrency = entry.plan?.concurrency;
  if (concurrency === undefined) return null;
  const { limit, ttl_ms } = concurrency;
  return { kind: 'places', id: placesId(scopeOf(entry)), limit, ttl_ms, lease: request_id };
}

export function placesId(scope: string): string {
  return `${scope}:places`;
}
