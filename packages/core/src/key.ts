/** The alphabet of keys: digits, capitals, small letters, in ASCII order. */
export const base62Alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export type KeyEnv = 'live' | 'test';

/** The parts of `sky_live_<30 random><6 checksum>`: `body` is the random part and the checksum, 36 characters. */
export interface ParsedKey {
  brand: string;
  env: KeyEnv;
  body: string;
}

const randomLength = 30;
const checksumLength = 6;
const bodyLength = randomLength + checksumLength;
/** `_live_` and `_test_`. */
const envLength = 6;

/** A brand, with an optional kind after it: `sky`, and `fbx_sk` for Farebox's own secret keys. */
const brandShape = /^[a-z0-9]{2,12}(?:_[a-z]{2})?$/;
const randomShape = /^[0-9A-Za-z]{30}$/;

const crcTable = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** By ASCII code: the value of a base62 character, -1 elsewhere. */
const digits = Int8Array.from({ length: 128 }, (_, code) => base62Alphabet.indexOf(String.fromCharCode(code)));

/**
 * Writes a key: `<brand>_<env>_<random30><checksum>`. The checksum is the CRC-32 of everything before it, in six base62
 * characters, so that a mistyped or invented key is refused without a look-up.
 * Throws `RangeError` unless the brand is 2–12 of [a-z0-9] (a kind such as `_sk` may follow) and `random30` is 30 base62 characters.
 */
export function formatKey(brand: string, env: KeyEnv, random30: string): string {
  if (!brandShape.test(brand)) throw new RangeError(`"${brand}" is not a brand: 2 to 12 of a-z and 0-9.`);
  if (!randomShape.test(random30)) throw new RangeError('The random part of a key is 30 base62 characters.');
  const text = `${brand}_${env}_${random30}`;
  return text + checksum(text);
}

/**
 * Reads a key, or answers null when its shape, its brand (when one is asked for) or its checksum is wrong. It proves no
 * more than that the text was once a key: one random text in 2^32 passes. Never throws.
 */
export function parseKey(text: string, brand?: string): ParsedKey | null {
  const end = text.length - bodyLength - envLength;
  if (end < 2 || end > 15) return null;
  const live = text.startsWith('_live_', end);
  if (!live && !text.startsWith('_test_', end)) return null;
  if (brand === undefined ? !brandShape.test(text.slice(0, end)) : brand.length !== end || !text.startsWith(brand))
    return null;
  const body = end + envLength;
  const sum = body + randomLength;
  for (let index = body; index < sum; index++) if (digitAt(text, index) < 0) return null;
  let claimed = 0;
  for (let index = sum; index < text.length; index++) {
    const digit = digitAt(text, index);
    if (digit < 0) return null;
    claimed = claimed * 62 + digit;
  }
  if (claimed !== crc32Of(text, sum)) return null;
  return { brand: text.slice(0, end), env: live ? 'live' : 'test', body: text.slice(body) };
}

/**
 * Draws base62 characters from a source of random bytes by rejection: a byte of 248 or more (248 = 4 × 62) is thrown away,
 * so every character is equally likely. `bytes` answers the next random byte, 0 to 255.
 */
export function randomBase62(bytes: () => number, length: number): string {
  let text = '';
  while (text.length < length) {
    const byte = bytes();
    if (byte < 248) text += base62Alphabet.charAt(byte % 62);
  }
  return text;
}

/** CRC-32 of ASCII text (ISO-HDLC, as in zip and PNG), 0 to 2^32 − 1. Other characters count by their low byte. */
export function crc32(text: string): number {
  return crc32Of(text, text.length);
}

/** What of a key may be shown and stored: the prefix and four characters, `sky_live_3kTQ`. */
export function keyStart(key: string): string {
  return key.slice(0, key.lastIndexOf('_') + 5);
}

/** The regular expression a leak scanner finds a brand's keys with. The checksum then tells a key from a look-alike. */
export function keyPattern(brand: string): string {
  return `\\b${brand}_(?:live|test)_[0-9A-Za-z]{${bodyLength}}\\b`;
}

function checksum(text: string): string {
  let value = crc32(text);
  let result = '';
  for (let index = 0; index < checksumLength; index++) {
    result = base62Alphabet.charAt(value % 62) + result;
    value = Math.floor(value / 62);
  }
  return result;
}

function crc32Of(text: string, length: number): number {
  let crc = -1;
  for (let index = 0; index < length; index++)
    crc = (crc >>> 8) ^ (crcTable[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** The value of a base62 character; -1 for any other. */
function digitAt(text: string, index: number): number {
  return digits[text.charCodeAt(index)] ?? -1;
}
