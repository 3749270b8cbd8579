import {
  type Answered,
  type Call,
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
import { FareboxUnavailable } from '../errors.ts';
import type { VerifyInput } from '../verify.ts';
import { createCollector } from './collect.ts';

/** What is asked for. */
type Asking = Pick<Decided, 'takes' | 'cost'>;

/**
 * `changed`: the key is another now. `other_counter`: units are counted by one that knows nothing of what was carved before. `one_by_one`:
 * nothing can be carved.
 */
export type Taken = TakeResult | 'changed' | 'other_counter' | 'one_by_one';

/** Requests that blocks are carved for, and blocks that go back, in one call. */
const mostCarved = 100;
const mostReturned = 1000;

/** Of one request: `begin` says what is asked for when it is about to be asked, and no longer held here from then on; null: nothing. */
interface Carving {
  input: VerifyInput;
  /** Nobody waits for it. */
  renews: boolean;
  begin(): Call | null;
}

type Carvings = readonly { call: Call; carved: Carved | 'changed' | 'other_counter' | 'one_by_one' }[];

/**
 * Units of limits that are spent here. Farebox carves them from the limits in blocks, so that all who spend together never exceed one: for
 * many customers with one call, and for each of them once at a time; who comes meanwhile waits for that, and fails with it.
 * `readyCounter` names what is carved from, once that knows of everything which was used before.
 */
export function createUnits(connection: Connection, readyCounter: () => string | Promise<string>) {
  const blocks = createBlocks();
  const filling = new Map<string, { done: Promise<unknown>; waiting: number }>();
  const lastWaiting = new Map<string, number>();
  /** Customers whose blocks are to be renewed before they end. */
  const renewing = new Set<string>();
  let lost = 0;

  const carving = createCollector({
    most: mostCarved,
    async send(carvings: readonly Carving[]): Promise<Carvings[]> {
      const counter = await readyCounter();
      const begun = carvings.map(({ input, renews, begin }) => ({ input, renews, call: begin() }));
      const requests = begun.flatMap(({ input, renews, call }) =>
        call === null ? [] : { ...askedOf(input, call), ...(renews ? { renews } : {}) },
      );
      if (requests.length === 0) return begun.map(() => []);
      const { answers } = await callApi(connection, 'POST /v1/gate/blocks', { body: { counter, requests } }, {});
      const isAnother = counter !== (await readyCounter());
      const each = answers.values();
      return begun.map(({ call }) => {
        const answer = call === null ? undefined : each.next().value;
        if (call === null || answer === undefined) return [];
        return [{ call, carved: isAnother ? 'other_counter' : carvedOf(answer) }];
      });
    },
  });

  /** Takes blocks of every limit that lacks units, or of none, and spends this decision from them. */
  async function fill(input: VerifyInput, asking: Asking, waiting: () => number): Promise<Taken> {
    const { takes, cost } = asking;
    const begin = () => orNothing(blocks.ask(takes, cost, monotonic(), waiting()));
    for (const { call, carved } of await carving.ask({ input, renews: false, begin })) {
      if (typeof carved === 'string') return carved;
      const refused = blocks.answered(call, carved);
      if (refused !== null) return refused;
    }
    // What came too late to be spent was carved in vain, and goes back.
    return blocks.spend(takes, cost, monotonic()) ?? 'one_by_one';
  }

  /** Asks for blocks to go on with, while there are units to spend: with the next call. Who needs some meanwhile does not wait for that. */
  async function renew(input: VerifyInput, { takes, cost }: Asking, customer: string): Promise<void> {
    renewing.add(customer);
    const { promise, resolve } = Promise.withResolvers<void>();
    const mine = { done: promise, waiting: 0 };
    const begin = (): Call | null => {
      renewing.delete(customer);
      if (filling.has(customer)) return null;
      const call = orNothing(blocks.ask(takes, cost, monotonic(), 0));
      if (call !== null) filling.set(customer, mine);
      return call;
    };
    try {
      for (const { call, carved } of await carving.later({ input, renews: true, begin }))
        if (typeof carved !== 'string') blocks.answered(call, carved);
    } catch {
      // Who comes next asks again, and hears what is wrong.
    } finally {
      renewing.delete(customer);
      if (filling.get(customer) === mine) filling.delete(customer);
      resolve();
    }
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
    const before = lastWaiting.get(customer) ?? 0;
    const done = fill(input, asking, () => Math.max(before, filling.get(customer)?.waiting ?? 0));
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
    const [answer] = await carving.ask({
      input,
      renews: false,
      begin: () => blocks.askOnly(asking.takes, monotonic()),
    });
    if (answer === undefined) throw new FareboxUnavailable('Farebox answered less than it was asked.');
    return typeof answer.carved === 'string' ? answer.carved : resultOf(asking.takes, 0, answer.carved);
  }

  return {
    /** At once when there are units. Rejects with `FareboxUnavailable`. */
    take(input: VerifyInput, asking: Asking, at_ms: number): Taken | Promise<Taken> {
      if (asking.cost === 0) return ask(input, asking);
      const result = blocks.spend(asking.takes, asking.cost, at_ms);
      if (result === null) return wait(input, asking);
      if (result.allowed && blocks.isLate()) {
        const customer = customerOf(asking.takes);
        if (!renewing.has(customer) && !filling.has(customer)) void renew(input, asking, customer);
      }
      return result;
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

/** A share that was used up has units again after a while: then there is nothing to ask for. */
function orNothing(call: Call): Call | null {
  return call.asks.length === 0 ? null : call;
}

/** What is asked of each limit stands with it. */
function askedOf(input: VerifyInput, call: Call): Schemas['BlocksAsked']['requests'][number] {
  const { key, scope, ip, meter, method, path } = input;
  const { takes, cost, asks } = call;
  return {
    key,
    cost,
    ...(scope === undefined ? {} : { scope }),
    ...(ip === undefined ? {} : { ip }),
    ...(meter === undefined ? {} : { meter }),
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    limits: takes.map(({ id, limit }) => {
      const ask = asks.find(({ take }) => take.id === id);
      if (ask === undefined) return { id, limit };
      const { want, back } = ask;
      return { id, limit, want, ...(back === null ? {} : { back }) };
    }),
  };
}

function carvedOf(answer: Schemas['Blocks']['answers'][number]): Carved | Exclude<typeof answer.outcome, 'carved'> {
  if (answer.outcome !== 'carved') return answer.outcome;
  return { allowed: answer.allowed, now: Date.parse(answer.now), parts: answer.parts.map(answeredOf) };
}

function answeredOf(part: Schemas['Blocks']['answers'][number]['parts'][number]): Answered {
  const { kind, granted, epoch, state = [], slot = 0, used = 0 } = part;
  return kind === 'window' ? { kind, granted, epoch, slot, state: windowOf(state) } : { kind, granted, epoch, used };
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
