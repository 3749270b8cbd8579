import { randomBytes } from 'node:crypto';
import { formatKey, keyStart, randomBase62 } from '@farebox/core';
import { hmacSha256 } from '../lib/secret.ts';

/** A secret outside the database under which digests are made. The one with the highest id makes new ones. */
export interface Pepper {
  id: number;
  secret: string | Buffer;
}

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
  const pepper = newest(peppers);
  return { secret, start: keyStart(secret), digest: hmacSha256(pepper.secret, secret), pepper_id: pepper.id };
}

/** What the key's row may be found by: one digest per pepper, the newest first. */
export function digestsOf(secret: string, peppers: readonly Pepper[]): Buffer[] {
  return peppers.toSorted((a, b) => b.id - a.id).map((pepper) => hmacSha256(pepper.secret, secret));
}

function newest(peppers: readonly Pepper[]): Pepper {
  return peppers.reduce((best, pepper) => (pepper.id > best.id ? pepper : best));
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
