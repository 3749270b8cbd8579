import { isIP } from 'node:net';
import { header } from '@farebox/core';
import { byText } from '../lib/by-text.ts';
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
  /** Who calls. */
  identity: Readonly<Record<string, string>>;
  request_id: string;
  /** True: the API sees the caller's key. */
  forwards_key: boolean;
  /** A WebSocket is to be opened. */
  upgrades: boolean;
}

/** What a header of a request is to us. */
type Kind = 'passes' | 'ends' | 'key' | 'authorization' | 'via';
const small = byText((name) => name.toLowerCase());
/** A name with `_` counts as the one with `-`: many an API reads both as one. */
const dashed = byText((name) => name.toLowerCase().replaceAll('_', '-'));
const kindOf = byText((name): Kind => {
  const plain = dashed(name);
  if (ours.has(plain) || plain.startsWith('farebox-') || plain.startsWith('x-forwarded-')) return 'ends';
  if (plain === 'x-api-key') return 'key';
  return plain === 'authorization' || plain === 'via' ? plain : 'passes';
});

/**
 * The headers of a request as the API gets them: those between neighbours are ended here, those that tell who and where are
 * written anew, all others pass as they came.
 */
export function requestHeaders(raw: readonly string[], to: ToUpstream): FlatHeaders {
  const nominated = nominatedBy(raw);
  const headers: FlatHeaders = ['Host', to.host];
  let via = '';
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]];
    const kind = kindOf(name);
    if (kind === 'via') via += `${value}, `;
    else if (kind !== 'ends' && nominated?.has(dashed(name)) !== true && (to.forwards_key || !isKey(kind, value)))
      headers.push(name, value);
  }
  const { body, method } = to.target;
  if (body === 'chunked') headers.push('Transfer-Encoding', 'chunked');
  else if (body !== null) headers.push('Content-Length', String(body.length));
  // Unless it is said, some servers wait for a body.
  else if (method === 'POST' || method === 'PUT' || method === 'PATCH') headers.push('Content-Length', '0');
  if (to.upgrades) headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  headers.push(...whenceOf(to), 'Via', `${via}1.1 farebox`);
  for (const name in to.identity) headers.push(name, clean(to.identity[name] ?? ''));
  headers.push(header.requestId, to.request_id);
  return headers;
}

/** Names the gate gives an answer, by their small letters. */
const gates = new Map<string, string>(Object.values(header).map((name) => [name.toLowerCase(), name]));

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
  const headers: FlatHeaders = [];
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]];
    const plain = small(name);
    if (endsHere(plain) || nominated?.has(plain) === true || hidden.has(plain)) continue;
    if (gate[gates.get(plain) ?? ''] === undefined) headers.push(name, value);
  }
  for (const name in gate) headers.push(name, clean(gate[name] ?? ''));
  return headers;
}

const endsHere = byText((plain) => hopByHop.includes(plain) || plain.startsWith('farebox-'));

/** What all headers of one name say together; undefined where there is none. `name` is in small letters. */
export function headerOf(raw: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < raw.length; index += 2)
    if (small(raw[index] ?? '') === name) found = found === undefined ? raw[index + 1] : `${found}, ${raw[index + 1]}`;
  return found;
}

const unsafe = /[^\t\x20-\x7e\x80-\xff]/;

/** A value of ours, which comes from people's settings. Throws where it would be more than one line, or not what it says. */
export function clean(value: string): string {
  if (unsafe.test(value)) throw new TypeError(`a header of ours may not have this value: ${JSON.stringify(value)}`);
  return value;
}

/** As lines of a head. */
export function linesOf(headers: FlatHeaders): string {
  let text = '';
  for (let index = 0; index < headers.length; index += 2) text += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return text;
}

/** The key that was decided about. Another scheme of `Authorization` beside it is the API's own affair. */
function isKey(kind: Kind, value: string): boolean {
  return kind === 'key' || (kind === 'authorization' && /^bearer\s/i.test(value));
}

/**
 * `X-Forwarded-*` and `Forwarded` (RFC 7239), which say the same. They begin with the client: what it claimed itself is gone. A
 * client's requests say the same of this, one after the other.
 */
function whenceOf({ chain, proto, forwarded_host }: ToUpstream): FlatHeaders {
  return whence(`${proto} ${chain.join(',')} ${forwarded_host ?? ''}`);
}

const whence = byText((text): FlatHeaders => {
  const [proto = '', ips = '', host = ''] = text.split(' ');
  const headers: FlatHeaders = ['X-Forwarded-Proto', proto];
  if (host !== '') headers.push('X-Forwarded-Host', host);
  const about = `${host === '' ? '' : `;host=${quoted(host)}`};proto=${proto}`;
  if (ips === '') return [...headers, 'Forwarded', `for=unknown${about}`];
  const chain = ips.split(',');
  const hops = chain.map((ip) => (isIP(ip) === 6 ? `for="[${ip}]"` : `for=${ip}`));
  return [
    'X-Forwarded-For',
    chain.join(', '),
    'X-Real-IP',
    chain[0] ?? '',
    ...headers,
    'Forwarded',
    [`${hops[0]}${about}`, ...hops.slice(1)].join(', '),
  ];
});

/** A value that is a token stands bare (RFC 7239, 4). */
function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `"${text}"`;
}

/** Headers that are for the next neighbour only because `Connection` says so; null where it says nothing of the kind. */
function nominatedBy(raw: readonly string[]): Set<string> | null {
  let names: Set<string> | null = null;
  for (let index = 0; index < raw.length; index += 2) {
    if (small(raw[index] ?? '') !== 'connection') continue;
    for (const token of (raw[index + 1] ?? '').split(',')) (names ??= new Set()).add(token.trim().toLowerCase());
  }
  return names;
}
