import { type Verification, identityHeaders } from '@farebox/core';
import type { Farebox } from './index.ts';
import { remember } from './lib/admitted.ts';
import { type GateOptions, check } from './lib/check.ts';
import { admittedResponse, refusedResponse, toldOfFetch } from './lib/fetch.ts';

export { verificationOf } from './lib/admitted.ts';

/** A route handler behind the gate: it also gets the decision, with `customer_id`, `plan_id` and `features`. */
export type ProtectedRoute<R extends Request, C> = (
  request: R,
  context: C,
  verification: Verification,
) => Response | Promise<Response>;

/**
 * Puts a route handler of Next.js behind the gate: `export const GET = protect(farebox, async (request, context, { customer_id }) => …)`. What
 * may pass is answered with the limit headers on it; another request is answered here. Next.js tells no peer's address: say `ip`
 * where keys have an address list.
 */
export function protect<R extends Request, C>(
  farebox: Farebox,
  handler: ProtectedRoute<R, C>,
  options: GateOptions<R> = {},
): (request: R, context: C) => Promise<Response> {
  return async (request, context) => {
    const result = await check(farebox, request, toldOfFetch(request, null), options);
    if (!result.allowed) return refusedResponse(result);
    remember(request, result.verification);
    try {
      return admittedResponse(await handler(request, context, result.verification), result);
    } catch (error) {
      result.over?.();
      throw error;
    }
  };
}

/** `NextResponse` of `next/server`, as far as it plays a part. */
export interface NextAnswers {
  next(init: { request: { headers: Headers } }): Response;
}

/**
 * Puts whole paths of Next.js behind the gate, in `proxy.ts` (`middleware.ts` before Next.js 16): `export const proxy = gate(farebox, NextResponse)`
 * with a `matcher`. Route handlers and pages find who calls in the request's headers `Farebox-Customer`, `Farebox-Plan`, `Farebox-Key-Id` and
 * `Farebox-Scopes`, which no caller can set. It does not hear when an answer is over, so it takes no place among requests at the same time.
 */
export function gate<R extends Request>(
  farebox: Farebox,
  answers: NextAnswers,
  options: GateOptions<R> = {},
): (request: R) => Promise<Response> {
  return async (request) => {
    const told = { ...toldOfFetch(request, null), hears_end: false };
    const result = await check(farebox, request, told, options);
    if (!result.allowed) return refusedResponse(result);
    const headers = new Headers(request.headers);
    for (const name of request.headers.keys()) if (/^farebox[-_]/i.test(name)) headers.delete(name);
    for (const [name, value] of Object.entries(identityHeaders(result.verification))) headers.set(name, value);
    const response = answers.next({ request: { headers } });
    for (const [name, value] of Object.entries(result.headers)) response.headers.set(name, value);
    return response;
  };
}
