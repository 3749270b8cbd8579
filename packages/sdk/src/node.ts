import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Verification } from '@farebox/core';
import type { Farebox } from './index.ts';
import { remember } from './lib/admitted.ts';
import { type CheckResult, type GateOptions, check, failed, report } from './lib/check.ts';

/** What a request costs and needs: the same for all, or said per request. */
export type ProtectOptions = GateOptions<IncomingMessage>;

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
  options: ProtectOptions = {},
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const checked = check(farebox, request, toldOf(request, request.url ?? ''), options);
    const result = checked instanceof Promise ? await checked : checked;
    if (!admit(request, response, result)) return;
    try {
      await handler(request, response, result.verification);
    } catch (error) {
      report(error, options.onError);
      // An answer that has begun cannot be taken back: its connection ends.
      if (response.headersSent) response.destroy();
      else refuse(request, response, failed());
    }
  };
}

/** A request of `node:http`, whatever stands on it. `path` is as the caller sent it. */
export function toldOf(request: IncomingMessage, path: string) {
  return {
    header: (name: string) => headerOf(request, name),
    method: request.method ?? '',
    path,
    ip: request.socket.remoteAddress ?? null,
    hears_end: true,
  };
}

/** Lets the request through with the headers on its answer, or answers it. */
export function admit(
  request: IncomingMessage,
  response: ServerResponse,
  result: CheckResult,
): result is CheckResult & { allowed: true } {
  if (!result.allowed) {
    refuse(request, response, result);
    return false;
  }
  remember(request, result.verification);
  for (const name in result.headers) response.setHeader(name, result.headers[name] ?? '');
  if (result.over !== null) response.once('close', result.over);
  return true;
}

function refuse(request: IncomingMessage, response: ServerResponse, result: CheckResult & { allowed: false }): void {
  response.writeHead(result.status, { ...result.headers, 'Content-Length': Buffer.byteLength(result.body) });
  response.end(request.method === 'HEAD' ? undefined : result.body);
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}
