import { invariant } from './invariant.ts';
import { hmacSha256, sha256 } from './secret.ts';

/**
 * A secret outside the database under which digests of credentials are made. Of several, the first makes new ones; all are
 * accepted.
 */
export interface Pepper {
  id: number;
  secret: string | Buffer;
}

/** What a credential may be found by: one digest per pepper, the one that new ones get first. */
export function digestsOf(text: string, peppers: readonly Pepper[]): Buffer[] {
  return peppers.map((pepper) => hmacSha256(pepper.secret, text));
}

/** The same for one that may have come as its hash: by its text once it was used, by the hash before. */
export function foreignDigestsOf(text: string, peppers: readonly Pepper[]): Buffer[] {
  const hash = sha256(text);
  return [...digestsOf(text, peppers), ...peppers.map((pepper) => hashDigest(hash, pepper))];
}

/** What a credential that came as its SHA-256 is kept as: who reads the database alone cannot try texts against it. */
export function hashDigest(hash: Buffer, pepper: Pepper): Buffer {
  return hmacSha256(pepper.secret, hash.toString('hex'));
}

/** The pepper that makes new digests. */
export function newestOf(peppers: readonly Pepper[]): Pepper {
  const [first] = peppers;
  invariant(first !== undefined, 'digests are made under a pepper');
  return first;
}
