import { createHash } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The `counter`-th id of a seed: always the same text, base 62. */
export function idBody(seed: string, counter: number, length: number): string {
  let body = '';
  for (let block = 0; body.length < length; block += 1) {
    const digest = createHash('sha256').update(`${seed}:${counter}:${block}`).digest();
    for (const byte of digest) {
      // 248 = 4 × 62: larger bytes would favour the first letters.
      if (byte < 248 && body.length < length) body += alphabet[byte % 62];
    }
  }
  return body;
}
