import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blockListOf, resolveClientIp } from './client-ip.ts';

const trusted = blockListOf(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);

test.each([
  ['a peer nobody trusts is the client', '203.0.113.9', '1.1.1.1', '203.0.113.9'],
  ['a trusted proxy names the client', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['what the client wrote before is not believed', '10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['a chain of trusted proxies is walked', '127.0.0.1', '1.1.1.1, 203.0.113.9, 10.2.3.4', '203.0.113.9'],
  ['all trusted: the farthest one', '127.0.0.1', '10.9.9.9, 10.2.3.4', '10.9.9.9'],
  ['no header: the proxy itself', '10.0.0.1', undefined, '10.0.0.1'],
  ['garbage ends the walk', '10.0.0.1', '203.0.113.9, <script>', '10.0.0.1'],
  ['IPv4 inside IPv6 is IPv4', '::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
  ['IPv6 with brackets and a port', 'fd00::1', '[2001:db8::1]:443', '2001:db8::1'],
  ['IPv4 with a port', '10.0.0.1', '203.0.113.9:5000', '203.0.113.9'],
])('%s', (_name, peer, forwarded, expected) => {
  expect(resolveClientIp(peer, forwarded, trusted)).toBe(expected);
});

test('a peer that is no address has none', () => {
  expect(resolveClientIp('/run/farebox.sock', '203.0.113.9', trusted)).toBeNull();
});

test('nothing a client writes to the left of a proxy’s entry changes the answer', () => {
  fc.assert(
    fc.property(fc.string(), fc.ipV4(), (claim, client) => {
      fc.pre(!trusted.check(client, 'ipv4'));
      expect(resolveClientIp('10.0.0.1', `${claim}, ${client}`, trusted)).toBe(client);
    }),
  );
});

test('a range that is none is refused when it is read', () => {
  expect(() => blockListOf(['nonsense'])).toThrow();
});

test('what one list trusts another one does not, however often either was asked and whoever was asked about in between', () => {
  const other = blockListOf(['192.0.2.0/24']);
  for (let round = 0; round < 3; round += 1) {
    expect(resolveClientIp('10.0.0.1', '203.0.113.9', trusted)).toBe('203.0.113.9');
    expect(resolveClientIp('10.0.0.1', '203.0.113.9', other)).toBe('10.0.0.1');
    expect(resolveClientIp('192.0.2.1', '203.0.113.9', other)).toBe('203.0.113.9');
    expect(resolveClientIp('192.0.2.1', '203.0.113.9', trusted)).toBe('192.0.2.1');
    for (let count = 0; count < 5000; count += 1)
      expect(resolveClientIp('10.0.0.1', `198.51.${count >> 8}.${count & 255}`, trusted)).toMatch(/^198\.51\./);
  }
});
