import { type ProblemBody, type Verification, gateStatus, parseKey, readCredential } from '@farebox/core';
import { FareboxUnavailable } from './errors.ts';
import type { Decision, VerifyInput } from './verify.ts';

/** Who decides: a `Farebox`. */
export interface Decider {
  decide(input: VerifyInput): Promise<Decision>;
}

/** One request, as every framework can describe it. */
export interface CheckInput {
  /** A header's value by its name in small letters; null when it is absent. */
  header: (name: string) => string | null;
  ip: string | null;
  cost?: number | undefined;
  scope?: string | null | undefined;
  endpoint?: string | undefined;
  meter?: string | undefined;
}

/** What the adapter does: let the request through with these headers on its answer, or answer it now. */
export type CheckResult =
  | { allowed: true; verification: Verification; headers: Record<string, string> }
  | { allowed: false; status: number; headers: Record<string, string>; body: string };

const noKey = 'Send an API key: Authorization: Bearer <key>, or X-Api-Key.';
const unknownKey = 'This API key is not known. Check that it was copied whole.';

/**
 * All behaviour of every middleware: the key from the request, the decision, the headers, the refusal as
 * `application/problem+json` (RFC 9457). Rejects only with `FareboxError`, for which no answer to a stranger is right.
 */
export async function check(farebox: Decider, request: CheckInput): Promise<CheckResult> {
  const credential = readCredential(request.header('authorization'), request.header('x-api-key'));
  if (credential.kind === 'none') return refusal(401, 'NOT_FOUND', noKey);
  if (credential.kind === 'ambiguous') {
    return refusal(400, 'ambiguous_key', 'Authorization and X-Api-Key carry two different keys. Send one.');
  }
  // A mistyped or invented key has no checksum and costs no call.
  if (parseKey(credential.key) === null) return refusal(401, 'NOT_FOUND', unknownKey);
  const { ip, cost, scope, endpoint, meter } = request;
  try {
    const { verification, headers } = await farebox.decide({ key: credential.key, ip, cost, scope, endpoint, meter });
    if (verification.valid) return { allowed: true, verification, headers };
    const { code, detail, request_id } = verification;
    return refusal(gateStatus[code], code, detail, { request_id, headers });
  } catch (error) {
    if (!(error instanceof FareboxUnavailable)) throw error;
    // The caller is told to come back, not what is broken behind this API.
    return refusal(503, 'gate_unavailable', 'This request could not be checked. Try again.', {
      headers: { 'Retry-After': '1' },
    });
  }
}

function refusal(
  status: number,
  code: string,
  detail: string,
  more: { request_id?: string; headers?: Record<string, string> } = {},
): CheckResult {
  const body: ProblemBody = {
    type: 'about:blank',
    title: titles[status] ?? 'Refused',
    status,
    code,
    detail,
    request_id: more.request_id ?? '',
  };
  return {
    allowed: false,
    status,
    headers: {
      ...more.headers,
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      // RFC 9110, 11.6.1: a 401 says how to authenticate.
      ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    },
    body: JSON.stringify(body),
  };
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};
