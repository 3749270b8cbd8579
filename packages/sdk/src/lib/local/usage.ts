import type { GateUsage } from '@farebox/core';
import { type Connection, callApi } from '../api.ts';
import { pause } from '../clock.ts';
import { FareboxError, FareboxUnavailable } from '../errors.ts';

/** What a kill of the process loses at most. */
const intervalMs = 200;
const mostOfBatch = 1000;
const capacity = 100_000;
/** From so much on, requests wait for what goes out, as long as Farebox takes it. */
const crowded = 50_000;
const longestPauseMs = 2000;

interface Batch {
  id: string;
  counter: string;
  events: GateUsage[];
}

/**
 * What requests used, on its way to Farebox: sent in batches that count once, however often they are sent. While Farebox is away it
 * waits here, as much as there is room for; what there is no room for is counted, and told.
 */
export function createUsageBuffer(connection: Connection, onError: (error: unknown) => void) {
  let waiting: { counter: string; event: GateUsage }[] = [];
  let batch: Batch | null = null;
  let sending: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let failures = 0;
  let dropped = 0;
  let isFull = false;
  let sent = Promise.withResolvers<void>();

  function nextBatch(): Batch | null {
    const [first] = waiting;
    if (first === undefined) return null;
    const other = waiting.findIndex(({ counter }) => counter !== first.counter);
    const count = Math.min(mostOfBatch, other === -1 ? waiting.length : other);
    const events = waiting.slice(0, count).map(({ event }) => event);
    waiting = waiting.slice(count);
    return { id: crypto.randomUUID(), counter: first.counter, events };
  }

  /**
   * Sends what waits, and of what comes meanwhile whole batches: the rest is worth a call when it is due. Rejects at the first failure, and
   * what failed goes first next time.
   */
  async function send(): Promise<void> {
    for (let left = pending(); left > 0 || waiting.length >= mostOfBatch; left -= mostOfBatch) {
      batch ??= nextBatch();
      if (batch === null) break;
      try {
        await sendOne(batch);
      } finally {
        sent.resolve();
        sent = Promise.withResolvers();
      }
      batch = null;
    }
    if (waiting.length > 0) schedule();
  }

  async function sendOne({ id, counter, events }: Batch): Promise<void> {
    const body = {
      id,
      counter,
      events: events.map(({ id, customer_id, key_id, meter_id, quantity, occurred_at, endpoint }) => ({
        id,
        customer_id,
        key_id,
        meter: meter_id,
        quantity,
        occurred_at: new Date(occurred_at).toISOString(),
        endpoint,
      })),
    };
    try {
      await callApi(connection, 'POST /v1/gate/usage', { body }, {});
    } catch (error) {
      failures += 1;
      if (!isRefused(error)) throw error;
      // It would be refused each time, and keep all that comes after it.
      drop(events.length, error);
    }
    failures = 0;
    isFull = false;
  }

  function drop(count: number, why: unknown): void {
    dropped += count;
    onError(why);
  }

  function schedule(): void {
    const wait_ms = failures === 0 ? intervalMs : Math.min(intervalMs * 2 ** Math.min(failures, 10), longestPauseMs);
    timer ??= setTimeout(() => {
      timer = null;
      flushDue();
    }, wait_ms).unref();
  }

  function flushDue(): void {
    flush().catch((error: unknown) => {
      if (!(error instanceof FareboxUnavailable) && failures === 1) onError(error);
      schedule();
    });
  }

  function flush(): Promise<void> {
    sending ??= send().finally(() => {
      sending = null;
    });
    return sending;
  }

  /** What is pushed while a batch is on its way goes with the next. */
  async function flushAll(): Promise<void> {
    while (pending() > 0) await flush();
  }

  const pending = (): number => waiting.length + (batch?.events.length ?? 0);

  return {
    /** `counter` names what its units were carved from. */
    push(event: GateUsage, counter: string): void {
      if (pending() >= capacity) {
        const full = new Error(`Usage of ${capacity} requests waits for Farebox; that of further ones is lost.`);
        if (isFull) dropped += 1;
        else drop(1, full);
        isFull = true;
        return;
      }
      waiting.push({ counter, event });
      if (waiting.length === mostOfBatch && sending === null && failures === 0) flushDue();
      else schedule();
    },
    /** To be waited for before more is let through than Farebox takes; null: there is room, or it takes nothing. */
    room: (): Promise<void> | null => (pending() < crowded || failures > 0 ? null : sent.promise),
    pending,
    /** Whether nothing waits that was carved from another counter. */
    isOnlyOf: (counter: string) =>
      (batch?.counter ?? counter) === counter && (waiting[0]?.counter ?? counter) === counter,
    /** Sends what waits, before it is due; rejects when it cannot be sent. */
    flush: flushAll,
    dropped: () => dropped,
    /** Sends what waits, for as long as `patience_ms`; rejects when it cannot be sent, and says how much it was. */
    async close(patience_ms: number, now: () => number): Promise<void> {
      const until = now() + patience_ms;
      for (;;) {
        try {
          await flushAll();
          break;
        } catch (error) {
          if (now() >= until)
            throw new FareboxUnavailable(`Usage of ${pending()} requests could not be sent.`, { cause: error });
          await pause(intervalMs);
        }
      }
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}

/** Whether the same would be refused again. A secret key that is not good may be replaced. */
function isRefused(error: unknown): boolean {
  return error instanceof FareboxError && error.status !== 401 && error.status !== 403;
}
