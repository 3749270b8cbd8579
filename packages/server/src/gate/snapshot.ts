import {
  type Entry,
  type GateKey,
  type Instant,
  type Interval,
  type KeyBudget,
  type Overrides,
  type Plan,
  type PricedPlan,
  type SpendCapFrom,
  type Spending,
  atPrice,
  budgetPeriodOf,
  capMonthOf,
  joinParts,
  quotaOf,
  spendCapAt,
  withAddOns,
  withOverrides,
} from '@farebox/core';
import { sql } from 'kysely';
import type { Database, Reader } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import type { Log } from '../lib/log.ts';
import type { Pepper } from '../lib/pepper.ts';
import type { Clock } from '../ports.ts';
import { createEntries } from './entries.ts';
import type { OnCurrent, OnRead } from './refresh.ts';
import { type Found, type Source, idOf } from './world.ts';

/** Usage of one meter of one customer in one period. */
export interface UsedScope {
  customer_id: string;
  meter_id: string;
  start_at: Instant;
  end_at: Instant;
  /** Of one key only; all of the customer's unless said. */
  key_id?: string;
}

interface Row {
  digest: Buffer;
  key_id: string;
  customer_id: string;
  livemode: boolean;
  scopes: string[];
  allowed_cidrs: string[];
  expires_at: Date | null;
  disabled_at: Date | null;
  revoked_at: Date | null;
  budget_limit: number | null;
  budget_window: string | null;
  subscription_id: string | null;
  subscription_status: string | null;
  billing_anchor_at: Date | null;
  current_period_start_at: Date | null;
  current_period_end_at: Date | null;
  cancel_at: Date | null;
  ended_at: Date | null;
  past_due_since_at: Date | null;
  plan_price_id: string | null;
  add_ons: { plan_price_id: string; quantity: number }[] | null;
  group: string | null;
  overrides: Overrides | null;
  overrides_expire_at: Date | null;
}

/** Changes followed one by one; after more than that everything is read. */
const mostChanges = 1000;
/** Plans kept for those who share them. More than that were published only by accident. */
const mostPlans = 10_000;

/**
 * What the gate knows of keys, kept in memory and fed from the view `gate_entry`. It is the truth about nothing: it can be
 * thrown away at any time. `createEntries` says how old it may be; here it is read.
 */
export function createSnapshot(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  peppers: readonly Pepper[];
  /** Units used in each scope, in order: where counters start. */
  usedInPeriods: (scopes: readonly UsedScope[]) => Promise<number[]>;
  /** Hears of a secret that is found by an older digest than new ones get. */
  onOld?: (from: Buffer, digest: Buffer) => void;
  /** Writes usage that is still on its way, so that the next count has it. */
  settle?: () => Promise<void>;
  onRead?: OnRead;
  onCurrent?: OnCurrent;
  log: Pick<Log, 'warn' | 'info'>;
  poll_ms?: number;
  stale_ms?: number;
  max_entries?: number;
  /** Of plans, in the price list's order: the first is meant by a request that names no meter. */
  groups?: readonly string[];
}) {
  const { db, usedInPeriods, groups = [], ...rest } = deps;
  const capped = new Set<string>();
  const source = createSource({ db: db.kysely, usedInPeriods, groups, capped });
  return { ...createEntries({ ...rest, source }), isCapped: (customerId: string) => capped.has(customerId) };
}

/**
 * Reads entries. A plan version and its prices are frozen, so each is read once and shared by everybody on it; usage of the current period is
 * asked for in one go, and not where it is known.
 */
function createSource(deps: {
  db: Reader;
  usedInPeriods: (scopes: readonly UsedScope[]) => Promise<number[]>;
  groups: readonly string[];
  /** Customers whose entries were last read under a spend cap: kept here. */
  capped: Set<string>;
}): Source {
  const plans = new Map<string, PricedPlan>();

  async function readRows(digests: readonly Buffer[]): Promise<Row[]> {
    const { rows } = await sql<Row>`
      select digest, key_id, customer_id, livemode, scopes, allowed_cidrs, expires_at, disabled_at, revoked_at,
        budget_limit, budget_window, subscription_id, subscription_status, billing_anchor_at, current_period_start_at, current_period_end_at,
        cancel_at, ended_at, past_due_since_at, plan_price_id, add_ons, "group", overrides, overrides_expire_at
      from gate_entry where digest = any(${[...digests]}::bytea[])
    `.execute(deps.db);
    return rows;
  }

  async function readPlans(rows: readonly Row[]): Promise<void> {
    if (plans.size > mostPlans) plans.clear();
    const asked = rows.flatMap(({ plan_price_id, add_ons }) =>
      [plan_price_id ?? [], (add_ons ?? []).map((each) => each.plan_price_id)].flat(),
    );
    const missing = [...new Set(asked)].filter((id) => !plans.has(id));
    if (missing.length === 0) return;
    const found = await sql<{ plan_price_id: string; plan: Plan; currency: string; interval: Interval }>`
      select plan_price_id, plan, currency, interval
      from gate_plan where plan_price_id = any(${missing}::text[])
    `.execute(deps.db);
    for (const { plan_price_id, plan, ...at } of found.rows) plans.set(plan_price_id, atPrice(plan, at));
  }

  /** The caps over these rows' customers, with what is billed in the months whose periods can run now. */
  async function readSpending(rows: readonly Row[], now: Instant): Promise<Map<string, Spending>> {
    const ids = [...new Set(rows.map(({ customer_id }) => customer_id))];
    const said = await sql<SpendCapFrom & { customer_id: string }>`
      select customer_id, owner, 0 as from_at, amount_minor, currency
      from gate_spend_cap where customer_id = any(${ids}::text[])
    `.execute(deps.db);
    for (const id of ids) deps.capped.delete(id);
    const found = new Map<string, Spending>();
    for (const [id, history] of Map.groupBy(said.rows, ({ customer_id }) => customer_id)) {
      const cap = spendCapAt(history, now);
      if (cap !== null) found.set(id, { cap, billed: {} });
    }
    if (found.size === 0) return found;
    const spent = await sql<{ customer_id: string; currency: string; month: string; spent_minor: number }>`
      select customer_id, currency, month, sum(spent_minor)::bigint as spent_minor from usage_spent
      where customer_id = any(${[...found.keys()]}::text[]) and month >= ${capMonthOf(now)}
      group by customer_id, currency, month
    `.execute(deps.db);
    for (const [id, spending] of found) {
      deps.capped.add(id);
      const own = spent.rows.filter((row) => row.customer_id === id && row.currency === spending.cap.currency);
      spending.billed = Object.fromEntries(own.map(({ month, spent_minor }) => [month, spent_minor]));
    }
    return found;
  }

  /** With what came on top of it. */
  function planOf({ plan_price_id, add_ons }: Row): PricedPlan | null {
    const base = plan_price_id === null ? undefined : plans.get(plan_price_id);
    if (base === undefined || add_ons === null || add_ons.length === 0) return base ?? null;
    const held = add_ons.flatMap((each) => {
      const plan = plans.get(each.plan_price_id);
      return plan === undefined ? [] : [{ plan, quantity: each.quantity }];
    });
    return withAddOns(base, held);
  }

  /** The list's order; groups it no longer has come last. */
  function placeOf({ group }: Row): number {
    const place = deps.groups.indexOf(group ?? '');
    return place === -1 ? deps.groups.length : place;
  }

  return {
    async changesSince(seen) {
      const { rows } = await sql<{ version: number; changed_version: number | null; customer_id: string | null }>`
        select v.version, c.version as changed_version, c.customer_id
        from gate_version v
        left join lateral (
          select * from gate_change where gate_change.version > ${seen} order by gate_change.version limit ${mostChanges}
        ) c on true
      `.execute(deps.db);
      const version = rows[0]?.version;
      invariant(version !== undefined, 'the gate has a version');
      const changes = rows.filter((row) => row.changed_version !== null);
      // One row per version since then, each with a name: otherwise there is no telling who changed.
      const customers = changes.flatMap((row) => row.customer_id ?? []);
      const complete = seen !== null && customers.length === version - seen;
      return { version, customers: complete ? [...new Set(customers)] : null };
    },

    async read(digests, now, known) {
      const rows = await readRows(digests);
      await readPlans(rows);
      const spending = await readSpending(rows, now);
      const found = [...byDigest(rows).values()].map((own): Found => {
        const inOrder = own.toSorted((a, b) => placeOf(a) - placeOf(b));
        const parts = inOrder.flatMap((row) => partsOf(row, planOf(row), now));
        for (const part of parts) part.spending = spending.get(part.customer_id) ?? null;
        return { digest: own[0].digest, entry: whole(parts) };
      });
      const asked = found.flatMap(({ digest, entry }) => {
        const before = known(digest);
        return (entry.parts ?? [entry]).flatMap((part) => usageAsked(part, before, now));
      });
      const used = await deps.usedInPeriods(asked.map(({ scope }) => scope));
      for (const [index, { put }] of asked.entries()) put(used[index] ?? 0);
      return found;
    },

    async hasForeign() {
      const { rows } = await sql<{ found: boolean }>`
        select exists (select from api_key_secret where form <> 'text') as found
      `.execute(deps.db);
      return rows[0]?.found ?? false;
    },
  };
}

/** Rows of one key, one for each group that its customer ever had a plan of. */
function byDigest(rows: readonly Row[]): Map<string, [Row, ...Row[]]> {
  const keys = new Map<string, [Row, ...Row[]]>();
  for (const row of rows) {
    const id = idOf(row.digest);
    const own = keys.get(id);
    if (own === undefined) keys.set(id, [row]);
    else own.push(row);
  }
  return keys;
}

/** What the key is held as. */
function whole(parts: readonly Entry[]): Entry {
  const entry = joinParts(parts);
  invariant(entry !== null, 'a key has a part');
  return entry;
}

interface AskedUsage {
  scope: UsedScope;
  put(used: number): void;
}

/** What has to be counted for an entry; what is known from before in the same period is taken over. */
function usageAsked(entry: Entry, before: Entry | undefined, now: Instant): AskedUsage[] {
  const asked: AskedUsage[] = [];
  const { customer_id, key_id } = entry;
  const quota = quotaOf(entry, now);
  if (quota !== null) {
    const { start_at, end_at } = quota.period;
    const { meter_id } = quota.usage;
    entry.quota_period_start_at = start_at;
    const same = partBefore(before, meter_id);
    // Under a cap what all meters cost now counts, not where a counter began.
    if (same?.quota_period_start_at === start_at && entry.spending === null) entry.quota_used = same.quota_used;
    else asked.push({ scope: { customer_id, meter_id, start_at, end_at }, put: (used) => (entry.quota_used = used) });
  }
  const budget = budgetPeriodOf(entry, now);
  const meter_id = entry.plan?.usage[0]?.meter_id;
  if (budget !== null && meter_id !== undefined) {
    const { start_at, end_at } = budget;
    entry.budget_period_start_at = start_at;
    const same = partBefore(before, meter_id);
    if (same?.budget_period_start_at === start_at) entry.key_used = same.key_used;
    else
      asked.push({
        scope: { customer_id, key_id, meter_id, start_at, end_at },
        put: (used) => (entry.key_used = used),
      });
  }
  return asked;
}

function partBefore(before: Entry | undefined, meter_id: string): Entry | undefined {
  return (before?.parts ?? (before === undefined ? [] : [before])).find(
    ({ plan }) => plan?.usage[0]?.meter_id === meter_id,
  );
}

/** One for each meter of the plan. */
function partsOf(row: Row, plan: PricedPlan | null, now: Instant): Entry[] {
  if (plan === null || plan.usage.length < 2) return [entryOf(row, plan, now)];
  return byMeter(plan).map((each) => entryOf(row, each, now));
}

/** As long as a plan is shared, so are these. */
const turned = new WeakMap<PricedPlan, PricedPlan[]>();

/** The plan once for each of its meters, with that one as its first. */
function byMeter(plan: PricedPlan): PricedPlan[] {
  const known = turned.get(plan);
  if (known !== undefined) return known;
  const made = plan.usage.map((usage, index) =>
    index === 0 ? plan : { ...plan, usage: [usage, ...plan.usage.filter((each) => each !== usage)] },
  );
  turned.set(plan, made);
  return made;
}

function entryOf(row: Row, shared: PricedPlan | null, now: Instant): Entry {
  const until = instantOf(row.overrides_expire_at);
  const isOver = until !== null && now >= until;
  const plan = shared === null || isOver ? shared : withOverrides(shared, row.overrides);
  return {
    parts: null,
    key_id: row.key_id,
    customer_id: row.customer_id,
    livemode: row.livemode,
    scopes: row.scopes,
    allowed_cidrs: row.allowed_cidrs,
    expires_at: instantOf(row.expires_at),
    disabled_at: instantOf(row.disabled_at),
    revoked_at: instantOf(row.revoked_at),
    subscription: subscriptionOf(row),
    plan,
    plan_next: plan === shared || until === null ? null : { from_at: until, plan: shared },
    budget: budgetOf(row),
    quota_used: 0,
    key_used: 0,
    quota_period_start_at: null,
    budget_period_start_at: null,
    spending: null,
    plan_takes: null,
  };
}

function budgetOf({ budget_limit, budget_window }: Row): KeyBudget | null {
  return budget_limit === null || budget_window === null ? null : { limit: budget_limit, window: budget_window };
}

function subscriptionOf(row: Row): GateKey['subscription'] {
  const { subscription_id, subscription_status, billing_anchor_at, current_period_start_at, current_period_end_at } =
    row;
  if (subscription_id === null || subscription_status === null) return null;
  if (billing_anchor_at === null || current_period_start_at === null || current_period_end_at === null) return null;
  return {
    status: subscription_status,
    billing_anchor_at: billing_anchor_at.getTime(),
    current_period_start_at: current_period_start_at.getTime(),
    current_period_end_at: current_period_end_at.getTime(),
    cancel_at: instantOf(row.cancel_at),
    ended_at: instantOf(row.ended_at),
    past_due_since_at: instantOf(row.past_due_since_at),
  };
}

function instantOf(date: Date | null): Instant | null {
  return date === null ? null : date.getTime();
}
