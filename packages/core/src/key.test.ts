import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base62Alphabet, crc32, formatKey, keyPattern, keyStart, parseKey, randomBase62 } from './key.ts';

const characters = base62Alphabet.split('');
const base62 = (length: number) =>
  fc.array(fc.constantFrom(...characters), { minLength: length, maxLength: length }).map((drawn) => drawn.join(''));
const brand = fc.constantFrom('sky', 'fbx', 'fbx_sk', 'a1', 'abcdefghijkl', 'test', 'live');
const env = fc.constantFrom('live' as const, 'test' as const);
const key = fc.tuple(brand, env, base62(30)).map(([name, mode, random]) => formatKey(name, mode, random));
const sample = formatKey('sky', 'live', '0123456789abcdefghijABCDEFGHIJ');

describe('crc32', () => {
  // The check value of CRC-32/ISO-HDLC, and the empty text.
  test.each([
    ['123456789', 0xcbf43926],
    ['', 0],
    ['The quick brown fox jumps over the lazy dog', 0x414fa339],
  ])('%j is %i', (text, value) => {
    expect(crc32(text)).toBe(value);
  });
});

describe('a key', () => {
  test('reads back as what it was made of', () => {
    fc.assert(
      fc.property(brand, env, base62(30), (name, mode, random) => {
        const text = formatKey(name, mode, random);
        const parsed = parseKey(text);
        expect(parsed).toEqual({ brand: name, env: mode, body: text.slice(-36) });
        expect(parsed?.body.startsWith(random)).toBe(true);
        expect(parseKey(text, name)).toEqual(parsed);
        expect(parseKey(text, 'other')).toBeNull();
        expect(new RegExp(keyPattern(name)).test(`curl -H "x-api-key: ${text}"`)).toBe(true);
      }),
    );
  });

  test('with one character changed is refused', () => {
    fc.assert(
      fc.property(key, fc.nat(), fc.constantFrom(...characters, '_', '-', ' ', 'é'), (text, position, character) => {
        const at = position % text.length;
        fc.pre(text[at] !== character);
        expect(parseKey(text.slice(0, at) + character + text.slice(at + 1))).toBeNull();
      }),
      { numRuns: 5000 },
    );
  });

  test('cut short, made longer or with two characters swapped is refused', () => {
    fc.assert(
      fc.property(key, fc.nat(), (text, position) => {
        const at = position % (text.length - 1);
        expect(parseKey(text.slice(0, at))).toBeNull();
        expect(parseKey(`${text}0`)).toBeNull();
        expect(parseKey(` ${text}`)).toBeNull();
        if (text[at] !== text[at + 1]) {
          expect(parseKey(text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2))).toBeNull();
        }
      }),
    );
  });

  test('of the test mode is not one of the live mode', () => {
    expect(parseKey(sample.replace('_live_', '_test_'))).toBeNull();
  });

  test('made of garbage is refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          base62(36),
          base62(36).map((body) => `sky_live_${body}`),
        ),
        (text) => {
          expect(parseKey(text)).toBeNull();
        },
      ),
    );
    for (const text of ['', '_live_', 'null', 'Bearer', `sky_live_${'\u0130'.repeat(36)}`])
      expect(parseKey(text)).toBeNull();
  });

  test('is not made from a bad brand or a bad random part', () => {
    for (const name of ['', 'a', 'Sky', 'sky-cast', 'abcdefghijklm', 'sky_live', '_sk']) {
      expect(() => formatKey(name, 'live', 'x'.repeat(30))).toThrow(RangeError);
    }
    for (const random of ['', 'x'.repeat(29), 'x'.repeat(31), `${'x'.repeat(29)}-`]) {
      expect(() => formatKey('sky', 'live', random)).toThrow(RangeError);
    }
  });

  test('shows its prefix and four characters', () => {
    expect(keyStart(sample)).toBe('sky_live_0123');
    expect(keyStart(formatKey('fbx_sk', 'test', 'x'.repeat(30)))).toBe('fbx_sk_test_xxxx');
  });

  test('keeps its format: keys in customers’ hands must read for ever', () => {
    expect(sample).toBe('sky_live_0123456789abcdefghijABCDEFGHIJ12qUVP');
  });

  test('is found by the published pattern only whole', () => {
    const pattern = new RegExp(keyPattern('sky'));
    expect(pattern.test(sample)).toBe(true);
    expect(pattern.test(`${sample}x`)).toBe(false);
    expect(pattern.test(sample.slice(0, -1))).toBe(false);
    expect(pattern.test(sample.replace('sky', 'fry'))).toBe(false);
  });
});

describe('randomBase62', () => {
  test('has no modulo bias: over every byte, each character comes up equally often', () => {
    let next = 0;
    const counts = new Map<string, number>();
    const drawn = randomBase62(() => next++ % 256, 62 * 4 * 10);
    for (const character of drawn) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect([...counts.keys()].toSorted().join('')).toBe(base62Alphabet);
    expect([...new Set(counts.values())]).toEqual([40]);
  });

  test('throws away the bytes that would favour some characters', () => {
    const bytes = [255, 248, 0, 251, 247, 61, 62];
    expect(randomBase62(() => bytes.shift() ?? 255, 4)).toBe('0zz0');
  });

  test('has the length asked for', () => {
    fc.assert(
      fc.property(fc.nat(64), fc.nat(247), (length, byte) => {
        expect(randomBase62(() => byte, length)).toMatch(new RegExp(`^[0-9A-Za-z]{${length}}$`));
      }),
    );
  });
});
