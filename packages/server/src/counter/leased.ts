import { type Instant, windowSlots } from '@farebox/core';
import type { Counter, QuotaTake, Take, TakeResult, WindowTake } from '../ports.ts';
import type { RedisLink } from './link.ts';
import { createRedisCounter, resultOf } from './redis.ts';
import type { Answered, Ask, GivenBack } from './script.ts';

export interface LeasedCounter extends Counter {
  /** Decisions, those answered without waiting, and calls of Redis, since the start. */
  stats(): { decisions: number; local: number; calls: number };
  /** Gives back what is not used any more; every so often, and at the end. */
  giveBack(all?: boolean): Promise<void>;
}

/** Units taken from a limit for later, to be spent here without asking. */
interface Block {
  take: WindowTake | QuotaTake;
  granted: number;
  left: number;
  slot: number;
  epoch: string;
  /** By `time()`. */
  expires_at: number;
  /** Of the whole limit, this block included, when it was taken. */
  used: number;
  reset_at: Instant;
}

/** Refused, and not asked for again until then; a smaller cost or another limit is. */
interface Denied {
  takes: readonly Take[];
  cost: number;
  until: number;
  result: TakeResult;
}

/** How long a block of a quota may be held: what a crash loses, and how late an idle node's units come back. */
const quotaLeaseMs = 1000;
const largestBlock = 10_000;
/** How long a refusal stands without asking again: units that another node gives back are noticed after this. */
const deniedMs = 20;
const mostIds = 200_000;

/**
 * A node takes a block of units with one call and spends it by itself. Blocks are carved from the limit, so that the sum over all nodes
 * never exceeds it: a block of a window lives in the slot it was charged to, and what was not spent is given back.
 * A crash loses its blocks (fewer requests pass than could, by at most those) and doubles none. A block is one unit at first and where little is left, and
 * doubles as long as it is used up before its time. Buckets and places are asked for one by one.
 *
 * `time` is a clock that nobody sets, in milliseconds; a lease is counted from before it was asked for, so that it ends here no later
 * than there. With a movable clock it is the caller's.
 */
export function createLeasedCounter(deps: { link: RedisLink; time: (now: Instant) => number }): LeasedCounter {
  const { link } = deps;
  const exact = createRedisCounter(link);
  const blocks = new Map<string, Block>();
  const sizes = new Map<string, number>();
  const denials = new Map<string, Denied>();
  /** One fill at a time for a customer; who comes meanwhile waits, and is likely served by it. */
  const filling = new Map<string, { done: Promise<void>; waiting: number }>();
  const lastWaiting = new Map<string, number>();
  const counts = { decisions: 0, local: 0, calls: 0 };
  let lastNow: Instant = 0;

  /** The decision without asking; null when units are missing. */
  function local(takes: readonly Take[], cost: number, at: number): TakeResult | null {
    for (const take of takes) {
      const block = blocks.get(take.id);
      if (block === undefined || !isGood(block, take, at) || block.left < cost) return refusalOf(takes, cost, at);
    }
    const used: number[] = [];
    const reset_at: Instant[] = [];
    for (const take of takes) {
      const block = blocks.get(take.id);
      if (block === undefined) return null;
      block.left -= cost;
      used.push(block.used - block.left);
      reset_at.push(block.reset_at);
    }
    return { allowed: true, denied: -1, used, reset_at };
  }

  function refusalOf(takes: readonly Take[], cost: number, at: number): TakeResult | null {
    for (const { id } of takes) {
      const denied = denials.get(id);
      if (denied === undefined) continue;
      if (at >= denied.until) denials.delete(id);
      else if (cost >= denied.cost && areSame(denied.takes, takes)) return denied.result;
    }
    return null;
  }

  /** Takes blocks for every limit that lacks units, or for none, and spends this decision from them. */
  async function fill(takes: readonly Take[], cost: number, now: Instant, waiting: number): Promise<TakeResult> {
    const sent = deps.time(now);
    const own = takes.map((take) => blocks.get(take.id));
    const lacks = takes.map((take, index) => {
      const block = own[index];
      return block === undefined || !isGood(block, take, sent) || block.left < cost;
    });
    const asks: Ask[] = [];
    for (const [index, take] of takes.entries()) {
      const block = own[index];
      if (lacks[index] !== true || take.kind === 'bucket' || take.kind === 'places') continue;
      if (block !== undefined) blocks.delete(take.id);
      const back = block === undefined ? null : backOf(block);
      const want = cost * Math.max(1 + waiting, resize(take.id, block, sent));
      asks.push({ take, need: cost, want: Math.min(want, largestBlock), back, is_fresh: false });
    }
    counts.calls += 1;
    const answer = await link.run(asks, now);
    for (const [index, ask] of asks.entries()) {
      const part = answer.parts[index];
      if (answer.allowed && part !== undefined) keep(ask.take, part, { sent, now: answer.now });
    }
    if (answer.allowed) {
      const result = local(takes, cost, deps.time(now));
      // What was taken for long may be over when a slow answer comes: then it is asked once more.
      return result ?? (await exact.take(takes, cost, now));
    }
    const result = refused(takes, asks, cost, answer);
    const denied = takes[result.denied];
    const free = result.reset_at[result.denied] ?? answer.now;
    if (denied !== undefined && denials.size < mostIds) {
      const until = sent + Math.min(deniedMs, Math.max(0, free - answer.now));
      denials.set(denied.id, { takes, cost, until, result });
    }
    return result;
  }

  /** All limits of the decision: those that were asked by their answer, the others by what is held of them. */
  function refused(
    takes: readonly Take[],
    asks: readonly Ask[],
    cost: number,
    answer: { allowed: boolean; now: Instant; parts: readonly Answered[] },
  ): TakeResult {
    const asked = resultOf(
      asks.map(({ take }) => take),
      cost,
      answer,
    );
    const result: TakeResult = { allowed: false, denied: -1, used: [], reset_at: [] };
    for (const [index, take] of takes.entries()) {
      const place = asks.findIndex((ask) => ask.take.id === take.id);
      const block = blocks.get(take.id);
      if (place === asked.denied && place !== -1) result.denied = index;
      result.used.push(place === -1 ? (block?.used ?? 0) - (block?.left ?? 0) : (asked.used[place] ?? 0));
      result.reset_at.push(place === -1 ? (block?.reset_at ?? answer.now) : (asked.reset_at[place] ?? answer.now));
    }
    return result;
  }

  function keep(take: Take, part: Answered, at: { sent: number; now: Instant }): void {
    if ((take.kind !== 'window' && take.kind !== 'quota') || (part.kind !== 'window' && part.kind !== 'quota')) return;
    if (blocks.size >= mostIds) blocks.clear();
    const one = { allowed: true, now: at.now, parts: [part] };
    const { used, reset_at } = resultOf([take], 0, one);
    const slot = part.kind === 'window' ? (part.state[windowSlots + 1] ?? 0) : 0;
    const life = take.kind === 'window' ? slotEnd(slot, take.window_ms) - at.now : quotaLeaseMs;
    const most = take.kind === 'window' ? take.window_ms / windowSlots : quotaLeaseMs;
    blocks.set(take.id, {
      take,
      granted: part.granted,
      left: part.granted,
      slot,
      epoch: part.epoch,
      expires_at: at.sent + Math.min(life, most),
      used: used[0] ?? 0,
      reset_at: reset_at[0] ?? at.now,
    });
  }

  /** Twice the last block while that is used up before its time, half of it when most was left. */
  function resize(id: string, block: Block | undefined, at: number): number {
    const size = sizes.get(id) ?? 1;
    if (block === undefined) return size;
    const isUsedUp = at < block.expires_at || block.left * 4 <= block.granted;
    const next = isUsedUp ? Math.min(largestBlock, size * 2) : Math.max(1, Math.floor(size / 2));
    if (sizes.size >= mostIds) sizes.clear();
    sizes.set(id, next);
    return next;
  }

  async function wait(takes: readonly Take[], cost: number, now: Instant): Promise<TakeResult> {
    const customer = customerOf(takes);
    for (;;) {
      const result = local(takes, cost, deps.time(now));
      if (result !== null) return result;
      const begun = filling.get(customer);
      if (begun === undefined) break;
      begun.waiting += 1;
      await begun.done;
      begun.waiting -= 1;
    }
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const mine = { done, waiting: 0 };
    filling.set(customer, mine);
    try {
      return await fill(takes, cost, now, lastWaiting.get(customer) ?? 0);
    } finally {
      if (lastWaiting.size >= mostIds) lastWaiting.clear();
      if (mine.waiting > 0) lastWaiting.set(customer, mine.waiting);
      else lastWaiting.delete(customer);
      filling.delete(customer);
      resolve();
    }
  }

  return {
    take(takes, cost, now) {
      counts.decisions += 1;
      lastNow = now;
      // What asks without taking, and what cannot be taken for later, is asked there.
      const isExact = cost === 0 || takes.some(({ kind }) => kind === 'bucket' || kind === 'places');
      if (isExact) {
        counts.calls += 1;
        return takes.length === 0 ? exact.take(takes, cost, now) : exactly(takes, cost, now);
      }
      const result = local(takes, cost, deps.time(now));
      if (result === null) return wait(takes, cost, now);
      counts.local += 1;
      return result;
    },

    release: (id, lease) => link.release(id, lease),

    async giveBack(all = false) {
      const at = deps.time(lastNow);
      const groups = new Map<string, Ask[]>();
      for (const [id, block] of blocks) {
        if (!all && at < block.expires_at) continue;
        blocks.delete(id);
        if (block.left === 0) continue;
        const customer = customerOf([block.take]);
        const group = groups.get(customer) ?? [];
        group.push({ take: block.take, need: 0, want: 0, back: backOf(block), is_fresh: false });
        groups.set(customer, group);
      }
      counts.calls += groups.size;
      await Promise.all([...groups.values()].map((asks) => link.run(asks, lastNow)));
    },

    stats: () => ({ ...counts }),
  };

  /** What is held here counts as not used: it is spent first where a request asks exactly. */
  async function exactly(takes: readonly Take[], cost: number, now: Instant): Promise<TakeResult> {
    const result = await exact.take(takes, cost, now);
    for (const [index, take] of takes.entries()) {
      const block = blocks.get(take.id);
      if (block !== undefined) result.used[index] = Math.max(0, (result.used[index] ?? 0) - block.left);
    }
    return result;
  }
}

function isGood(block: Block, take: Take, at: number): boolean {
  if (at >= block.expires_at || block.take.limit !== take.limit || block.take.kind !== take.kind) return false;
  return take.kind !== 'window' || block.take.kind !== 'window' || block.take.window_ms === take.window_ms;
}

/** The same limits with the same values: an answer to one decision is one to the other. */
function areSame(a: readonly Take[], b: readonly Take[]): boolean {
  return (
    a === b || (a.length === b.length && a.every((take, at) => take.id === b[at]?.id && take.limit === b[at].limit))
  );
}

function backOf({ left: units, slot, epoch }: Block): GivenBack {
  return { units, slot, epoch };
}

function slotEnd(slot: number, window_ms: number): Instant {
  return Math.ceil(((slot + 1) * window_ms) / windowSlots);
}

function customerOf(takes: readonly Take[]): string {
  const id = takes[0]?.id ?? '';
  return id.slice(0, id.indexOf(':'));
}
