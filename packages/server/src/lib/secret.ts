import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto';
import { invariant } from './invariant.ts';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A random token in base62, always the same length for the same number of bytes (32 bytes: 43 characters). */
export function randomToken(bytes = 32): string {
  let text = '';
  for (let left = Math.ceil((bytes * 8) / Math.log2(62)); left > 0; left -= 1) text += digits[randomDigit()] ?? '';
  return text;
}

/** Random bytes, drawn from the system in blocks. */
const block = Buffer.alloc(4096);
let drawn = block.length;

/** 0 to 61, each equally likely: a byte of 248 or more (4 × 62) is thrown away. */
function randomDigit(): number {
  for (;;) {
    if (drawn === block.length) {
      randomFillSync(block);
      drawn = 0;
    }
    const byte = block[drawn] ?? 255;
    // What was given out is not kept.
    block[drawn] = 0;
    drawn += 1;
    if (byte < 248) return byte % 62;
  }
}

export function hmacSha256(secret: string | Buffer, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

export function sha256(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Compares in a time that depends on the lengths only. */
export function equalDigests(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const ivLength = 12;
const tagLength = 16;

/** AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce: nonce, tag, ciphertext. `key` is 32 bytes. */
export function seal(key: Buffer, text: string): Buffer {
  invariant(key.length === 32, 'a sealing key has 32 bytes');
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

/** Opens what `seal` made. Throws when the key is another or a bit was changed. */
export function unseal(key: Buffer, sealed: Buffer): string {
  invariant(key.length === 32, 'a sealing key has 32 bytes');
  invariant(sealed.length >= ivLength + tagLength, 'a sealed text has a nonce and a tag');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivLength), { authTagLength: tagLength });
  decipher.setAuthTag(sealed.subarray(ivLength, ivLength + tagLength));
  return Buffer.concat([decipher.update(sealed.subarray(ivLength + tagLength)), decipher.final()]).toString('utf8');
}
