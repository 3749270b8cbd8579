import type { Sandbox } from '@farebox/sandbox';
import pg from 'pg';
import type { Send } from '../../packages/server/src/stripe/transport.ts';
import type { Backend, Backends } from './backends.ts';
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
 * effect of its own and leaves with the statement after it. Who holds an advisory lock is known here, since a turn for one comes
 * when it is free: the server is not asked. What connects is lent a connection of the server's.
 */
export function clientOf(life: Life, turns: Turns, ledger: Ledger, backends: Backends): typeof pg.Client {
  return class CutClient extends pg.Client {
    readonly #config: pg.ClientConfig;
    readonly #locks = new Set<string>();
    /** A `begin` that has not left yet. */
    #opening: string | null = null;
    #isOpen = false;
    #drafts: Draft[] = [];
    #backend: Backend | null = null;
    readonly #cut = () => this.#leave();
    readonly #fail = (error: Error) => void this.emit('error', error);

    constructor(config?: string | pg.ClientConfig) {
      super();
      this.#config = typeof config === 'string' ? { connectionString: config } : { ...config };
      // All three take a callback from the pool and answer a promise to everybody else.
      this.#replace('connect', (told) => answered(this.#connect(), told));
      this.#replace('query', (...args) => answered(this.#ask(textOf(args[0]), args[1]), args.at(-1)));
      this.#replace('end', (told) => answered(this.#end(), told));
    }

    /** What is lent keeps the process running in any case. */
    ref(): void {}

    unref(): void {}

    #replace(name: 'connect' | 'query' | 'end', value: (...args: unknown[]) => unknown): void {
      Object.defineProperty(this, name, { value });
    }

    async #connect(): Promise<void> {
      await turns.call(life, 'connect', async () => {
        this.#backend = await backends.lend(this.#config);
        this.#backend.client.on('error', this.#fail);
        life.cuts.add(this.#cut);
      });
    }

    #end(): Promise<void> {
      this.#leave();
      this.emit('end');
      return Promise.resolve();
    }

    async #ask(text: string, values: unknown): Promise<unknown> {
      const draft = draftOf(text, values);
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
        return isEnd && this.#opening !== null ? nothing : await this.#pass(text, values);
      } finally {
        if (isEnd) {
          this.#opening = null;
          this.#isOpen = false;
          this.#drafts = [];
          if (task !== null) task.inTransaction = false;
        }
      }
    }

    async #pass(text: string, values: unknown): Promise<unknown> {
      const [name] = Array.isArray(values) ? values.map(String) : [];
      const lock = text.includes('pg_advisory_lock(') ? (name ?? null) : null;
      return await turns.call(
        life,
        text,
        async () => {
          if (lock !== null) return this.#hold(lock);
          if (text.includes('pg_advisory_unlock(')) return this.#letGo(name ?? '');
          const answer = await this.#send(text, values);
          if (answer.command === 'COMMIT') ledger.committed(this.#drafts.splice(0));
          return answer;
        },
        lock,
      );
    }

    #open(): Backend {
      if (this.#backend === null) throw new Error('The connection is closed.');
      return this.#backend;
    }

    async #send(text: string, values: unknown): Promise<pg.QueryResult> {
      const backend = this.#open();
      const opening = this.#opening;
      this.#opening = null;
      return opening === null ? await backend.ask(text, values) : await backend.askAfter(opening, text, values);
    }

    #add(draft: Draft): typeof nothing {
      if (!this.#isOpen) ledger.committed([draft]);
      else if (!ledger.waits(draft)) this.#drafts.push(draft);
      return nothing;
    }

    #hold(lock: string): typeof nothing {
      this.#open();
      if (turns.held.has(lock)) throw new Error('The lock is held, and whoever asks for it takes no turns.');
      turns.held.set(lock, this);
      this.#locks.add(lock);
      return nothing;
    }

    #letGo(lock: string): typeof nothing {
      this.#open();
      if (turns.held.get(lock) === this) turns.held.delete(lock);
      this.#locks.delete(lock);
      return nothing;
    }

    /** As the system does with the connections of a process that was killed. */
    #leave(): void {
      for (const lock of this.#locks) if (turns.held.get(lock) === this) turns.held.delete(lock);
      life.cuts.delete(this.#cut);
      if (this.#backend === null) return;
      this.#backend.client.off('error', this.#fail);
      backends.takeBack(this.#backend);
      this.#backend = null;
    }
  };
}

/** What the driver answers a statement that has no rows. */
const nothing = { command: '', rowCount: null, rows: [], fields: [] };

function answered(made: Promise<unknown>, told: unknown): unknown {
  if (typeof told !== 'function') return made;
  return made.then(
    (answer) => void Reflect.apply(told, null, [undefined, answer]),
    (error: unknown) => void Reflect.apply(told, null, [error]),
  );
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
