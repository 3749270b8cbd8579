import { inAnyCidr, isCidr } from './cidr.ts';

/**
 * IPv4 that is no host of the public internet, of IANA's special-purpose registry, with multicast and what is reserved.
 * https://www.iana.org/assignments/iana-ipv4-special-registry
 */
const specialIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Azure's metadata and DNS: a public address that answers inside its network only.
  '168.63.129.16/32',
];

/** Global unicast: all other IPv6 is loopback, local, multicast, mapped, NAT64 or not given out. */
const globalIpv6 = '2000::/3';

/**
 * Within it what is none: protocol assignments with Teredo and ORCHID, documentation, 6to4 (which reaches IPv4).
 * https://www.iana.org/assignments/iana-ipv6-special-registry
 */
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

const loopback = ['127.0.0.0/8', '::1/128'];

/** Whether a program may be told to connect to this address by a stranger. Text that is no address may not be connected to. */
export function isPublicAddress(ip: string): boolean {
  if (!isCidr(ip) || ip.includes('/')) return false;
  // IPv4 written as IPv6 is IPv4 to `inAnyCidr`.
  if (inAnyCidr(ip, ['0.0.0.0/0'])) return !inAnyCidr(ip, specialIpv4);
  return inAnyCidr(ip, [globalIpv6]) && !inAnyCidr(ip, specialIpv6);
}

/** This machine itself. */
export function isLoopbackAddress(ip: string): boolean {
  return !ip.includes('/') && inAnyCidr(ip, loopback);
}
