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

/** Field by field: this is written for every request, and an object that is copied from another costs more than the decision. */
function viewOf(verification: Verification) {
  const { quota, payment, denied_by, lease } = verification;
  const limits = verification.limits.map(({ name, limit, remaining, window_ms, reset_at }) => ({
    name,
    limit,
    remaining,
    window_ms,
    reset_at: iso(reset_at),
  }));
  const view: View = {
    valid: verification.valid,
    code: verification.code,
    detail: verification.detail,
    request_id: verification.request_id,
    key_id: verification.key_id,
    customer_id: verification.customer_id,
    plan_id: verification.plan_id,
    scopes: verification.scopes,
    features: verification.features,
    limits,
    quota: quota === null ? null : { ...quota, reset_at: iso(quota.reset_at) },
    cost_decimal: verification.cost_decimal,
    currency: verification.currency,
    retry_after_s: verification.retry_after_s,
    payment: payment === null ? null : paymentOf(payment),
  };
  if (denied_by !== undefined) view.denied_by = denied_by === null ? null : deniedView(denied_by);
  if (verification.upgrade_url !== undefined) view.upgrade_url = verification.upgrade_url;
  if (lease !== undefined) view.lease = lease === null ? null : { id: lease.id, expires_at: iso(lease.expires_at) };
  return view;
}

type Dated = 'limits' | 'quota' | 'payment' | 'denied_by' | 'lease';
type View = Omit<Verification, Dated> & { [K in Dated]?: unknown };

function paymentOf({ next, since_at, ...payment }: NonNullable<Verification['payment']>) {
  const then = next === null ? null : { step: next.step, at: iso(next.at) };
  return { ...payment, since_at: iso(since_at), next: then };
}

/** Windows and periods of many requests end together. Bounded: it begins anew. */
const instants = new Map<number, string>();
const mostInstants = 1000;

function iso(at: number): string {
  const known = instants.get(at);
  if (known !== undefined) return known;
  if (instants.size >= mostInstants) instants.clear();
  const text = new Date(at).toISOString();
  instants.set(at, text);
  return text;
}
