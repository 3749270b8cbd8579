import { type Instant, type WindowState, createWindow, windowFreeAt, windowTake, windowUsed } from '@farebox/core';
import type { Counter, Take, TakeResult } from '../ports.ts';

export interface MemoryCounter extends Counter {
  take(takes: readonly Take[], cost: number, now: Instant): TakeResult;
  stats(): MemoryStats;
}

export interface MemoryStats {
  windows: number;
  quotas: number;
  /** Windows forgotten while something in them still counted, since the start: each could have been granted once more. */
  evicted_windows: number;
  /** Quotas forgotten before their period ended, since the start. */
  evicted_quotas: number;
}

interface Window {
  state: WindowState;
  window_ms: number;
  /** Nothing in it counts at or after this instant. */
  idle_at: Instant;
  /** Used again since the hand last passed. */
  recent: boolean;
}

interface Quota {
  used: number;
  period_end_at: Instant;
  recent: boolean;
}

/** Entries looked at to make one place: what bounds the work of an insertion. */
const looks = 8;

/**
 * Counts in this process. Exact: no await stands between asking and taking.
 *
 * At most `max_ids` windows and as many quotas are kept. A new one beyond that takes the place of another, found in a
 * bounded number of looks: one that no longer counts anything if there is one in reach, otherwise one that was not used
 * lately. A window forgotten early starts empty again (at most one more window of its customer's requests) and is
 * counted. A quota forgotten early never grants: `onQuotaEvicted` hears its id at once, and who passes seeds must pass a
 * newly read one with the next take of that id.
 */
export function createMemoryCounter(
  options: { max_ids?: number; onQuotaEvicted?: (id: string) => void } = {},
): MemoryCounter {
  const max_ids = options.max_ids ?? 1_000_000;
  let evicted_windows = 0;
  let evicted_quotas = 0;
  const windows = createTable<Window>(max_ids, (_, window, now) => {
    if (window.idle_at > now) evicted_windows += 1;
  });
  const quotas = createTable<Quota>(max_ids, (id, quota, now) => {
    if (quota.period_end_at <= now) return;
    evicted_quotas += 1;
    options.onQuotaEvicted?.(id);
  });

  function windowOf(take: Take & { kind: 'window' }, now: Instant): Window {
    const known = windows.get(take.id);
    if (known !== undefined && known.window_ms === take.window_ms) {
      known.recent = true;
      return known;
    }
    const window: Window = { state: createWindow(), window_ms: take.window_ms, idle_at: 0, recent: false };
    if (known === undefined) return windows.add(take.id, window, now, isIdle);
    // Another length under the same name: what was used counts as used now, which never admits more than either would.
    const carried = windowUsed(known.state, now, known.window_ms);
    if (carried > 0) takeFromWindow(window, carried, now);
    return windows.replace(take.id, window);
  }

  function quotaOf(take: Take & { kind: 'quota' }, now: Instant): Quota {
    const known = quotas.get(take.id);
    if (known !== undefined) {
      // What the database knows and this process does not was used elsewhere, and counts.
      if (take.seed > known.used) known.used = take.seed;
      known.recent = true;
      return known;
    }
    return quotas.add(take.id, { used: take.seed, period_end_at: take.period_end_at, recent: false }, now, isOver);
  }

  /** Making room for one limit of a decision may have forgotten another one of it. */
  function keep(takes: readonly Take[], found: readonly (Window | Quota)[]): void {
    for (let index = 0; index < takes.length; index += 1) {
      const counter = found[index]!;
      if ('state' in counter) windows.restore(takes[index]!.id, counter);
      else quotas.restore(takes[index]!.id, counter);
    }
  }

  return {
    take(takes, cost, now) {
      const found = takes.map((take) => (take.kind === 'window' ? windowOf(take, now) : quotaOf(take, now)));
      keep(takes, found);
      const denied = deniedBy(takes, found, cost, now);
      const used: number[] = [];
      const reset_at: Instant[] = [];
      for (let index = 0; index < takes.length; index += 1) {
        const take = takes[index]!;
        const counter = found[index]!;
        if ('state' in counter) {
          if (denied === -1 && cost > 0) takeFromWindow(counter, cost, now);
          const after = windowUsed(counter.state, now, counter.window_ms);
          // For a refusal when `cost` fits; otherwise when more is left than now.
          const need = denied !== -1 && after + cost > take.limit ? cost : Math.max(1, take.limit - after + 1);
          used.push(after);
          reset_at.push(after === 0 ? now : windowFreeAt(counter.state, take.limit, need, now, counter.window_ms));
        } else {
          if (denied === -1) counter.used += cost;
          used.push(counter.used);
          reset_at.push(counter.period_end_at);
        }
      }
      return { allowed: denied === -1, denied, used, reset_at };
    },
    stats: () => ({ windows: windows.size(), quotas: quotas.size(), evicted_windows, evicted_quotas }),
  };
}

/** Of the limits without room for `cost`, the one that has room last; a limit smaller than the cost never has. -1 when all have. */
function deniedBy(takes: readonly Take[], found: readonly (Window | Quota)[], cost: number, now: Instant): number {
  let denied = -1;
  let last = -1;
  for (let index = 0; index < takes.length; index += 1) {
    const take = takes[index]!;
    const counter = found[index]!;
    let free_at: Instant;
    if ('state' in counter) {
      if (windowUsed(counter.state, now, counter.window_ms) + cost <= take.limit) continue;
      free_at = windowFreeAt(counter.state, take.limit, cost, now, counter.window_ms);
    } else {
      if (take.kind !== 'quota' || !take.hard || counter.used + cost <= take.limit) continue;
      free_at = counter.period_end_at;
    }
    if (cost > take.limit) free_at = Number.POSITIVE_INFINITY;
    if (free_at <= last) continue;
    denied = index;
    last = free_at;
  }
  return denied;
}

function takeFromWindow(window: Window, units: number, now: Instant): void {
  windowTake(window.state, units, now, window.window_ms);
  // The newest slot leaves eleven slots after it began, at most a window and two tenths from now.
  window.idle_at = Math.max(window.idle_at, now + Math.ceil(window.window_ms * 1.2));
}

const isIdle = (window: Window, now: Instant) => window.idle_at <= now;
const isOver = (quota: Quota, now: Instant) => quota.period_end_at <= now;

/**
 * A map with a greatest size. A hand goes round it (the clock algorithm): each insertion beyond the size moves the hand a
 * bounded number of entries and gives the new one the place of the best of those.
 */
function createTable<T extends { recent: boolean }>(max: number, onEvict: (id: string, item: T, now: Instant) => void) {
  const items = new Map<string, T>();
  let hand = items.entries();

  function step(): [string, T] | undefined {
    let next = hand.next();
    if (next.done === true) {
      hand = items.entries();
      next = hand.next();
    }
    return next.done === true ? undefined : next.value;
  }

  function makeRoom(now: Instant, isDead: (item: T, now: Instant) => boolean): void {
    let victim: [string, T] | undefined;
    for (let look = 0; look < looks; look += 1) {
      const candidate = step();
      if (candidate === undefined) break;
      const [, item] = candidate;
      if (isDead(item, now)) {
        victim = candidate;
        break;
      }
      if (!item.recent) victim ??= candidate;
      item.recent = false;
      if (look === looks - 1) victim ??= candidate;
    }
    if (victim === undefined) return;
    items.delete(victim[0]);
    onEvict(victim[0], victim[1], now);
  }

  return {
    get: (id: string) => items.get(id),
    size: () => items.size,
    add(id: string, item: T, now: Instant, isDead: (item: T, now: Instant) => boolean): T {
      for (let tries = 0; tries < 2 && items.size >= max; tries += 1) makeRoom(now, isDead);
      items.set(id, item);
      return item;
    },
    restore(id: string, item: T): void {
      if (items.get(id) !== item) items.set(id, item);
    },
    replace(id: string, item: T): T {
      items.set(id, item);
      return item;
    },
  };
}
