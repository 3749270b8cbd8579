import {
  type Answered,
  type Ask,
  type BucketTake,
  type Carved,
  type Instant,
  type PlacesTake,
  type QuotaTake,
  type Take,
  type TakeResult,
  type WindowTake,
  capacityOf,
  costOf,
  createTakeResult,
  grantOf,
  windowUsed,
} from '@farebox/core';
import { invariant } from '../lib/invariant.ts';
import { randomToken } from '../lib/secret.ts';
import type { Counter } from '../ports.ts';
import { createFrozen } from './frozen.ts';
import { Bucket, type Item, type Kept, Places, Quota, Window } from './kept.ts';
import { createTable } from './table.ts';

export interface MemoryCounter extends Counter {
  take(takes: readonly Take[], cost: number, now: Instant, room?: TakeResult): TakeResult;
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

type Short = Exclude<Item, Quota>;

/** As many as objects, for those that are asked for: a key has some three short limits and a quota. What else counts is kept as bytes. */
const mostShorts = 49_152;
const mostQuotas = 16_384;

/**
 * Counts in this process. Exact: no await stands between asking and taking.
 *
 * At most `max_ids` short limits and as many quotas are kept, those that are in use as objects and the others as bytes. A new one beyond that takes the place of another, found in a
 * bounded number of looks: one that no longer counts anything if there is one in reach, otherwise one that was not used
 * lately. A window forgotten early starts empty again (at most one more window of its customer's requests) and is
 * counted. A quota forgotten early never grants: `onQuotaEvicted` hears its id at once, and who passes seeds must pass a
 * newly read one with the next take of that id.
 */
export function createMemoryCounter(
  options: { max_ids?: number; max_objects?: number; onQuotaEvicted?: (id: string) => void } = {},
): MemoryCounter {
  const max_ids = options.max_ids ?? 1_000_000;
  const life = randomToken(6);
  const home = {};
  const found: (Short | Quota)[] = [];
  let births = 0;
  /** Counts what became, and what left the objects: another limit of the same decision, perhaps. */
  let moves = 0;
  let latest: Instant = 0;
  let evicted_windows = 0;
  let evicted_quotas = 0;
  const frozen = createFrozen(home);
  const shorts = createTable<Short>(Math.min(max_ids, options.max_objects ?? mostShorts), makeRoom);
  const quotas = createTable<Quota>(Math.min(max_ids, options.max_objects ?? mostQuotas), makeRoom);

  /** What leaves the objects is kept as bytes while it counts, where there may be more than those. */
  function makeRoom(id: string, item: Item, now: Instant): void {
    moves += 1;
    if (item.isOver(now)) return;
    if (max_ids <= quotas.max || !frozen.freeze(id, item)) return evicted(id, item, now);
    frozen.sweep(now);
    while (frozen.sizes.shorts + shorts.size() > max_ids || frozen.sizes.quotas + quotas.size() > max_ids)
      for (const out of frozen.evict()) evicted(out.id, out.item, now);
  }

  function evicted(id: string, item: Item, now: Instant): void {
    if (item.isOver(now)) return;
    if (item instanceof Quota) {
      evicted_quotas += 1;
      options.onQuotaEvicted?.(id);
    } else evicted_windows += 1;
  }

  /** Brings all of a customer's limits back that are kept as bytes. The one that is asked for comes last, so that no other takes its place. */
  function thaw(asked: string, now: Instant): void {
    const items = frozen.thaw(asked);
    if (items.length === 0) return;
    moves += 1;
    for (const each of items) if (each.id !== asked) add(each.id, each.item, now);
    for (const each of items) if (each.id === asked) add(each.id, each.item, now);
  }

  function add(id: string, item: Item, now: Instant): void {
    if (item instanceof Quota) quotas.add(id, item, now);
    else shorts.add(id, item, now);
  }

  /** What is kept under the take's id; the same take finds it again without looking for it. */
  function keptOf(take: Take, now: Instant): Short | Quota {
    const { found: memo } = take;
    if (memo instanceof Window || memo instanceof Quota || memo instanceof Bucket) {
      if (memo.home === home && !memo.is_gone) {
        memo.recent = true;
        if (memo instanceof Quota) learn(memo, take);
        return memo;
      }
    }
    const kept = take.kind === 'quota' ? quotaOf(take, now) : shortOf(take, now);
    // Places are asked for by another take each time.
    if (take.kind !== 'places') take.found = kept;
    return kept;
  }

  function shortOf(take: WindowTake | BucketTake | PlacesTake, now: Instant): Short {
    if (!shorts.has(take.id)) thaw(take.id, now);
    const known = shorts.get(take.id);
    if (known !== undefined && isSame(known, take)) {
      known.recent = true;
      return known;
    }
    const fresh = freshShort(home, take, born());
    if (known === undefined) return shorts.add(take.id, fresh, now);
    // Another length or kind under the same name: what was used counts as used now, which never admits more than either would.
    const carried = unitsIn(known, now);
    if (carried > 0) fresh.spend(take, carried, now);
    return shorts.replace(take.id, fresh);
  }

  function quotaOf(take: QuotaTake, now: Instant): Quota {
    if (!quotas.has(take.id)) thaw(take.id, now);
    const known = quotas.get(take.id);
    if (known === undefined) return quotas.add(take.id, new Quota(home, take.seed, born(), take.period_end_at), now);
    learn(known, take);
    known.recent = true;
    return known;
  }

  function born(): number {
    moves += 1;
    births += 1;
    return births;
  }

  /** The counters of a decision. The array is used again by the next one, so that a decision allocates nothing. */
  function find(takes: readonly Take[], now: Instant): readonly (Short | Quota)[] {
    const before = moves;
    latest = now;
    if (found.length > takes.length) found.length = takes.length;
    for (let index = 0; index < takes.length; index += 1) found[index] = keptOf(takes[index]!, now);
    if (moves !== before) keep(takes);
    return found;
  }

  /** Making room for one limit of a decision may have forgotten another one of it. */
  function keep(takes: readonly Take[]): void {
    for (let index = 0; index < takes.length; index += 1) {
      const kept = found[index]!;
      const { id } = takes[index]!;
      if (kept.is_gone) frozen.drop(id);
      if (kept instanceof Quota) quotas.restore(id, kept);
      else shorts.restore(id, kept);
    }
  }

  return {
    take(takes, cost, now, room = createTakeResult()) {
      find(takes, now);
      const denied = deniedBy(takes, found, cost, now);
      const { used, reset_at } = room;
      if (used.length > takes.length) used.length = reset_at.length = takes.length;
      for (let index = 0; index < takes.length; index += 1) {
        const take = takes[index]!;
        const kept = found[index]!;
        if (denied === -1 && cost > 0) kept.spend(take, cost, now);
        kept.tell(take, cost, now, denied !== -1, room, index);
      }
      room.allowed = denied === -1;
      room.denied = denied;
      return room;
    },
    release(id, lease) {
      if (!shorts.has(id)) thaw(id, latest);
      const places = shorts.get(id);
      if (places instanceof Places) places.leases.delete(lease);
    },
    carve(asks, now) {
      const carvable = find(
        asks.map(({ take }) => take),
        now,
      ).map((kept) => {
        invariant(kept instanceof Window || kept instanceof Quota, 'windows and quotas are carved');
        return { kept, epoch: `${life}.${kept.born}` };
      });
      // Of a counter that began anew since, or of a slot that has left the window, nothing is given back.
      for (const [index, { kept, epoch }] of carvable.entries()) {
        const { back } = asks[index]!;
        if (back !== null && back.epoch === epoch) kept.giveBack(back, now);
      }
      const allowed = asks.every(({ take, need }, index) => need === 0 || carvable[index]!.kept.fits(take, need, now));
      const parts = carvable.map(({ kept, epoch }, index): Answered => {
        const ask = asks[index]!;
        const left = ask.take.limit - kept.used(ask.take, now);
        const ahead = kept instanceof Window ? kept.aheadRoom(ask.take, now) : 0;
        const { granted, isAhead } = allowed ? grantOf(ask, { left, ahead }) : { granted: 0, isAhead: false };
        if (kept instanceof Quota) {
          if (granted > 0) kept.spend(ask.take, granted);
          return { kind: 'quota', granted, used: kept.count, epoch };
        }
        const slot = granted > 0 ? kept.carve(ask.take, granted, isAhead, now) : 0;
        return { kind: 'window', granted, state: [...kept.state], slot, epoch };
      });
      return { allowed, now, parts };
    },
    stats: () => ({
      windows: shorts.size() + frozen.sizes.shorts,
      quotas: quotas.size() + frozen.sizes.quotas,
      evicted_windows,
      evicted_quotas,
    }),
  };
}

/** What the database knows and this process does not was used elsewhere, and counts. */
function learn(quota: Quota, take: Take): void {
  if (take.kind === 'quota' && take.seed > quota.count) quota.count = take.seed;
}

/** Of the limits without room for `cost`, the one that has room last; a limit smaller than the cost never has. -1 when all have. */
function deniedBy(takes: readonly Take[], found: readonly Kept[], cost: number, now: Instant): number {
  let denied = -1;
  let last = -1;
  for (let index = 0; index < takes.length; index += 1) {
    const take = takes[index]!;
    const kept = found[index]!;
    if (kept.fits(take, cost, now)) continue;
    const need = costOf(take, cost);
    const wait_ms = need > capacityOf(take) ? Number.POSITIVE_INFINITY : kept.waitMs(take, need, now);
    if (wait_ms <= last) continue;
    denied = index;
    last = wait_ms;
  }
  return denied;
}

/** Units that still count, whatever they are asked for as now. */
function unitsIn(known: Short, now: Instant): number {
  if (known instanceof Window) return windowUsed(known.state, now, known.window_ms);
  return known instanceof Places ? 0 : Math.ceil(known.state.level / known.window_ms);
}

function isSame(known: Short, take: WindowTake | BucketTake | PlacesTake): boolean {
  if (take.kind === 'places') return known instanceof Places;
  const isKind = take.kind === 'window' ? known instanceof Window : known instanceof Bucket;
  return isKind && !(known instanceof Places) && known.window_ms === take.window_ms;
}

function freshShort(home: object, take: WindowTake | BucketTake | PlacesTake, born: number): Short {
  if (take.kind === 'places') return new Places(home);
  return take.kind === 'window' ? new Window(home, take.window_ms, born) : new Bucket(home, take.window_ms);
}
