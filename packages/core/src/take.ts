import { bucketFreeAt, bucketUsed } from './bucket.ts';
import type { BucketState } from './bucket.ts';
import type { Instant, Offline } from './plan.ts';
import { type WindowState, windowFreeAt, windowUsed } from './window.ts';

/** One limit to take from. `id` begins with the customer's: `cust_…:1s`. */
export type Take = (WindowTake | BucketTake | PlacesTake | QuotaTake) & {
  /** What it does while the shared counter does not answer; unless said, a hard quota is closed and all else open. */
  offline?: Offline;
  /** Of a counter in this process: what it found under the id, so that it need not look for it with each decision. */
  found?: unknown;
};

export interface WindowTake {
  kind: 'window';
  id: string;
  limit: number;
  window_ms: number;
}

/** `limit` per window flow out of what holds `burst`. */
export interface BucketTake {
  kind: 'bucket';
  id: string;
  limit: number;
  window_ms: number;
  burst: number;
}

/** Requests at the same time: each admitted one has a place until it is released, or `ttl_ms` later. */
export interface PlacesTake {
  kind: 'places';
  id: string;
  limit: number;
  ttl_ms: number;
  /** Names the request's place. */
  lease: string;
}

export interface QuotaTake {
  kind: 'quota';
  /** `cust_…:requests:<period start>` */
  id: string;
  limit: number;
  /** A soft quota counts and never refuses. */
  hard: boolean;
  period_end_at: Instant;
  /** Used so far, from the database: where a counter that knows nothing of this id starts. */
  seed: number;
  /** What is counted: usage of this meter in the period, by one key or by all of the customer's. */
  of: { meter_id: string | null; key_id: string | null; start_at: Instant };
}

export interface TakeResult {
  allowed: boolean;
  /** Index of the limit that refused; -1 when allowed. Of several, the one that frees up last. */
  denied: number;
  /** Per take, in order: units used after the decision (a refusal consumes nothing). */
  used: number[];
  /** True: it could not be counted, and the limit is closed then. */
  unavailable?: boolean;
  /** Per take: when capacity comes back. For the limits that refuse, the earliest instant at which `cost` fits. */
  reset_at: Instant[];
}

/** Room for what a decision's limits answer. */
export function createTakeResult(): TakeResult {
  return { allowed: true, denied: -1, used: [], reset_at: [] };
}

/** What one limit is asked in one call. */
export interface Ask {
  take: Take;
  /** Units that must be had, or nothing is taken from any limit. */
  need: number;
  /** Units that are wanted: a block to spend later. At least `need`, and given only while plenty is left. */
  want: number;
  /** An earlier block, or what was not spent of it. */
  back: GivenBack | null;
  /** The quota's seed was read for this call, so that a counter that does not know it may begin with it. */
  is_fresh: boolean;
}

/**
 * What a block was taken from: a slot of a window (0 for a quota), and the life of the counter. What was taken ahead goes back whole; of it,
 * `spent` was spent within the last window, and counts from now on as if it were spent now.
 */
export interface GivenBack {
  units: number;
  spent: number;
  slot: number;
  epoch: string;
}

/**
 * What one limit answers. `epoch` changes when the counter began anew, because what it knew was lost. `slot` is that which the granted
 * units of a window count in; they may be spent until it is over: once, or, where it is a later slot than that of `now`, in every window
 * until then.
 */
export type Answered =
  | { kind: 'window'; granted: number; state: WindowState; slot: number; epoch: string }
  | { kind: 'bucket'; granted: number; state: BucketState }
  | { kind: 'quota'; granted: number; used: number; epoch: string }
  | { kind: 'places'; granted: number; used: number; earliest_at: Instant };

/** What all limits of a call answer, in order; from all of them was taken, or from none. */
export interface Carved {
  allowed: boolean;
  /** By the counter's clock. */
  now: Instant;
  parts: readonly Answered[];
}

/** The most a limit holds at once. */
export function capacityOf(take: Take): number {
  return take.kind === 'bucket' ? take.burst : take.limit;
}

/** What a request takes of a limit: a place of places, its cost of everything else. */
export function costOf(take: Take, cost: number): number {
  return take.kind === 'places' ? Math.min(1, cost) : cost;
}

/**
 * Units that are given of a wanted block, where what is needed fits: all where nothing bounds them, else at most a quarter of what is left, and
 * never less than needed. Those of a window are taken ahead where there is room for at least half of them.
 */
export function grantOf(
  { take, need, want }: Ask,
  { left, ahead }: { left: number; ahead: number },
): { granted: number; isAhead: boolean } {
  if (want <= need) return { granted: need, isAhead: false };
  if (take.kind === 'quota' && !take.hard) return { granted: want, isAhead: false };
  if (ahead >= need && ahead * 2 >= want) return { granted: Math.max(0, Math.min(want, ahead, left)), isAhead: true };
  return { granted: Math.max(need, Math.min(want, Math.floor(left / 4))), isAhead: false };
}

/** The decision as a counter answers it, from the states after it. */
export function resultOf(takes: readonly Take[], cost: number, { allowed, now, parts }: Carved): TakeResult {
  const used: number[] = [];
  const reset_at: Instant[] = [];
  let denied = -1;
  let last = -1;
  for (const [index, take] of takes.entries()) {
    const part = parts[index];
    if (part === undefined) continue;
    const count = usedOf(take, part, now);
    const need = costOf(take, cost);
    const most = capacityOf(take);
    const refuses = !allowed && need > 0 && count + need > most && (take.kind !== 'quota' || take.hard);
    const free = freeAt(take, part, refuses ? need : Math.max(1, most - count + 1), now);
    used.push(count);
    reset_at.push(count === 0 && take.kind !== 'quota' ? now : free);
    if (!refuses) continue;
    const frees = need > most ? Number.POSITIVE_INFINITY : free;
    if (frees > last) {
      denied = index;
      last = frees;
    }
  }
  return { allowed, denied, used, reset_at };
}

function usedOf(take: Take, part: Answered, now: Instant): number {
  if (take.kind === 'window' && part.kind === 'window') return windowUsed(part.state, now, take.window_ms);
  if (take.kind === 'bucket' && part.kind === 'bucket') return bucketUsed(part.state, take, now);
  return part.kind === 'quota' || part.kind === 'places' ? part.used : 0;
}

function freeAt(take: Take, part: Answered, need: number, now: Instant): Instant {
  if (take.kind === 'window' && part.kind === 'window')
    return windowFreeAt(part.state, take.limit, need, now, take.window_ms);
  if (take.kind === 'bucket' && part.kind === 'bucket')
    return bucketFreeAt(part.state, take, Math.min(need, take.burst), now);
  return take.kind === 'quota' ? take.period_end_at : part.kind === 'places' ? part.earliest_at : now;
}
