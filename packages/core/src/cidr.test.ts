import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inCidr, isCidr } from './cidr.ts';

describe('inCidr', () => {
  test.each([
    ['203.0.113.7', '203.0.113.0/24'],
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7', '203.0.113.7/32'],
    ['203.0.113.7', '203.0.113.99/24'],
    ['203.0.113.7', '0.0.0.0/0'],
    ['10.255.0.1', '10.0.0.0/8'],
    ['172.31.255.255', '172.16.0.0/12'],
    ['2001:db8::1', '2001:db8::/32'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::1', '::1/128'],
    ['::1', '::/0'],
    ['2001:db8:8000::', '2001:db8:8000::/33'],
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    ['203.0.113.7', '::ffff:203.0.113.7'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is in %s', (ip, cidr) => {
    expect(inCidr(ip, cidr)).toBe(true);
  });

  test.each([
    ['203.0.114.7', '203.0.113.0/24'],
    ['203.0.113.8', '203.0.113.7'],
    ['172.32.0.0', '172.16.0.0/12'],
    ['2001:db9::1', '2001:db8::/32'],
    ['2001:db8::', '2001:db8:8000::/33'],
    ['203.0.113.7', '::/0'],
    ['::1', '0.0.0.0/0'],
    ['::ffff:203.0.113.7', '::/0'],
  ])('%s is not in %s', (ip, cidr) => {
    expect(inCidr(ip, cidr)).toBe(false);
  });

  test.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/08',
    '1.2.3.4/8/8',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '::12345',
    '::g',
    '::1.2.3',
    '1.2.3.4::',
    '::/129',
    'fe80::1%eth0',
  ])('%j is no block, and matches nothing', (text) => {
    expect(isCidr(text)).toBe(false);
    expect(inCidr('1.2.3.4', text)).toBe(false);
    expect(inCidr('::1', text)).toBe(false);
    expect(inCidr(text, '0.0.0.0/0')).toBe(false);
    expect(inCidr(text, '::/0')).toBe(false);
  });

  test('agrees with arithmetic on the whole address, IPv4 and IPv6', () => {
    const prefix = (value: bigint, width: number, bits: number) => value >> BigInt(width - bits);
    const v4 = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
    const v6 = (value: bigint) =>
      [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((value >> shift) & 0xffffn).toString(16)).join(':');
    for (const [write, width] of [
      [v4, 32],
      [v6, 128],
    ] as const) {
      const value = fc.bigInt({ min: 1n << BigInt(width - 1), max: (1n << BigInt(width)) - 1n });
      fc.assert(
        fc.property(value, fc.nat(width - 1), fc.integer({ min: 0, max: width }), (base, flip, bits) => {
          const other = base ^ (1n << BigInt(flip));
          expect(inCidr(write(other), `${write(base)}/${bits}`)).toBe(
            prefix(base, width, bits) === prefix(other, width, bits),
          );
          expect(inCidr(write(base), `${write(base)}/${bits}`)).toBe(true);
        }),
      );
    }
  });
});
