import type { Log } from '../lib/log.ts';
import type { Counter } from '../ports.ts';
import { createInsuredCounter } from './insured.ts';
import { createMemoryCounter } from './memory.ts';
import { createRedisCounter } from './redis.ts';

/**
 * The counter the program runs with: in this process, or in Redis with this process as its insurance. With a movable clock
 * the counter must follow it, so Redis is told the time instead of asked (`caller`).
 */
export function createCounter(options: {
  redis_url: string | null;
  time: 'caller' | 'redis';
  log: Log;
  onQuotaEvicted: (id: string) => void;
}): Counter & { close(): Promise<void> } {
  const { redis_url, time, log } = options;
  const local = createMemoryCounter({ onQuotaEvicted: options.onQuotaEvicted });
  if (redis_url === null) return { ...local, close: () => Promise.resolve() };
  const onError = (error: unknown) => log.debug({ err: error }, 'Redis');
  const shared = createRedisCounter({ url: redis_url, time, timeout_ms: 50, onError });
  const insured = createInsuredCounter({
    shared,
    local,
    onLost: (error) => log.warn({ err: error }, 'Redis does not answer: limits are counted per process until it does'),
    onBack: () => log.info({}, 'Redis answers again'),
  });
  return { take: insured.take, close: () => shared.close() };
}
