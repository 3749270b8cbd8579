import { canonicalPath } from '@farebox/core';
import { byText } from '../lib/by-text.ts';
import { Problem } from '../problem.ts';

/** A request as the parser has read it. Header names and values alternate, in the order and spelling they came in. */
export interface Received {
  method?: string | undefined;
  url?: string | undefined;
  httpVersion: string;
  rawHeaders: readonly string[];
}

/** A request in the one form that is decided about and forwarded. */
export interface Target {
  method: string;
  /** Canonical (`canonicalPath`), without the query. */
  path: string;
  /** With its question mark, as it came; empty when there is none. */
  query: string;
  /** What the caller called us; null from HTTP/1.0. */
  host: string | null;
  /** How the body is framed; null: there is none. */
  body: { length: number } | 'chunked' | null;
  /** Headers that may come once only, by their name in small letters. */
  header(name: string): string | undefined;
}

/** Characters of a path, and of a query. */
const mostPath = 4096;
const mostQuery = 8192;
/** Headers that decide what a request is, who sends it or where it ends: a second one leaves open which counts. */
const single = new Set([
  'host',
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'content-length',
  'content-type',
  'transfer-encoding',
  'expect',
  'upgrade',
  'x-forwarded-proto',
  'x-forwarded-host',
]);
const singleOf = byText((name) => (single.has(name.toLowerCase()) ? name.toLowerCase() : null));
const hostShape = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * Reads a request so that everybody behind reads it the same way, or throws a `Problem`: one canonical path, one Host, one
 * framing (RFC 9112, 6.3: of both `Transfer-Encoding` and `Content-Length` neither is believed), no method that echoes or
 * tunnels. What the parser refuses by itself (a bare line feed, a folded line, a broken chunk) does not come here.
 */
export function readTarget(received: Received): Target {
  const { method = '', url = '', httpVersion } = received;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw refused('http', 'Speak HTTP/1.1.');
  if (!/^[A-Z]{1,20}$/.test(method) || method === 'TRACE' || method === 'CONNECT')
    throw new Problem('method_not_allowed', 'This method is not forwarded.');
  const headers = singleHeaders(received.rawHeaders);
  const { path, query } = splitTarget(url);
  const host = headers.get('host');
  if (host === undefined ? httpVersion === '1.1' : !hostShape.test(host))
    throw refused('host', 'Name one host, and nothing else.');
  return {
    method,
    path,
    query,
    host: host ?? null,
    body: framing(headers, httpVersion),
    header: (name) => headers.get(name),
  };
}

/** Most requests are for few paths. */
const canonicalOf = byText((before) => (before.includes('#') ? null : canonicalPath(before)));

function splitTarget(url: string): { path: string; query: string } {
  const at = url.indexOf('?');
  const before = at === -1 ? url : url.slice(0, at);
  const query = at === -1 ? '' : url.slice(at);
  const path = before.length > mostPath || query.includes('#') ? null : canonicalOf(before);
  if (path === null)
    throw refused('path', 'Must be a path without dot segments, empty segments, escaped separators or a fragment.');
  if (query.length > mostQuery || !/^[\x21-\x7e]*$/.test(query))
    throw refused('query', `Must be visible ASCII, at most ${mostQuery} characters: escape the rest.`);
  return { path, query };
}

function singleHeaders(raw: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = singleOf(raw[index] ?? '');
    if (name === null) continue;
    if (found.has(name)) throw refused(name, 'Is sent more than once.');
    found.set(name, raw[index + 1] ?? '');
  }
  return found;
}

function framing(headers: ReadonlyMap<string, string>, httpVersion: string): Target['body'] {
  const coding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (coding !== undefined) {
    if (length !== undefined || httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')
      throw refused('transfer-encoding', 'Frame the body by Content-Length, or as chunked and nothing else.');
    return 'chunked';
  }
  if (length === undefined) return null;
  if (!/^\d{1,15}$/.test(length)) throw refused('content-length', 'Must be a number of bytes.');
  return Number(length) === 0 ? null : { length: Number(length) };
}

function refused(param: string, detail: string): Problem {
  return new Problem('invalid_request', `${param}: ${detail}`, { param, errors: [{ param, detail }] });
}
