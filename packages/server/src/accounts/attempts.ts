import { isIPv6 } from 'node:net';
import type { Instant } from '@farebox/core';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';

/** At most `limit` attempts of a kind by one id in a window. */
export interface AttemptRule {
  kind: string;
  limit: number;
  window_ms: number;
}

const maxIds = 50_000;

/**
 * Counts attempts to sign in, sign up and the like, in this process's memory. Bounded: when full, the oldest window goes.
 * An id that is null (a call with no address behind it) is not counted.
 */
export function createAttempts(deps: { clock: Clock; max_ids?: number }) {
  const windows = new Map<string, { count: number; until: Instant }>();
  const max_ids = deps.max_ids ?? maxIds;

  function windowOf(rule: AttemptRule, id: string): { count: number; until: Instant } {
    const now = deps.clock.now();
    const name = `${rule.kind}:${id}`;
    const known = windows.get(name);
    if (known !== undefined && now < known.until) return known;
    windows.delete(name);
    const [oldest] = windows.size >= max_ids ? windows.keys() : [];
    if (oldest !== undefined) windows.delete(oldest);
    const fresh = { count: 0, until: now + rule.window_ms };
    windows.set(name, fresh);
    return fresh;
  }

  return {
    /** Counts one attempt; throws `too_many_requests` when there is no room for it. */
    take(rule: AttemptRule, id: string | null): void {
      if (id === null) return;
      const window = windowOf(rule, id);
      if (window.count >= rule.limit) {
        const seconds = Math.max(1, Math.ceil((window.until - deps.clock.now()) / 1000));
        throw new Problem('too_many_requests', `Too many attempts. Try again in ${seconds} seconds.`);
      }
      window.count += 1;
    },
    forget(rule: AttemptRule, id: string): void {
      windows.delete(`${rule.kind}:${id}`);
    },
  };
}

/** Who an address is for counting: an IPv6 subscriber has a /64 to choose from, so that is one. */
export function addressGroup(ip: string | null): string | null {
  if (ip === null || !isIPv6(ip)) return ip;
  const [head = '', tail] = ip.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
