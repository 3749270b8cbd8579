import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalDigests, hmacSha256, randomToken, seal, sha256, unseal } from './secret.ts';

test('tokens have one length, the base62 alphabet and do not repeat', () => {
  const tokens = Array.from({ length: 2_000 }, () => randomToken());
  for (const token of tokens) expect(token).toMatch(/^[0-9A-Za-z]{43}$/);
  expect(new Set(tokens).size).toBe(2_000);
  expect(randomToken(16)).toHaveLength(22);
});

test('digests are the published ones', () => {
  // RFC 4231 test case 2; FIPS 180-2 example B.1
  expect(hmacSha256('Jefe', 'what do ya want for nothing?').toString('hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
  expect(sha256('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('digests of different content or length are unequal', () => {
  expect(equalDigests(sha256('a'), sha256('a'))).toBe(true);
  expect(equalDigests(sha256('a'), sha256('b'))).toBe(false);
  expect(equalDigests(sha256('a'), Buffer.alloc(0))).toBe(false);
});

test('what was sealed opens again, and only unchanged and with its key', () => {
  const key = randomBytes(32);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, where) => {
      const sealed = seal(key, text);
      expect(unseal(key, sealed)).toBe(Buffer.from(text, 'utf8').toString('utf8'));
      const changed = Buffer.from(sealed);
      const at = where % changed.length;
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => unseal(key, changed)).toThrow();
      expect(() => unseal(randomBytes(32), sealed)).toThrow();
    }),
  );
});

test('sealing the same text twice gives different bytes', () => {
  const key = randomBytes(32);
  expect(seal(key, 'x').equals(seal(key, 'x'))).toBe(false);
});
