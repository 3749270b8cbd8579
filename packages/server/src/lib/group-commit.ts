/** Who waits for a write that it shares with others. */
interface Waiting<T, R> {
  items: T[];
  resolve(results: R[]): void;
  reject(error: unknown): void;
}

interface Options<T, R> {
  /** Writes at the same time. */
  in_flight: number;
  /** Beside another write one begins only where so many items wait: fewer cost less in a write that more share. Unless said, one is enough. */
  worth?: number;
  /** Most items of one write; one caller's are never divided. */
  most: number;
  /** Most items that wait; past it a caller is refused. */
  capacity: number;
  /** Writes items and answers a result for each, in order: all of them or none. */
  write(items: T[]): Promise<R[]>;
  /** Whether the items are at fault and not what they are written to: then each caller's are tried alone. */
  isOwnFault(error: unknown): boolean;
}

/** More waits already than can be written soon. */
export class GroupCommitFull extends Error {
  override name = 'GroupCommitFull';
}

/**
 * Many callers, one write: whoever comes while a write runs shares the next one, so that a commit costs each a part of itself.
 * A caller hears when its items are written, or that they are not. What is at fault in one caller's items is nobody else's.
 */
export function createGroupCommit<T, R>(options: Options<T, R>) {
  const { in_flight, worth = 1, most, capacity } = options;
  let waiting: Waiting<T, R>[] = [];
  let queued = 0;
  let running = 0;
  let isDue = false;
  const idle = new Set<() => void>();

  function pump(): void {
    isDue = false;
    while (running < in_flight && waiting.length > 0 && (running === 0 || queued >= worth)) void run(take());
    if (running === 0 && waiting.length === 0) {
      for (const resolve of idle) resolve();
      idle.clear();
    }
  }

  function take(): Waiting<T, R>[] {
    let count = 0;
    let callers = 0;
    for (const { items } of waiting) {
      if (callers > 0 && count + items.length > most) break;
      count += items.length;
      callers += 1;
    }
    const taken = waiting.slice(0, callers);
    waiting = waiting.slice(callers);
    queued -= count;
    return taken;
  }

  async function run(group: Waiting<T, R>[]): Promise<void> {
    running += 1;
    try {
      await settle(group);
    } finally {
      running -= 1;
      pump();
    }
  }

  async function settle(group: Waiting<T, R>[]): Promise<void> {
    try {
      const results = await options.write(
        group.length === 1 ? (group[0]?.items ?? []) : group.flatMap(({ items }) => items),
      );
      let at = 0;
      for (const { items, resolve } of group) {
        resolve(results.slice(at, at + items.length));
        at += items.length;
      }
    } catch (error) {
      if (group.length === 1 || !options.isOwnFault(error)) for (const { reject } of group) reject(error);
      else for (const one of group) await settle([one]);
    }
  }

  return {
    /** Results in the order of the items, after they are written. Rejects with `GroupCommitFull` when too much waits already. */
    async submit(items: T[]): Promise<R[]> {
      if (queued > 0 && queued + items.length > capacity) throw new GroupCommitFull('too much waits to be written');
      queued += items.length;
      return await new Promise<R[]>((resolve, reject) => {
        waiting.push({ items, resolve, reject });
        if (isDue) return;
        isDue = true;
        // Whoever is read from the network in the same turn comes along.
        setImmediate(pump);
      });
    },
    /** Items that wait for a write to begin. */
    queued: () => queued,
    /** Resolves when nothing waits and nothing is being written. */
    async idle(): Promise<void> {
      if (running > 0 || waiting.length > 0) await new Promise<void>((resolve) => idle.add(resolve));
    },
  };
}
