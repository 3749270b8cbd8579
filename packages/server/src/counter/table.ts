import type { Instant } from '@farebox/core';
import type { Kept } from './kept.ts';

/** Entries looked at to make one place: what bounds the work of an insertion. */
const looks = 8;

/**
 * A map with a greatest size. A hand goes round it (the clock algorithm): each insertion beyond the size moves the hand a
 * bounded number of entries and gives the new one the place of the best of those.
 */
export function createTable<T extends Kept>(max: number, onOut: (id: string, item: T, now: Instant) => void) {
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

  function makeRoom(now: Instant): void {
    let victim: [string, T] | undefined;
    for (let look = 0; look < looks; look += 1) {
      const candidate = step();
      if (candidate === undefined) break;
      const [, item] = candidate;
      if (item.isOver(now)) {
        victim = candidate;
        break;
      }
      if (!item.recent) victim ??= candidate;
      item.recent = false;
      if (look === looks - 1) victim ??= candidate;
    }
    if (victim === undefined) return;
    items.delete(victim[0]);
    victim[1].is_gone = true;
    onOut(victim[0], victim[1], now);
  }

  function put(id: string, item: T): T {
    const known = items.get(id);
    if (known !== undefined) known.is_gone = true;
    item.is_gone = false;
    items.set(id, item);
    return item;
  }

  return {
    max,
    get: (id: string) => items.get(id),
    has: (id: string) => items.has(id),
    size: () => items.size,
    add(id: string, item: T, now: Instant): T {
      for (let tries = 0; tries < 2 && items.size >= max; tries += 1) makeRoom(now);
      return put(id, item);
    },
    restore(id: string, item: T): void {
      if (items.get(id) !== item) put(id, item);
    },
    replace: put,
  };
}
