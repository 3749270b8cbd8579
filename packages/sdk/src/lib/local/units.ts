import {
  type Answered,
  type Ask,
  type Carved,
  type Decided,
  type GivenBack,
  type Take,
  type TakeResult,
  createBlocks,
  customerOf,
  resultOf,
  windowOf,
} from '@farebox/core';
import type { Schemas } from '../../operations.ts';
import { type Connection, callApi } from '../api.ts';
import { monotonic } from '../clock.ts';
import type { VerifyInput } from '../verify.ts';

/** What is asked for. */
type Asking = Pick<Decided, 'takes' | 'cost'>;

/**
 * `changed`: the key is another now. `other_counter`: units are counted by one that knows nothing of what was carved before. `one_by_one`:
 * nothing can be carved.
 */
export type Taken = TakeResult | 'changed' | 'other_counter' | 'one_by_one';

/** Blocks of one call. */
const mostReturned = 1000;

/**
 * Units of limits that are spent here. Farebox carves them from the limits in blocks, so that all who spend together never exceed one. One
 * call at a time for a customer; who comes meanwhile waits for it, and fails with it. `readyCounter` names what is carved from, once
 * that knows of everything which was used before.
 */
export function createUnits(connection: Connection, readyCounter: () => string | Promise<string>) {
  const blocks = createBlocks({ longest_ms: 1000 });
  const filling = new Map<string, { done: Promise<unknown>; waiting: number }>();
  const lastWaiting = new Map<string, number>();
  let lost = 0;

  async function carve(
    input: VerifyInput,
    asking: Asking,
    asks: readonly Ask[],
  ): Promise<Carved | 'changed' | 'other_counter' | 'one_by_one'> {
    const counter = await readyCounter();
    const { cost, takes } = asking;
    const { key, scope = null, ip = null, meter = null, method = null, path = null } = input;
    const body = {
      counter,
      key,
      cost,
      scope,
      ip,
      meter,
      method,
      path,
      limits: takes.map(({ id, limit }) => ({ id, limit })),
      asks: asks.map(({ take: { id }, want, back }) => ({ id, want, back })),
    };
    const answer = await callApi(connection, 'POST /v1/gate/blocks', { body }, {});
    if (answer.outcome !== 'carved') return answer.outcome;
    if (counter !== (await readyCounter())) return 'other_counter';
    return { allowed: answer.allowed, now: Date.parse(answer.now), parts: answer.parts.map(answeredOf) };
  }

  /** Takes blocks of every limit that lacks units, or of none, and spends this decision from them. */
  async function fill(input: VerifyInput, asking: Asking, waiting: number): Promise<Taken> {
    const { takes, cost } = asking;
    const call = blocks.ask(takes, cost, monotonic(), waiting);
    const carved = await carve(input, asking, call.asks);
    if (typeof carved === 'string') return carved;
    // What came too late to be spent was carved in vain, and goes back.
    return blocks.answered(call, carved) ?? blocks.spend(takes, cost, monotonic()) ?? 'one_by_one';
  }

  async function wait(input: VerifyInput, asking: Asking): Promise<Taken> {
    const { takes, cost } = asking;
    const customer = customerOf(takes);
    for (let begun = filling.get(customer); begun !== undefined; begun = filling.get(customer)) {
      begun.waiting += 1;
      await begun.done;
      const result = blocks.spend(takes, cost, monotonic());
      if (result !== null) return result;
    }
    const done = fill(input, asking, lastWaiting.get(customer) ?? 0);
    const mine = { done, waiting: 0 };
    filling.set(customer, mine);
    try {
      return await done;
    } finally {
      filling.delete(customer);
      if (mine.waiting > 0) lastWaiting.set(customer, mine.waiting);
      else lastWaiting.delete(customer);
    }
  }

  /** How much is left, and nothing is taken: what is held here counts as not used. */
  async function ask(input: VerifyInput, asking: Asking): Promise<Taken> {
    const { asks } = blocks.askOnly(asking.takes, monotonic());
    const carved = await carve(input, asking, asks);
    return typeof carved === 'string' ? carved : resultOf(asking.takes, 0, carved);
  }

  return {
    /** At once when there are units. Rejects with `FareboxUnavailable`. */
    take(input: VerifyInput, asking: Asking, at_ms: number): Taken | Promise<Taken> {
      if (asking.cost === 0) return ask(input, asking);
      return blocks.spend(asking.takes, asking.cost, at_ms) ?? wait(input, asking);
    },

    /**
     * What is not good any more goes back, or all of it. Once: whether a call whose answer was lost gave back, nobody knows, and giving
     * back twice would let more through than the limit. Those units come back with their window or period.
     */
    async giveBack(all: boolean): Promise<void> {
      const asks = blocks.unspent(monotonic(), all).flat();
      for (let from = 0; from < asks.length; from += mostReturned) {
        const some = asks.slice(from, from + mostReturned);
        const body = { blocks: some.flatMap(({ take, back }) => (back === null ? [] : (returned(take, back) ?? []))) };
        try {
          await callApi(connection, 'POST /v1/gate/blocks/return', { body }, {});
        } catch (error) {
          lost += some.reduce((sum, { back }) => sum + (back?.units ?? 0), 0);
          if (all) throw error;
        }
      }
    },

    /** What was carved before is worth nothing: the counter is another one. */
    clear: () => blocks.clear(),
    /** Units that could not be given back, since the start. */
    lost: () => lost,
  };
}

function answeredOf({ kind, granted, epoch, state = [], used = 0 }: Schemas['Blocks']['parts'][number]): Answered {
  return kind === 'window' ? { kind, granted, epoch, state: windowOf(state) } : { kind, granted, epoch, used };
}

function returned(take: Take, back: GivenBack): Schemas['BlocksReturned']['blocks'][number] | null {
  const { id, limit } = take;
  if (take.kind === 'window') return { kind: 'window', id, limit, window_ms: take.window_ms, ...back };
  if (take.kind !== 'quota') return null;
  const { hard, period_end_at, of } = take;
  return {
    kind: 'quota',
    id,
    limit,
    hard,
    ...back,
    meter: of.meter_id,
    key_id: of.key_id,
    period_start_at: new Date(of.start_at).toISOString(),
    period_end_at: new Date(period_end_at).toISOString(),
  };
}
