import type { DunningState } from './dunning.ts';
import { toMajorDecimal } from './money.ts';
import type { Instant } from './plan.ts';
import { type LimitState, type Verification, header } from './wire.ts';

/**
 * The headers an API answers with after the gate's decision, whichever door it came through.
 *
 * `RateLimit-Policy` and `RateLimit` follow draft-ietf-httpapi-ratelimit-headers-10: lists of named policies, `q` units per
 * `w` seconds, and of each `r` units left, more in `t` seconds. The quota is a policy without `w`, a billing period being no
 * fixed number of seconds. `X-RateLimit-*` repeats the tightest window for clients that know nothing else; its reset is in
 * seconds since 1970. `Retry-After` is in seconds, at least 1. `Farebox-Cost` is in major units: `0.0008 usd`.
 * `Farebox-Payment` warns while a payment is owed: the step and when the next begins.
 * A key that is not known has neither limits nor cost, and gets only its code and request id. Never throws for what the gate made.
 */
export function gateHeaders(v: Verification, now: Instant): Record<string, string> {
  const headers: Record<string, string> = { [header.requestId]: v.request_id, [header.code]: v.code };
  let policy = '';
  let state = '';
  for (const limit of v.limits) {
    const window = limit.window_ms === null ? '' : `;w=${Math.max(1, Math.round(limit.window_ms / 1000))}`;
    policy += `${policy === '' ? '' : ', '}"${limit.name}";q=${limit.limit}${window}`;
    state += `${state === '' ? '' : ', '}"${limit.name}";r=${Math.max(0, limit.remaining)};t=${secondsUntil(limit.reset_at, now)}`;
  }
  if (v.quota !== null) {
    const remaining = Math.max(0, v.quota.remaining);
    const name = v.quota.interval ?? 'month';
    policy += `${policy === '' ? '' : ', '}"${name}";q=${v.quota.included}`;
    state += `${state === '' ? '' : ', '}"${name}";r=${remaining};t=${secondsUntil(v.quota.reset_at, now)}`;
    headers[header.quotaRemaining] = String(remaining);
  }
  if (policy !== '') {
    headers[header.rateLimitPolicy] = policy;
    headers[header.rateLimit] = state;
  }
  const tightest = tightestOf(v.limits);
  if (tightest !== null) {
    headers[header.xRateLimitLimit] = String(tightest.limit);
    headers[header.xRateLimitRemaining] = String(Math.max(0, tightest.remaining));
    headers[header.xRateLimitReset] = String(Math.ceil(tightest.reset_at / 1000));
  }
  if (v.currency !== null) {
    headers[header.cost] =
      v.cost_decimal === '0' ? `0 ${v.currency}` : `${toMajorDecimal(v.cost_decimal, v.currency)} ${v.currency}`;
  }
  if (v.payment !== null) headers[header.payment] = paymentText(v.payment);
  if (v.retry_after_s !== null) headers[header.retryAfter] = String(Math.max(1, Math.ceil(v.retry_after_s)));
  return headers;
}

/**
 * Who called, for the API behind a door. It believes them, so a door takes every header of these names from the caller away.
 * Scopes are separated by spaces; a key without any may do everything and has no such header.
 */
export function identityHeaders({ customer_id, plan_id, key_id, scopes }: Verification): Record<string, string> {
  const headers: Record<string, string> = {};
  if (customer_id !== null) headers[header.customer] = customer_id;
  if (plan_id !== null) headers[header.plan] = plan_id;
  if (key_id !== null) headers[header.keyId] = key_id;
  if (scopes.length > 0) headers[header.scopes] = scopes.join(' ');
  return headers;
}

/** `past_due; step=slow; since=2027-02-01T07:30:00.000Z; next=block; next_at=…` */
function paymentText({ step, since_at, next }: DunningState): string {
  const text = `past_due; step=${step}; since=${new Date(since_at).toISOString()}`;
  return next === null ? text : `${text}; next=${next.step}; next_at=${new Date(next.at).toISOString()}`;
}

/** The window with the least left; of equals, the one that takes longest to come back. */
function tightestOf(limits: LimitState[]): LimitState | null {
  let tightest: LimitState | null = null;
  for (const limit of limits) {
    if (tightest === null || limit.remaining < tightest.remaining) tightest = limit;
    else if (limit.remaining === tightest.remaining && limit.reset_at > tightest.reset_at) tightest = limit;
  }
  return tightest;
}

function secondsUntil(at: Instant, now: Instant): number {
  return Math.max(0, Math.ceil((at - now) / 1000));
}
