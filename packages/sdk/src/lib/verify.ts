import {
  type DeniedBy,
  type DunningState,
  type FeatureValue,
  type Interval,
  type LimitState,
  type QuotaState,
  type Verification,
  dunningSteps,
  gateCodes,
  header,
  intervals,
} from '@farebox/core';
import { type Connection, failureOf, isFields, parse, send } from './api.ts';
import { FareboxUnavailable } from './errors.ts';

/** What to ask of the gate for one request. */
export interface VerifyInput {
  /** The caller's API key, as it was sent. */
  key: string;
  /** Units this request uses: a whole number ≥ 0; unless said, what your OpenAPI document says, or 1. */
  cost?: number | undefined;
  /** What the key has to be good for. */
  scope?: string | null | undefined;
  /** Where the request comes from; keys with an allowlist are refused without it. */
  ip?: string | null | undefined;
  /** The route's pattern (`/v1/forecast`), for usage by endpoint. Not the path. */
  endpoint?: string | undefined;
  /** What this request uses, where plans measure several things: the id of a meter. */
  meter?: string | undefined;
  /** Of the request: with them your OpenAPI document says its cost, scope and limits. */
  method?: string | undefined;
  path?: string | undefined;
  /** True: take a place among the requests at the same time; you say with `release` when this one is over. */
  lease?: boolean | undefined;
}

/** A decision and the headers the caller of the API gets with it. */
export interface Decision {
  verification: Verification;
  headers: Record<string, string>;
}

/** The headers of Farebox's answer that an API passes on. Farebox writes them, so that its clock alone counts. */
const passedOn = [
  header.rateLimitPolicy,
  header.rateLimit,
  header.retryAfter,
  header.xRateLimitLimit,
  header.xRateLimitRemaining,
  header.xRateLimitReset,
  header.quotaRemaining,
  header.cost,
  header.payment,
  header.requestId,
  header.code,
] as const;

/**
 * One call of `POST /v1/keys/verify`. Never repeated: a call whose answer was lost may have been counted, and a customer is
 * not charged twice. Rejects with `FareboxUnavailable` or `FareboxError`.
 */
export async function callVerify(connection: Connection, input: VerifyInput): Promise<Decision> {
  const { response, text } = await send(connection, `${connection.base_url}/v1/keys/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${connection.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  });
  const body = parse(text);
  if (response.status !== 200) throw failureOf(response.status, body);
  const verification = isFields(body) ? readVerification(body) : null;
  if (verification === null) throw new FareboxUnavailable('Farebox answered with status 200 and no decision.');
  return { verification, headers: headersOf(response) };
}

function headersOf(response: Response): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of passedOn) {
    const value = response.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  return headers;
}

type Fields = Record<string, unknown>;

/** Null when it is no verification: whatever answered was not Farebox. */
function readVerification(body: Fields): Verification | null {
  const { detail, request_id, scopes, features, limits, quota, cost_decimal, retry_after_s } = body;
  const code = oneOf(gateCodes, body['code']);
  if (code === null || body['valid'] !== (code === 'VALID')) return null;
  if (typeof detail !== 'string' || typeof request_id !== 'string' || typeof cost_decimal !== 'string') return null;
  if (!isFields(features) || !Array.isArray(limits) || !(quota === null || isFields(quota))) return null;
  const { payment, denied_by, lease } = body;
  return {
    valid: code === 'VALID',
    code,
    detail,
    request_id,
    key_id: textOf(body['key_id']),
    customer_id: textOf(body['customer_id']),
    plan_id: textOf(body['plan_id']),
    scopes: Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string') : [],
    features: Object.fromEntries(Object.entries(features).filter(isFeature)),
    limits: limits.filter(isFields).map(readLimit),
    quota: quota === null ? null : readQuota(quota),
    cost_decimal,
    currency: textOf(body['currency']),
    retry_after_s: typeof retry_after_s === 'number' ? retry_after_s : null,
    payment: isFields(payment) ? readPayment(payment) : null,
    denied_by: isFields(denied_by) ? readDenied(denied_by) : null,
    upgrade_url: textOf(body['upgrade_url']),
    lease: isFields(lease) ? { id: textOf(lease['id']) ?? '', expires_at: instantOf(lease['expires_at']) } : null,
  };
}

function isFeature(entry: [string, unknown]): entry is [string, FeatureValue] {
  return ['boolean', 'number', 'string'].includes(typeof entry[1]);
}

function readLimit(fields: Fields): LimitState {
  return {
    name: textOf(fields['name']) ?? '',
    limit: numberOf(fields['limit']),
    remaining: numberOf(fields['remaining']),
    window_ms: msOf(fields['window_ms']),
    reset_at: instantOf(fields['reset_at']),
  };
}

function readQuota(fields: Fields): QuotaState {
  const interval: Interval | null = oneOf(intervals, fields['interval']);
  return {
    meter_id: textOf(fields['meter_id']) ?? '',
    kind: fields['kind'] === 'hard' ? 'hard' : 'soft',
    included: numberOf(fields['included']),
    used: numberOf(fields['used']),
    remaining: numberOf(fields['remaining']),
    reset_at: instantOf(fields['reset_at']),
    ...(interval === null ? {} : { interval }),
  };
}

const deniedKinds = ['window', 'burst', 'concurrency', 'budget', 'quota', 'spend_cap'] as const;

/** Null for a kind this version does not know: nothing is said rather than something wrong. */
function readDenied(fields: Fields): DeniedBy | null {
  const kind = oneOf(deniedKinds, fields['kind']);
  if (kind === null) return null;
  const { reset_at } = fields;
  return {
    kind,
    name: textOf(fields['name']) ?? '',
    limit: numberOf(fields['limit']),
    window_ms: msOf(fields['window_ms']),
    reset_at: reset_at === null ? null : instantOf(reset_at),
  };
}

/** Null for a step this version does not know. */
function readPayment(fields: Fields): DunningState | null {
  const step = oneOf(dunningSteps, fields['step']);
  if (step === null) return null;
  const next = isFields(fields['next']) ? fields['next'] : {};
  const next_step = oneOf(dunningSteps, next['step']);
  return {
    step,
    rate_percent: numberOf(fields['rate_percent']),
    since_at: instantOf(fields['since_at']),
    next: next_step === null ? null : { step: next_step, at: instantOf(next['at']) },
  };
}

function oneOf<T>(known: readonly T[], value: unknown): T | null {
  return known.find((one) => one === value) ?? null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function msOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** HTTP writes instants as ISO 8601; here they are epoch milliseconds, as everywhere in code. */
function instantOf(value: unknown): number {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? 0 : at;
}
