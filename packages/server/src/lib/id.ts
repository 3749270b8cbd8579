import type { Instant } from '@farebox/core';
import { invariant } from './invariant.ts';
import { randomToken } from './secret.ts';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const timeLength = 8; // 62^8 ms: until the year 8888
const randomBytes = 16;

/**
 * `cust_` + 8 characters of time + 22 of randomness. Ids made in different milliseconds sort by time (bytewise);
 * 128 random bits keep those of one millisecond apart.
 */
export function createId(prefix: string, now: Instant): string {
  return `${prefix}_${encodeTime(now)}${randomToken(randomBytes)}`;
}

function encodeTime(now: Instant): string {
  invariant(Number.isSafeInteger(now) && now >= 0 && now < 62 ** timeLength, 'an id needs an instant since 1970');
  let rest = now;
  let text = '';
  for (let i = 0; i < timeLength; i += 1) {
    text = digits[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}
