import { isIP } from 'node:net';
import type { Target } from './target.ts';

/** Names and values alternate, as `node:http` takes them. */
export type FlatHeaders = string[];

/** Between two neighbours only (RFC 9110, 7.6.1), and what goes with them. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** What the caller may not tell the API: we say it ourselves, or nobody does. */
const ours = new Set([
  ...hopByHop,
  'host',
  'content-length',
  'expect',
  // Becomes a variable that programs take for their own proxy (CVE-2016-5385).
  'proxy',
  // Where the request comes from.
  'forwarded',
  'forwarded-for',
  'x-forwarded',
  'client-ip',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  // Another path or method than the one that was decided about; some frameworks follow these.
  'x-original-url',
  'x-original-uri',
  'x-original-method',
  'x-original-host',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
]);

/** How the API is told about a request. */
export interface ToUpstream {
  target: Target;
  /** Of the upstream's address. */
  host: string;
  /** The client's address and those of trusted proxies behind it; the last one is our neighbour. */
  chain: readonly string[];
  /** What the caller spoke to, as far as it is known. */
  proto: 'http' | 'https';
  forwarded_host: string | null;
  /** Who calls, and the request's name. */
  identity: Readonly<Record<string, string>>;
  /** True: the API sees the caller's key. */
  forwards_key: boolean;
  /** A WebSocket is to be opened. */
  upgrades: boolean;
}

/**
 * The headers of a request as the API gets them: those between neighbours are ended here, those that tell who and where are
 * written anew, all others pass as they came. A name with `_` counts as the one with `-`: many an API reads both as one.
 */
export function requestHeaders(raw: readonly string[], to: ToUpstream): FlatHeaders {
  const nominated = nominatedBy(raw);
  const headers: FlatHeaders = ['Host', to.host];
  let via = '';
  for (let index = 0; index < raw.length; index += 2) {
    const [name, value] = [raw[index] ?? '', raw[index + 1] ?? ''];
    const plain = name.toLowerCase().replaceAll('_', '-');
    if (plain === 'via') via += `${value}, `;
    else if (!isOurs(plain) && !nominated.has(plain) && (to.forwards_key || !isKey(plain, value)))
      headers.push(name, value);
  }
  const { body, method } = to.target;
  if (body === 'chunked') headers.push('Transfer-Encoding', 'chunked');
  else if (body !== null) headers.push('Content-Length', String(body.length));
  // Unless it is said, some servers wait for a body.
  else if (method === 'POST' || method === 'PUT' || method === 'PATCH') headers.push('Content-Length', '0');
  if (to.upgrades) headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  headers.push(...whence(to), 'Via', `${via}1.1 farebox`);
  for (const [name, value] of Object.entries(to.identity)) headers.push(name, value);
  return headers;
}

/**
 * The headers of an answer as the caller gets them: the gate's in place of those of the same name, none of ours that the API
 * wrote. `hidden` are names, in small letters, that are between the API and us.
 */
export function responseHeaders(
  raw: readonly string[],
  gate: Readonly<Record<string, string>>,
  hidden: ReadonlySet<string>,
): FlatHeaders {
  const nominated = nominatedBy(raw);
  const said = new Set(Object.keys(gate).map((name) => name.toLowerCase()));
  const headers: FlatHeaders = [];
  for (const [name, value] of pairs(raw)) {
    const plain = name.toLowerCase();
    if (hopByHop.includes(plain) || nominated.has(plain) || plain.startsWith('farebox-')) continue;
    if (!said.has(plain) && !hidden.has(plain)) headers.push(name, value);
  }
  for (const [name, value] of Object.entries(gate)) headers.push(name, value);
  return headers;
}

function isOurs(plain: string): boolean {
  return ours.has(plain) || plain.startsWith('farebox-') || plain.startsWith('x-forwarded-');
}

/** The key that was decided about. Another scheme of `Authorization` beside it is the API's own affair. */
function isKey(plain: string, value: string): boolean {
  return plain === 'x-api-key' || (plain === 'authorization' && /^bearer\s/i.test(value));
}

/** `X-Forwarded-*` and `Forwarded` (RFC 7239), which say the same. They begin with the client: what it claimed itself is gone. */
function whence({ chain, proto, forwarded_host: host }: ToUpstream): FlatHeaders {
  const [client] = chain;
  const headers: FlatHeaders = ['X-Forwarded-Proto', proto];
  if (host !== null) headers.push('X-Forwarded-Host', host);
  const about = `${host === null ? '' : `;host=${quoted(host)}`};proto=${proto}`;
  if (client === undefined) return [...headers, 'Forwarded', `for=unknown${about}`];
  const hops = chain.map((ip) => (isIP(ip) === 6 ? `for="[${ip}]"` : `for=${ip}`));
  return [
    'X-Forwarded-For',
    chain.join(', '),
    'X-Real-IP',
    client,
    ...headers,
    'Forwarded',
    [`${hops[0]}${about}`, ...hops.slice(1)].join(', '),
  ];
}

/** A value that is a token stands bare (RFC 7239, 4). */
function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `"${text}"`;
}

function nominatedBy(raw: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (const [name, value] of pairs(raw)) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const token of value.split(',')) names.add(token.trim().toLowerCase());
  }
  return names;
}

function* pairs(raw: readonly string[]): Generator<[string, string]> {
  for (let index = 0; index < raw.length; index += 2) yield [raw[index] ?? '', raw[index + 1] ?? ''];
}
