import type { Instant } from '@farebox/core';
import type { Clock } from '../ports.ts';

/** What who holds entries elsewhere hears. One line each of the stream. */
export type Change =
  | {
      type: 'hello';
      /** Of what is spoken here; another one is not understood. */
      protocol: 1;
      /** Names the counter that units are carved from: after another one, units of before are worth nothing. */
      counter: string;
      settings: object;
    }
  /** Whose entries changed; null: perhaps everybody's. */
  | { type: 'changed'; customers: readonly string[] | null }
  | {
      type: 'beat';
      /** By a clock of the sender's that nobody sets, in milliseconds: when this was said. */
      said_ms: number;
      /** By the same clock: what is told here is all that had changed by then. */
      current_ms: number;
      now: Instant;
      /** Counts the database's changes: an entry that was read from fewer is not kept. */
      version: number;
      /** Whether a text that is no key of ours may be one of another system. */
      foreign: boolean;
    };

export type Changes = ReturnType<typeof createChanges>;

/** Who waits so long does not read. */
const mostWaiting = 1000;
/** After this a stream ends, and the next one is authenticated anew. */
const lifetimeMs = 10 * 60_000;
const mostStreams = 1000;

/**
 * Tells those who keep entries elsewhere what changed, and up to when they have heard all of it. A change is told when this
 * process decides by it, never before: whoever then asks gets what is new.
 */
export function createChanges(deps: { clock: Clock; monotonic: () => number }) {
  const streams = new Set<{ write(change: Change): void; end(): void }>();
  let foreign = false;
  let version = 0;
  let current_ms = Number.NEGATIVE_INFINITY;
  let isClosed = false;

  function tell(change: Change): void {
    for (const { write } of streams) write(change);
  }

  function beat(): Change {
    const said_ms = deps.monotonic();
    return { type: 'beat', said_ms, current_ms, now: deps.clock.now(), version, foreign };
  }

  return {
    /** Entries of these customers, or of everybody, were read again. */
    changed(customers: readonly string[] | null): void {
      if (customers === null || customers.length > 0) tell({ type: 'changed', customers });
    },
    /** What is decided by here was all of the database's at that instant of the clock that nobody sets. */
    current(at_ms: number, of: { version: number; foreign: boolean }): void {
      current_ms = at_ms;
      version = of.version;
      foreign = of.foreign;
      tell(beat());
    },
    /** Null when no more are taken. `hello` is its first line. */
    open(hello: Change & { type: 'hello' }): ReadableStream<Uint8Array> | null {
      if (isClosed || streams.size >= mostStreams) return null;
      return lines(streams, (write) => {
        write(hello);
        if (current_ms > Number.NEGATIVE_INFINITY) write(beat());
      });
    },
    count: () => streams.size,
    /** Ends every stream, so that the server can stop; those who listened go to another process. */
    close(): void {
      isClosed = true;
      for (const { end } of streams) end();
    },
  };
}

/** A stream of lines that is in `streams` while somebody reads it. */
function lines(
  streams: Set<{ write(change: Change): void; end(): void }>,
  begin: (write: (change: Change) => void) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let leave = (): void => undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = (): void => {
          if (!streams.delete(stream)) return;
          clearTimeout(lifetime);
          controller.close();
        };
        const write = (change: Change): void => {
          if ((controller.desiredSize ?? 0) <= 0) end();
          else controller.enqueue(encoder.encode(`${JSON.stringify(change)}\n`));
        };
        const stream = { write, end };
        const lifetime = setTimeout(end, lifetimeMs);
        lifetime.unref();
        leave = () => {
          streams.delete(stream);
          clearTimeout(lifetime);
        };
        streams.add(stream);
        begin(write);
      },
      cancel: () => leave(),
    },
    { highWaterMark: mostWaiting },
  );
}
