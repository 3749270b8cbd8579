import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { base62Alphabet, formatKey, parseKey, randomBase62 } from './key.ts';

/** Bytes that look random and are the same in every run: SHA-256 of a counter. */
function bytesFrom(seed: string): () => number {
  let block = Buffer.alloc(0);
  let at = 0;
  let count = 0;
  return () => {
    if (at === block.length) {
      block = createHash('sha256')
        .update(`${seed}:${(count += 1)}`)
        .digest();
      at = 0;
    }
    return block[at++] ?? 0;
  };
}

/** χ² of the counts against all being equal. */
function chiSquared(counts: readonly number[], drawn: number): number {
  const expected = drawn / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** With 61 degrees of freedom the 0.999 quantile; a fair source exceeds it once in a thousand seeds. */
const most = 100.89;

test('over 10 million characters each of the 62 is equally likely: χ² is below its 0.999 quantile', () => {
  const drawn = 10_000_000;
  const counts = Array.from({ length: 62 }, () => 0);
  const place = new Map(Array.from(base62Alphabet, (character, index) => [character, index]));
  const bytes = bytesFrom('key characters');
  for (let left = drawn; left > 0; left -= 100_000)
    for (const character of randomBase62(bytes, 100_000)) counts[place.get(character) ?? 0]! += 1;
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(drawn);
  expect(chiSquared(counts, drawn)).toBeLessThan(most);
}, 120_000);

test('the test sees a bias: drawn by a remainder, the first eight characters come a quarter more often', () => {
  const drawn = 1_000_000;
  const counts = Array.from({ length: 62 }, () => 0);
  const bytes = bytesFrom('key characters');
  for (let left = drawn; left > 0; left -= 1) counts[bytes() % 62]! += 1;
  expect(chiSquared(counts, drawn)).toBeGreaterThan(1000);
});

test('of 200,000 keys with one character changed, none passes the checksum', () => {
  const bytes = bytesFrom('changed keys');
  let passed = 0;
  for (let count = 0; count < 2000; count += 1) {
    const key = formatKey('sky', 'live', randomBase62(bytes, 30));
    expect(parseKey(key)).not.toBeNull();
    for (let change = 0; change < 100; change += 1) {
      const at = 9 + (bytes() % 36);
      const other = randomBase62(bytes, 1);
      if (other === key[at]) continue;
      if (parseKey(key.slice(0, at) + other + key.slice(at + 1)) !== null) passed += 1;
    }
  }
  expect(passed).toBe(0);
});
