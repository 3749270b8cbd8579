import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Answered, type Ask, type GivenBack, type Instant, type QuotaTake } from '@farebox/core';
import { monotonic } from '../lib/clock.ts';
import { invariant } from '../lib/invariant.ts';
import { randomToken } from '../lib/secret.ts';
import { openRedis } from './client.ts';
import { type Answer, answerOf, argumentsOf, keyOf, script } from './script.ts';

const digest = createHash('sha1').update(script).digest('hex');

/** A connection to Redis, or to each server of a cluster, and the one script that runs there. */
export interface RedisLink {
  /** Asks every limit at once; all of one customer. Rejects when Redis does not answer in time. */
  run(asks: readonly Ask[], now: Instant): Promise<Answer & { type: 'decided' }>;
  release(id: string, lease: string): Promise<void>;
  /** Null while Redis keeps what it is given; otherwise what it does instead. */
  policyFault(): string | null;
  /** Resolves when Redis was reached, and after this time also when it was not. */
  ready(most_ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface LinkOptions {
  /** Several for a cluster: whichever answers tells of the others. */
  urls: readonly string[];
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
  const client = openRedis({
    urls: options.urls,
    onError: options.onError,
    onReady: () => void checkPolicy().catch(options.onError),
  });
  /** One read of each quota at a time, whoever asks. */
  const reading = new Map<string, Promise<number>>();

  /** Counters that are evicted grant again: only `noeviction` keeps them. A server without a bound never evicts. */
  async function checkPolicy(): Promise<void> {
    const [memory, cluster] = await Promise.all([client.infos('memory'), client.infos('cluster')]);
    const policies = memory.flatMap((text) => {
      const most = Number(/^maxmemory:(\d+)/m.exec(text)?.[1] ?? 0);
      return most === 0 ? [] : (/^maxmemory_policy:(\S+)/m.exec(text)?.[1] ?? []);
    });
    const policy = policies.find((each) => each !== 'noeviction');
    const isPart = options.urls.length === 1 && cluster.some((text) => text.includes('cluster_enabled:1'));
    fault = isPart
      ? 'REDIS_URL names one server of a Redis Cluster: what lies on the others cannot be counted. Name several, separated by commas.'
      : policy === undefined
        ? null
        : `maxmemory-policy is ${policy}: Redis may throw counters away, and limits with them. Set noeviction.`;
    if (fault !== null) options.onPolicy?.(fault);
  }

  async function evaluate(keys: string[], values: string[]): Promise<unknown> {
    try {
      return await client.evalSha(digest, keys, values);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.eval(script, keys, values);
    }
  }

  /** The keys and arguments of the script. */
  function spoken(asks: readonly Ask[], now: Instant): [keys: string[], values: string[]] {
    const values = [options.time === 'caller' ? String(now) : '', randomToken(6)];
    for (const ask of asks) values.push(...argumentsOf(ask, now));
    return [asks.map((ask) => keyOf(ask.take.id)), values];
  }

  async function once(asks: readonly Ask[], now: Instant): Promise<Answer> {
    const answer = evaluate(...spoken(asks, now));
    const raw = await inTime(answer, () => void takeBack(answer, asks, now));
    return answerOf(
      asks.map(({ take }) => take),
      raw,
    );
  }

  /** Nobody waits any more for an answer that is late: what it took is nobody's, and goes back when it comes. */
  async function takeBack(answer: Promise<unknown>, asks: readonly Ask[], now: Instant): Promise<void> {
    try {
      const late = answerOf(
        asks.map(({ take }) => take),
        await answer,
      );
      if (late.type !== 'decided' || !late.allowed) return;
      const given = asks.flatMap((ask, index): Ask[] => {
        const back = backOf(late.parts[index]);
        return back === null ? [] : [{ take: ask.take, need: 0, want: 0, back, is_fresh: false }];
      });
      for (const { take } of asks) if (take.kind === 'places') await client.remove(keyOf(take.id), take.lease);
      if (given.length > 0) await evaluate(...spoken(given, now));
    } catch (error) {
      options.onError(error);
    }
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
      await inTime(client.remove(keyOf(id), lease), () => undefined);
    },
    policyFault: () => fault,
    async ready(most_ms) {
      const until = monotonic() + most_ms;
      while (!client.isReady() && monotonic() < until) await wait(10);
    },
    close: () => client.close(),
  };

  /** A server that is stopped keeps its connection and answers nothing: the caller waits no longer than this. */
  async function inTime<T>(answer: Promise<T>, onLate: () => void): Promise<T> {
    const late = Promise.withResolvers<never>();
    const { timeout_ms } = options;
    const began = monotonic();
    const spare_ms = timeout_ms / 4;
    const giveUp = (): void => {
      onLate();
      late.reject(new Error(`Redis did not answer within ${timeout_ms} ms.`));
    };
    let timer = setTimeout(() => {
      // After this process was busy its timers come before what lies in its sockets, or was not even sent: it is given a while.
      if (monotonic() - began < timeout_ms + spare_ms) giveUp();
      else timer = setTimeout(giveUp, spare_ms);
    }, timeout_ms);
    try {
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      client.failed();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What flows out of a bucket by itself is not given back. */
function backOf(part: Answered | undefined): GivenBack | null {
  if (part === undefined || part.granted === 0) return null;
  if (part.kind === 'window') return { units: part.granted, spent: 0, slot: part.slot, epoch: part.epoch };
  return part.kind === 'quota' ? { units: part.granted, spent: 0, slot: 0, epoch: part.epoch } : null;
}
