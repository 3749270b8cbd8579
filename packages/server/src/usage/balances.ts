import { type Instant, type Period, type PricedUsage, addDecimal, billedUnits, periodAt } from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import { effectivePlan } from '../subscriptions/effective.ts';
import { liveWithPlans } from '../subscriptions/store.ts';
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
  meters: { usage: PricedUsage; period: Period; used: string }[];
  /** What is in it. */
  seen: Snapshot;
}

/** What a transaction wrote of a customer while its balance was being read. */
interface Meanwhile {
  events: StoredEvent[];
  xid: bigint;
}

/** What others wrote is seen after this. */
const freshMs = 10_000;
/** Old ones are read again one by one, so that answers cost the database a bounded part of its time. */
const paceMs = 50;
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
  const loading = new Map<string, Promise<Kept>>();
  const meanwhile = new Map<string, Meanwhile[]>();
  const stale = new Set<string>();
  let timer: NodeJS.Timeout | null = null;

  async function read(customerId: string): Promise<Kept> {
    const now = clock.now();
    const meters: Omit<Kept['meters'][number], 'used'>[] = [];
    for (const live of await liveWithPlans(db, customerId)) {
      if (live.status === 'incomplete') continue;
      const { usage: measured } = await effectivePlan(db, live, now);
      const anchor = live.billing_anchor_at.getTime();
      meters.push(...measured.map((usage) => ({ usage, period: periodAt(anchor, usage.interval, now) })));
    }
    if (meters.length === 0)
      return { read_at: now, until_at: now + freshMs, meters: [], seen: { from: 0n, to: 0n, running: new Set() } };
    const scopes = meters.map(({ usage: { meter_id }, period: { start_at, end_at } }) => ({
      customer_id: customerId,
      meter_id,
      aggregation: deps.aggregationOf(meter_id),
      start_at,
      end_at,
    }));
    const { measured, seen } = await measureScopes(db, scopes);
    return {
      read_at: now,
      until_at: Math.min(now + 366 * 86_400_000, ...meters.map(({ period }) => period.end_at)),
      meters: meters.map((meter, index) => ({ ...meter, used: measured[index] ?? '0' })),
      seen,
    };
  }

  /** Whoever asks while it is read waits for the same read; what is written meanwhile is added to it. */
  async function load(customerId: string): Promise<Kept> {
    const running = loading.get(customerId);
    if (running !== undefined) return await running;
    const next = (async () => {
      const found = await read(customerId);
      for (const { events, xid } of meanwhile.get(customerId) ?? []) add(found, events, xid);
      if (kept.size >= mostKept) kept.clear();
      kept.set(customerId, found);
      return found;
    })();
    loading.set(customerId, next);
    try {
      return await next;
    } finally {
      loading.delete(customerId);
      meanwhile.delete(customerId);
    }
  }

  /** What a transaction wrote, unless it is in it. False where that cannot be added up. */
  function add(to: Kept, events: readonly StoredEvent[], xid: bigint): boolean {
    if (hasSeen(to.seen, xid)) return true;
    let isWhole = true;
    for (const { counted, counted_at } of events) {
      for (const meter of to.meters) {
        const amount = counted[meter.usage.meter_id];
        if (amount === undefined || counted_at < meter.period.start_at || counted_at >= meter.period.end_at) continue;
        const aggregation = deps.aggregationOf(meter.usage.meter_id);
        if (aggregation === 'count' || aggregation === 'sum') meter.used = sum(meter.used, amount);
        else isWhole = false;
      }
    }
    return isWhole;
  }

  /** One that is old is read again soon, and answers as it is until then. */
  function readSoon(customerId: string): void {
    stale.add(customerId);
    timer ??= setTimeout(() => {
      timer = null;
      const [next] = stale;
      if (next === undefined) return;
      stale.delete(next);
      kept.delete(next);
      const [another] = stale;
      if (another !== undefined) readSoon(another);
    }, paceMs).unref();
  }

  return {
    /** Takes what was written into what is kept. At once after the commit. */
    written(events: readonly StoredEvent[], xid: bigint): void {
      const byCustomer = Map.groupBy(events, ({ customer_id }) => customer_id);
      for (const [customerId, own] of byCustomer) {
        if (loading.has(customerId))
          meanwhile.set(customerId, [...(meanwhile.get(customerId) ?? []), { events: own, xid }]);
        const found = kept.get(customerId);
        if (found !== undefined && !add(found, own, xid)) kept.delete(customerId);
      }
    },

    /** The balances of a customer whose usage is committed; empty without a subscription. */
    async of(customerId: string): Promise<Balance[]> {
      const now = clock.now();
      const known = kept.get(customerId);
      const isCurrent = known !== undefined && now < known.until_at;
      if (isCurrent && now - known.read_at >= freshMs) readSoon(customerId);
      const found = isCurrent ? known : await load(customerId);
      return found.meters.map(({ usage, period, used }): Balance => {
        const units = billedUnits(used);
        const { meter_id, included } = usage;
        const remaining = Math.max(0, included - units);
        const overage = Math.max(0, units - included);
        return {
          customer_id: customerId,
          meter_id,
          used: units,
          included,
          remaining,
          overage,
          period_end_at: period.end_at,
        };
      });
    },

    /** What is kept of a customer is wrong: it is read again when somebody asks. */
    forget(customerId: string): void {
      kept.delete(customerId);
    },

    stop(): void {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}

/** Whole numbers, which most are, cost nothing. */
function sum(a: string, b: string): string {
  const whole = Number(a) + Number(b);
  return /^-?\d{1,15}$/.test(a) && /^-?\d{1,15}$/.test(b) ? String(whole) : addDecimal(a, b);
}
