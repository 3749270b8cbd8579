import { isIP } from 'node:net';
import { canonicalPath, readCredential } from '@farebox/core';
import { Problem } from '../problem.ts';
import type { VerifyRequest } from './gate.ts';

/** Units one request may use. */
export const mostCost = 1_000_000;
/** Characters of a scope or an endpoint. */
export const mostText = 200;
/** Characters of a path of the seller's API. */
const mostPath = 4096;
const mostBody = 8192;
const jsonType = /^application\/json\s*(?:;|$)/i;

/** What a reverse proxy's request says. */
export interface ForwardAuth {
  request: VerifyRequest;
  has_key: boolean;
  /** The refusal's body stands in a header too. */
  in_header: boolean;
}

/** `POST /v1/keys/verify`. Strict and short: known fields, right types, bounded texts. Throws a `Problem` that names the field at fault. */
export function readVerify(content_type: string | undefined, text: string): VerifyRequest {
  if (!jsonType.test(content_type ?? ''))
    throw new Problem('unsupported_media_type', 'Send application/json.', { param: 'content-type' });
  if (text.length > mostBody) throw new Problem('body_too_large', `The body is longer than ${mostBody} characters.`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem('invalid_request', 'Send a JSON object with the key to verify: {"key": "…"}.', { param: 'key' });
  }
  const request: VerifyRequest = { token: '' };
  let hasKey = false;
  for (const [name, value] of Object.entries(body)) {
    if (name === 'key') {
      if (typeof value !== 'string') throw wrong(name, 'Must be a string.');
      request.token = value;
      hasKey = true;
    } else if (name === 'cost') {
      if (!isCost(value)) throw wrong(name, `Must be a whole number from 0 to ${mostCost}.`);
      request.cost = value;
    } else if (name === 'scope') {
      if (value !== null && !isText(value))
        throw wrong(name, `Must be printable ASCII, at most ${mostText} characters.`);
      request.scope = value;
    } else if (name === 'ip') {
      if (value !== null && (typeof value !== 'string' || isIP(value) === 0))
        throw wrong(name, 'Must be an IP address.');
      request.ip = value;
    } else if (name === 'endpoint') {
      if (!isText(value)) throw wrong(name, `Must be printable ASCII, at most ${mostText} characters.`);
      request.endpoint = value;
    } else if (name === 'meter') {
      if (!isText(value) || value === '') throw wrong(name, 'Must be the id of a meter.');
      request.meter_id = value;
    } else if (name === 'method') {
      if (!isMethod(value)) throw wrong(name, 'Must be a method: GET, POST.');
      request.method = value;
    } else if (name === 'path') {
      request.path = readPath(value);
    } else if (name === 'lease') {
      if (typeof value !== 'boolean') throw wrong(name, 'Must be true or false.');
      request.releases = value;
    } else throw wrong(name.slice(0, 100), 'This field is unknown.');
  }
  if (!hasKey) throw wrong('key', 'Is required.');
  return request;
}

/**
 * `GET /v1/gate/forward-auth`: the caller's key, and what the proxy's configuration says in the address it asks. A name twice
 * would leave open which one counts. Throws a `Problem`.
 */
export function readForwardAuth(asked: {
  authorization: string | undefined;
  x_api_key: string | undefined;
  query: Record<string, string[]>;
  /** Of the request that the proxy asks about, where its path counts. */
  original?: { method: string | undefined; uri: string | undefined };
}): ForwardAuth {
  const credential = readCredential(asked.authorization, asked.x_api_key);
  if (credential.kind === 'ambiguous') {
    throw new Problem('ambiguous_key', 'Authorization and X-Api-Key carry two different keys. Send one.');
  }
  const request: VerifyRequest = { token: credential.kind === 'key' ? credential.key : '' };
  let in_header = false;
  for (const [name, values] of Object.entries(asked.query)) {
    const [value = ''] = values;
    if (values.length > 1) throw wrong(name, 'Is given more than once.');
    if (name === 'cost') {
      const cost = /^\d{1,7}$/.test(value) ? Number(value) : Number.NaN;
      if (!isCost(cost)) throw wrong(name, `Must be a whole number from 0 to ${mostCost}.`);
      request.cost = cost;
    } else if (name === 'scope' || name === 'endpoint') {
      if (!isText(value)) throw wrong(name, `Must be printable ASCII, at most ${mostText} characters.`);
      request[name] = value;
    } else if (name === 'refusal') {
      if (value !== 'header') throw wrong(name, 'Must be header, or left out.');
      in_header = true;
    } else if (name === 'meter') {
      if (!isText(value) || value === '') throw wrong(name, 'Must be the id of a meter.');
      request.meter_id = value;
    } else throw wrong(name.slice(0, 100), 'This parameter is unknown.');
  }
  const { method, uri } = asked.original ?? {};
  if (uri !== undefined) request.path = readPath(uri);
  if (method !== undefined) {
    if (!isMethod(method)) throw wrong('method', 'Must be a method: GET, POST.');
    request.method = method;
  }
  return { request, has_key: credential.kind === 'key', in_header };
}

function isCost(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostCost;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= mostText && /^[\x20-\x7e]*$/.test(value);
}

function wrong(param: string, detail: string): Problem {
  return new Problem('invalid_request', `${param}: ${detail}`, { param, errors: [{ param, detail }] });
}

function isMethod(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z]{1,20}$/.test(value);
}

/** Only a path that everybody reads the same way: what is matched here must be what is served there. */
function readPath(value: unknown): string {
  const path = typeof value === 'string' && value.length <= mostPath ? canonicalPath(value) : null;
  if (path === null) throw wrong('path', 'Must be a path without dot segments, empty segments or escaped separators.');
  return path;
}
