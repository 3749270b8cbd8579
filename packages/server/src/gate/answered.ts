import {
  type Verification,
  deniedView,
  gateHeaders,
  gateStatus,
  header,
  identityHeaders,
  refusalBody,
} from '@farebox/core';

/** An answer of the gate, for whichever server writes it. */
export interface GateAnswer {
  status: 200 | 401 | 402 | 403 | 429;
  headers: Record<string, string>;
  body: string;
}

/** The decision for a program that asked: always 200, `valid` says it. */
export function verifyAnswer(verification: Verification, now: number): GateAnswer {
  const headers = gateHeaders(verification, now);
  headers['content-type'] = 'application/json';
  return { status: 200, headers, body: JSON.stringify(viewOf(verification)) };
}

/**
 * The decision for a proxy, which goes by the status and passes the headers on. `in_header`: the body of a refusal stands in
 * `Farebox-Problem` too, for a proxy that throws the body away.
 */
export function forwardAuthAnswer(
  verification: Verification,
  { has_key, in_header = false }: { has_key: boolean; in_header?: boolean },
  now: number,
): GateAnswer {
  const headers = gateHeaders(verification, now);
  const status = gateStatus[verification.code];
  if (verification.valid) {
    return { status, headers: Object.assign(headers, identityHeaders(verification)), body: '' };
  }
  const body = refusalBody(verification, has_key);
  headers['content-type'] = 'application/problem+json';
  // RFC 9110, 11.6.1: a 401 says how to authenticate.
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  const text = JSON.stringify(body);
  if (in_header) headers[header.problem] = text.replaceAll(/[^\x20-\x7e]/g, escaped);
  return { status, headers, body: text };
}

/** As JSON writes what is not ASCII. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function viewOf(verification: Verification) {
  const { limits, quota, payment, denied_by = null, lease = null } = verification;
  return {
    ...verification,
    ...(denied_by === null ? {} : { denied_by: deniedView(denied_by) }),
    ...(lease === null ? {} : { lease: { ...lease, expires_at: iso(lease.expires_at) } }),
    limits: limits.map((limit) => ({ ...limit, reset_at: iso(limit.reset_at) })),
    quota: quota === null ? null : { ...quota, reset_at: iso(quota.reset_at) },
    payment:
      payment === null
        ? null
        : {
            ...payment,
            since_at: iso(payment.since_at),
            next: payment.next === null ? null : { step: payment.next.step, at: iso(payment.next.at) },
          },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
