/** An address as its 16-bit groups: two for IPv4, eight for IPv6. */
type Groups = number[];

/** The code of `.`, counted from that of `0` as digits are. */
const dot = -2;

/**
 * Whether an address lies in a CIDR block (RFC 4632, RFC 4291); a block without a length is one address. IPv4 written as
 * IPv6 (`::ffff:203.0.113.7`) is IPv4. Text that is no address or no block matches nothing: an allowlist fails closed.
 */
export function inCidr(ip: string, cidr: string): boolean {
  const address = parseIp(ip);
  return address !== null && contains(cidr, address);
}

/** Whether an address lies in one of the blocks, as `inCidr` says of each. */
export function inAnyCidr(ip: string, cidrs: readonly string[]): boolean {
  const address = parseIp(ip);
  if (address === null) return false;
  for (const cidr of cidrs) if (contains(cidr, address)) return true;
  return false;
}

function contains(cidr: string, address: Groups): boolean {
  const slash = cidr.indexOf('/');
  const base = parseIp(slash === -1 ? cidr : cidr.slice(0, slash));
  if (base === null || base.length !== address.length) return false;
  const bits = slash === -1 ? base.length * 16 : parseLength(cidr.slice(slash + 1), base.length * 16);
  if (bits === null) return false;
  for (let index = 0; index * 16 < bits; index++) {
    const mask = bits - index * 16 >= 16 ? 0xffff : (0xffff << (16 - (bits - index * 16))) & 0xffff;
    if ((((base[index] ?? 0) ^ (address[index] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** Whether the text is a CIDR block or a single address, IPv4 or IPv6. */
export function isCidr(text: string): boolean {
  const slash = text.indexOf('/');
  const base = parseIp(slash === -1 ? text : text.slice(0, slash));
  return base !== null && (slash === -1 || parseLength(text.slice(slash + 1), base.length * 16) !== null);
}

function parseLength(text: string, most: number): number | null {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most ? Number(text) : null;
}

function parseIp(text: string): Groups | null {
  if (!text.includes(':')) return parseIpv4(text);
  const groups = parseIpv6(text);
  const mapped = groups !== null && groups[5] === 0xffff && groups.every((group, index) => index >= 5 || group === 0);
  return mapped ? groups.slice(6) : groups;
}

/** Four decimal numbers, none with a leading zero: `010` is eight to some readers and ten to others. */
function parseIpv4(text: string): Groups | null {
  if (text.length > 15) return null;
  let address = 0;
  let parts = 0;
  let part = -1;
  for (let index = 0; index <= text.length; index++) {
    const digit = index === text.length ? dot : text.charCodeAt(index) - 48;
    if (digit === dot) {
      if (part === -1) return null;
      address = address * 256 + part;
      parts += 1;
      part = -1;
    } else {
      if (digit < 0 || digit > 9 || part === 0) return null;
      part = part === -1 ? digit : part * 10 + digit;
      if (part > 255) return null;
    }
  }
  return parts === 4 ? [Math.floor(address / 65_536), address % 65_536] : null;
}

function parseIpv6(text: string): Groups | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** Groups between colons; the last of an address may be IPv4. */
function parseGroups(text: string, last: boolean): Groups | null {
  if (text === '') return [];
  const groups: Groups = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      const ipv4 = last && index === parts.length - 1 ? parseIpv4(part) : null;
      if (ipv4 === null) return null;
      groups.push(...ipv4);
    }
  }
  return groups;
}
