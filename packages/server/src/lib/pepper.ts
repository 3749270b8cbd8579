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

/**
 * What a credential may be found by: one digest per pepper, the one that new ones get first. Who reads the database alone
 * cannot try texts against it.
 */
export function digestsOf(text: string, peppers: readonly Pepper[]): Buffer[] {
  return peppers.map((pepper) => hmacSha256(pepper.secret, text));
}

/** The same for one that came as its SHA-256. */
export function foreignDigestsOf(text: string, peppers: readonly Pepper[]): Buffer[] {
  return hashDigestsOf(sha256(text), peppers);
}

/** The same where only the SHA-256 is known. */
export function hashDigestsOf(hash: Buffer, peppers: readonly Pepper[]): Buffer[] {
  return digestsOf(hash.toString('hex'), peppers);
}

/** The pepper that makes new digests. */
export function newestOf(peppers: readonly Pepper[]): Pepper {
  const [first] = peppers;
  invariant(first !== undefined, 'digests are made under a pepper');
  return first;
}
