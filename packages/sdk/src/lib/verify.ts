import {
  type DunningState,
  type DunningStep,
  type GateCode,
  type LimitState,
  type QuotaState,
  type Verification,
  dunningSteps,
  gateCodes,
  header,
} from '@farebox/core';
import { FareboxError, FareboxUnavailable } from './errors.ts';

/** What to ask of the gate for one request. */
export interface VerifyInput {
  /** The caller's API key, as it was sent. */
  key: string;
  /** Units this request uses: a whole number ≥ 0, 1 if left out. */
  cost?: number | undefined;
  /** What the key has to be good for. */
  scope?: string | null | undefined;
  /** Where the request comes from; keys with an allowlist are refused without it. */
  ip?: string | null | undefined;
  /** The route's pattern (`/v1/forecast`), for usage by endpoint. Not the path. */
  endpoint?: string | undefined;
  /** What this request uses, where plans measure several things: the id of a meter. */
  meter?: string | undefined;
}

/** A decision and the headers the caller of the API gets with it. */
export interface Decision {
  verification: Verification;
  headers: Record<string, string>;
}

/** Everything a call needs. */
export interface Connection {
  verify_url: string;
  secret_key: string;
  timeout_ms: number;
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
  const { response, text } = await send(connection, input);
  const body = parseObject(text);
  if (response.status === 200 && body !== null) {
    const verification = readVerification(body);
    if (verification !== null) return { verification, headers: headersOf(response) };
  }
  if (response.status >= 500 || response.status === 429 || body === null || response.status < 400) {
    throw new FareboxUnavailable(`Farebox answered with status ${response.status} and no decision.`);
  }
  const { code, detail, param } = body;
  throw new FareboxError(
    typeof detail === 'string' ? detail : `Farebox refused the call with status ${response.status}.`,
    {
      status: response.status,
      code: typeof code === 'string' ? code : 'unknown',
      param: typeof param === 'string' ? param : null,
    },
  );
}

/** The body is read whole, whatever the status: only then is the connection free for the next call. */
async function send(connection: Connection, input: VerifyInput): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(connection.verify_url, {
      method: 'POST',
      headers: { authorization: `Bearer ${connection.secret_key}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
      redirect: 'error',
      signal: AbortSignal.timeout(connection.timeout_ms),
    });
    return { response, text: await response.text() };
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    const reason = late ? `did not answer within ${connection.timeout_ms} ms` : 'could not be reached';
    throw new FareboxUnavailable(`Farebox ${reason} at ${new URL(connection.verify_url).origin}.`, { cause: error });
  }
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

function parseObject(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null; // a proxy's page, or half an answer: the status says what to make of it
  }
}

/** Null when it is no verification: whatever answered was not Farebox. */
function readVerification(body: Fields): Verification | null {
  const { code, detail, request_id, scopes, features, limits, quota, cost_decimal, retry_after_s } = body;
  if (!isCode(code) || body['valid'] !== (code === 'VALID')) return null;
  if (typeof detail !== 'string' || typeof request_id !== 'string' || typeof cost_decimal !== 'string') return null;
  if (!isFields(features) || !Array.isArray(limits) || !(quota === null || isFields(quota))) return null;
  return {
    valid: code === 'VALID',
    code,
    detail,
    request_id,
    key_id: textOf(body['key_id']),
    customer_id: textOf(body['customer_id']),
    plan_id: textOf(body['plan_id']),
    scopes: Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string') : [],
    features: Object.fromEntries(Object.entries(features).map(([name, on]) => [name, on === true])),
    limits: limits.filter(isFields).map(readLimit),
    quota: quota === null ? null : readQuota(quota),
    cost_decimal,
    currency: textOf(body['currency']),
    retry_after_s: typeof retry_after_s === 'number' ? retry_after_s : null,
    payment: isFields(body['payment']) ? readPayment(body['payment']) : null,
  };
}

function readLimit(fields: Fields): LimitState {
  const { window_ms } = fields;
  return {
    name: textOf(fields['name']) ?? '',
    limit: numberOf(fields['limit']),
    remaining: numberOf(fields['remaining']),
    window_ms: typeof window_ms === 'number' ? window_ms : null,
    reset_at: instantOf(fields['reset_at']),
  };
}

function readQuota(fields: Fields): QuotaState {
  return {
    meter_id: textOf(fields['meter_id']) ?? '',
    kind: fields['kind'] === 'hard' ? 'hard' : 'soft',
    included: numberOf(fields['included']),
    used: numberOf(fields['used']),
    remaining: numberOf(fields['remaining']),
    reset_at: instantOf(fields['reset_at']),
  };
}

/** Null for a step this version does not know: nothing is said rather than something wrong. */
function readPayment(fields: Fields): DunningState | null {
  const step = stepOf(fields['step']);
  if (step === null) return null;
  const next = isFields(fields['next']) ? fields['next'] : {};
  const next_step = stepOf(next['step']);
  return {
    step,
    rate_percent: numberOf(fields['rate_percent']),
    since_at: instantOf(fields['since_at']),
    next: next_step === null ? null : { step: next_step, at: instantOf(next['at']) },
  };
}

function stepOf(value: unknown): DunningStep | null {
  return dunningSteps.find((step) => step === value) ?? null;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCode(value: unknown): value is GateCode {
  return gateCodes.some((code) => code === value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** HTTP writes instants as ISO 8601; here they are epoch milliseconds, as everywhere in code. */
function instantOf(value: unknown): number {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? 0 : at;
}
