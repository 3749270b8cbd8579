import {
  type Answered,
  type Ask,
  type BucketState,
  type BucketTake,
  type Carved,
  type Instant,
  type PlacesTake,
  type QuotaTake,
  type Take,
  type TakeResult,
  type WindowState,
  type WindowTake,
  bucketFits,
  bucketFreeAt,
  bucketTake,
  bucketUsed,
  capacityOf,
  costOf,
  createBucket,
  createWindow,
  grantOf,
  windowFreeAt,
  windowGiveBack,
  windowTake,
  windowUsed,
} from '@farebox/core';
import { invariant } from '../lib/invariant.ts';
import { randomToken } from '../lib/secret.ts';
import type { Counter } from '../ports.ts';
import { createTable } from './table.ts';

export interface MemoryCounter extends Counter {
  take(takes: readonly Take[], cost: number, now: Instant): TakeResult;
  release(id: string, lease: string): void;
  carve(asks: readonly Ask[], now: Instant): Carved;
  stats(): MemoryStats;
}

export interface MemoryStats {
  /** Short limits: windows, buckets, places. */
  windows: number;
  quotas: number;
  /** Short limits forgotten while something in them still counted, since the start: each could have been granted once more. */
  evicted_windows: number;
  /** Quotas forgotten before their period ended, since the start. */
  evicted_quotas: number;
}

interface Window {
  kind: 'window';
  state: WindowState;
  window_ms: number;
  /** Counts the counters made here, so that one which began anew is told from the one before. */
  born: number;
  /** Nothing in it counts at or after this instant. */
  idle_at: Instant;
  /** Used again since the hand last passed. */
  recent: boolean;
}

interface Bucket {
  kind: 'bucket';
  state: BucketState;
  window_ms: number;
  idle_at: Instant;
  recent: boolean;
}

interface Places {
  kind: 'places';
  leases: Map<string, Instant>;
  idle_at: Instant;
  recent: boolean;
}

interface Quota {
  kind: 'quota';
  used: number;
  born: number;
  period_end_at: Instant;
  recent: boolean;
}

type Short = Window | Bucket | Places;

/**
 * Counts in this process. Exact: no await stands between asking and taking.
 *
 * At most `max_ids` short limits and as many quotas are kept. A new one beyond that takes the place of another, found in a
 * bounded number of looks: one that no longer counts anything if there is one in reach, otherwise one that was not used
 * lately. A window forgotten early starts empty again (at most one more window of its customer's requests) and is
 * counted. A quota forgotten early never grants: `onQuotaEvicted` hears its id at once, and who passes seeds must pass a
 * newly read one with the next take of that id.
 */
export function createMemoryCounter(
  options: { max_ids?: number; onQuotaEvicted?: (id: string) => void } = {},
): MemoryCounter {
  const max_ids = options.max_ids ?? 1_000_000;
  const life = randomToken(6);
  let births = 0;
  let evicted_windows = 0;
  let evicted_quotas = 0;
  const shorts = createTable<Short>(max_ids, (_, short, now) => {
    if (short.idle_at > now) evicted_windows += 1;
  });
  const quotas = createTable<Quota>(max_ids, (id, quota, now) => {
    if (quota.period_end_at <= now) return;
    evicted_quotas += 1;
    options.onQuotaEvicted?.(id);
  });

  function shortOf(take: WindowTake | BucketTake | PlacesTake, now: Instant): Short {
    const known = shorts.get(take.id);
    if (known !== undefined && isSame(known, take)) {
      known.recent = true;
      return known;
    }
    const fresh = freshShort(take, (births += 1));
    if (known === undefined) return shorts.add(take.id, fresh, now, isIdle);
    // Another length or kind under the same name: what was used counts as used now, which never admits more than either would.
    const carried = known.kind === 'places' ? 0 : unitsIn(known, now);
    if (carried > 0) spend(take, fresh, carried, now);
    return shorts.replace(take.id, fresh);
  }

  function quotaOf(take: QuotaTake, now: Instant): Quota {
    const known = quotas.get(take.id);
    if (known !== undefined) {
      // What the database knows and this process does not was used elsewhere, and counts.
      if (take.seed > known.used) known.used = take.seed;
      known.recent = true;
      return known;
    }
    const { seed: used, period_end_at } = take;
    return quotas.add(take.id, { kind: 'quota', used, born: (births += 1), period_end_at, recent: false }, now, isOver);
  }

  function find(takes: readonly Take[], now: Instant): (Short | Quota)[] {
    const found = takes.map((take) => (take.kind === 'quota' ? quotaOf(take, now) : shortOf(take, now)));
    keep(takes, found);
    return found;
  }

  /** Making room for one limit of a decision may have forgotten another one of it. */
  function keep(takes: readonly Take[], found: readonly (Short | Quota)[]): void {
    for (let index = 0; index < takes.length; index += 1) {
      const counter = found[index]!;
      if (counter.kind === 'quota') quotas.restore(takes[index]!.id, counter);
      else shorts.restore(takes[index]!.id, counter);
    }
  }

  return {
    take(takes, cost, now) {
      const found = find(takes, now);
      const denied = deniedBy(takes, found, cost, now);
      const used: number[] = [];
      const reset_at: Instant[] = [];
      for (let index = 0; index < takes.length; index += 1) {
        const take = takes[index]!;
        const counter = found[index]!;
        if (denied === -1 && cost > 0) spend(take, counter, cost, now);
        const after = usedOf(take, counter, now);
        const most = capacityOf(take);
        // For a refusal when `cost` fits; otherwise when more is left than now.
        const refuses = denied !== -1 && after + costOf(take, cost) > most;
        const need = refuses ? costOf(take, cost) : Math.max(1, most - after + 1);
        used.push(after);
        reset_at.push(after === 0 && take.kind !== 'quota' ? now : freeAt(take, counter, need, now));
      }
      return { allowed: denied === -1, denied, used, reset_at };
    },
    release(id, lease) {
      const places = shorts.get(id);
      if (places?.kind === 'places') places.leases.delete(lease);
    },
    carve(asks, now) {
      const found = find(
        asks.map(({ take }) => take),
        now,
      );
      const carvable = found.map((counter) => {
        invariant(counter.kind === 'window' || counter.kind === 'quota', 'windows and quotas are carved');
        return { counter, epoch: `${life}.${counter.born}` };
      });
      for (const [index, { counter, epoch }] of carvable.entries()) giveBack(counter, asks[index]!, epoch);
      const allowed = asks.every(({ take, need }, index) => need === 0 || fits(take, found[index]!, need, now));
      const parts = carvable.map(({ counter, epoch }, index): Answered => {
        const ask = asks[index]!;
        const granted = allowed ? grantOf(ask, ask.take.limit - usedOf(ask.take, counter, now)) : 0;
        if (granted > 0) spend(ask.take, counter, granted, now);
        return counter.kind === 'window'
          ? { kind: 'window', granted, state: [...counter.state], epoch }
          : { kind: 'quota', granted, used: counter.used, epoch };
      });
      return { allowed, now, parts };
    },
    stats: () => ({ windows: shorts.size(), quotas: quotas.size(), evicted_windows, evicted_quotas }),
  };
}

/** Of the limits without room for `cost`, the one that has room last; a limit smaller than the cost never has. -1 when all have. */
function deniedBy(takes: readonly Take[], found: readonly (Short | Quota)[], cost: number, now: Instant): number {
  let denied = -1;
  let last = -1;
  for (let index = 0; index < takes.length; index += 1) {
    const take = takes[index]!;
    const counter = found[index]!;
    if (fits(take, counter, cost, now)) continue;
    const need = costOf(take, cost);
    const free_at = need > capacityOf(take) ? Number.POSITIVE_INFINITY : freeAt(take, counter, need, now);
    if (free_at <= last) continue;
    denied = index;
    last = free_at;
  }
  return denied;
}

function fits(take: Take, counter: Short | Quota, cost: number, now: Instant): boolean {
  if (take.kind === 'window' && counter.kind === 'window')
    return windowUsed(counter.state, now, counter.window_ms) + cost <= take.limit;
  if (take.kind === 'quota' && counter.kind === 'quota') return !take.hard || counter.used + cost <= take.limit;
  if (take.kind === 'bucket' && counter.kind === 'bucket') return bucketFits(counter.state, take, cost, now);
  return usedOf(take, counter, now) + costOf(take, cost) <= take.limit;
}

function usedOf(take: Take, counter: Short | Quota, now: Instant): number {
  switch (counter.kind) {
    case 'window':
      return windowUsed(counter.state, now, counter.window_ms);
    case 'quota':
      return counter.used;
    case 'bucket':
      invariant(take.kind === 'bucket', 'a bucket is asked as one');
      return bucketUsed(counter.state, take, now);
    case 'places':
      for (const [lease, expires_at] of counter.leases) if (expires_at <= now) counter.leases.delete(lease);
      return counter.leases.size;
  }
}

function freeAt(take: Take, counter: Short | Quota, need: number, now: Instant): Instant {
  switch (counter.kind) {
    case 'window':
      return windowFreeAt(counter.state, take.limit, need, now, counter.window_ms);
    case 'quota':
      return counter.period_end_at;
    case 'bucket':
      invariant(take.kind === 'bucket', 'a bucket is asked as one');
      return bucketFreeAt(counter.state, take, Math.min(need, take.burst), now);
    case 'places':
      return Math.min(...counter.leases.values(), Number.MAX_SAFE_INTEGER);
  }
}

/** Of a counter that began anew since, or of a slot that has left the window, nothing is given back. */
function giveBack(counter: Window | Quota, { back }: Ask, epoch: string): void {
  if (back === null || back.epoch !== epoch) return;
  if (counter.kind === 'window') windowGiveBack(counter.state, back.units, back.slot);
  else counter.used = Math.max(0, counter.used - back.units);
}

function spend(take: Take, counter: Short | Quota, units: number, now: Instant): void {
  if (counter.kind === 'quota') counter.used += units;
  else if (counter.kind === 'window') {
    windowTake(counter.state, units, now, counter.window_ms);
    // The newest slot leaves eleven slots after it began, at most a window and two tenths from now.
    counter.idle_at = Math.max(counter.idle_at, now + Math.ceil(counter.window_ms * 1.2));
  } else if (counter.kind === 'bucket' && take.kind === 'bucket') {
    bucketTake(counter.state, take, units, now);
    counter.idle_at = bucketFreeAt(counter.state, take, take.burst, now);
  } else if (counter.kind === 'places' && take.kind === 'places') {
    counter.leases.set(take.lease, now + take.ttl_ms);
    counter.idle_at = Math.max(counter.idle_at, now + take.ttl_ms);
  }
}

/** Units of a window or a bucket that still count, whatever it is asked as now. */
function unitsIn(known: Window | Bucket, now: Instant): number {
  if (known.kind === 'window') return windowUsed(known.state, now, known.window_ms);
  return Math.ceil(known.state.level / known.window_ms);
}

function isSame(known: Short, take: WindowTake | BucketTake | PlacesTake): boolean {
  if (known.kind === 'places' || take.kind === 'places') return known.kind === take.kind;
  return known.kind === take.kind && known.window_ms === take.window_ms;
}

function freshShort(take: WindowTake | BucketTake | PlacesTake, born: number): Short {
  if (take.kind === 'places') return { kind: 'places', leases: new Map(), idle_at: 0, recent: false };
  const { window_ms } = take;
  return take.kind === 'window'
    ? { kind: 'window', state: createWindow(), window_ms, born, idle_at: 0, recent: false }
    : { kind: 'bucket', state: createBucket(), window_ms, idle_at: 0, recent: false };
}

const isIdle = (short: Short, now: Instant) => short.idle_at <= now;
const isOver = (quota: Quota, now: Instant) => quota.period_end_at <= now;
