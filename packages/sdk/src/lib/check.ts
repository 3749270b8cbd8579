import {
  type ProblemBody,
  type Verification,
  canonicalPath,
  gateHeaders,
  gateStatus,
  readCredential,
  refusalBody,
} from '@farebox/core';
import { systemNow } from './clock.ts';
import { FareboxUnavailable } from './errors.ts';
import { aboutNobody } from './nobody.ts';
import { requestId } from './request-id.ts';
import type { Decision, VerifyInput } from './verify.ts';

/** Who decides: a `Farebox`. */
export interface Decider {
  decide(input: VerifyInput): Decision | Promise<Decision>;
  release(lease: string): Promise<void>;
}

/** What a request costs and needs: the same for all, or said per request. */
export interface GateOptions<R> {
  /** Units, a whole number ≥ 0. Unless said, what your OpenAPI document says of the request, or 1. */
  cost?: number | ((request: R) => number);
  /** What the key has to be good for. */
  scope?: string | ((request: R) => string | null);
  /** The route's pattern (`/v1/forecast`), for usage by endpoint. Not the path. */
  endpoint?: string | ((request: R) => string);
  /** What a request uses, where plans measure several things: the id of a meter. */
  meter?: string | ((request: R) => string);
  /**
   * Where the request comes from. The peer's address if left out: behind a proxy of yours read the header that proxy sets,
   * and no header that callers can set.
   */
  ip?: (request: R) => string | null;
  /**
   * The path that your OpenAPI document is asked about: the request's, if left out. One with two readings (`//`, `/../`, `%2f`) is
   * refused, since what is counted would not be what is served; null: no path plays a part.
   */
  path?: (request: R) => string | null;
  /** Hears of what is the program's own fault: a revoked secret key, a faulty cost. The caller is answered 500. */
  onError?: (error: unknown) => void;
}

/** One request, as its framework tells it. */
export interface Told {
  /** A header's value by its name in small letters; null when it is absent. */
  header(name: string): string | null;
  method: string;
  /** With the query. */
  path: string;
  ip: string | null;
  /** Whether the adapter hears when the answer is over; only then a place can be taken that is given back. */
  hears_end: boolean;
}

/** What the adapter does: let the request through with these headers on its answer, or answer it now. */
export type CheckResult =
  | {
      allowed: true;
      verification: Verification;
      headers: Record<string, string>;
      /** To be called when the request's answer is over, as often as one likes; null where nobody waits for it. */
      over: (() => void) | null;
    }
  | { allowed: false; status: number; headers: Record<string, string>; body: string };

/** Longer texts are no keys of anybody's. */
const mostKey = 256;

/**
 * All behaviour of every middleware: the key from the request, the decision, the headers, the refusal as `application/problem+json`
 * (RFC 9457) as every door of Farebox writes it. At once where the decision is; never throws or rejects.
 */
export function check<R>(
  farebox: Decider,
  request: R,
  told: Told,
  options: GateOptions<R>,
): CheckResult | Promise<CheckResult> {
  try {
    const result = decide(farebox, request, told, options);
    return result instanceof Promise ? result.catch((error: unknown) => broken(error, options.onError)) : result;
  } catch (error) {
    return broken(error, options.onError);
  }
}

/** The caller is told to come back, or nothing, and never what is broken behind this API. */
function broken(error: unknown, onError: ((error: unknown) => void) | undefined): CheckResult {
  if (error instanceof FareboxUnavailable)
    return problem(503, 'gate_unavailable', 'The gate cannot decide', 'This request could not be checked. Try again.', {
      headers: { 'Retry-After': '1' },
    });
  report(error, onError);
  return failed();
}

function decide<R>(
  farebox: Decider,
  request: R,
  told: Told,
  options: GateOptions<R>,
): CheckResult | Promise<CheckResult> {
  const credential = readCredential(told.header('authorization'), told.header('x-api-key'));
  if (credential.kind === 'ambiguous')
    return problem(
      400,
      'ambiguous_key',
      'Two credentials in one request',
      'Authorization and X-Api-Key carry two different keys. Send one.',
    );
  const asked = options.path === undefined ? told.path : options.path(request);
  const path = asked === null ? null : canonicalPath(asked);
  if (asked !== null && path === null)
    return problem(
      400,
      'invalid_request',
      'The request is not valid',
      'path: Must be a path without dot segments, empty segments or escaped separators.',
      { param: 'path' },
    );
  if (credential.kind === 'none' || credential.key.length > mostKey)
    return refused(unknown(), credential.kind !== 'none', {});
  const decision = farebox.decide({
    key: credential.key,
    ip: options.ip === undefined ? told.ip : options.ip(request),
    cost: valueOf(options.cost, request),
    scope: valueOf(options.scope, request),
    endpoint: valueOf(options.endpoint, request),
    meter: valueOf(options.meter, request),
    ...(path === null || !/^[A-Z]{1,20}$/.test(told.method) ? {} : { method: told.method, path }),
    ...(told.hears_end ? { lease: true } : {}),
  });
  return decision instanceof Promise
    ? decision.then((made) => resultOf(farebox, made, options.onError))
    : resultOf(farebox, decision, options.onError);
}

function resultOf(
  farebox: Decider,
  { verification, headers }: Decision,
  onError: ((error: unknown) => void) | undefined,
): CheckResult {
  if (!verification.valid) return refused(verification, true, headers);
  const { lease } = verification;
  if (!lease) return { allowed: true, verification, headers, over: null };
  let isOver = false;
  const release = (): void => {
    if (isOver) return;
    isOver = true;
    farebox.release(lease.id).catch((error: unknown) => report(error, onError));
  };
  return { allowed: true, verification, headers, over: release };
}

/** A request that carries no key, or none that could be one: nobody is asked. */
function unknown(): Verification {
  return aboutNobody({
    valid: false,
    code: 'NOT_FOUND',
    detail: 'This API key is not known. Check that it was copied whole.',
    request_id: requestId(),
  });
}

function refused(verification: Verification, has_key: boolean, headers: Record<string, string>): CheckResult {
  const status = gateStatus[verification.code];
  return answered(status, refusalBody(verification, has_key), {
    ...gateHeaders(verification, systemNow()),
    ...headers,
  });
}

/** Says nothing about the reason. */
export function failed(): CheckResult & { allowed: false } {
  return problem(500, 'internal_error', 'Something went wrong here', 'This failed on our side and has been logged.');
}

function problem(
  status: number,
  code: string,
  title: string,
  detail: string,
  more: { param?: string; headers?: Record<string, string> } = {},
): CheckResult & { allowed: false } {
  const request_id = requestId();
  const { param, headers = {} } = more;
  const body = {
    type: `/docs/errors#${code}`,
    title,
    status,
    code,
    detail,
    ...(param === undefined ? {} : { param }),
    request_id,
  };
  return answered(status, body, { 'Farebox-Request-Id': request_id, ...headers });
}

function answered(
  status: number,
  body: ProblemBody,
  headers: Record<string, string>,
): CheckResult & { allowed: false } {
  return {
    allowed: false,
    status,
    headers: {
      ...headers,
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      // RFC 9110, 11.6.1: a 401 says how to authenticate.
      ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    },
    body: JSON.stringify(body),
  };
}

/** Where nobody listens, the process says it. */
export function report(error: unknown, onError: ((error: unknown) => void) | undefined): void {
  if (onError === undefined) process.emitWarning(error instanceof Error ? error : String(error));
  else onError(error);
}

function valueOf<R, T extends string | number | null>(
  option: T | ((request: R) => T | null) | undefined,
  request: R,
): T | undefined {
  const value = typeof option === 'function' ? option(request) : option;
  return value ?? undefined;
}
