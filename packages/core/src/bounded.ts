export interface Bounded<T> {
  max: number;
  get(id: string): T | undefined;
  has(id: string): boolean;
  set(id: string, item: T): void;
  delete(id: string): void;
  clear(): void;
  size(): number;
  /** Of the items that fit. Copied: what is added meanwhile is not in it. */
  keys(fits: (item: T) => boolean): string[];
}

/**
 * A map with a greatest size; of what is in it, something old makes room, in constant time. `onGone` hears of every item that is in
 * it no more: replaced, deleted, pushed out or cleared.
 */
export function createBounded<T>(max: number, onGone?: (item: T) => void): Bounded<T> {
  const items = new Map<string, T>();
  // Goes round the map in the order of insertion, and on from where it was, over what was deleted since.
  let oldest = items.keys();

  function makeRoom(): void {
    let next = oldest.next();
    if (next.done === true) {
      oldest = items.keys();
      next = oldest.next();
    }
    if (next.done !== true) remove(next.value);
  }

  function remove(id: string): void {
    tell(id);
    items.delete(id);
  }

  function tell(id: string): void {
    if (onGone === undefined) return;
    const item = items.get(id);
    if (item !== undefined) onGone(item);
  }

  return {
    max,
    get: (id) => items.get(id),
    has: (id) => items.has(id),
    set(id, item) {
      if (items.size >= max && !items.has(id)) makeRoom();
      tell(id);
      items.set(id, item);
    },
    delete: remove,
    clear() {
      if (onGone !== undefined) for (const item of items.values()) onGone(item);
      items.clear();
      oldest = items.keys();
    },
    size: () => items.size,
    keys(fits) {
      const found: string[] = [];
      for (const [id, item] of items) if (fits(item)) found.push(id);
      return found;
    },
  };
}
