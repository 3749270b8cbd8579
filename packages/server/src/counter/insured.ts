import { type Take, type TakeResult, capacityOf, customerOf } from '@farebox/core';
import type { Counter } from '../ports.ts';

/** While the shared counter is lost, one decision in this time asks it and waits; the others do not. */
const probeMs = 200;
/** More than so many customers whose use only this process counted are not told one by one. */
const mostAlone = 10_000;

/**
 * A shared counter with a local one behind it. While the shared one does not answer, every limit does what it declares: one that is
 * `open_capped` is counted by each process for its own requests, at its share of the limit; one that is `closed` lets nothing
 * through. Both changes are told once.
 */
export function createInsuredCounter(deps: {
  shared: Counter;
  local: Counter;
  /** How many processes share a limit while nobody counts for all of them. */
  nodes: number;
  /** A clock that nobody sets, in milliseconds. */
  monotonic(): number;
  onLost(error: unknown): void;
  /** With those of whose quotas the shared counter may know too little; null: perhaps everybody's. */
  onBack(customers: ReadonlySet<string> | null): void;
}): Counter {
  const { shared, local } = deps;
  let isLost = false;
  let counted_alone: Set<string> | null = new Set();
  let asked_at = Number.NEGATIVE_INFINITY;

  function lost(error: unknown): void {
    asked_at = deps.monotonic();
    if (isLost) return;
    isLost = true;
    deps.onLost(error);
  }

  function back<T>(result: T): T {
    if (isLost) {
      isLost = false;
      const customers = counted_alone;
      counted_alone = new Set();
      deps.onBack(customers);
    }
    return result;
  }

  function alone(takes: readonly Take[], cost: number, now: number): TakeResult | Promise<TakeResult> {
    const closed = takes.findIndex(isClosed);
    if (closed === -1) {
      if (cost > 0 && takes.some(({ kind }) => kind === 'quota')) noteAlone(customerOf(takes));
      return local.take(takes.map(share), cost, now);
    }
    return {
      allowed: false,
      denied: closed,
      unavailable: true,
      used: takes.map(() => 0),
      reset_at: takes.map(() => now + 1000),
    };
  }

  function noteAlone(customer: string): void {
    counted_alone?.add(customer);
    if (counted_alone !== null && counted_alone.size > mostAlone) counted_alone = null;
  }

  /** Asks first without taking: a server that stands still does later all that it was told meanwhile. */
  async function probe(takes: readonly Take[], cost: number, now: number): Promise<TakeResult> {
    asked_at = deps.monotonic();
    await shared.take(takes, 0, now);
    return await shared.take(takes, cost, now);
  }

  function share(take: Take): Take {
    if (deps.nodes === 1) return take;
    if (take.kind === 'bucket') return { ...take, limit: part(take.limit), burst: part(take.burst) };
    return { ...take, limit: part(take.limit) };
  }

  function part(limit: number): number {
    return Math.max(1, Math.floor(limit / deps.nodes));
  }

  return {
    take(takes, cost, now, room) {
      if (isLost && deps.monotonic() - asked_at < probeMs) return alone(takes, cost, now);
      try {
        const result = isLost ? probe(takes, cost, now) : shared.take(takes, cost, now, room);
        if (!(result instanceof Promise)) return result;
        return result.then(back, (error: unknown) => {
          lost(error);
          return alone(takes, cost, now);
        });
      } catch (error) {
        lost(error);
        return alone(takes, cost, now);
      }
    },
    carve(asks, now) {
      if (isLost && deps.monotonic() - asked_at < probeMs) return null;
      if (isLost) asked_at = deps.monotonic();
      const failed = (error: unknown): null => {
        lost(error);
        return null;
      };
      try {
        const carved = shared.carve(asks, now);
        return carved instanceof Promise ? carved.then(back, failed) : carved;
      } catch (error) {
        return failed(error);
      }
    },
    async release(id, lease) {
      await local.release(id, lease);
      if (isLost) return;
      try {
        await shared.release(id, lease);
      } catch (error) {
        // The place runs out by itself.
        lost(error);
      }
    },
  };
}

/** A limit that does not say so is closed where it guards something prepaid, and open elsewhere. */
function isClosed(take: Take): boolean {
  return (
    capacityOf(take) > 0 &&
    (take.offline ?? (take.kind === 'quota' && take.hard ? 'closed' : 'open_capped')) === 'closed'
  );
}
