import { Duplex } from 'node:stream';
import type { Sandbox } from '@farebox/sandbox';
import pg from 'pg';
import type { Send } from '../../packages/server/src/stripe/transport.ts';
import { type Draft, draftOf } from './queue.ts';
import { type Life, type Turns, ofIntent } from './turns.ts';

/** What a transaction does that is not PostgreSQL's: the drill's queue. */
export interface Ledger {
  /** Whether a job of this key waits already. */
  waits(draft: Draft): boolean;
  /** A transaction committed that added these. */
  committed(drafts: readonly Draft[]): void;
}

/**
 * The program's way to the database, cut when its process is killed, and stopping at every query for its turn. A `begin` has no
 * effect of its own and leaves with the statement after it; statements are prepared. So each costs one way there and back.
 */
export function clientOf(life: Life, turns: Turns, ledger: Ledger): typeof pg.Client {
  return class CutClient extends pg.Client {
    readonly #locks = new Set<string>();
    /** A `begin` that has not left yet. */
    #opening: string | null = null;
    #isOpen = false;
    #drafts: Draft[] = [];
    readonly #send: (...args: unknown[]) => Promise<pg.QueryResult>;

    constructor(config?: string | pg.ClientConfig) {
      super(typeof config === 'string' ? config : { ...config, pipeline: true });
      const cut = () => this.#cut();
      life.cuts.add(cut);
      this.once('end', () => {
        this.#free();
        life.cuts.delete(cut);
      });
      // Both take a callback from the pool and answer a promise to everybody else.
      const driver = (name: 'connect' | 'query', args: unknown[]): unknown =>
        Reflect.apply(Reflect.get(pg.Client.prototype, name), this, args);
      this.#send = async (...args) => (await driver('query', prepared(args))) as pg.QueryResult;
      this.#replace('query', (...args) =>
        typeof args.at(-1) === 'function' ? driver('query', args) : this.#ask(textOf(args[0]), args),
      );
      this.#replace('connect', (...args) => this.#connect(() => driver('connect', []), args[0]));
    }

    #replace(name: 'connect' | 'query', value: (...args: unknown[]) => unknown): void {
      Object.defineProperty(this, name, { value });
    }

    #connect(connect: () => unknown, told: unknown): unknown {
      const made = turns.call(life, 'connect', async () => await connect());
      if (typeof told !== 'function') return made;
      return made.then(
        () => void Reflect.apply(told, null, []),
        (error: unknown) => void Reflect.apply(told, null, [error]),
      );
    }

    async #ask(text: string, args: readonly unknown[]): Promise<unknown> {
      const draft = draftOf(text, args[1]);
      if (draft !== null) return this.#add(draft);
      const task = turns.task();
      if (/^(begin|start transaction)/.test(text)) {
        this.#opening = text;
        this.#isOpen = true;
        if (task !== null) task.inTransaction = true;
        return nothing;
      }
      const isEnd = text === 'commit' || text === 'rollback';
      try {
        return isEnd && this.#opening !== null ? nothing : await this.#pass(text, args);
      } finally {
        if (isEnd) {
          this.#opening = null;
          this.#isOpen = false;
          this.#drafts = [];
          if (task !== null) task.inTransaction = false;
        }
      }
    }

    async #pass(text: string, args: readonly unknown[]): Promise<unknown> {
      const [name] = Array.isArray(args[1]) ? args[1].map(String) : [];
      const lock = text.includes('pg_advisory_lock(') ? (name ?? null) : null;
      return await turns.call(
        life,
        text,
        async () => {
          if (lock !== null) this.#hold(lock);
          try {
            const answer = await this.#sendWithBegin(args);
            if (answer.command === 'COMMIT') ledger.committed(this.#drafts.splice(0));
            return answer;
          } finally {
            if (text.includes('pg_advisory_unlock(')) turns.held.delete(name ?? '');
          }
        },
        lock,
      );
    }

    async #sendWithBegin(args: readonly unknown[]): Promise<pg.QueryResult> {
      if (this.#opening === null) return await this.#send(...args);
      const stream = this.#stream();
      stream?.cork();
      const begun = this.#send(this.#opening);
      this.#opening = null;
      const sent = this.#send(...args);
      stream?.uncork();
      const [, answer] = await Promise.all([begun, sent]);
      return answer;
    }

    #add(draft: Draft): typeof nothing {
      if (!this.#isOpen) ledger.committed([draft]);
      else if (!ledger.waits(draft)) this.#drafts.push(draft);
      return nothing;
    }

    #hold(lock: string): void {
      turns.held.set(lock, this);
      this.#locks.add(lock);
    }

    #free(): void {
      for (const lock of this.#locks) if (turns.held.get(lock) === this) turns.held.delete(lock);
    }

    /** As the system does with a killed process's connections. */
    #cut(): void {
      this.#free();
      this.on('error', () => undefined); // a killed process hears of nothing
      this.#stream()?.destroy();
    }

    #stream(): Duplex | null {
      const connection: unknown = Reflect.get(this, 'connection');
      const stream: unknown =
        typeof connection === 'object' && connection !== null ? Reflect.get(connection, 'stream') : null;
      return stream instanceof Duplex ? stream : null;
    }
  };
}

/** What the driver answers a statement that has no rows. */
const nothing = { command: '', rowCount: null, rows: [], fields: [] };

const names = new Map<string, string>();

/** The same under a name, by which the server knows it from the second time on. */
function prepared(args: readonly unknown[]): unknown[] {
  const [text, values] = args;
  if (typeof text !== 'string' || !Array.isArray(values)) return [...args];
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `drill_${names.size}`));
  return [{ name, text, values }];
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const text: unknown = typeof query === 'object' && query !== null ? Reflect.get(query, 'text') : '';
  return String(text);
}

/** Timers of the program end with its process, as the system ends them; a dead one's would hold all that it was. */
export function endTimersWith(current: () => Life | null): void {
  const set = globalThis.setInterval;
  const value = (...args: Parameters<typeof set>): ReturnType<typeof set> => {
    const timer = set(...args);
    current()?.cuts.add(() => clearInterval(timer));
    return timer;
  };
  Object.defineProperty(globalThis, 'setInterval', { value });
}

/** How Stripe fails to answer. `after`: the request had its effect. */
export const strikes = ['429', '500 before', '500 after', 'cut before', 'cut after', 'timeout after'] as const;
export type Strike = (typeof strikes)[number];

/** From the so-manieth call to Stripe on, so many fail. */
export interface Outage {
  at: number;
  /** Of all calls, of those that change something, or of those alone that carry out an intent. */
  among: 'all' | 'changes' | 'intents';
  count: number;
  how: Strike;
}

/** The program's way to Stripe. */
export function sendOf(deps: {
  life: Life;
  turns: Turns;
  sandbox: Sandbox;
  /** How this call fails; null when it does not. */
  strike(method: string, intent: string | null): Strike | null;
  /** Looks at what is about to be sent, and for which intent. */
  watch(what: string, intent: string | null): Promise<void>;
}): Send {
  const { life, turns, sandbox } = deps;
  return async function send(url, init) {
    const key = new Headers(init.headers).get('idempotency-key') ?? '';
    const intent = /intt_[0-9A-Za-z]+/.exec(key)?.[0] ?? null;
    const what = `${init.method} ${new URL(url).pathname}${intent === null ? '' : ofIntent}`;
    return await turns.call(life, what, async () => {
      await deps.watch(what, intent);
      const how = deps.strike(init.method ?? 'GET', intent);
      if (how === 'cut before') throw new TypeError('fetch failed');
      if (how === '429') sandbox.faults.add({ type: 'rate_limit' });
      if (how === '500 before') sandbox.faults.add({ type: 'server_error', when: 'before' });
      if (how === '500 after') sandbox.faults.add({ type: 'server_error', when: 'after' });
      const { signal: _, ...rest } = init;
      const answer = await sandbox.fetch(new Request(url, rest));
      if (how === 'cut after') throw new TypeError('fetch failed');
      if (how === 'timeout after') throw new DOMException('The operation timed out.', 'TimeoutError');
      return answer;
    });
  };
}
