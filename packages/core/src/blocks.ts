import type { Instant } from './plan.ts';
import {
  type Answered,
  type Ask,
  type Carved,
  type GivenBack,
  type QuotaTake,
  type Take,
  type TakeResult,
  type WindowTake,
  createTakeResult,
  resultOf,
} from './take.ts';
import {
  type WindowState,
  aheadOf,
  aheadPart,
  createWindow,
  leastAhead,
  slotEnd,
  slotOf,
  windowSlots,
  windowTake,
  windowUsed,
} from './window.ts';

/** Units taken from a limit for later, to be spent without asking. */
interface Block {
  take: WindowTake | QuotaTake;
  granted: number;
  /** Of a share as of when it was looked at last. */
  left: number;
  /** Of a share: what is spent of it, by the holder's own clock; as much as was granted in any window. Null: each unit is spent once. */
  share: WindowState | null;
  /** Of a share: the most that was spent of it in a window. */
  most: number;
  slot: number;
  epoch: string;
  /** By the holder's own clock: from when on it goes along when others are asked for, is to be renewed, and is not good any more. */
  join_at: number;
  renew_at: number;
  expires_at: number;
  /** From when on it goes back by itself, if nothing else is asked for its customer before; and from when on nothing is won by that. */
  back_at: number;
  over_at: number;
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

/** One call for units: what it is for, what was asked and when, by the holder's own clock. */
export interface Call {
  takes: readonly Take[];
  cost: number;
  asks: readonly Ask[];
  sent: number;
}

export type Blocks = ReturnType<typeof createBlocks>;

/** How long a block may be held, and how long where plenty is left: what a crash loses, and how late an idle holder's units come back. */
const leaseMs = 1000;
const longLeaseMs = 10_000;
/** Where plenty is left, a block that ended waits so long to go back with what is asked for its customer next. */
const idleMs = 1000;
/** Requests of a block: more than one, so that it may be taken ahead and an answer that is long on its way is of use. */
const smallestBlock = 2;
/** The first block is this part of the limit, where that is more than the smallest, and not more than so many. */
const firstPart = 32;
const largestFirst = 32;
const largestBlock = 10_000;
/** How long a refusal stands without asking again: units that another holder gives back are noticed after this. */
const deniedMs = 20;
const mostIds = 200_000;

/**
 * Blocks of units as their holder keeps them. Blocks are carved from the limit, so that the sum over all holders never exceeds it: a
 * block of a window ends no later than the slot it was charged to, and what was not spent is given back. One that was taken ahead is a share: so
 * many units in every window until it ends. A crash loses its blocks (fewer requests pass than could, by at most those) and doubles none. A block
 * is for a 32nd of the limit at first, for two to 32 requests, for one where little is left; it doubles as long as it is used up before its time. Buckets and places cannot be carved.
 *
 * `at` is a clock that nobody sets, in milliseconds; a block is counted from before it was asked for, so that it ends here no later
 * than where it was carved.
 */
export function createBlocks() {
  const blocks = new Map<string, Block>();
  const sizes = new Map<string, number>();
  const denials = new Map<string, Denied>();
  let isLate = false;

  /** The decision without asking, written into `room`; null when units are missing. */
  function spend(takes: readonly Take[], cost: number, at: number, room = createTakeResult()): TakeResult | null {
    for (const take of takes) {
      const block = blocks.get(take.id);
      if (block === undefined || !isGood(block, take, at) || leftOf(block, at) < cost)
        return refusalOf(takes, cost, at);
    }
    isLate = false;
    const { used, reset_at } = room;
    if (used.length > takes.length) used.length = reset_at.length = takes.length;
    for (let index = 0; index < takes.length; index += 1) {
      const block = blocks.get(takes[index]!.id);
      if (block === undefined) return null;
      spendOf(block, cost, at);
      if (at >= block.renew_at) isLate = true;
      used[index] = block.used - block.left;
      reset_at[index] = block.reset_at;
    }
    room.allowed = true;
    room.denied = -1;
    return room;
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

  /**
   * What to ask for: blocks of every limit that lacks units, and of those that would soon; nothing where all have some again. What is left of old
   * ones goes back with it.
   */
  function ask(takes: readonly Take[], cost: number, at: number, waiting: number): Call {
    const asks: Ask[] = [];
    for (const take of takes) {
      const block = blocks.get(take.id);
      if (take.kind === 'bucket' || take.kind === 'places') continue;
      if (block !== undefined && isGood(block, take, at) && at < block.join_at && leftOf(block, at) >= cost) continue;
      if (block !== undefined) blocks.delete(take.id);
      const want = Math.min(cost * Math.max(1 + waiting, resize(take, block, cost)), largestBlock);
      asks.push({ take, need: cost, want: Math.max(cost, want), back: backOf(block, at), is_fresh: false });
    }
    return { takes, cost, asks, sent: at };
  }

  /** A question that takes nothing. All that is held goes back with it, so that the answer is what is left. */
  function askOnly(takes: readonly Take[], at: number): Call {
    const asks = takes.map((take): Ask => {
      const back = backOf(blocks.get(take.id), at);
      blocks.delete(take.id);
      return { take, need: 0, want: 0, back, is_fresh: false };
    });
    return { takes, cost: 0, asks, sent: at };
  }

  /** Keeps what was granted, to be spent from; the decision where it was refused. */
  function answered({ takes, cost, asks, sent }: Call, answer: Carved): TakeResult | null {
    if (answer.allowed) {
      for (const [index, { take }] of asks.entries()) {
        const part = answer.parts[index];
        if (part !== undefined) keep(take, part, { sent, now: answer.now });
      }
      return null;
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
  function refused(takes: readonly Take[], asks: readonly Ask[], cost: number, answer: Carved): TakeResult {
    const asked = resultOf(
      asks.map(({ take }) => take),
      cost,
      answer,
    );
    const result: TakeResult = { allowed: false, denied: -1, used: [], reset_at: [] };
    for (const [index, take] of takes.entries()) {
      const place = asks.findIndex((one) => one.take.id === take.id);
      const block = blocks.get(take.id);
      if (place === asked.denied && place !== -1) result.denied = index;
      result.used.push(place === -1 ? (block?.used ?? 0) - (block?.left ?? 0) : (asked.used[place] ?? 0));
      result.reset_at.push(place === -1 ? (block?.reset_at ?? answer.now) : (asked.reset_at[place] ?? answer.now));
    }
    return result;
  }

  function keep(take: Take, part: Answered, at: { sent: number; now: Instant }): void {
    if ((take.kind !== 'window' && take.kind !== 'quota') || (part.kind !== 'window' && part.kind !== 'quota')) return;
    if (part.granted === 0) return;
    if (blocks.size >= mostIds) blocks.clear();
    const { used, reset_at } = resultOf([take], 0, { allowed: true, now: at.now, parts: [part] });
    const slot = part.kind === 'window' ? part.slot : 0;
    const count = used[0] ?? 0;
    const isShare = part.kind === 'window' && take.kind === 'window' && slot > slotOf(at.now, take.window_ms);
    const isPlenty = isShare || isPlentyOf(take, count);
    const lease = isShare ? Number.POSITIVE_INFINITY : isPlenty ? longLeaseMs : leaseMs;
    const most = take.kind === 'window' ? untilEnd(take, slot, at.now) : lease;
    const life = Math.min(most, lease);
    const renewable = take.kind === 'window' && most <= lease ? renewableAfter(take, most) : life / 2;
    blocks.set(take.id, {
      take,
      granted: part.granted,
      left: part.granted,
      share: isShare ? createWindow() : null,
      most: 0,
      slot,
      epoch: part.epoch,
      join_at: at.sent + (take.kind === 'window' ? renewable : life / 4),
      renew_at: at.sent + renewable,
      expires_at: at.sent + life,
      back_at: at.sent + life + (isPlenty ? idleMs : 0),
      over_at:
        take.kind === 'quota'
          ? Number.POSITIVE_INFINITY
          : at.sent + slotEnd(slot + windowSlots, take.window_ms) - at.now,
      used: count,
      reset_at: reset_at[0] ?? at.now,
    });
  }

  /** In requests: twice the last block when little of it was left, and the last share when nothing was; half of it when most was. */
  function resize({ id, limit }: Take, block: Block | undefined, cost: number): number {
    const size = sizes.get(id) ?? Math.max(smallestBlock, Math.min(largestFirst, Math.floor(limit / firstPart)));
    if (block === undefined) return size;
    const { granted, share, most } = block;
    const left = share === null ? block.left : granted - most;
    const isUsedUp = share === null ? left * 4 <= granted : left < cost;
    // Of a limit near its end there was less than was wanted.
    const last = share === null ? size : Math.min(size, Math.floor(granted / cost));
    const next = isUsedUp ? last * 2 : left * 4 >= granted * 3 ? Math.floor(last / 2) : last;
    if (sizes.size >= mostIds) sizes.clear();
    sizes.set(id, Math.max(smallestBlock, Math.min(largestBlock, next)));
    return sizes.get(id) ?? size;
  }

  /** What was not spent in its time and is to wait no longer, or all that is held: to be given back, by customer. It is not held any more. */
  function unspent(at: number, all: boolean): Ask[][] {
    const groups = new Map<string, Ask[]>();
    for (const [id, block] of blocks) {
      if (!all && at < block.back_at) continue;
      blocks.delete(id);
      const back = backOf(block, at);
      if (back === null) continue;
      const customer = customerOf([block.take]);
      const group = groups.get(customer) ?? [];
      group.push({ take: block.take, need: 0, want: 0, back, is_fresh: false });
      groups.set(customer, group);
    }
    return [...groups.values()];
  }

  return {
    spend,
    ask,
    askOnly,
    answered,
    unspent,
    /** Whether what was spent last is of blocks that may be renewed: who asks for others before they end need not wait for them. */
    isLate: () => isLate,
    /** Units of a limit that are held and not spent. */
    left(id: string, at: number): number {
      const block = blocks.get(id);
      return block === undefined ? 0 : leftOf(block, at);
    },
    /** Forgets what is held without giving it back: what it was carved from is gone. */
    clear(): void {
      blocks.clear();
      denials.clear();
    },
  };
}

/** Whose limits these are: all takes of a decision have one customer. */
export function customerOf(takes: readonly Pick<Take, 'id'>[]): string {
  const id = takes[0]?.id ?? '';
  return id.slice(0, id.indexOf(':'));
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

function leftOf(block: Block, at: number): number {
  const { share, take, granted } = block;
  if (share !== null && take.kind === 'window') block.left = granted - windowUsed(share, at, take.window_ms);
  return block.left;
}

function spendOf(block: Block, cost: number, at: number): void {
  const { share, take } = block;
  block.left -= cost;
  if (share === null || take.kind !== 'window') return;
  windowTake(share, cost, at, take.window_ms);
  block.most = Math.max(block.most, block.granted - block.left);
}

/** Null where nothing is left, or does not count any more. A share counts whole until it goes back, whatever was spent of it. */
function backOf(block: Block | undefined, at: number): GivenBack | null {
  if (block === undefined || at >= block.over_at) return null;
  const { granted, share, slot, epoch } = block;
  const left = leftOf(block, at);
  if (left === 0 && (share === null || at >= block.expires_at)) return null;
  return share === null
    ? { units: left, spent: 0, slot, epoch }
    : { units: granted, spent: granted - left, slot, epoch };
}

/** Until the end of the slot it counts in. A counter whose clock stepped back says nothing of that. */
function untilEnd(take: WindowTake, slot: number, now: Instant): number {
  const slot_ms = take.window_ms / windowSlots;
  return Math.min(slotEnd(slot, take.window_ms) - now, Math.max(1, 2 * aheadOf(take).slots) * slot_ms);
}

/** A block that ends so much later: from when on another would end after it. One of the slot that it is carved in never does. */
function renewableAfter(take: WindowTake, end_ms: number): number {
  const slot_ms = take.window_ms / windowSlots;
  return end_ms <= slot_ms ? end_ms : end_ms - aheadOf(take).slots * slot_ms;
}

/**
 * Whether what a holder does not spend is missed by nobody for a while. Of a hard quota never: a counter that lost its state begins with
 * what is written as used, and knows of no block.
 */
function isPlentyOf(take: WindowTake | QuotaTake, used: number): boolean {
  if (take.kind === 'window') return take.limit >= leastAhead && used * aheadPart <= take.limit;
  return !take.hard;
}
