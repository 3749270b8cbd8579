import {
  type BucketState,
  type BucketTake,
  type GivenBack,
  type Instant,
  type Take,
  type TakeResult,
  type WindowState,
  bucketFits,
  bucketTake,
  bucketUsed,
  bucketWaitMs,
  costOf,
  createBucket,
  createWindow,
  newestSlot,
  windowAheadRoom,
  windowGiveBack,
  windowOverAt,
  windowTake,
  windowTakeAhead,
  windowUsed,
  windowWaitMs,
} from '@farebox/core';
import { invariant } from '../lib/invariant.ts';

/** What is counted under one id, as a counter in this process keeps it. */
export abstract class Kept {
  /** The counter that keeps it. */
  readonly home: object;
  /** Used again since the hand last passed. */
  recent = false;
  /** It is kept no more: who remembers it looks again. */
  is_gone = false;

  constructor(home: object) {
    this.home = home;
  }

  /** Units that count at `now`. */
  abstract used(take: Take, now: Instant): number;
  /** Whether a request of this cost fits. */
  abstract fits(take: Take, cost: number, now: Instant): boolean;
  abstract spend(take: Take, units: number, now: Instant): void;
  /** Milliseconds until so many units fit; a wait is a small number, which the engine need not allocate. */
  abstract waitMs(take: Take, need: number, now: Instant): number;
  /** Nothing in it counts at or after `now`. */
  abstract isOver(now: Instant): boolean;

  /** What is left after a decision, and when more is: written where the answer stands. */
  tell(take: Take, cost: number, now: Instant, denied: boolean, { used, reset_at }: TakeResult, place: number): void {
    const count = this.used(take, now);
    const most = take.kind === 'bucket' ? take.burst : take.limit;
    // For a refusal when `cost` fits; otherwise when more is left than now.
    const need = denied && count + costOf(take, cost) > most ? costOf(take, cost) : Math.max(1, most - count + 1);
    used[place] = count;
    // Always a sum: an instant that is either this or that one would be allocated on its way into the array.
    const wait_ms = count === 0 ? 0 : this.waitMs(take, need, now);
    reset_at[place] = now + wait_ms;
  }
}

export class Window extends Kept {
  readonly state: WindowState;
  readonly window_ms: number;
  /** Counts the counters made here, so that one which began anew is told from the one before. */
  readonly born: number;

  constructor(home: object, window_ms: number, born: number, state = createWindow()) {
    super(home);
    this.state = state;
    this.window_ms = window_ms;
    this.born = born;
  }

  used(_take: Take, now: Instant): number {
    return windowUsed(this.state, now, this.window_ms);
  }

  fits(take: Take, cost: number, now: Instant): boolean {
    return windowUsed(this.state, now, this.window_ms) + cost <= take.limit;
  }

  spend(_take: Take, units: number, now: Instant): void {
    windowTake(this.state, units, now, this.window_ms);
  }

  waitMs(take: Take, need: number, now: Instant): number {
    return windowWaitMs(this.state, take.limit, need, now, this.window_ms);
  }

  isOver(now: Instant): boolean {
    return windowOverAt(this.state, this.window_ms) <= now;
  }

  aheadRoom(take: Take, now: Instant): number {
    return windowAheadRoom(this.state, take.limit, now, this.window_ms);
  }

  /** Answers the slot that what is granted counts in. */
  carve(take: Take, granted: number, isAhead: boolean, now: Instant): number {
    const { window_ms } = this;
    if (isAhead) return windowTakeAhead(this.state, granted, now, { id: take.id, window_ms });
    windowTake(this.state, granted, now, window_ms);
    return newestSlot(this.state);
  }

  giveBack({ units, spent, slot }: GivenBack, now: Instant): void {
    const isKnown = windowGiveBack(this.state, units, slot);
    if (isKnown && spent > 0) windowTake(this.state, Math.min(spent, units), now, this.window_ms);
  }
}

export class Bucket extends Kept {
  readonly state: BucketState = createBucket();
  readonly window_ms: number;
  idle_at: Instant = 0;

  constructor(home: object, window_ms: number) {
    super(home);
    this.window_ms = window_ms;
  }

  used(take: Take, now: Instant): number {
    return bucketUsed(this.state, ruleOf(take), now);
  }

  fits(take: Take, cost: number, now: Instant): boolean {
    return bucketFits(this.state, ruleOf(take), cost, now);
  }

  spend(take: Take, units: number, now: Instant): void {
    const rule = ruleOf(take);
    bucketTake(this.state, rule, units, now);
    this.idle_at = now + bucketWaitMs(this.state, rule, rule.burst, now);
  }

  waitMs(take: Take, need: number, now: Instant): number {
    const rule = ruleOf(take);
    return bucketWaitMs(this.state, rule, Math.min(need, rule.burst), now);
  }

  isOver(now: Instant): boolean {
    return this.idle_at <= now;
  }
}

function ruleOf(take: Take): BucketTake {
  invariant(take.kind === 'bucket', 'a bucket is asked as one');
  return take;
}

export class Places extends Kept {
  readonly leases = new Map<string, Instant>();
  idle_at: Instant = 0;

  used(_take: Take, now: Instant): number {
    for (const [lease, expires_at] of this.leases) if (expires_at <= now) this.leases.delete(lease);
    return this.leases.size;
  }

  fits(take: Take, cost: number, now: Instant): boolean {
    return this.used(take, now) + costOf(take, cost) <= take.limit;
  }

  spend(take: Take, _units: number, now: Instant): void {
    invariant(take.kind === 'places', 'places are asked as such');
    this.leases.set(take.lease, now + take.ttl_ms);
    this.idle_at = Math.max(this.idle_at, now + take.ttl_ms);
  }

  waitMs(_take: Take, _need: number, now: Instant): number {
    return Math.min(...this.leases.values(), Number.MAX_SAFE_INTEGER) - now;
  }

  isOver(now: Instant): boolean {
    return this.idle_at <= now;
  }
}

export class Quota extends Kept {
  count: number;
  readonly born: number;
  readonly period_end_at: Instant;

  constructor(home: object, count: number, born: number, period_end_at: Instant) {
    super(home);
    this.count = count;
    this.born = born;
    this.period_end_at = period_end_at;
  }

  used(): number {
    return this.count;
  }

  fits(take: Take, cost: number): boolean {
    return (take.kind === 'quota' && !take.hard) || this.count + cost <= take.limit;
  }

  spend(_take: Take, units: number): void {
    this.count += units;
  }

  waitMs(_take: Take, _need: number, now: Instant): number {
    return this.period_end_at - now;
  }

  isOver(now: Instant): boolean {
    return this.period_end_at <= now;
  }

  /** Everything of it comes back with the end of the period, and not before. */
  override tell(_take: Take, _cost: number, _now: Instant, _denied: boolean, result: TakeResult, place: number): void {
    result.used[place] = this.count;
    result.reset_at[place] = this.period_end_at;
  }

  giveBack({ units }: GivenBack): void {
    this.count = Math.max(0, this.count - units);
  }
}

/** What is kept of one limit. */
export type Item = Window | Bucket | Places | Quota;
