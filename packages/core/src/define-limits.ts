import { type Fields, join } from './fields.ts';
import type { Concurrency, Offline, RateLimit } from './plan.ts';
import { longestWindowMs, windowMsOf } from './window-name.ts';

/** A plan's rate limits, each of another length. */
export function readLimits(fields: Fields, value: unknown, path: string): RateLimit[] {
  const seen = new Map<number, string>();
  return fields.list(value, path).map((entry, index) => {
    const at = `${path}[${index}]`;
    const limit = fields.object(entry, at, ['limit', 'window'], ['burst', 'offline']);
    const window_ms = readWindow(fields, limit['window'], join(at, 'window'));
    const name = typeof limit['window'] === 'string' ? limit['window'] : '';
    const same = seen.get(window_ms);
    if (same !== undefined) fields.fault(join(at, 'window'), `is as long as the window '${same}' before it`);
    if (window_ms > 0) seen.set(window_ms, name);
    const burst = limit['burst'] === undefined ? undefined : fields.integer(limit['burst'], join(at, 'burst'), 1);
    // Buckets count in units × milliseconds, in whole numbers.
    if (burst !== undefined && burst * window_ms > Number.MAX_SAFE_INTEGER / 4)
      fields.fault(join(at, 'burst'), 'is too large for so long a window');
    return {
      name,
      limit: fields.integer(limit['limit'], join(at, 'limit'), 1),
      window_ms,
      ...(burst === undefined ? {} : { burst }),
      ...readOffline(fields, limit['offline'], join(at, 'offline')),
    };
  });
}

/** What a limit does while nobody counts for all processes; nothing where it does not say. */
export function readOffline(fields: Fields, value: unknown, path: string): { offline?: Offline } {
  if (value === undefined) return {};
  return { offline: fields.oneOf(value, path, ['open_capped', 'closed'] as const, 'open_capped') };
}

/** How many requests a plan allows at the same time. */
export function readConcurrency(fields: Fields, value: unknown, path: string): { concurrency?: Concurrency } {
  if (value === undefined) return {};
  const input = fields.object(value, path, ['limit'], ['expires']);
  const ttl_ms = input['expires'] === undefined ? 60_000 : readWindow(fields, input['expires'], join(path, 'expires'));
  if (ttl_ms > 3_600_000) fields.fault(join(path, 'expires'), 'is longer than an hour');
  return { concurrency: { limit: fields.integer(input['limit'], join(path, 'limit'), 1), ttl_ms } };
}

/** Milliseconds of `10s`, `5m`, `1h`, `1d`; 0 when it is none of these. */
function readWindow(fields: Fields, value: unknown, path: string): number {
  if (value === undefined) return 0;
  const window_ms = typeof value === 'string' ? windowMsOf(value) : null;
  if (window_ms === null) fields.fault(path, "must be a number and s, m, h or d, like '1s' or '10m'");
  else if (window_ms > longestWindowMs)
    fields.fault(path, 'is longer than 31 days; for a longer time include an amount per billing period');
  else return window_ms;
  return 0;
}
