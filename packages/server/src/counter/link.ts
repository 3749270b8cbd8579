import { type RedisClientType, createClient } from '@redis/client';
import { createHash } from 'node:crypto';
import type { Ask, Instant, QuotaTake } from '@farebox/core';
import { invariant } from '../lib/invariant.ts';
import { randomToken } from '../lib/secret.ts';
import { type Answer, answerOf, argumentsOf, keyOf, script } from './script.ts';

const digest = createHash('sha1').update(script).digest('hex');

/** One connection to Redis and the one script that runs there. */
export interface RedisLink {
  /** Asks every limit at once; all of one customer. Rejects when Redis does not answer in time. */
  run(asks: readonly Ask[], now: Instant): Promise<Answer & { type: 'decided' }>;
  release(id: string, lease: string): Promise<void>;
  /** Null while Redis keeps what it is given; otherwise what it does instead. */
  policyFault(): string | null;
  close(): Promise<void>;
}

export interface LinkOptions {
  url: string;
  /** `redis`: the server's clock, so that processes whose clocks differ agree; `caller`: as a local Stripe's movable clock needs. */
  time: 'redis' | 'caller';
  timeout_ms: number;
  onError(error: unknown): void;
  /** Hears once per connection when Redis may throw counters away. */
  onPolicy?(fault: string): void;
  /** Units used per the database, read now: what a quota that Redis does not know begins with. */
  readUsage(take: QuotaTake): Promise<number>;
}

/**
 * Starts with Redis absent and uses it as soon as it answers. A quota that Redis does not know (it is new, or Redis lost its
 * state) is read from the database before it is counted: nothing begins at zero because a server was restarted.
 */
export function createRedisLink(options: LinkOptions): RedisLink {
  let fault: string | null = null;
  const client: RedisClientType = createClient({
    url: options.url,
    disableOfflineQueue: true,
    socket: { connectTimeout: 2000, reconnectStrategy: (tries) => Math.min(50 * 2 ** Math.min(tries, 6), 2000) },
  });
  client.on('error', options.onError);
  client.on('ready', () => void checkPolicy().catch(options.onError));
  const connecting = client.connect().catch(options.onError);
  /** One read of each quota at a time, whoever asks. */
  const reading = new Map<string, Promise<number>>();

  /** Counters that are evicted grant again: only `noeviction` keeps them. A server without a bound never evicts. */
  async function checkPolicy(): Promise<void> {
    const text = await client.info('memory');
    const policy = /^maxmemory_policy:(\S+)/m.exec(text)?.[1] ?? 'noeviction';
    const most = Number(/^maxmemory:(\d+)/m.exec(text)?.[1] ?? 0);
    fault =
      policy === 'noeviction' || most === 0
        ? null
        : `maxmemory-policy is ${policy}: Redis may throw counters away, and limits with them. Set noeviction.`;
    if (fault !== null) options.onPolicy?.(fault);
  }

  async function evaluate(keys: string[], values: string[]): Promise<unknown> {
    try {
      return await client.evalSha(digest, { keys, arguments: values });
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.eval(script, { keys, arguments: values });
    }
  }

  async function once(asks: readonly Ask[], now: Instant): Promise<Answer> {
    const keys = asks.map((ask) => keyOf(ask.take.id));
    const values = [options.time === 'caller' ? String(now) : '', randomToken(6)];
    for (const ask of asks) values.push(...argumentsOf(ask, now));
    const raw = await inTime(evaluate(keys, values), options.timeout_ms);
    return answerOf(
      asks.map(({ take }) => take),
      raw,
    );
  }

  function readOnce(take: QuotaTake): Promise<number> {
    const known = reading.get(take.id);
    if (known !== undefined) return known;
    const mine = options.readUsage(take).finally(() => reading.delete(take.id));
    reading.set(take.id, mine);
    return mine;
  }

  return {
    async run(asks, now) {
      const first = await once(asks, now);
      if (first.type === 'decided') return first;
      const unknown = new Set(first.quotas);
      const seeded = await Promise.all(
        asks.map(async (ask, index): Promise<Ask> => {
          if (!unknown.has(index) || ask.take.kind !== 'quota') return ask;
          const seed = await readOnce(ask.take);
          return { ...ask, take: { ...ask.take, seed }, is_fresh: true };
        }),
      );
      const second = await once(seeded, now);
      invariant(second.type === 'decided', 'a quota with a fresh seed is known');
      return second;
    },
    async release(id, lease) {
      await inTime(client.zRem(keyOf(id), lease), options.timeout_ms);
    },
    policyFault: () => fault,
    async close() {
      if (client.isOpen) client.destroy();
      await connecting;
    },
  };
}

/** A server that is stopped keeps its connection and answers nothing: the caller waits no longer than this. */
async function inTime<T>(answer: Promise<T>, timeout_ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Redis did not answer within ${timeout_ms} ms.`)), timeout_ms);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
