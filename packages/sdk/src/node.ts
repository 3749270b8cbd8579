import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Verification } from '@farebox/core';
import type { Farebox } from './index.ts';
import { check } from './lib/check.ts';

/** What a request costs and needs: the same for all, or said per request. */
export interface ProtectOptions {
  /** Units this request uses, a whole number ≥ 0; 1 if left out. */
  cost?: number | ((request: IncomingMessage) => number);
  /** What the key has to be good for. */
  scope?: string | ((request: IncomingMessage) => string | null);
  /** The route's pattern (`/v1/forecast`), for usage by endpoint. Not the path. */
  endpoint?: string | ((request: IncomingMessage) => string);
  /** What a request uses, where plans measure several things: the id of a meter. */
  meter?: string | ((request: IncomingMessage) => string);
  /**
   * Where the request comes from. The peer's address if left out: behind a proxy of yours read the header that proxy sets,
   * and no header that callers can set.
   */
  ip?: (request: IncomingMessage) => string | null;
}

/** A handler behind the gate: it also gets the decision, with `customer_id`, `plan_id` and `features`. */
export type ProtectedHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  verification: Verification,
) => void | Promise<void>;

/**
 * Puts a `node:http` handler behind the gate. A request that may pass reaches the handler with the limit headers already on
 * its answer; another one is answered here. The returned handler never rejects: when the call of Farebox is itself wrong (a
 * revoked secret key), or the handler fails before it answers, the answer is 500 and `onError` hears why.
 */
export function protect(
  farebox: Farebox,
  handler: ProtectedHandler,
  options: ProtectOptions & { onError?: (error: unknown) => void } = {},
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      const result = await check(farebox, {
        header: (name) => headerOf(request, name),
        ip: options.ip === undefined ? (request.socket.remoteAddress ?? null) : options.ip(request),
        cost: valueOf(options.cost, request),
        scope: valueOf(options.scope, request),
        endpoint: valueOf(options.endpoint, request),
        meter: valueOf(options.meter, request),
      });
      if (result.allowed) {
        for (const [name, value] of Object.entries(result.headers)) response.setHeader(name, value);
        await handler(request, response, result.verification);
        return;
      }
      response.writeHead(result.status, result.headers);
      response.end(request.method === 'HEAD' ? undefined : result.body);
    } catch (error) {
      if (options.onError === undefined) process.emitWarning(error instanceof Error ? error : String(error));
      else options.onError(error);
      fail(response);
    }
  };
}

function valueOf<T extends string | number | null>(
  option: T | ((request: IncomingMessage) => T | null) | undefined,
  request: IncomingMessage,
): T | undefined {
  const value = typeof option === 'function' ? option(request) : option;
  return value ?? undefined;
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

/** Says nothing about the reason. An answer that has begun cannot be taken back: its connection ends. */
function fail(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(500, { 'Content-Type': 'application/problem+json' });
  response.end(
    JSON.stringify({ type: 'about:blank', title: 'Internal Server Error', status: 500, code: 'internal_error' }),
  );
}
