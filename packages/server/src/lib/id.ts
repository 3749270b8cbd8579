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

/** Two digits each, in order: a count is written in pairs. */
const pairs = Array.from({ length: 62 ** 2 }, (_, value) => `${digits[Math.floor(value / 62)]}${digits[value % 62]}`);
/** 83 random bits that tell the requests of this process from those of others. */
const own = randomToken(10);
let count = 0;
let head = '';
let head_at = -1;

/**
 * An id of the same form for a request: `req_` + 8 characters of time + 14 of this process + 8 of a count. Requests are named by the
 * million; all that is new about most of them is the count.
 */
export function createRequestId(now: Instant): string {
  count += 1;
  const low = count % pairs.length;
  if (low === 0 || now !== head_at) {
    let rest = Math.floor(count / pairs.length);
    let high = '';
    for (let place = 0; place < 3; place += 1) {
      high = pairs[rest % pairs.length] + high;
      rest = Math.floor(rest / pairs.length);
    }
    head = `req_${encodeTime(now)}${own}${high}`;
    head_at = now;
  }
  return head + pairs[low];
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
