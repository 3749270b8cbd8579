import { randomUUID } from 'node:crypto';

export interface Batch<T> {
  /** Takes one item; false when the buffer is full or closed, and then the item is counted as dropped. */
  push(item: T): boolean;
  /** Resolves when everything pushed before the call is written; rejects when writing fails (the items are kept). */
  flush(): Promise<void>;
  /** Takes nothing more and writes what is left; rejects when that fails. */
  close(): Promise<void>;
  /** Items taken and not yet written. */
  pending(): number;
  /** Items refused since the start. */
  dropped(): number;
  /** The error of the last write, null once a write succeeded: whether the buffer can empty itself. */
  failing(): unknown;
}

interface Options<T> {
  /** Most items of one write. */
  size: number;
  /** So many items are written at once, without waiting for their age; `size` unless said. */
  full?: number;
  /** Oldest an item becomes before a write starts. */
  age_ms: number;
  /** The same after writes that took more than `size` at a time; `age_ms` unless said. */
  busy_ms?: number;
  /** Most items kept; beyond it items are dropped. */
  capacity: number;
  /**
   * Writes items. When it fails, the very same items come again under the same `id`, so that a write whose answer was
   * lost can be recognised.
   */
  flush: (items: T[], id: string) => Promise<void>;
  /** So many items were taken out of the buffer, the oldest, to be written as they are now. */
  onTake?: (count: number) => void;
  onDrop?: (item: T) => void;
  /** Hears of failed writes that nobody awaits. */
  onError?: (error: unknown) => void;
}

const longestRetryDelay_ms = 5_000;

/** A bounded buffer that writes by size or age, one write at a time, in order. */
export function createBatch<T>(options: Options<T>): Batch<T> {
  const { size, age_ms, capacity, full = size, busy_ms = age_ms } = options;
  const waiting: T[] = [];
  let current: { id: string; items: T[] } | null = null;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let [taken, written, dropped, failures] = [0, 0, 0, 0];
  let lastError: unknown = null;
  let closed = false;
  let isBusy = false;

  async function writeOne(): Promise<void> {
    if (current === null) {
      current = { id: randomUUID(), items: waiting.splice(0, size) };
      options.onTake?.(current.items.length);
    }
    try {
      await options.flush(current.items, current.id);
    } catch (error) {
      failures += 1;
      lastError = error;
      throw error;
    }
    written += current.items.length;
    [current, failures, lastError] = [null, 0, null];
  }

  async function flush(): Promise<void> {
    const target = taken;
    while (written < target) {
      running ??= writeOne().finally(() => {
        running = null;
      });
      await running;
    }
  }

  function schedule(): void {
    timer ??= setTimeout(writeInBackground, delay(isBusy ? busy_ms : age_ms, failures)).unref();
  }

  function unschedule(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }

  function writeInBackground(): void {
    unschedule();
    isBusy = taken - written > size;
    flush()
      .catch((error: unknown) => options.onError?.(error))
      .finally(() => void (written < taken && !closed && schedule()));
  }

  function push(item: T): boolean {
    if (closed || taken - written >= capacity) {
      dropped += 1;
      options.onDrop?.(item);
      return false;
    }
    waiting.push(item);
    taken += 1;
    if (waiting.length >= full && running === null && failures === 0) writeInBackground();
    else schedule();
    return true;
  }

  async function close(): Promise<void> {
    closed = true;
    unschedule();
    await flush();
  }

  return { push, flush, close, pending: () => taken - written, dropped: () => dropped, failing: () => lastError };
}

/** Twice as long after each failure in a row, up to the longest. */
function delay(age_ms: number, failures: number): number {
  return failures === 0 ? age_ms : Math.min(age_ms * 2 ** failures, Math.max(age_ms, longestRetryDelay_ms));
}
