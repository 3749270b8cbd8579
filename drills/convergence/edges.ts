import type { Sandbox } from '@farebox/sandbox';
import pg from 'pg';
import type { Send } from '../../packages/server/src/stripe/transport.ts';
import type { Life, Turns } from './turns.ts';

/** The program's way to the database, cut when its process is killed, and stopping at every query for its turn. */
export function clientOf(life: Life, turns: Turns, committed: () => void): typeof pg.Client {
  return class CutClient extends pg.Client {
    readonly #locks = new Set<string>();

    constructor(config?: string | pg.ClientConfig) {
      super(config);
      const cut = () => this.#cut();
      life.cuts.add(cut);
      this.once('end', () => {
        this.#free();
        life.cuts.delete(cut);
      });
      // Both take a callback from the pool and answer a promise to everybody else.
      const driver = (name: 'connect' | 'query', args: unknown[]): unknown =>
        Reflect.apply(Reflect.get(pg.Client.prototype, name), this, args);
      this.#replace('query', (...args) => this.#ask(() => driver('query', args), args));
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

    #ask(ask: () => unknown, args: readonly unknown[]): unknown {
      if (typeof args.at(-1) === 'function') return ask();
      const text = textOf(args[0]);
      const names = Array.isArray(args[1]) ? args[1].map(String) : [];
      const lock = text.includes('pg_advisory_lock(') ? (names[0] ?? null) : null;
      return turns.call(
        life,
        text,
        async () => {
          if (lock !== null) this.#hold(lock);
          const task = turns.task();
          if (task !== null && /^(begin|start transaction)/.test(text)) task.inTransaction = true;
          try {
            const answer = await ask();
            if (text.startsWith('commit')) committed();
            return answer;
          } finally {
            if (task !== null && /^(commit|rollback)/.test(text)) task.inTransaction = false;
            if (text.includes('pg_advisory_unlock(')) turns.held.delete(names[0] ?? '');
          }
        },
        lock,
      );
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
      const connection: unknown = Reflect.get(this, 'connection');
      const stream: unknown =
        typeof connection === 'object' && connection !== null ? Reflect.get(connection, 'stream') : null;
      if (typeof stream === 'object' && stream !== null) Reflect.apply(Reflect.get(stream, 'destroy'), stream, []);
    }
  };
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const text: unknown = typeof query === 'object' && query !== null ? Reflect.get(query, 'text') : '';
  return String(text);
}

/** How Stripe fails to answer. `after`: the request had its effect. */
export const strikes = ['429', '500 before', '500 after', 'cut before', 'cut after', 'timeout after'] as const;
export type Strike = (typeof strikes)[number];

/** From the so-manieth call to Stripe on, so many fail. */
export interface Outage {
  at: number;
  /** Of all calls, or of those alone that change something. */
  among: 'all' | 'changes';
  count: number;
  how: Strike;
}

/** The program's way to Stripe. */
export function sendOf(deps: {
  life: Life;
  turns: Turns;
  sandbox: Sandbox;
  /** How this call fails; null when it does not. */
  strike(method: string): Strike | null;
  /** Looks at what is about to be sent. */
  watch(url: string, init: RequestInit): Promise<void>;
}): Send {
  const { life, turns, sandbox } = deps;
  return async function send(url, init) {
    return await turns.call(life, `${init.method} ${new URL(url).pathname}`, async () => {
      await deps.watch(url, init);
      const how = deps.strike(init.method ?? 'GET');
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
