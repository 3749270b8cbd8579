import { expect, test } from 'vitest';
import { digestsOf, foreignDigestsOf, hashDigest, newestOf } from './pepper.ts';
import { hmacSha256, sha256 } from './secret.ts';

const peppers = [
  { id: 2, secret: 'two' },
  { id: 1, secret: 'one' },
];

test('the first pepper makes new digests; a credential is looked for under each, that one first', () => {
  expect(newestOf(peppers).id).toBe(2);
  expect(digestsOf('text', peppers)).toEqual([hmacSha256('two', 'text'), hmacSha256('one', 'text')]);
});

test('one that came as its hash is looked for by its text first, and never by the bare hash', () => {
  const hash = sha256('text');
  expect(foreignDigestsOf('text', peppers)).toEqual([
    ...digestsOf('text', peppers),
    hashDigest(hash, peppers[0]!),
    hashDigest(hash, peppers[1]!),
  ]);
  expect(foreignDigestsOf('text', peppers).some((digest) => digest.equals(hash))).toBe(false);
});
