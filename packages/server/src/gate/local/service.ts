import {
  type Ask,
  type Carved,
  type Decided,
  type Endpoint,
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
import type { Gate } from '../gate.ts';

export type LocalGate = ReturnType<typeof createLocalGate>;

/** What one request of a key asks for: all of its limits, as the caller knows them, and of which units are wanted. */
export interface BlocksAsked {
  counter: string;
  key: string;
  cost: number;
  scope: string | null;
  ip: string | null;
  meter: string | null;
  method: string | null;
  path: string | null;
  limits: readonly { id: string; limit: number }[];
  asks: readonly { id: string; want: number; back: GivenBack | null }[];
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

  async function findKey(token: string, livemode: boolean) {
    const key = await gate.find(token);
    return key === null || key.livemode !== livemode ? null : key;
  }

  /** What a request takes from; null for a key that is not good for it. */
  async function prepared(asked: BlocksAsked, livemode: boolean): Promise<Decided | null> {
    const key = await findKey(asked.key, livemode);
    const path = asked.path === null ? undefined : canonicalPath(asked.path);
    if (key === null || path === null) return null;
    const { cost, scope, ip } = asked;
    const request = { cost, scope, ip, meter_id: asked.meter ?? undefined, method: asked.method ?? undefined, path };
    const decided = createDecided();
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

  return {
    /** What is the same for every decision, for the first line of the stream. */
    settings: () => ({ brand: gate.brand, ...rules, endpoints: deps.endpoints }),
    counter_id: deps.counter_id,

    async entry(token: string, livemode: boolean): Promise<{ version: number; parts: EntryPart[] }> {
      const version = deps.version();
      const key = await findKey(token, livemode);
      return { version, parts: key === null ? [] : sentParts(key) };
    },

    async carve(asked: BlocksAsked, livemode: boolean): Promise<Blocks> {
      if (asked.counter !== deps.counter_id) return { outcome: 'other_counter' };
      const found = await prepared(asked, livemode);
      if (found === null || !areSame(found.takes, asked.limits)) return { outcome: 'changed' };
      const asks: Ask[] = [];
      for (const { id, want, back } of asked.asks) {
        const take = found.takes.find((one) => one.id === id);
        if (take === undefined || (take.kind !== 'window' && take.kind !== 'quota')) return { outcome: 'changed' };
        asks.push({ take, need: asked.cost, want: asked.cost === 0 ? 0 : want, back, is_fresh: false });
      }
      const now = clock.now();
      const carved = await counter.carve(asks, now);
      if (carved === null) return { outcome: 'one_by_one' };
      if (!carved.allowed) limited(found, asks, carved);
      else if (asked.cost > 0 && found.entry !== null) gate.used?.(found.entry.key_id, now);
      return { outcome: 'carved', ...carved };
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
