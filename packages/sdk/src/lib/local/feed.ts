import { type DecisionRules, type Endpoint, type Instant, createEndpointMatch } from '@farebox/core';
import { type Connection, failureOf, isFields, parse } from '../api.ts';
import { monotonic, pause } from '../clock.ts';
import { FareboxError, FareboxUnavailable } from '../errors.ts';

/** What is the same for every decision, as Farebox says it. */
export interface Settings {
  /** How the seller's keys begin. */
  brand: string;
  rules: DecisionRules;
}

export interface FeedEvents {
  /** A stream began: what was known before may be old. `counter` names what units are carved from. */
  onHello(counter: string, settings: Settings): void;
  /** Whose keys, plans or subscriptions changed; null: perhaps everybody's. */
  onChanged(customers: readonly string[] | null): void;
  /** Counts the changes that were told so far. */
  onVersion(version: number): void;
  onError(error: unknown): void;
}

/** How long what was told is known to be so. */
const trustMs = 1000;
/** A stream that says nothing for so long is left for another. */
const silenceMs = 3000;
const longestPauseMs = 2000;

interface Beat {
  said_ms: number;
  current_ms: number;
  now: Instant;
  version: number;
  foreign: boolean;
}

/**
 * Hears of every change over one connection. What is kept may decide as long as it was current within the last second: by the sender's
 * clock, so that a line which was long on its way, or waited in a buffer, proves nothing. A stream that hangs or ends only makes
 * that second pass; then another one is opened, as often as it takes.
 */
export function createFeed(connection: Connection, events: FeedEvents) {
  const closing = new AbortController();
  let until_ms = Number.NEGATIVE_INFINITY;
  let told: Beat & { heard_ms: number } = {
    said_ms: 0,
    current_ms: 0,
    now: 0,
    version: 0,
    foreign: true,
    heard_ms: 0,
  };

  async function run(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      try {
        await listen(() => (failures = 0));
      } catch (error) {
        if (closing.signal.aborted) return;
        // Away is told by what becomes of requests; what is wrong with this program is told once, and then each time it is new.
        if (error instanceof FareboxError && failures === 0) events.onError(error);
      }
      await pause(Math.min(100 * 2 ** Math.min(failures, 10), longestPauseMs), closing.signal);
    }
  }

  /** One stream, until it ends. */
  async function listen(onHeard: () => void): Promise<void> {
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), connection.timeout_ms + silenceMs).unref();
    try {
      const response = await open(AbortSignal.any([silent.signal, closing.signal]));
      const reader = createLineReader((line) => {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), silenceMs).unref();
        hear(line);
        onHeard();
      });
      for await (const chunk of response) reader(chunk);
    } finally {
      clearTimeout(timer);
    }
  }

  async function open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { authorization: `Bearer ${connection.secret_key}` };
    let response: Response;
    try {
      response = await fetch(`${connection.base_url}/v1/gate/changes`, { headers, signal, redirect: 'manual' });
    } catch (error) {
      throw new FareboxUnavailable('Farebox could not be reached.', { cause: error });
    }
    if (response.status !== 200 || response.body === null)
      throw failureOf(response.status, parse(await response.text()));
    return response.body;
  }

  /** The least time that a line of this stream was on its way, the difference of the two clocks included. */
  let way_ms = Number.POSITIVE_INFINITY;

  function hear(line: string): void {
    const said = parse(line);
    if (!isFields(said)) throw new FareboxUnavailable('Farebox said something that is no line of changes.');
    if (said['type'] === 'hello') {
      way_ms = Number.POSITIVE_INFINITY;
      const { protocol, counter, settings } = said;
      if (protocol !== 1 || typeof counter !== 'string' || !isFields(settings))
        throw new FareboxError('This version of Farebox speaks another protocol: requests are verified one by one.', {
          status: 200,
          code: 'protocol',
          param: null,
        });
      events.onHello(counter, settingsOf(settings));
    } else if (said['type'] === 'changed') {
      const { customers } = said;
      events.onChanged(Array.isArray(customers) ? customers.filter((one) => typeof one === 'string') : null);
    } else if (said['type'] === 'beat') hearBeat(beatOf(said));
  }

  function hearBeat(beat: Beat): void {
    const heard_ms = monotonic();
    way_ms = Math.min(way_ms, heard_ms - beat.said_ms);
    until_ms = beat.current_ms + way_ms + trustMs;
    told = { ...beat, heard_ms };
    events.onVersion(beat.version);
  }

  const running = run();

  return {
    /** Whether all that changed more than a second ago is known here. */
    isCurrent: (at_ms: number) => at_ms < until_ms,
    /** Farebox's time. */
    now: (at_ms: number): Instant => Math.round(told.now + at_ms - told.heard_ms),
    /** Whether a text that is no key of Farebox's may be one of another system. */
    isForeign: () => told.foreign,
    async close(): Promise<void> {
      until_ms = Number.NEGATIVE_INFINITY;
      closing.abort();
      await running;
    },
  };
}

/** Whole lines of what comes in pieces. */
function createLineReader(onLine: (line: string) => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = '';
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}

/** The types are those of core, which both sides share; `protocol` says that they are the same. */
function settingsOf(said: object): Settings;
function settingsOf(said: { endpoints?: readonly Endpoint[] | null; brand?: unknown }): unknown {
  const { endpoints = null, brand, ...rules } = said;
  return { brand, rules: { ...rules, match: endpoints === null ? null : createEndpointMatch(endpoints) } };
}

function beatOf(said: object): Beat;
function beatOf(said: object): unknown {
  return said;
}
