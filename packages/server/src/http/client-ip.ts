import { BlockList, isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './principal.ts';

/** Where the address is handed on to code that reads headers. A client's own value never survives. */
const clientIpHeader = 'x-farebox-client-ip';

/**
 * Finds the caller's address: the socket's, unless that peer is a trusted proxy. Then `X-Forwarded-For` is walked from the
 * right, over trusted proxies, to the first address nobody of ours wrote: everything left of it is the client's claim.
 */
export function createClientIp(trusted_proxies: readonly string[]): MiddlewareHandler<AppEnv> {
  const trusted = blockListOf(trusted_proxies);
  return async (c, next) => {
    const peer = c.env?.incoming?.socket.remoteAddress;
    const ip = peer === undefined ? null : resolveClientIp(peer, c.req.header('x-forwarded-for'), trusted);
    c.set('client_ip', ip);
    if (ip === null) c.req.raw.headers.delete(clientIpHeader);
    else c.req.raw.headers.set(clientIpHeader, ip);
    await next();
  };
}

/** Pure part: the address behind a peer and its `X-Forwarded-For`. */
export function resolveClientIp(peer: string, forwarded: string | undefined, trusted: BlockList): string | null {
  return clientChain(peer, forwarded, trusted)[0] ?? null;
}

/** The client's address and, after it, those of the trusted proxies its request came through. Empty when the peer has none. */
export function clientChain(peer: string, forwarded: string | undefined, trusted: BlockList): string[] {
  let ip = plain(peer);
  if (ip === null) return [];
  const chain = [ip];
  const hops = forwarded === undefined ? [] : forwarded.split(',').map((hop) => hop.trim());
  while (isTrusted(ip, trusted)) {
    const hop = hops.pop();
    const next = hop === undefined ? null : plain(hop);
    if (next === null) break;
    ip = next;
    chain.unshift(ip);
  }
  return chain;
}

/** Addresses and CIDR ranges as a `BlockList`; throws on what is neither. */
export function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** What was found of an address before, since a list takes longer than a decision. Bounded: it begins anew. */
const checked = new WeakMap<BlockList, Map<string, boolean>>();
const read = new Map<string, string | null>();
const mostKnown = 4096;
/** Longer ones are no addresses, and are not kept. */
const mostText = 64;

/** Whether an address is one of these. The list is not added to any more. */
export function isTrusted(ip: string, trusted: BlockList): boolean {
  let known = checked.get(trusted);
  if (known === undefined) checked.set(trusted, (known = new Map()));
  return remembered(known, ip, (address) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
}

function remembered<T extends boolean | string | null>(
  known: Map<string, T>,
  text: string,
  find: (text: string) => T,
): T {
  const before = known.get(text);
  if (before !== undefined) return before;
  if (known.size >= mostKnown) known.clear();
  const found = find(text);
  if (text.length <= mostText) known.set(text, found);
  return found;
}

/** Without the IPv4-in-IPv6 prefix, brackets, port or zone; null when it is no address. */
function plain(text: string): string | null {
  return remembered(read, text, addressIn);
}

function addressIn(text: string): string | null {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1];
  const with_port = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1];
  const address = (bracketed ?? with_port ?? text).replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(address) === 0 ? null : address;
}
