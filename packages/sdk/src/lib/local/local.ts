import {
  type Decided,
  type DecisionRequest,
  type DecisionRules,
  type Entry,
  type TakeResult,
  canonicalPath,
  createDecided,
  gateHeaders,
  inCidr,
  parseKey,
  prepare,
  unknownKey,
  usedBy,
  verificationOf,
} from '@farebox/core';
import type { Connection, Exchange } from '../api.ts';
import { monotonic, pause } from '../clock.ts';
import { requestId } from '../request-id.ts';
import type { Decision, VerifyInput } from '../verify.ts';
import { createEntries } from './entries.ts';
import { createExchange } from './exchange.ts';
import { type Settings, createFeed } from './feed.ts';
import { type Taken, createUnits } from './units.ts';
import { createUsageBuffer } from './usage.ts';

/** How local decisions are doing. */
export interface LocalState {
  /** Whether requests are decided here at the moment; otherwise each is verified by a call. */
  current: boolean;
  /** Keys that are known here. */
  entries: number;
  /** Requests that were decided here, and by a call each, since the start. */
  decided: number;
  asked: number;
  /** Calls for keys and units, and of usage, since the start. */
  calls: number;
  /** Requests whose usage is still to be sent; and that of how many was lost, because there was no room. */
  pending_usage: number;
  dropped_usage: number;
  /** Units that could not be given back: so many fewer requests pass, until their window or period is over. */
  lost_units: number;
}

/** How often what is not spent goes back. */
const giveBackMs = 500;
const closeMs = 5000;
/** How long a request waits at most for usage to be sent before it: one that Farebox does not answer waits for its own call too. */
const hurryMs = 1000;
const nothing: TakeResult = { allowed: true, denied: -1, used: [], reset_at: [] };

/**
 * Decisions in this process, by the rules of core as every door of Farebox has them. What cannot be decided here, since Farebox was not
 * heard for a second, a limit cannot be carved, or the question itself is faulty, is asked of `remote`: one call.
 */
export function createLocal(
  connection: Connection,
  remote: (input: VerifyInput) => Promise<Decision>,
  onError: (error: unknown) => void,
) {
  const { exchange, close: disconnect } = createExchange(connection);
  let calls = 0;
  const counted: Exchange = (...call) => {
    calls += 1;
    return exchange(...call);
  };
  const calling = { ...connection, exchange: counted };
  const entries = createEntries(calling);
  const usage = createUsageBuffer(calling, onError);
  const units = createUnits(calling, () => (usage.isOnlyOf(counter) ? counter : usage.flush().then(() => counter)));
  let settings: Settings | null = null;
  let counter = '';
  let isClosed = false;
  let told = 0;
  let asked = 0;
  const feed = createFeed(connection, {
    onHello(name, told) {
      if (name !== counter) units.clear();
      counter = name;
      settings = told;
      entries.changed(null);
      entries.require(0);
    },
    onChanged: entries.changed,
    onVersion: entries.require,
    onError,
  });
  const timer = setInterval(() => void units.giveBack(false), giveBackMs).unref();

  function decide(input: VerifyInput): Decision | Promise<Decision> {
    const at_ms = monotonic();
    if (isClosed || settings === null || !feed.isCurrent(at_ms) || !isPlain(input)) return ask(input);
    if (parseKey(input.key, settings.brand) === null && !feed.isForeign())
      return tell(unknownKey(named()), settings.rules, at_ms);
    const entry = entries.get(input.key, at_ms);
    return entry instanceof Promise
      ? entry.then((found) => decideFor(found, input, true))
      : decideFor(entry, input, true);
  }

  /** Who answers may have begun anew, and knows only what was sent to it of what was used. What cannot be sent now is sent when it can be. */
  async function ask(input: VerifyInput): Promise<Decision> {
    asked += 1;
    if (!feed.isCurrent(monotonic()) && usage.pending() > 0) {
      const tried = new AbortController();
      void Promise.allSettled([usage.flush()]).then(() => tried.abort());
      await pause(hurryMs, tried.signal);
    }
    return await remote(input);
  }

  /** `again`: whether the entry may be read once more, when it turns out to be old. */
  function decideFor(entry: Entry | null, input: VerifyInput, again: boolean): Decision | Promise<Decision> {
    const at_ms = monotonic();
    if (settings === null) return ask(input);
    const { rules } = settings;
    const decided = named();
    if (entry === null) return tell(unknownKey(decided), rules, at_ms);
    const prepared = prepare(decided, entry, requestOf(input), rules, feed.now(at_ms));
    if (prepared === 'unknown_meter') return ask(input);
    if (prepared === 'refused') return tell(decided, rules, at_ms);
    if (decided.takes.some(({ kind }) => kind === 'bucket' || kind === 'places')) return ask(input);
    const taken = decided.takes.length === 0 ? nothing : units.take(input, decided, at_ms);
    const answer = (result: Taken): Decision | Promise<Decision> => {
      if (result === 'changed') return again ? readAgain(input) : ask(input);
      if (result === 'one_by_one') return ask(input);
      if (result === 'other_counter') return askAnother(input);
      decided.taken = result;
      const used = result.allowed ? usedBy(decided) : null;
      if (used !== null) usage.push(used, counter);
      const room = usage.room();
      return room === null ? tell(decided, rules, at_ms) : room.then(() => tell(decided, rules, at_ms));
    };
    return taken instanceof Promise ? taken.then(answer) : answer(taken);
  }

  /** It is told of everything that was used before it is asked. */
  async function askAnother(input: VerifyInput): Promise<Decision> {
    units.clear();
    await usage.flush();
    return await ask(input);
  }

  async function readAgain(input: VerifyInput): Promise<Decision> {
    entries.drop(input.key);
    return await decideFor(await entries.get(input.key, monotonic()), input, false);
  }

  function tell(decided: Decided, rules: DecisionRules, at_ms: number): Decision {
    told += 1;
    const verification = verificationOf(decided, rules);
    return { verification, headers: gateHeaders(verification, feed.now(at_ms)) };
  }

  return {
    decide,
    state: (): LocalState => ({
      current: !isClosed && feed.isCurrent(monotonic()),
      entries: entries.size(),
      decided: told,
      asked,
      calls,
      pending_usage: usage.pending(),
      dropped_usage: usage.dropped(),
      lost_units: units.lost(),
    }),
    /** Gives back what was not spent and sends what was used. Requests that come later are verified by a call each. */
    async close(): Promise<void> {
      isClosed = true;
      clearInterval(timer);
      await feed.close();
      try {
        await units.giveBack(true);
      } finally {
        await usage.close(closeMs, monotonic).finally(disconnect);
      }
    },
  };
}

/** Room for a decision that can wait, under a name of its own. */
function named(): Decided {
  const decided = createDecided();
  decided.request_id = requestId();
  return decided;
}

function requestOf({ cost, scope, ip, endpoint, meter, method, path }: VerifyInput): DecisionRequest {
  return { cost, scope, ip, endpoint, meter_id: meter, method, path: pathOf(path) };
}

const mostCost = 1_000_000;
const printable = /^[\x20-\x7e]{0,200}$/;

/** Whether the question has no fault. One that has is asked of Farebox, which says what it is. */
function isPlain({ key, cost = 1, scope, ip, endpoint = '', meter, method = 'GET', path }: VerifyInput): boolean {
  return (
    key.length <= 256 &&
    Number.isInteger(cost) &&
    cost >= 0 &&
    cost <= mostCost &&
    (typeof scope !== 'string' || printable.test(scope)) &&
    (typeof ip !== 'string' || inCidr(ip, ip)) &&
    printable.test(endpoint) &&
    (meter === undefined || (meter !== '' && printable.test(meter))) &&
    /^[A-Z]{1,20}$/.test(method) &&
    (path === undefined || (path.length <= 4096 && canonicalPath(path) !== null))
  );
}

function pathOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : (canonicalPath(path) ?? undefined);
}
