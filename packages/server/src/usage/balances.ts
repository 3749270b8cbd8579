import { type Instant, type Period, type PricedUsage, billedUnits, periodAt } from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import { effectivePlans } from '../subscriptions/effective.ts';
import { liveWithPlansOf } from '../subscriptions/store.ts';
import { type Amount, amountOf, plus } from './amount.ts';
import type { StoredEvent } from './events/event.ts';
import { type Snapshot, hasSeen, measureScopes } from './queries.ts';

/** What is left of what a plan includes of a meter, in the period that runs. */
export interface Balance {
  customer_id: string;
  meter_id: string;
  used: number;
  included: number;
  remaining: number;
  overage: number;
  period_end_at: Instant;
}

interface Kept {
  read_at: Instant;
  /** Until when its periods run. */
  until_at: Instant;
  meters: { usage: PricedUsage; period: Period; used: Amount }[];
  /** What is in it. */
  seen: Snapshot;
}

/** What a transaction wrote of a customer while its balance was being read. */
interface Meanwhile {
  event: StoredEvent;
  xid: bigint;
}

/** What others wrote is seen after this. */
const freshMs = 10_000;
/** Old ones are read again together, so many at a time, … */
const mostOfRead = 100;
const paceMs = 200;
/** … and with a rest after each time, so that answers cost the database a bounded part of its time. */
const readShare = 0.05;
const mostKept = 50_000;

/**
 * The balance that a customer has after its usage was written. Read once and then kept by what this process writes, so that it
 * costs no read; what other processes wrote is read again every few seconds. What decides is the gate's counter, not this.
 */
export function createBalances(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  aggregationOf(meterId: string): Parameters<typeof measureScopes>[1][number]['aggregation'];
}) {
  const { clock } = deps;
  const db = deps.db.kysely;
  const kept = new Map<string, Kept>();
  const loading = new Map<string, Promise<ReadonlyMap<string, Kept>>>();
  const meanwhile = new Map<string, Meanwhile[]>();
  const stale = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let refreshing: Promise<void> = Promise.resolve();
  let isStopped = false;

  async function read(customerIds: readonly string[]): Promise<Map<string, Kept>> {
    const now = clock.now();
    const live = (await liveWithPlansOf(db, customerIds)).filter(({ status }) => status !== 'incomplete');
    const plans = await effectivePlans(db, live, now);
    const meters = live.flatMap(({ customer_id, billing_anchor_at }, index) =>
      (plans[index]?.usage ?? []).map((usage) => ({
        customer_id,
        usage,
        period: periodAt(billing_anchor_at.getTime(), usage.interval, now),
      })),
    );
    const scopes = meters.map(({ customer_id, usage: { meter_id }, period: { start_at, end_at } }) => ({
      customer_id,
      meter_id,
      aggregation: deps.aggregationOf(meter_id),
      start_at,
      end_at,
    }));
    const { measured, seen } = await measureScopes(db, scopes);
    const found = new Map(
      customerIds.map((id): [string, Kept] => [id, { read_at: now, until_at: now + freshMs, meters: [], seen }]),
    );
    for (const [index, { customer_id, usage, period }] of meters.entries()) {
      const own = found.get(customer_id);
      if (own === undefined) continue;
      if (own.meters.length === 0) own.until_at = now + 366 * 86_400_000;
      own.until_at = Math.min(own.until_at, period.end_at);
      own.meters.push({ usage, period, used: amountOf(measured[index] ?? '0') });
    }
    return found;
  }

  /** Whoever asks while it is read waits for the same read; what is written meanwhile is added to it. */
  async function load(customerIds: readonly string[]): Promise<ReadonlyMap<string, Kept>> {
    const reads = new Set(customerIds.flatMap((id) => loading.get(id) ?? []));
    const missing = customerIds.filter((id) => !loading.has(id));
    if (missing.length > 0) {
      const next = readAndKeep(missing);
      for (const id of missing) loading.set(id, next);
      reads.add(next);
    }
    return new Map((await Promise.all(reads)).flatMap((found) => [...found]));
  }

  async function readAndKeep(customerIds: readonly string[]): Promise<ReadonlyMap<string, Kept>> {
    try {
      const found = await read(customerIds);
      if (kept.size + found.size > mostKept) kept.clear();
      for (const [id, own] of found) {
        for (const { event, xid } of meanwhile.get(id) ?? []) add(own, event, xid);
        kept.set(id, own);
      }
      return found;
    } finally {
      for (const id of customerIds) {
        loading.delete(id);
        meanwhile.delete(id);
      }
    }
  }

  /** What a transaction wrote, unless it is in it. False where that cannot be added up. */
  function add(to: Kept, { counted, counted_at }: StoredEvent, xid: bigint): boolean {
    if (hasSeen(to.seen, xid)) return true;
    let isWhole = true;
    for (const meter of to.meters) {
      const amount = counted[meter.usage.meter_id];
      if (amount === undefined || counted_at < meter.period.start_at || counted_at >= meter.period.end_at) continue;
      const aggregation = deps.aggregationOf(meter.usage.meter_id);
      if (aggregation === 'count' || aggregation === 'sum') meter.used = plus(meter.used, amount);
      else isWhole = false;
    }
    return isWhole;
  }

  /** One that is old is read again soon, and answers as it is until then. */
  function readSoon(customerId: string): void {
    stale.add(customerId);
    refreshIn(paceMs);
  }

  function refreshIn(ms: number): void {
    if (isStopped) return;
    timer ??= setTimeout(() => void (refreshing = refresh()), ms).unref();
  }

  async function refresh(): Promise<void> {
    const next = [...stale].slice(0, mostOfRead);
    for (const id of next) stale.delete(id);
    const began_at = performance.now();
    try {
      await load(next);
    } catch {
      // Whoever asks for one of these reads it and hears why it cannot be read.
      for (const id of next) kept.delete(id);
    }
    timer = null;
    const rest = (performance.now() - began_at) * (1 / readShare - 1);
    if (stale.size > 0) refreshIn(Math.min(Math.max(paceMs, rest), freshMs));
  }

  return {
    /** Takes what was written into what is kept. At once after the commit. */
    written(events: readonly StoredEvent[], xid: bigint): void {
      for (const event of events) {
        const { customer_id } = event;
        if (loading.size > 0 && loading.has(customer_id)) {
          const before = meanwhile.get(customer_id);
          if (before === undefined) meanwhile.set(customer_id, [{ event, xid }]);
          else before.push({ event, xid });
        }
        const found = kept.get(customer_id);
        if (found !== undefined && !add(found, event, xid)) kept.delete(customer_id);
      }
    },

    /** The balances of customers whose usage is committed, one customer after the other; of one without a subscription none. */
    async of(customerIds: readonly string[]): Promise<Balance[]> {
      const now = clock.now();
      const missing = customerIds.filter((id) => {
        const known = kept.get(id);
        if (known === undefined || now >= known.until_at) return true;
        if (now - known.read_at >= freshMs) readSoon(id);
        return false;
      });
      if (missing.length === 0) return customerIds.flatMap((id) => balancesIn(id, kept.get(id)));
      // What is kept may go while others are read.
      const known = new Map(customerIds.map((id) => [id, kept.get(id)]));
      const found = await load(missing);
      return customerIds.flatMap((id) => balancesIn(id, found.get(id) ?? known.get(id)));
    },

    /** What is kept of a customer is wrong: it is read again when somebody asks. */
    forget(customerId: string): void {
      kept.delete(customerId);
    },

    /** Reads nothing again any more; resolves when nothing is being read. */
    async stop(): Promise<void> {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
      await refreshing;
    },
  };
}

function balancesIn(customer_id: string, kept: Kept | undefined): Balance[] {
  return (kept?.meters ?? []).map(({ usage, period, used }): Balance => {
    const units = typeof used === 'number' ? Math.max(0, used) : billedUnits(used);
    const { meter_id, included } = usage;
    const remaining = Math.max(0, included - units);
    const overage = Math.max(0, units - included);
    return { customer_id, meter_id, used: units, included, remaining, overage, period_end_at: period.end_at };
  });
}
