import {
  type Ask,
  type Carved,
  type Decided,
  type Endpoint,
  type Entry,
  type EntryPart,
  type GateUsage,
  type GivenBack,
  type Take,
  canonicalPath,
  createDecided,
  customerOf,
  prepare,
  resultOf,
  sentParts,
} from '@farebox/core';
import type { Clock, Counter } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Gate } from '../gate.ts';

export type LocalGate = ReturnType<typeof createLocalGate>;

/** What one request of a key asks for: all of its limits, as the caller knows them, and of which units are wanted. */
export interface BlocksAsked {
  key: string;
  cost: number;
  scope?: string | null | undefined;
  ip?: string | null | undefined;
  meter?: string | undefined;
  method?: string | undefined;
  path?: string | undefined;
  /** Nobody waits for it: what there is room for is taken, and nothing is refused. */
  renews?: boolean | undefined;
  limits: readonly { id: string; limit: number; want?: number | undefined; back?: GivenBack | undefined }[];
}

export type Blocks = { outcome: 'changed' | 'other_counter' | 'one_by_one' } | ({ outcome: 'carved' } & Carved);

/**
 * The gate for those who decide by themselves: entries to keep, units to spend, usage that comes back. Units are carved for a key
 * that is looked up and judged here each time, so that one which is not good any more gets none.
 */
export function createLocalGate(deps: {
  gate: Gate;
  counter: Counter;
  clock: Clock;
  endpoints: readonly Endpoint[] | null;
  /** Which of the database's changes entries have. */
  version: () => number;
  /** Names the counter; another name: it knows nothing of units that were carved before. */
  counter_id: string;
  write: (batchId: string, events: readonly GateUsage[]) => Promise<void>;
  /** The customer's usage is read again before its next request. */
  reseed: (customerId: string) => void;
}) {
  const { gate, counter, clock } = deps;
  const { match: _match, ...rules } = gate.rules;

  /** Null: there is no such key. A key that cannot be looked up is no fault of those that are asked for with it. */
  async function findKey(token: string, livemode: boolean): Promise<Entry | null | 'unavailable'> {
    try {
      const key = await gate.find(token);
      return key === null || key.livemode !== livemode ? null : key;
    } catch (error) {
      if (error instanceof Problem) return 'unavailable';
      throw error;
    }
  }

  /** What a request takes from; null for a key that is not good for it. */
  function decidedOf(asked: BlocksAsked, key: Entry): Decided | null {
    const path = asked.path === undefined ? undefined : canonicalPath(asked.path);
    if (path === null) return null;
    const { cost, scope, ip, meter: meter_id, method } = asked;
    const decided = createDecided();
    const request = { cost, scope, ip, meter_id, method, path };
    return prepare(decided, key, request, gate.rules, clock.now()) === 'asking' ? decided : null;
  }

  /** Which limit had too little, told as a refusal of the gate's is. */
  function limited(decided: Decided, asks: readonly Ask[], carved: Carved): void {
    const asked = asks.map(({ take }) => take);
    const { denied, ...rest } = resultOf(asked, decided.cost, carved);
    const take = asked[denied];
    decided.taken = { ...rest, denied: take === undefined ? -1 : decided.takes.indexOf(take) };
    gate.limited?.(decided);
  }

  async function carveFor(asked: BlocksAsked, livemode: boolean): Promise<Blocks> {
    const key = await findKey(asked.key, livemode);
    if (key === 'unavailable') return { outcome: 'one_by_one' };
    const decided = key === null ? null : decidedOf(asked, key);
    if (key === null || decided === null || !areSame(decided.takes, asked.limits)) return { outcome: 'changed' };
    const { cost, renews = false } = asked;
    const asks: Ask[] = [];
    for (const [index, { want, back = null }] of asked.limits.entries()) {
      const take = decided.takes[index];
      if (want === undefined || take === undefined) continue;
      if (take.kind !== 'window' && take.kind !== 'quota') return { outcome: 'changed' };
      asks.push({ take, need: renews ? 0 : cost, want: cost === 0 ? 0 : want, back, is_fresh: false });
    }
    const now = clock.now();
    const carved = await counter.carve(asks, now);
    if (carved === null) return { outcome: 'one_by_one' };
    if (!carved.allowed) limited(decided, asks, carved);
    else if (cost > 0 && !renews) gate.used?.(key.key_id, now);
    return { outcome: 'carved', ...carved };
  }

  return {
    /** What is the same for every decision, for the first line of the stream. */
    settings: () => ({ brand: gate.brand, ...rules, endpoints: deps.endpoints }),
    counter_id: deps.counter_id,

    /** In the order of the keys. */
    async entries(
      tokens: readonly string[],
      livemode: boolean,
    ): Promise<{ version: number; entries: { outcome: 'read' | 'unavailable'; parts: EntryPart[] }[] }> {
      const version = deps.version();
      const keys = await Promise.all(tokens.map((token) => findKey(token, livemode)));
      return {
        version,
        entries: keys.map((key) =>
          key === 'unavailable'
            ? { outcome: key, parts: [] }
            : { outcome: 'read', parts: key === null ? [] : sentParts(key) },
        ),
      };
    },

    /** Each by itself, in their order, and all at once: a counter that is elsewhere is asked for all of them together. */
    async carve(asked: { counter: string; requests: readonly BlocksAsked[] }, livemode: boolean): Promise<Blocks[]> {
      if (asked.counter !== deps.counter_id) return asked.requests.map(() => ({ outcome: 'other_counter' }));
      return await Promise.all(asked.requests.map((request) => carveFor(request, livemode)));
    },

    /** Each customer's at once; what is of a counter that began anew is nobody's. */
    async giveBack(asks: readonly Ask[]): Promise<void> {
      const now = clock.now();
      const customers = Map.groupBy(asks, ({ take }) => customerOf([take]));
      await Promise.all([...customers.values()].map(async (own) => await counter.carve(own, now)));
    },

    /** Written once, however often it comes under its id. Nothing that happened elsewhere happened later than now. */
    async use(batch: { id: string; counter: string; events: readonly GateUsage[] }): Promise<void> {
      const now = clock.now();
      const events = batch.events.map((event) => ({ ...event, occurred_at: Math.min(event.occurred_at, now) }));
      await deps.write(batch.id, events);
      for (const { key_id, occurred_at } of events) gate.used?.(key_id, occurred_at);
      // This counter did not carve them, so it learns of them from what is written.
      if (batch.counter !== deps.counter_id)
        for (const customerId of new Set(events.map(({ customer_id }) => customer_id))) deps.reseed(customerId);
    },
  };
}

function areSame(takes: readonly Take[], limits: BlocksAsked['limits']): boolean {
  return (
    takes.length === limits.length &&
    takes.every(({ id, limit }, index) => id === limits[index]?.id && limit === limits[index].limit)
  );
}
