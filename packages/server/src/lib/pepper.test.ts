import { expect, test } from 'vitest';
import { digestsOf, foreignDigestsOf, hashDigestsOf, newestOf } from './pepper.ts';
import { hmacSha256, sha256 } from './secret.ts';

const peppers = [
  { id: 2, secret: 'two' },
  { id: 1, secret: 'one' },
];

test('the first pepper makes new digests; a credential is looked for under each, that one first', () => {
  expect(newestOf(peppers).id).toBe(2);
  expect(digestsOf('text', peppers)).toEqual([hmacSha256('two', 'text'), hmacSha256('one', 'text')]);
});

test('one that came as its hash is found by its text, is never kept as the bare hash, and is not the same as its text', () => {
  const hash = sha256('text');
  expect(foreignDigestsOf('text', peppers)).toEqual(hashDigestsOf(hash, peppers));
  for (const digest of foreignDigestsOf('text', peppers)) {
    expect(digest.equals(hash)).toBe(false);
    expect(digestsOf('text', peppers).some((other) => other.equals(digest))).toBe(false);
  }
});
