import { createHash } from 'node:crypto';
import type { Store, Tx } from '../store/store.ts';
import { ApiError } from './api-error.ts';

const KEPT_MS = 24 * 3_600_000;
const MAX_LENGTH = 255;

/** A finished answer. */
export interface Finished {
  status: number;
  body: string;
  request_id: string;
  /** The `Stripe-Should-Retry` header, where it is not what the status says. */
  should_retry?: boolean;
}

/** A request that carries an idempotency key. */
export interface Keyed {
  key: string;
  fingerprint: string;
}

/** The same method, path and parameters give the same fingerprint. */
export function fingerprint(method: string, path: string, body: string): string {
  return createHash('sha256').update(`${method} ${path}\n${body}`).digest('base64url');
}

/** Keeps the answer with the effects, in the same commit. */
export function remember(tx: Tx, keyed: Keyed | null, finished: Finished): void {
  if (keyed === null) return;
  tx.put('idempotency', {
    id: keyed.key,
    body: finished.body,
    expires_at_ms: tx.now_ms + KEPT_MS,
    fingerprint: keyed.fingerprint,
    request_id: finished.request_id,
    ...(finished.should_retry === undefined ? {} : { should_retry: finished.should_retry }),
    status: finished.status,
  });
}

/** Keys being worked on, and what finished ones answered. https://docs.stripe.com/api/idempotent_requests */
export function createIdempotency(deps: { store: Store; now: () => number }): {
  begin(key: string): () => void;
  replay(keyed: Keyed): Finished | null;
} {
  const in_flight = new Set<string>();
  return {
    /** Takes a key; answers what gives it back. Refuses one that another request holds. */
    begin(key) {
      if (key.length > MAX_LENGTH) {
        throw new ApiError(
          400,
          'invalid_request_error',
          `Idempotency keys may have at most ${MAX_LENGTH} characters.`,
          {
            before_execution: true,
          },
        );
      }
      if (in_flight.has(key)) {
        throw new ApiError(
          409,
          'idempotency_error',
          `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
          { code: 'idempotency_key_in_use', before_execution: true },
        );
      }
      in_flight.add(key);
      return () => {
        in_flight.delete(key);
      };
    },
    /** The stored answer of a key that was used before, `null` for a new one. */
    replay(keyed) {
      const now_ms = deps.now();
      const kept = deps.store.read(now_ms, (tx) => tx.get('idempotency', keyed.key));
      if (kept === undefined || kept.expires_at_ms <= now_ms) return null;
      if (kept.fingerprint !== keyed.fingerprint) {
        throw new ApiError(
          400,
          'idempotency_error',
          `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${keyed.key}' if you meant to execute a different request.`,
          { before_execution: true },
        );
      }
      return kept;
    },
  };
}
