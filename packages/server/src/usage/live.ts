import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { AppEnv } from '../http/principal.ts';
import { Problem } from '../problem.ts';
import type { Usage } from './service.ts';

/** A silent connection is closed by proxies; a comment keeps it. */
const pingMs = 15_000;
/** After this the stream ends and the browser opens another, which is authenticated anew. */
const lifetimeMs = 10 * 60_000;
const mostStreams = 1000;
const mostStreamsOfCustomer = 20;

/**
 * Server-sent events: `usage` whenever usage of the caller was written by this process. Several writes while the caller is
 * slow become one event. Ends when the caller leaves, after its lifetime, and when `stopping` aborts.
 */
export function createLive(deps: { usage: Pick<Usage, 'onRecorded'>; stopping: AbortSignal; ping_ms?: number }) {
  const open = new Map<string, number>();
  let total = 0;

  function enter(customerId: string): () => void {
    const own = open.get(customerId) ?? 0;
    if (own >= mostStreamsOfCustomer || total >= mostStreams) {
      throw new Problem('too_many_requests', 'Too many live streams are open. Close one.');
    }
    open.set(customerId, own + 1);
    total += 1;
    return () => {
      total -= 1;
      const left = (open.get(customerId) ?? 1) - 1;
      if (left === 0) open.delete(customerId);
      else open.set(customerId, left);
    };
  }

  return {
    /** Streams open now. */
    count: () => total,
    stream(c: Context<AppEnv>, customerId: string): Response {
      const leave = enter(customerId);
      c.header('x-accel-buffering', 'no');
      return streamSSE(c, async (stream) => {
        const signal = createSignal();
        let ended = deps.stopping.aborted;
        let grown = false;
        const end = () => {
          ended = true;
          signal.raise();
          // Also where a write is stuck on a caller that does not read.
          stream.abort();
        };
        const unsubscribe = deps.usage.onRecorded((id) => {
          if (id !== customerId) return;
          grown = true;
          signal.raise();
        });
        const ping = setInterval(() => signal.raise(), deps.ping_ms ?? pingMs);
        const lifetime = setTimeout(end, lifetimeMs);
        deps.stopping.addEventListener('abort', end);
        stream.onAbort(() => {
          ended = true;
          signal.raise();
        });
        try {
          await stream.write('retry: 1000\n\n');
          while (!ended) {
            await signal.raised();
            if (ended) break;
            if (grown) {
              grown = false;
              await stream.writeSSE({ event: 'usage', data: '{}' });
            } else await stream.write(': ping\n\n');
          }
        } finally {
          unsubscribe();
          clearInterval(ping);
          clearTimeout(lifetime);
          deps.stopping.removeEventListener('abort', end);
          leave();
        }
      });
    },
  };
}

/** Something one waiter sleeps on; raised before it sleeps, it does not sleep. */
function createSignal(): { raise(): void; raised(): Promise<void> } {
  let up = false;
  let wake: (() => void) | null = null;
  return {
    raise() {
      up = true;
      wake?.();
    },
    async raised() {
      if (!up) await new Promise<void>((resolve) => (wake = resolve));
      wake = null;
      up = false;
    },
  };
}
