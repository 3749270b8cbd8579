import { randomBytes } from 'node:crypto';
import { formatKey, keyStart, randomBase62 } from '@farebox/core';
import { type Pepper, newestOf } from '../lib/pepper.ts';
import { hmacSha256 } from '../lib/secret.ts';

/** What of a key a digest is made from: its text, or the SHA-256 of it that another system kept. */
export type Form = 'text' | 'sha256';

/** A credential as it exists once: the text goes to its owner, the digest to the database. */
export interface Token {
  secret: string;
  /** Prefix and four characters, for display. */
  start: string;
  digest: Buffer;
  pepper_id: number;
}

/** Farebox's own credential, which a seller's program holds. */
export const secretKeyBrand = 'fbx_sk';

const randomLength = 30; // base62: 178 bits

/** `<brand>_<test|live>_<30 random><checksum>`. */
export function mintToken(brand: string, livemode: boolean, peppers: readonly Pepper[]): Token {
  const secret = formatKey(brand, livemode ? 'live' : 'test', randomBase62(randomByteSource(), randomLength));
  const pepper = newestOf(peppers);
  return { secret, start: keyStart(secret), digest: hmacSha256(pepper.secret, secret), pepper_id: pepper.id };
}

/** Random bytes one at a time, drawn in blocks. */
function randomByteSource(): () => number {
  let block = randomBytes(64);
  let at = 0;
  return () => {
    if (at === block.length) {
      block = randomBytes(64);
      at = 0;
    }
    const byte = block[at] ?? 0;
    at += 1;
    return byte;
  };
}
