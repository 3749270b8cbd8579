import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CircuitState, admit, freshCircuit, retryWaitMs, settle, takeRetry } from '../lib/circuit.ts';

/** Sends one request; a local Stripe in the same process takes the place of the network in tests. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

/** How time passes between tries: the machine's, or one that a drill moves. */
export interface Pace {
  /** Milliseconds that only go forward. */
  now(): number;
  wait?: (ms: number) => Promise<unknown>;
}

export const machinePace: Pace = { now: () => performance.now() };

/** Stripe was not asked, because it has not been answering. */
class CircuitOpen extends Error {
  override name = 'CircuitOpen';
}

/** Told apart by name: an HTTP server in this process may have put a `Response` of its own in place of the platform's. */
type Outcome = { type: 'answered'; response: Response } | { type: 'failed'; error: unknown };

/** How long one try may take. Stripe's slowest calls finalize and collect an invoice. */
export const tryTimeout_ms = 20_000;
const mostTries = 3;
/** A caller waits for retries no longer than this; a job comes back later by itself. */
const patience_ms = 8_000;
/** A wait that Stripe asks for beyond this is left to the jobs. */
const longestAsked_ms = 5_000;

/**
 * Requests to Stripe, tried again where that is safe (reading, or a POST under its idempotency key) and worth it. Retries
 * have a cap, a jitter and a budget of a tenth of the calls; while Stripe does not answer, calls fail at once.
 */
export function createTransport(deps: Pace & { send: Send }): Send {
  const { wait = sleep } = deps;
  let state: CircuitState = freshCircuit;

  return async function transport(url, init) {
    const began = deps.now();
    for (let tries = 1; ; tries += 1) {
      const outcome = await once(url, init);
      const isLast = tries === mostTries || deps.now() - began > patience_ms || !isRepeatable(init);
      const pause = isLast ? null : pauseAfter(outcome, tries - 1);
      const spent = pause === null ? null : takeRetry(state);
      if (pause === null || spent === null) {
        if (outcome.type === 'answered') return outcome.response;
        throw outcome.error;
      }
      state = spent;
      if (outcome.type === 'answered') await outcome.response.body?.cancel();
      await wait(pause);
    }
  };

  async function once(url: string, init: RequestInit): Promise<Outcome> {
    const admitted = admit(state, deps.now());
    state = admitted.state;
    if (!admitted.allowed) {
      const error = new CircuitOpen('Stripe has not been answering; it is asked again in a moment.');
      return { type: 'failed', error };
    }
    const limit = AbortSignal.timeout(tryTimeout_ms);
    const signal = init.signal === null || init.signal === undefined ? limit : AbortSignal.any([init.signal, limit]);
    try {
      const response = await deps.send(url, { ...init, signal });
      state = settle(state, response.status < 500, deps.now());
      return { type: 'answered', response };
    } catch (error) {
      state = settle(state, false, deps.now());
      return { type: 'failed', error };
    }
  }

  function pauseAfter(outcome: Outcome, retry: number): number | null {
    const jitter = randomInt(1000) / 1000;
    if (outcome.type === 'failed')
      return outcome.error instanceof CircuitOpen || isTimeout(outcome.error) ? null : retryWaitMs(retry, jitter, null);
    const { headers, status } = outcome.response;
    const says = headers.get('stripe-should-retry');
    const isWorthIt = says === null ? [409, 429].includes(status) || status >= 500 : says === 'true';
    const asked = Number(headers.get('retry-after') ?? 0) * 1000;
    return !isWorthIt || asked > longestAsked_ms ? null : retryWaitMs(retry, jitter, asked);
  }
}

/** The SDK gives each POST an idempotency key; one without is sent once. */
function isRepeatable(init: RequestInit): boolean {
  return init.method !== 'POST' || new Headers(init.headers).has('idempotency-key');
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
